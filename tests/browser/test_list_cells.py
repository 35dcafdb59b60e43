"""A value is changed in the list itself, and a record read beside it: by double click, by keyboard, not on a phone."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.conftest import PATIENCE, PHONE
from tests.browser.house import House

Open = Callable[..., Page]
LIST = "/customer-management/customers/"
VOLUME = "td.fp-table__expected_volume"
expect.set_options(timeout=PATIENCE)


def listed(page: Page, name: str, columns: str = "expected_volume,kitchen_size") -> None:
    """The list with the one customer of this name."""
    page.goto(f"{LIST}?name__starts={name}&columns={columns}")
    page.wait_for_load_state()


def test_a_double_click_edits_and_the_value_is_saved(house: House, open_as: Open) -> None:
    """A refusal stands in the cell, Escape brings the old value back, Enter saves, `z` takes it back."""
    page = open_as(house.rep)
    listed(page, "Alpengl")
    cell = page.locator(VOLUME).first
    before = cell.inner_text()
    cell.dblclick()
    control = cell.locator("input.form-control")
    expect(control).to_be_focused()
    control.fill("viel")
    page.keyboard.press("Enter")
    expect(cell.locator(".fp-field__error")).to_be_visible()
    page.keyboard.press("Escape")
    expect(cell).to_have_text(before)
    expect(page).to_have_url(re.compile("name__starts"))
    cell.dblclick()
    cell.locator("input.form-control").fill("12.500")
    page.keyboard.press("Enter")
    expect(cell).to_contain_text("12.500")
    expect(page.locator("#toasts [data-undo]")).to_be_visible()
    page.locator("h1").click()
    page.keyboard.press("z")
    expect(cell).to_contain_text("9.000")
    page.reload()
    expect(page.locator(VOLUME).first).to_contain_text("9.000")


def test_two_people_change_one_cell_and_both_values_stand(house: House, open_as: Open) -> None:
    """The later one sees both, and neither is lost."""
    page, other = open_as(house.rep), open_as(house.manager)
    listed(page, "Mühlenkantine%204")
    listed(other, "Mühlenkantine%204")
    page.locator(VOLUME).first.dblclick()
    page.locator(f"{VOLUME} input.form-control").fill("100")
    other.locator(VOLUME).first.dblclick()
    other.locator(f"{VOLUME} input.form-control").fill("200")
    other.keyboard.press("Enter")
    expect(other.locator(VOLUME).first).to_contain_text("200")
    page.locator(f"{VOLUME} input.form-control").press("Enter")
    clash = page.locator(f"{VOLUME} [role=alert]")
    expect(clash).to_contain_text("200")
    expect(clash).to_contain_text("100")
    page.locator(f"{VOLUME} .fp-acts .btn-ghost").click()
    expect(page.locator(f"{VOLUME} .fp-field__text")).to_contain_text("200")


def test_by_keyboard_from_cell_to_cell(house: House, open_as: Open) -> None:
    """`j`, then `→` to the cell, Enter edits, Escape leaves; `e` edits the first one."""
    page = open_as(house.rep)
    listed(page, "Seeblick", "expected_volume,kitchen_size")
    keys = page.keyboard
    keys.press("j")
    keys.press("ArrowRight")
    keys.press("ArrowRight")
    keys.press("Enter")
    row = page.locator("[data-list] tbody tr").first
    choice = row.locator("td.fp-table__kitchen_size select")
    expect(choice).to_be_focused()
    choice.select_option("LARGE")
    keys.press("Enter")
    expect(row.locator("td.fp-table__kitchen_size .fp-field__text")).to_have_text(re.compile("Groß|Large"))
    keys.press("j")
    keys.press("k")
    keys.press("e")
    expect(row.locator(f"{VOLUME.removeprefix('td')} input.form-control")).to_be_focused()
    keys.press("Escape")
    expect(row.locator("form[data-edit]")).to_have_count(0)


def test_space_shows_the_record_beside_the_list(house: House, open_as: Open) -> None:
    """It follows the cursor, is edited like the page, and Escape gives the focus back."""
    page = open_as(house.rep)
    page.goto(LIST)
    page.wait_for_load_state()
    keys = page.keyboard
    keys.press("j")
    keys.press("Space")
    names = page.locator("[data-list] tbody tr .fp-name__text")
    expect(page.locator("#preview h2")).to_have_text(names.nth(0).inner_text())
    keys.press("j")
    expect(page.locator("#preview h2")).to_have_text(names.nth(1).inner_text())
    keys.press("Escape")
    expect(page.locator("#preview")).to_be_hidden()
    expect(names.nth(1)).to_be_focused()


def test_on_a_phone_there_is_no_preview(house: House, open_as: Open) -> None:
    """The record has a page of its own there."""
    page = open_as(house.rep, viewport=PHONE)
    page.goto(LIST)
    page.wait_for_load_state()
    page.keyboard.press("j")
    page.keyboard.press("Space")
    expect(page.locator("#preview")).to_be_hidden()
