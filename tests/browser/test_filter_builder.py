"""A filter is built in groups: by mouse, by keyboard alone, on a phone, and without a script."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.conftest import PATIENCE, PHONE
from tests.browser.house import House

Open = Callable[..., Page]
LIST = "/customer-management/customers/"
ROWS = "[data-list] tbody tr"
FORM = "#pop-builder form[data-builder]"
expect.set_options(timeout=PATIENCE)


def opened(page: Page, query: str = "") -> None:
    """The list with its builder open."""
    page.goto(LIST + query)
    page.wait_for_load_state()
    page.locator("#open-builder").click()
    expect(page.locator(FORM)).to_be_visible()


def chosen(page: Page, place: str, field: str) -> None:
    """The field of the condition at this place is chosen, and what belongs to it stands there."""
    page.locator(f'[id="f-{place}"]').select_option(field)
    expect(page.locator(f'[name="p.{place}"]')).to_have_value(field)


def test_a_decider_or_a_beer_garden_but_no_prospect(house: House, open_as: Open) -> None:
    """Two groups, a condition on contacts; the list shows what they say, and the builder what the list shows."""
    page = open_as(house.rep)
    opened(page)
    chosen(page, "r.0", "contact_power")
    page.locator('[name="v.r.0"][value="DECIDER"]').check()
    page.locator('[id="group-r"]').click()
    expect(page.locator('[id="f-r.1.0"]')).to_be_focused()
    page.locator('[id="g-r.1"]').select_option("none")
    chosen(page, "r.1.0", "business_type")
    page.locator('[name="v.r.1.0"][value="HOTEL"]').check()
    chosen(page, "r.1.1", "created_at")
    expect(page.locator('[name="v.r.1.1"]')).to_have_value("30")
    page.locator('[id="m-r.1.1-0"]').select_option("last_year")
    expect(page.locator('[id="m-r.1.1-0"]')).to_have_value("last_year")
    assert page.locator('[name="v.r.0"][value="DECIDER"]').is_checked()
    page.locator(f"{FORM} .btn-primary").click()
    expect(page).to_have_url(re.compile("filter="))
    expect(page.locator(ROWS)).to_have_count(1)
    expect(page.locator(f"{ROWS} a").first).to_have_text(house.full.company_name)
    opened(page, "?" + page.url.partition("?")[2])
    expect(page.locator('[id="g-r.1"]')).to_have_value("none")
    assert page.locator('[name="v.r.1.0"][value="HOTEL"]').is_checked()


def test_what_is_wrong_stands_at_its_condition(house: House, open_as: Open) -> None:
    """The panel stays open, the faulty condition has the focus, the other one is as it was."""
    page = open_as(house.rep)
    opened(page, "?city=K%C3%B6ln")
    page.locator('[id="add-r"]').click()
    chosen(page, "r.1", "expected_volume")
    page.locator('[id="v-r.1-0"]').fill("viel")
    page.keyboard.press("Enter")
    expect(page.locator(f"{FORM} .fp-error")).to_have_count(1)
    expect(page.locator('[id="v-r.1-0"]')).to_have_value("viel")
    expect(page.locator('[id="v-r.0-0"]')).to_have_value("Köln")
    page.locator('[id="v-r.1-0"]').fill("8.500,50")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"expected_volume=8500\.50\.\."))
    assert page.locator(ROWS).count() > 1


def test_by_keyboard_alone(house: House, open_as: Open) -> None:
    """`f` opens, what is added has the focus, Enter applies."""
    page = open_as(house.rep)
    page.goto(LIST)
    page.wait_for_load_state()
    keys = page.keyboard
    keys.press("f")
    expect(page.locator('[id="f-r.0"]')).to_be_focused()
    chosen(page, "r.0", "name")
    expect(page.locator('[id="f-r.0"]')).to_be_focused()
    keys.press("Tab")
    keys.press("Tab")
    keys.type("zum")
    keys.press("Enter")
    expect(page).to_have_url(re.compile("name__starts=zum"))
    keys.press("f")
    expect(page.locator('[id="v-r.0-0"]')).to_have_value("zum")
    keys.press("Escape")
    expect(page.locator("#open-builder")).to_be_focused()


def test_on_a_phone_it_fits(house: House, open_as: Open) -> None:
    """Nothing of the panel lies beside the screen."""
    page = open_as(house.rep, viewport=PHONE)
    opened(page, "?business_type=HOTEL&last_contact_at=last_30_days")
    box = page.locator("#pop-builder").bounding_box()
    assert box
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= PHONE["width"]
    assert page.evaluate(
        "document.querySelector('#pop-builder').scrollWidth <= document.querySelector('#pop-builder').clientWidth"
    )


def test_without_a_script_a_condition_is_added(house: House, open_as: Open) -> None:
    """The same forms as pages of their own."""
    page = open_as(house.rep, java_script_enabled=False)
    page.goto(f"{LIST}filter/?business_type=BEER_GARDEN")
    page.locator('[id="add-r"]').click()
    page.locator('[id="f-r.1"]').select_option("contact_email")
    page.locator(".fp-noscript").click()
    page.locator('[id="v-r.1"]').select_option("true")
    page.locator("form[data-builder] .btn-primary").click()
    expect(page).to_have_url(re.compile("business_type=BEER_GARDEN&contact_email=true"))
    expect(page.locator(ROWS)).to_have_count(1)
