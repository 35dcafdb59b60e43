"""What a rep does in a day: with the mouse, by keyboard alone, on a phone."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from customers.models import Contact, Customer
from tests.browser.conftest import PATIENCE, PHONE
from tests.browser.house import House, acting
from tests.conftest import PASSWORD
from tests.organisation.factors import code

Open = Callable[..., Page]
LIST = "/customer-management/customers/"
ROWS = "[data-list] tbody tr"
IS_LIST = re.compile(rf"{LIST}(\?.*)?(#.*)?$")
IS_FORM = re.compile(rf"{LIST}new/$")
IS_RECORD = re.compile(rf"{LIST}\d+/$")
expect.set_options(timeout=PATIENCE)
# Keys work once a page's modules have run: hence `wait_for_load_state` after each page that a key or press leads to.


def stored(house: House, name: str) -> Customer:
    """The customer as the database has it now."""
    with acting(house.manager) as scope:
        return Customer.objects.visible_to(scope).get(company_name=name)


def value_of(page: Page, field: str) -> Locator:
    """What stands in a field that is edited in place."""
    return page.locator(f"#field-{field} .fp-field__text")


def control_of(page: Page, field: str) -> Locator:
    """The field's control while it is edited."""
    return page.locator(f"#field-{field} form[data-edit] .form-control")


def tab_to(page: Page, selector: str, *, most: int = 90) -> Locator:
    """Press Tab until the element has the focus; each stop on the way must be visible."""
    wanted = page.locator(f"{selector} >> visible=true").first
    for _press in range(most):
        page.keyboard.press("Tab")
        if wanted.evaluate("(element) => element === document.activeElement"):
            return wanted
    pytest.fail(f"{selector} is not reached by Tab")


def test_sign_in_find_and_change(house: House, open_as: Open) -> None:
    """Password and code open the list; search finds by another spelling; a field is changed where it stands."""
    page = open_as(None)
    page.goto("/")
    page.locator("#id_login").fill(house.rep.email)
    page.locator("#id_password").fill(PASSWORD)
    page.locator("form .btn-primary").click()
    page.locator("#id_code").fill(code())
    page.locator("form .btn-primary").click()
    expect(page).to_have_url(IS_LIST)
    page.locator("[role=search] input >> visible=true").first.fill("gruener huegel")
    page.keyboard.press("Enter")
    expect(page.locator(ROWS)).to_have_count(1)
    page.locator(f"{ROWS} a").first.click()
    expect(page.locator("h1")).to_have_text(house.full.company_name)
    page.wait_for_load_state()
    page.locator("#field-phone button.fp-field__value").click()
    control_of(page, "phone").fill("030 5557 1234")
    page.locator("h1").click()  # beside the field: what was typed is kept
    expect(value_of(page, "phone")).to_contain_text("5557")
    page.locator("#toasts [data-undo]").click()
    expect(value_of(page, "phone")).to_contain_text("23125")
    page.reload()
    expect(value_of(page, "phone")).to_contain_text("23125")


def test_a_refusal_stands_at_the_field(house: House, open_as: Open) -> None:
    """What is wrong says why and keeps what was typed; Escape brings the old value back."""
    page = open_as(house.rep)
    page.goto(f"{LIST}{house.full.pk}/")
    before = value_of(page, "email").inner_text()
    page.locator("#field-email button.fp-field__value").click()
    control_of(page, "email").fill("kueche@")
    page.keyboard.press("Enter")
    expect(page.locator("#field-email .fp-field__error")).to_be_visible()
    expect(control_of(page, "email")).to_have_value("kueche@")
    expect(control_of(page, "email")).to_be_focused()
    page.keyboard.press("Escape")
    expect(value_of(page, "email")).to_have_text(before)


def test_two_people_one_field(house: House, open_as: Open) -> None:
    """Who saves second sees both values and chooses; another field merges without a word."""
    rep, manager = open_as(house.rep), open_as(house.manager)
    for page in (rep, manager):
        page.goto(f"{LIST}{house.full.pk}/")
        page.locator("#field-email button.fp-field__value").click()
        expect(control_of(page, "email")).to_be_focused()
    control_of(rep, "email").fill("sander@example.org")
    rep.keyboard.press("Enter")
    expect(value_of(rep, "email")).to_have_text("sander@example.org")
    control_of(manager, "email").fill("oeztuerk@example.org")
    manager.keyboard.press("Enter")
    clash = manager.locator("#field-email [role=alert]")
    for text in ("sander@example.org", "oeztuerk@example.org", house.rep.name):
        expect(clash).to_contain_text(text)
    manager.locator("#field-email form button[type=submit]").click()
    expect(value_of(manager, "email")).to_have_text("oeztuerk@example.org")
    expect(manager.locator("#field-email [role=alert]")).to_have_count(0)
    assert stored(house, house.full.company_name).email == "oeztuerk@example.org"


