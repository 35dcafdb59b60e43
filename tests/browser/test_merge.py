"""A duplicate is merged and taken back: by mouse, by keyboard alone, and on a phone."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import Page, expect

from customers import services
from customers.models import Customer
from tests.browser.conftest import PATIENCE, PHONE
from tests.browser.house import House, acting

Open = Callable[..., Page]
LIST = "/customer-management/customers/"
expect.set_options(timeout=PATIENCE)


def twins(house: House, name: str) -> tuple[Customer, Customer]:
    """Two accounts of the rep's with one name; the second has a legal form, the first a mail."""
    with acting(house.rep) as scope:
        one, other = (
            services.create_customer(
                scope=scope, values={"company_name": name, "phone": "030 99887766", "business_type": "HOTEL", **more}
            )
            for more in ({"email": "haus@example.org"}, {"legal_form": "GmbH", "email": "neu@example.org"})
        )
    return one, other


def test_by_mouse_from_the_record_and_back(house: House, open_as: Open) -> None:
    """The twin is offered, the values are chosen, the toast takes all back."""
    one, other = twins(house, "Gasthof Zwillinge")
    page = open_as(house.rep)
    page.goto(f"{LIST}{one.pk}/")
    page.wait_for_load_state()
    page.locator("[popovertarget=m-record]").click()
    page.locator('#m-record a[href$="/merge/"]').click()
    page.locator(f'a[href="?with={other.pk}"]').click()
    expect(page.locator('[name="choose.legal_form"][value=loser]')).to_be_checked()
    page.locator('[name="choose.email"][value=winner]').check()
    page.locator(".fp-formbar .btn-primary").click()
    expect(page).to_have_url(re.compile(rf"/customers/{one.pk}/$"))
    expect(page.locator("#field-legal_form")).to_contain_text("GmbH")
    expect(page.locator("#field-email")).to_contain_text("haus@example.org")
    page.goto(f"{LIST}{other.pk}/")
    expect(page).to_have_url(re.compile(rf"/customers/{one.pk}/$"))


def test_the_toast_takes_it_back(house: House, open_as: Open) -> None:
    """One press on it, and both are there."""
    one, other = twins(house, "Gasthof Rückweg")
    page = open_as(house.rep)
    page.goto(f"{LIST}{one.pk}/merge/?with={other.pk}")
    page.locator(".fp-formbar .btn-primary").click()
    page.locator("#toasts [data-undo]").click()
    expect(page.locator("#field-legal_form")).not_to_contain_text("GmbH")
    page.goto(f"{LIST}{other.pk}/")
    expect(page).to_have_url(re.compile(rf"/customers/{other.pk}/$"))


def test_by_keyboard_alone(house: House, open_as: Open) -> None:
    """Arrows choose, Enter merges."""
    one, other = twins(house, "Gasthof Tasten")
    page = open_as(house.rep)
    page.goto(f"{LIST}{one.pk}/merge/?with={other.pk}")
    page.wait_for_load_state()
    page.locator('[name="choose.email"]:checked').focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator('[name="choose.email"][value=winner]')).to_be_checked()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(rf"/customers/{one.pk}/$"))
    expect(page.locator("#field-email")).to_contain_text("haus@example.org")


def test_on_a_phone(house: House, open_as: Open) -> None:
    """Nothing is wider than the screen; the choice and the merge are under the thumb."""
    one, other = twins(house, "Gasthof Daumen")
    page = open_as(house.rep)
    page.set_viewport_size(PHONE)
    page.goto(f"{LIST}{one.pk}/merge/?with={other.pk}")
    page.wait_for_load_state()
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    card = page.locator(".fp-choice", has=page.locator('[name="choose.email"][value=winner]'))
    assert (card.bounding_box() or {})["height"] >= 44
    card.click()
    page.locator(".fp-formbar .btn-primary").click()
    expect(page).to_have_url(re.compile(rf"/customers/{one.pk}/$"))
