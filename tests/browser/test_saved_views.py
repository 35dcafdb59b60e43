"""A view is saved, shared and opened by a colleague; columns are put in order; by keyboard alone and on a phone."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.conftest import PATIENCE, PHONE
from tests.browser.house import House
from tests.browser.test_journeys import tab_to

Open = Callable[..., Page]
LIST = "/customer-management/customers/"
ROWS = "[data-list] tbody tr"
GARDENS = f"{LIST}?business_type=BEER_GARDEN"
CURRENT = ".fp-views a[aria-current]"
expect.set_options(timeout=PATIENCE)


def heads(page: Page) -> list[str]:
    """The columns' keys beside mark and name, in order."""
    classes = page.locator("[data-list] thead th").evaluate_all("all => all.map((one) => one.className)")
    return [text.split()[0].removeprefix("fp-table__") for text in classes][2:]


def save_as(page: Page, name: str) -> None:
    """Keep what the list shows under a new name."""
    page.locator("[popovertarget=pop-view-new]").click()
    page.locator("#view-name").fill(name)
    page.locator("#pop-view-new .btn-primary").click()
    expect(page.locator(CURRENT)).to_have_text(name)
    page.wait_for_load_state()


def test_save_share_and_open_as_a_colleague(house: House, open_as: Open) -> None:
    """The colleague sees by it his own rows alone; who changes what it shows is told, saves or goes back."""
    page = open_as(house.manager)
    page.goto(GARDENS)
    page.wait_for_load_state()
    save_as(page, "Biergärten")
    of_manager = page.locator(ROWS).count()
    assert of_manager > 1
    page.locator("[popovertarget=pop-views]").click()
    page.locator('#pop-views a[href^="/lists/"]').click()
    page.locator(".fp-viewlist li", has_text="Biergärten").locator('a[href^="/lists/views/"]').click()
    page.locator("#id_audience").select_option("ORGANISATION")
    page.locator("form .btn-primary").click()
    expect(page).to_have_url(re.compile("/lists/customers/views/$"))

    other = open_as(house.colleague)
    other.goto(LIST)
    other.wait_for_load_state()
    other.locator("[popovertarget=pop-views]").click()
    other.locator("#pop-views .fp-menu__item", has_text="Biergärten").click()
    expect(other.locator(CURRENT)).to_contain_text("Biergärten")
    expect(other.locator(ROWS)).to_have_count(1)
    expect(other.locator(f"{ROWS} a").first).to_have_text(house.full.company_name)
    assert other.locator('.fp-viewbar form[action$="/state/"]').count() == 0

    page.goto(LIST)
    page.wait_for_load_state()
    page.locator(".fp-views a", has_text="Biergärten").click()
    page.wait_for_load_state()
    page.locator(".fp-table thead a").nth(1).click()
    expect(page.locator(".fp-viewbar__note")).to_be_visible()
    expect(page.locator(".fp-changed")).to_have_count(1)
    page.wait_for_load_state()
    page.locator('.fp-viewbar form[action$="/state/"] button').click()
    expect(page.locator(".fp-viewbar__note")).to_have_count(0)
    expect(page).to_have_url(re.compile("sort=status.*view="))
    expect(page.locator(ROWS)).to_have_count(of_manager)


def test_columns_in_order_by_keyboard(house: House, open_as: Open) -> None:
    """An arrow moves its column and keeps the focus; "Apply" puts the order and the height into the address."""
    page = open_as(house.rep)
    page.goto(LIST)
    page.wait_for_load_state()
    assert heads(page)[:3] == ["status", "city", "season_now"]
    opener = tab_to(page, "[popovertarget=pop-columns]")
    page.keyboard.press("Enter")
    expect(page.locator("#pop-columns")).to_be_visible()
    arrow = tab_to(page, '#pop-columns [value="season_now:up"]')
    for _press in range(3):
        page.keyboard.press("Enter")
    expect(arrow).to_be_focused()
    tab_to(page, "#pop-columns [name=density]")
    page.keyboard.press("ArrowRight")
    expect(page.locator(".fp-list")).to_have_attribute("data-density", "compact")
    tab_to(page, "#pop-columns .btn-primary")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("columns=season_now&columns=status&columns=city.*density=compact"))
    page.wait_for_load_state()
    assert heads(page)[:3] == ["season_now", "status", "city"]
    assert page.locator(f"{ROWS} td").first.evaluate("(cell) => cell.getBoundingClientRect().height") <= 33
    expect(opener).to_have_count(1)
    tab_to(page, "[popovertarget=pop-view-new]")
    page.keyboard.press("Enter")
    expect(page.locator("#view-name")).to_be_focused()
    page.keyboard.type("Eng")
    page.keyboard.press("Enter")
    expect(page.locator(CURRENT)).to_have_text("Eng")
    expect(page.locator(".fp-list")).to_have_attribute("data-density", "compact")


def test_without_a_script_columns_move_and_views_are_saved(house: House, open_as: Open) -> None:
    """What popovers hold are forms: they work where no script runs."""
    page = open_as(house.rep, java_script_enabled=False)
    page.goto(LIST)
    page.locator("[popovertarget=pop-columns]").click()
    page.locator('#pop-columns [value="city:up"]').click()
    expect(page).to_have_url(re.compile("columns=city%2Cstatus%2C"))
    save_as(page, "Ohne Skript")
    expect(page).to_have_url(re.compile("columns=city%2Cstatus%2C.*view="))


def test_on_a_phone(house: House, open_as: Open) -> None:
    """Saved, opened, made a tab no longer, deleted with a thumb; nothing scrolls sideways."""
    page = open_as(house.rep, viewport=PHONE, has_touch=True)
    page.goto(GARDENS)
    page.wait_for_load_state()
    save_as(page, "Unterwegs")
    expect(page.locator(CURRENT)).to_be_in_viewport()
    page.locator("[popovertarget=pop-views]").tap()
    expect(page.locator("#pop-views")).to_be_in_viewport(ratio=1)
    for button in page.locator(".fp-viewbar__acts .btn").all():
        box = button.bounding_box()
        assert box is not None
        assert box["height"] >= 40
    page.locator('#pop-views a[href^="/lists/"]').tap()
    expect(page).to_have_url(re.compile("/lists/customers/views/$"))
    page.wait_for_load_state()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    line = page.locator(".fp-viewlist li", has_text="Unterwegs")
    expect(line).to_have_count(2)
    line.first.locator('form[action$="/pin/"] button').tap()
    expect(line).to_have_count(1)
    line.locator("[popovertarget^=pop-delete]").tap()
    line.locator('form[action$="/delete/"] button').tap()
    expect(line).to_have_count(0)
