"""The palette: by keyboard alone, on a phone, with a slow, failing or overtaken answer, and as a page without script."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import Locator, Page, Route, expect

from tests.browser.conftest import PATIENCE, PHONE
from tests.browser.house import House

Open = Callable[..., Page]
LIST = "/customer-management/customers/"
expect.set_options(timeout=PATIENCE)


def opened(page: Page) -> Locator:
    """The palette's field, opened by its keys on the list."""
    page.goto(LIST)
    page.wait_for_load_state()
    page.keyboard.press("Control+k")
    field = page.locator("#palette [role=combobox]")
    expect(field).to_be_focused()
    expect(field).to_have_attribute("aria-expanded", "true")
    return field


def chosen(page: Page) -> Locator:
    """The hit that Enter opens; the field names it."""
    return page.locator("#palette [role=option][aria-selected=true]")


def test_by_keyboard_alone(house: House, open_as: Open) -> None:
    """Typed with errors, walked with the arrows around the end, opened by Enter; Esc closes and keeps the page."""
    page = open_as(house.manager)
    field = opened(page)
    field.press_sequentially("Biergaten gruenen")
    expect(chosen(page)).to_contain_text(house.full.company_name)
    expect(field).to_have_attribute("aria-activedescendant", chosen(page).get_attribute("id") or "?")
    page.keyboard.press("Escape")
    expect(page.locator("#palette")).to_be_hidden()
    page.keyboard.press("Control+k")
    expect(field).to_be_focused()
    field.fill("")
    first = page.locator("#palette [role=option]").first
    expect(first).to_have_attribute("href", f"{LIST}new/")
    page.keyboard.press("ArrowUp")
    expect(page.locator("#palette [role=option]").last).to_have_attribute("aria-selected", "true")
    page.keyboard.press("ArrowDown")
    expect(first).to_have_attribute("aria-selected", "true")
    field.press_sequentially(house.full.customer_number)
    page.keyboard.press("Enter")  # before its answer can be there
    expect(page).to_have_url(re.compile(rf"{LIST}{house.full.pk}/$"))


def test_a_late_answer_does_not_overwrite_a_newer_one(house: House, open_as: Open) -> None:
    """The answer to what was typed first comes last, and is not shown."""
    page = open_as(house.manager)
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route(re.compile(r"/search/\?q=Seebl$"), hold)
    field = opened(page)
    field.fill("Seebl")
    expect(page.locator("#palette [data-slow]")).to_be_visible()
    field.fill("Kastanien")
    expect(chosen(page)).to_contain_text("Kastanienhof")
    assert len(held) == 1
    held[0].continue_()
    page.wait_for_timeout(300)
    expect(chosen(page)).to_contain_text("Kastanienhof")
    expect(page.locator("#palette [data-slow]")).to_be_hidden()


def test_a_failure_is_told_and_made_good(house: House, open_as: Open) -> None:
    """The text stays; asking again brings the hits."""
    page = open_as(house.manager)
    field = opened(page)
    page.route(re.compile(r"/search/\?q=Kastanien"), lambda route: route.abort())
    field.fill("Kastanien")
    expect(page.locator("#palette [data-failed]")).to_be_visible()
    expect(page.locator("#palette [role=option]")).to_have_count(0)
    page.unroute_all()
    page.locator("#palette [data-again]").click()
    expect(chosen(page)).to_contain_text("Kastanienhof")
    expect(field).to_have_value("Kastanien")


def test_on_a_phone(house: House, open_as: Open) -> None:
    """From the bar at the bottom, the whole screen, a tap opens."""
    page = open_as(house.rep, viewport=PHONE)
    page.goto(LIST)
    page.wait_for_load_state()
    page.locator(".fp-bottom [data-palette]").click()
    page.locator("#palette [role=combobox]").fill(house.contact.last_name)
    hit = page.locator(f'#palette [href="{LIST}{house.full.pk}/#contacts"]')
    expect(hit).to_be_visible()
    box = page.locator("#palette").bounding_box()
    assert box is not None
    assert (box["x"], box["width"]) == (0, PHONE["width"])
    hit.click()
    expect(page).to_have_url(re.compile(rf"{LIST}{house.full.pk}/#contacts$"))


def test_without_script(house: House, open_as: Open) -> None:
    """The field of the top bar is a link to a page that finds the same."""
    page = open_as(house.manager, java_script_enabled=False)
    page.goto(LIST)
    page.locator(".fp-search").click()
    page.locator("#find").fill("Kastanien")
    page.locator(".fp-found__form button").click()
    page.locator(".fp-found section a", has_text="Kastanienhof").first.click()
    expect(page).to_have_url(re.compile(rf"{LIST}\d+/$"))
