"""Many customers at once: chosen over all pages by mouse, by keyboard alone and on a phone, changed, and taken back."""

from __future__ import annotations

import re
from collections.abc import Callable

from django.db import transaction
from playwright.sync_api import Page, expect

from crm.core.access import activate, system_scope_for
from customers.models import Customer, CustomerTag
from jobs.working import due_tasks, work
from tests.browser.conftest import PATIENCE, PHONE
from tests.browser.house import House, acting

Open = Callable[..., Page]
LIST = "/customer-management/customers/"
ROWS = "[data-list] tbody tr"
IS_TASK = re.compile(r"/settings/jobs/tasks/\d+/$")
DIALOG = "#record-dialog"
expect.set_options(timeout=PATIENCE)


def tagged(house: House, name: str) -> int:
    """How many customers have the tag."""
    with transaction.atomic(), activate(system_scope_for(house.organisation.pk, job="test")):
        return CustomerTag.objects.filter(tag__name=name).count()


def visible(house: House) -> int:
    """How many customers the manager sees."""
    with acting(house.manager) as scope:
        return Customer.objects.visible_to(scope).count()


def worker(house: House) -> None:
    """Does what waits."""
    for task_id in due_tasks(house.organisation.pk):
        work(house.organisation.pk, task_id)


def test_all_that_match_over_pages_and_back(house: House, open_as: Open) -> None:
    """A page of three is chosen, then all on every page; the dialog tells how many; the task's page takes it back."""
    page = open_as(house.manager)
    page.goto(f"{LIST}?size=3")
    page.wait_for_load_state()
    expect(page.locator("#bulk")).to_be_hidden()
    page.locator("[data-pick-all]").check()
    expect(page.locator("[data-bulk-count]")).to_contain_text("3")
    page.locator("[data-bulk-all]").click()
    everybody = visible(house)
    expect(page.locator("[data-bulk-count]")).to_contain_text(str(everybody))
    page.locator("[data-bulk-key=t]").click()
    expect(page.locator(f"{DIALOG} h2")).to_contain_text(str(everybody))
    page.locator(f"{DIALOG} [name=tag]").fill("Herbst")
    page.keyboard.press("Enter")
    expect(page).to_have_url(IS_TASK)
    worker(house)
    page.reload()
    assert tagged(house, "Herbst") == everybody
    page.locator("form[action*='/undo/'] button").click()
    expect(page).to_have_url(IS_TASK)
    worker(house)
    assert tagged(house, "Herbst") == 0


def test_by_keyboard_alone(house: House, open_as: Open) -> None:
    """j, x, Shift-x choose a range; t asks for the tag; Escape lets go, of the dialog first."""
    page = open_as(house.rep)
    page.goto(LIST)
    page.wait_for_load_state()
    for key in ("j", "x", "j", "j", "Shift+X"):
        page.keyboard.press(key)
    expect(page.locator("[data-bulk-count]")).to_contain_text("3")
    expect(page.locator(f"{ROWS} input:checked")).to_have_count(3)
    page.keyboard.press("t")
    expect(page.locator(f"{DIALOG} [name=tag]")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator(DIALOG)).to_be_hidden()
    expect(page.locator(f"{ROWS} input:checked")).to_have_count(3)
    page.keyboard.press("t")
    expect(page.locator(f"{DIALOG} [name=tag]")).to_be_focused()
    page.keyboard.type("Tastatur")
    page.keyboard.press("Enter")
    expect(page).to_have_url(IS_TASK)
    worker(house)
    assert tagged(house, "Tastatur") == 3
    page.goto(LIST)
    page.wait_for_load_state()
    page.keyboard.press("j")
    page.keyboard.press("x")
    expect(page.locator("#bulk")).to_be_visible()
    page.keyboard.press("s")  # a rep does not archive: the button says why
    expect(page.locator("#toasts")).to_contain_text(re.compile(r"\w"))
    expect(page.locator(DIALOG)).to_be_hidden()
    page.keyboard.press("Escape")
    expect(page.locator("#bulk")).to_be_hidden()


def test_on_a_phone(house: House, open_as: Open) -> None:
    """A tap on the mark chooses; the field's control follows the field; nothing is wider than the screen."""
    page = open_as(house.manager, viewport=PHONE, has_touch=True)
    page.goto(LIST)
    page.wait_for_load_state()
    for row in range(2):
        page.locator(f"{ROWS} .fp-table__pick label").nth(row).tap()
    expect(page.locator("[data-bulk-count]")).to_contain_text("2")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.locator("#bulk button:not([data-bulk-key]):has(use[href$='i-forms'])").tap()
    expect(page.locator(f"{DIALOG} select[name=value]")).to_be_visible()
    page.locator(f"{DIALOG} [name=field]").select_option("renewal_date")
    expect(page.locator(f"{DIALOG} input[name=value][type=date]")).to_be_visible()
    page.locator(f"{DIALOG} [name=value]").fill("2027-05-31")
    page.locator(f"{DIALOG} button[type=submit]").last.tap()
    expect(page).to_have_url(IS_TASK)
    worker(house)
    with acting(house.manager) as scope:
        assert Customer.objects.visible_to(scope).filter(renewal_date="2027-05-31").count() == 2


def test_who_changes_nothing_chooses_nothing(house: House, open_as: Open) -> None:
    """An auditor's list has no boxes."""
    page = open_as(house.auditor)
    page.goto(LIST)
    expect(page.locator(ROWS).first).to_be_visible()
    expect(page.locator("[data-list] input")).to_have_count(0)
