"""A passkey is added, signs in alone, and is the second step after the password; Chromium holds a virtual key."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.house import House
from tests.conftest import PASSWORD

Open = Callable[..., Page]
KEY = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}
INSIDE = re.compile(r"/customer-management/customers/$")


def sign_out(page: Page) -> None:
    page.goto("/accounts/logout/")
    page.locator("main .btn-primary").click()
    expect(page).to_have_url(re.compile("/accounts/login/"))


def test_a_passkey_signs_in(house: House, open_as: Open) -> None:
    page = open_as(house.rep)
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    session.send("WebAuthn.addVirtualAuthenticator", {"options": KEY})
    page.goto("/accounts/second-factor/passkeys/add/")
    page.locator("[name=password]").fill(PASSWORD)
    page.locator("form .btn-primary").click()
    page.locator("[name=passwordless]").check()
    page.locator("form[data-passkey] button").click()
    expect(page).to_have_url(re.compile("/second-factor/codes/|/settings/security/"))

    sign_out(page)
    page.locator("form[data-passkey] button").click()
    expect(page).to_have_url(INSIDE)

    sign_out(page)
    page.locator("#id_login").fill(house.rep.email)
    page.locator("#id_password").fill(PASSWORD)
    page.locator("form .btn-primary").click()
    expect(page).to_have_url(re.compile("/second-factor/$"))
    page.locator("form[data-passkey] button").click()
    expect(page).to_have_url(INSIDE)