def test_create_activate_delete_and_back(house: House, open_as: Open) -> None:
    """The form warns of a twin; the alert activates; deleting is taken back by the toast, and from the trash."""
    page = open_as(house.rep)
    page.goto(LIST)
    page.locator("[popovertarget=menu-new] >> visible=true").first.click()
    page.locator("#menu-new a").click()
    expect(page).to_have_url(IS_FORM)
    page.wait_for_load_state()
    page.locator("[name=company_name]").fill("Biergarten zum gruenen Huegel")
    expect(page.locator("#duplicates")).to_contain_text(house.full.company_name)
    page.locator("[name=company_name]").fill("Kiosk Sonnendeck")
    expect(page.locator("#duplicates")).not_to_contain_text(house.full.company_name)
    page.locator("[name=business_type]").select_option("OTHER")
    page.locator("[name=postcode]").fill("1446")
    page.locator("[name=city]").click()
    expect(page.locator("[name=postcode][aria-invalid=true]")).to_be_visible()
    page.locator("[name=postcode]").fill("14467")
    page.locator("[name=city]").fill("Potsdam")
    page.locator(".fp-formbar .btn-primary").click()
    expect(page).to_have_url(IS_RECORD)
    page.wait_for_load_state()
    expect(page.locator("#toasts")).to_contain_text("Kiosk Sonnendeck")
    page.locator('.fp-alert [hx-get$="/activate/"]').click()
    page.locator("#record-dialog [name=order_number]").fill("A-17")
    page.locator("#record-dialog .btn-primary").click()
    expect(page.locator('.fp-alert [hx-get$="/activate/"]')).to_have_count(0)
    assert stored(house, "Kiosk Sonnendeck").status == "AKTIV"
    for way_back in (_by_toast, _by_trash):
        page.locator("[popovertarget=m-record]").click()
        page.locator('#m-record form[action$="/delete/"] button').click()
        expect(page).to_have_url(IS_LIST)
        way_back(page)
        expect(page).to_have_url(IS_RECORD)
        expect(page.locator("h1")).to_have_text("Kiosk Sonnendeck")


def _by_toast(page: Page) -> None:
    page.locator("#toasts [data-undo]").click()


def _by_trash(page: Page) -> None:
    page.goto(f"{LIST}trash/")
    page.locator("tr", has_text="Kiosk Sonnendeck").locator("button").click()


def test_by_keyboard_list_and_record(house: House, open_as: Open) -> None:
    """`/` finds, `j` and `k` move, Enter opens, `e` edits, Escape leaves, `g k` goes back."""
    page = open_as(house.rep)
    page.goto(LIST)
    keys = page.keyboard
    keys.press("Tab")
    expect(page.locator(".fp-skip")).to_be_focused()
    keys.press("Enter")
    expect(page.locator("#content")).to_be_focused()
    keys.press("/")
    keys.type("hirsch")
    keys.press("Enter")
    expect(page).to_have_url(re.compile("q=hirsch"))
    page.wait_for_load_state()
    links = page.locator(f"{ROWS} a")
    keys.press("j")
    expect(links.nth(0)).to_be_focused()
    keys.press("j")
    expect(links.nth(1)).to_be_focused()
    keys.press("k")
    expect(links.nth(0)).to_be_focused()
    name = links.nth(0).inner_text()
    keys.press("Enter")
    expect(page.locator("h1")).to_have_text(name)
    page.wait_for_load_state()
    keys.press("e")
    first = page.locator("form[data-edit] .form-control").first
    expect(first).to_be_focused()
    field = page.locator(".fp-field", has=first).get_attribute("data-field") or ""
    keys.type("Goldener Hirsch am Tor")
    keys.press("Enter")
    expect(value_of(page, field)).to_have_text("Goldener Hirsch am Tor")
    expect(page.locator(f"#field-{field} button.fp-field__value")).to_be_focused()
    keys.press("e")
    expect(control_of(page, field)).to_be_focused()
    keys.type("weg")
    keys.press("Escape")
    expect(value_of(page, field)).to_have_text("Goldener Hirsch am Tor")
    expect(page.locator(f"#field-{field} button.fp-field__value")).to_be_focused()
    keys.press("z")
    expect(value_of(page, field)).to_have_text(name)
    keys.press("g")
    keys.press("k")
    expect(page).to_have_url(IS_LIST)


def test_by_keyboard_panels_and_dialogs(house: House, open_as: Open) -> None:
    """What opens takes the focus, Escape closes it, and the focus is where it was."""
    page = open_as(house.rep)
    page.goto(LIST)
    keys = page.keyboard
    keys.press("f")
    expect(page.locator("#pop-builder")).to_be_visible()
    assert page.evaluate("document.activeElement.closest('#pop-builder') !== null")
    keys.press("Escape")
    expect(page.locator("#pop-builder")).to_be_hidden()
    expect(page.locator("#open-builder")).to_be_focused()
    keys.press("?")
    expect(page.locator("#keys")).to_be_visible()
    keys.press("Escape")
    expect(page.locator("#keys")).to_be_hidden()
    page.goto(f"{LIST}{house.full.pk}/")
    opener = tab_to(page, '[hx-get$="/contacts/new/"]')
    keys.press("Enter")
    expect(page.locator("#record-dialog [name=first_name]")).to_be_focused()
    for _press in range(25):
        keys.press("Tab")
        where = "document.activeElement === document.body || document.activeElement.closest('#record-dialog') !== null"
        assert page.evaluate(where)
    keys.press("Escape")
    expect(page.locator("#record-dialog")).to_be_hidden()
    expect(opener).to_be_focused()


def test_by_keyboard_create_activate_delete(house: House, open_as: Open) -> None:
    """`c` and Enter begin, Ctrl+Enter saves, the alert activates, the menu deletes, `z` takes it back."""
    page = open_as(house.rep)
    page.goto(LIST)
    keys = page.keyboard
    keys.press("c")
    expect(page.locator("#menu-new a").first).to_be_focused()
    keys.press("Enter")
    expect(page).to_have_url(IS_FORM)
    page.wait_for_load_state()
    tab_to(page, "[name=company_name]")
    keys.type("Imbiss Nordlicht")
    tab_to(page, "[name=business_type]")
    page.locator("[name=business_type]").press("h")  # the letter of its first word chooses
    chosen = page.locator("[name=business_type]").input_value()
    keys.press("Control+Enter")
    expect(page).to_have_url(IS_RECORD)
    page.wait_for_load_state()
    assert stored(house, "Imbiss Nordlicht").business_type == chosen
    tab_to(page, '.fp-alert [hx-get$="/activate/"]')
    keys.press("Enter")
    expect(page.locator("#record-dialog [name=order_number]")).to_be_focused()
    keys.type("A-18")
    keys.press("Enter")
    expect(page.locator('.fp-alert [hx-get$="/activate/"]')).to_have_count(0)
    assert stored(house, "Imbiss Nordlicht").status == "AKTIV"
    tab_to(page, "[popovertarget=m-record]")
    keys.press("Enter")
    expect(page.locator("#m-record")).to_be_visible()
    delete = page.locator('#m-record form[action$="/delete/"] button')
    for _press in range(8):
        if delete.evaluate("(element) => element === document.activeElement"):
            break
        keys.press("ArrowDown")
    expect(delete).to_be_focused()
    keys.press("Enter")
    expect(page).to_have_url(IS_LIST)
    expect(page.locator("#toasts [data-undo]")).to_be_visible()
    keys.press("z")
    expect(page.locator("h1")).to_have_text("Imbiss Nordlicht")


def test_on_a_phone(house: House, open_as: Open) -> None:
    """List, record, a new contact: by touch at 390 px, and nothing scrolls sideways."""
    page = open_as(house.rep, viewport=PHONE, has_touch=True, is_mobile=True)
    page.goto(LIST)
    expect(page.locator(".fp-bottom")).to_be_visible()
    _fits(page)
    page.locator(f"{ROWS} a", has_text=house.full.company_name).tap()
    expect(page.locator("h1")).to_have_text(house.full.company_name)
    page.wait_for_load_state()
    _fits(page)
    page.locator('[hx-get$="/contacts/new/"]').tap()
    page.locator("#record-dialog [name=first_name]").fill("Nora")
    page.locator("#record-dialog [name=last_name]").fill("Wiebe")
    _fits(page)
    page.locator("#record-dialog .btn-primary").tap()
    expect(page.locator("#contacts")).to_contain_text("Wiebe")
    with acting(house.rep):
        assert Contact.objects.filter(customer=house.full, last_name="Wiebe").exists()


def _fits(page: Page) -> None:
    """No part is wider than the screen."""
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
