"""Every page, filled with data: no violation in light and dark, nothing in the console, no sideways scrolling."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlencode

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.test import RequestFactory
from playwright.sync_api import ConsoleMessage, Page, Response

from crm.core import error_pages
from crm.core.access import system_scope
from customers.models import DuplicatePair
from tests.browser.conftest import DESKTOP, PHONE
from tests.browser.house import House
from tests.conftest import PASSWORD

LIST = "/customer-management/customers/"
EXEMPT: dict[str, dict[str, str]] = {}
"""Page → rule → reason. Only for markup that a library of the administration writes."""

OF_COLOUR = ["color-contrast", "link-in-text-block"]
"""Rules that the dark theme can break: all others look at the markup, and that is the same."""

Act = Callable[[Page, House], object]


# Every kind of input, and groups.
FILTER = (
    "business_type=HOTEL&contact_email=true&renewal_date=next_90_days&name__in=A&city=Ulm&expected_volume=1..2&"
    + urlencode(
        {
            "filter": json.dumps(
                {
                    "or": [
                        {"field": "created_at", "op": "lt", "value": "2020-01-01"},
                        {"not": {"field": "created_at", "op": "gt", "value": {"days": -3}}},
                    ]
                }
            )
        }
    )
)


@dataclass(frozen=True)
class Shown:
    """A page in one state: its address, who looks, what is done there first, the answer's status."""

    path: str
    who: str = "manager"
    act: Act | None = None
    status: int = 200

    def address(self, house: House) -> str:
        """The path with the records' numbers."""
        return self.path.format(
            list=LIST,
            full=f"{LIST}{house.full.pk}/",
            chain=f"{LIST}{house.chain.pk}/",
            archived=f"{LIST}{house.archived.pk}/",
            house=house,
        )


def pressing(*selectors: str, shows: str) -> Act:
    """Press one after the other what is visible; then `shows` must be."""

    def act(page: Page, _house: House) -> None:
        for selector in selectors:
            page.locator(f"{selector} >> visible=true").first.click()
        page.locator(shows).wait_for()

    return act


def in_dialog(address: str, *, by_menu: bool = False) -> Act:
    """The form that a link of the record opens."""
    menu = ["[popovertarget=m-record]"] if by_menu else []
    return pressing(*menu, f'[hx-get$="/{address}"]', shows="#record-dialog[open] form")


def empty_form_sent(page: Page, _house: House) -> None:
    """The form with nothing in it, sent."""
    page.locator(".fp-formbar .btn-primary").click()
    page.locator("#errors").wait_for()


def password_given(page: Page, house: House) -> None:
    """The first factor."""
    page.locator("#id_login").fill(house.rep.email)
    page.locator("#id_password").fill(PASSWORD)
    page.locator("form .btn-primary").click()
    page.locator("#id_code").wait_for()


def wrong_password_given(page: Page, house: House) -> None:
    """A first factor that is none."""
    page.locator("#id_login").fill(house.rep.email)
    page.locator("#id_password").fill("falsch geraten")
    page.locator("form .btn-primary").click()
    page.locator("[role=alert] >> visible=true").wait_for()


def keys_pressed(page: Page, _house: House) -> None:
    """The overview of the keys."""
    page.keyboard.press("?")
    page.locator("#keys[open]").wait_for()


def previewed(page: Page, _house: House) -> None:
    """The first record beside the list."""
    page.locator("[data-list]").wait_for()
    page.keyboard.press("j")
    page.keyboard.press("Space")
    page.locator("#preview h2").wait_for()


def palette_asked(typed: str, shows: str) -> Act:
    """The palette with what is found for `typed`."""

    def act(page: Page, _house: House) -> None:
        page.wait_for_load_state()
        page.keyboard.press("Control+k")
        page.locator("#palette [role=combobox]").fill(typed)
        page.locator(f"#palette {shows}").first.wait_for()

    return act


def duplicate_typed(page: Page, _house: House) -> None:
    """A name that is there already."""
    page.locator("[name=company_name]").fill("Biergarten zum gruenen Huegel")
    page.locator("#duplicates a").first.wait_for()


def duplicates_found(page: Page, house: House) -> None:
    """A pair that the look through the stock has left."""
    first, second = sorted((house.full, house.archived), key=lambda row: row.pk)
    with system_scope(house.organisation.pk, job="test") as scope:
        DuplicatePair.objects.get_or_create(
            organisation=house.organisation,
            first=first,
            second=second,
            defaults={"score": 92, "verdict": "SAME", "reasons": ["SAME_PHONE"], "seen_at": scope.now},
        )
    page.reload()
    page.locator(".fp-pairs li").first.wait_for()


def file_uploaded(page: Page, _house: House) -> None:
    """The columns of a small file, to be mapped."""
    table = b"Firma;PLZ;Ort;Telefon\nZum Anker;24103;Kiel;0431 1234\n"
    page.locator("input[type=file]").set_input_files({"name": "k.csv", "mimeType": "text/csv", "buffer": table})
    page.locator("main button[type=submit]").first.click()
    page.locator("table select").first.wait_for()


def token_made(page: Page, _house: House) -> None:
    """A token, shown this once."""
    page.locator("#id_name").fill("Nightly export")
    page.locator("[name=scopes]").first.check()
    page.locator("form .btn-primary >> visible=true").click()
    page.locator("#id_password").fill(PASSWORD)
    page.locator("form .btn-primary >> visible=true").click()
    page.locator("[role=status] input[readonly]").wait_for()


def operation_opened(page: Page, _house: House) -> None:
    """An operation of the API's page, with the fields of its body."""
    page.locator("#customers_create summary").click()
    page.locator("#customers_create table").first.wait_for()


def catalogue_compared(page: Page, house: House) -> None:
    """A file with one new field and one that cannot be."""
    field = {"entity": "CUSTOMER", "key": "covers_new", "label_de": "Gedecke", "label_en": "Covers", "type": "INTEGER"}
    fields = [field, field | {"key": "Not a key"}]
    content = json.dumps({"format": "freshplan.field-catalogue.1", "fields": fields}).encode()
    page.set_input_files("#id_file", {"name": "c.json", "mimeType": "application/json", "buffer": content})
    page.click(".submit-row input")
    page.wait_for_selector(".fp-admin__scroll tbody tr:nth-child(2)")


PAGES = {
    "sign-in": Shown("/accounts/login/", who=""),
    "sign-in, refused": Shown("/accounts/login/", who="", act=wrong_password_given),
    "second factor": Shown("/accounts/login/", who="", act=password_given),
    "set-up link": Shown("/accounts/set-up/{house.set_up_token}/", who=""),
    "set-up link, used": Shown("/accounts/set-up/none/", who="", status=410),
    "password forgotten": Shown("/accounts/password/reset/", who=""),
    "password forgotten, sent": Shown("/accounts/password/reset/sent/", who=""),
    "api": Shown("/api/docs/", act=operation_opened),
    "api, before sign-in": Shown("/api/docs/", who=""),
    "api, problems": Shown("/problems/", who=""),
    "api, one problem": Shown("/problems/stale", who=""),
    "tokens, none yet": Shown("/settings/tokens/", who="colleague", act=pressing(shows=".fp-empty")),
    "tokens, one made": Shown("/settings/tokens/", who="rep", act=token_made),
    "list": Shown("{list}"),
    "list, wide": Shown("{list}?cols=name,status,number,business_type,city,owner,renewal_date,created_at"),
    "list, narrowed": Shown("{list}?status=PROSPECT&q=hirsch"),
    "list, similar words": Shown("{list}?q=kastanjenhof", act=pressing(shows=".fp-alert[role=status]")),
    "list, no match": Shown("{list}?q=zzzzqqq", act=pressing(shows=".fp-empty")),
    "list, nobody yet": Shown("{list}", who="nobody", act=pressing(shows=".fp-empty")),
    "list, wrong filter": Shown("{list}?f=nothing:eq:1&status=NOPE", act=pressing(shows=".fp-alert >> nth=0")),
    "list, filter panel": Shown("{list}", act=pressing("#open-builder", shows="#pop-builder form")),
    "list, preview": Shown("{list}", act=previewed),
    "filter": Shown("{list}filter/?" + FILTER),
    "filter, wrong": Shown(
        "{list}filter/?g.r=all&f.r.0=renewal_date&o.r.0=lt&p.r.0=renewal_date&act=apply", status=422
    ),
    "list, columns panel": Shown("{list}", act=pressing("[popovertarget=pop-columns]", shows="#pop-columns")),
    "list, views": Shown("{list}", act=pressing("[popovertarget=pop-views]", shows="#pop-views")),
    "list, new view": Shown("{list}", act=pressing("[popovertarget=pop-view-new]", shows="#pop-view-new")),
    "list, view changed": Shown("{list}?view={house.view.pk}", act=pressing(shows=".fp-viewbar__note")),
    "list, view refused": Shown("{list}?view={house.gone.pk}", act=pressing(shows=".fp-empty")),
    "views": Shown("/lists/customers/views/"),
    "views, deleting": Shown(
        "/lists/customers/views/",
        act=pressing("[popovertarget^=pop-delete]", shows=":popover-open"),
    ),
    "views, none": Shown("/lists/customers/views/", who="nobody", act=pressing(shows=".fp-empty")),
    "view": Shown("/lists/views/{house.view.pk}/"),
    "list, account menu": Shown("{list}", act=pressing("[popovertarget=menu-me]", shows="#menu-me")),
    "palette": Shown("{list}", act=palette_asked("gruen", ".fp-mark")),
    "palette, none found": Shown("{list}", act=palette_asked("qqxyzzqq", ".fp-palette__none:not([hidden])")),
    "search": Shown("/search/?q=gruen"),
    "search, none found": Shown("/search/?q=qqxyzzqq"),
    "list, keys": Shown("{list}", act=keys_pressed),
    "record": Shown("{full}", who="rep"),
    "record, as manager": Shown("{full}"),
    "record, for reading": Shown("{full}", who="colleague"),
    "record, fields": Shown("{full}?tab=fields", who="rep"),
    "record, history": Shown("{full}?tab=history", who="rep"),
    "record, as of a day": Shown("{full}?tab=history&as_of=2099-01-01", who="rep", act=pressing(shows="#as-of")),
    "record, chain": Shown("{chain}"),
    "record, archived": Shown("{archived}"),
    "record, menu": Shown("{full}", act=pressing("[popovertarget=m-record]", shows="#m-record")),
    "record, why": Shown("{full}", act=pressing("[popovertarget=m-record]", "[data-open=why]", shows="#why[open]")),
    "record, a field": Shown(
        "{full}", who="rep", act=pressing("#field-phone button.fp-field__value", shows="#field-phone [data-edit]")
    ),
    "dialog, contact": Shown("{full}", who="rep", act=in_dialog("contacts/new/")),
    "dialog, contact there": Shown(
        "{full}", who="rep", act=pressing(".fp-line__name", shows="#record-dialog[open] form")
    ),
    "dialog, address": Shown("{full}", who="rep", act=in_dialog("addresses/new/")),
    "dialog, season": Shown("{full}", who="rep", act=in_dialog("season/")),
    "dialog, tags": Shown("{full}", who="rep", act=in_dialog("tags/")),
    "dialog, pains": Shown("{full}", who="rep", act=in_dialog("pains/")),
    "dialog, activate": Shown("{full}", who="rep", act=in_dialog("activate/")),
    "dialog, status": Shown("{full}", act=in_dialog("status/ARCHIVIERT/", by_menu=True)),
    "dialog, owner": Shown("{full}", act=in_dialog("owner/", by_menu=True)),
    "dialog, sharing": Shown("{full}", act=in_dialog("sharing/", by_menu=True)),
    "dialog, as a page": Shown("{full}contacts/new/", who="rep"),
    "new customer": Shown("{list}new/", who="rep"),
    "new customer, location": Shown("{list}new/?chain={house.chain.pk}"),
    "new customer, errors": Shown("{list}new/", who="rep", act=empty_form_sent, status=422),
    "new customer, duplicate": Shown("{list}new/", who="rep", act=duplicate_typed),
    "merge, whom": Shown("{full}merge/"),
    "merge, found": Shown("{full}merge/?q=gol", act=pressing(shows="tbody tr >> nth=0")),
    "merge, side by side": Shown(
        "{full}merge/?with={house.archived.pk}", act=pressing(shows=".fp-merge__row >> nth=0")
    ),
    "duplicates, none": Shown("{list}duplicates/", who="nobody", act=pressing(shows=".fp-empty")),
    "duplicates": Shown("{list}duplicates/", act=duplicates_found),
    "import": Shown("{list}import/"),
    "import, mapping": Shown("{list}import/", act=file_uploaded),
    "exports, none": Shown("{list}exports/"),
    "reviews": Shown("{list}reviews/"),
    "reviews, empty": Shown("{list}reviews/", who="nobody"),
    "overview": Shown("/customer-management/", act=pressing(shows="#statuses a >> nth=0")),
    "overview, empty": Shown("/customer-management/", who="nobody"),
    "trash": Shown("{list}trash/", act=pressing(shows="tbody tr >> nth=0")),
    "trash, empty": Shown("{list}trash/", who="nobody"),
    "bell": Shown("{list}", who="colleague", act=pressing("#bell", shows="#menu-notes li")),
    "bell, nothing": Shown("{list}", who="nobody", act=pressing("#bell", shows="#menu-notes .fp-notes__none")),
    "notices": Shown("/messages/notices/", who="colleague", act=pressing(shows=".fp-notes--page li")),
    "notices, none": Shown("/messages/notices/", who="nobody"),
    "notices, choices": Shown("/messages/settings/", who="rep"),
    "mail templates": Shown("/messages/templates/"),
    "mail template": Shown("/messages/templates/notice/de/"),
    "backups": Shown("/settings/backups/", who="administrator"),
    "schedule": Shown("/settings/jobs/", who="administrator"),
    "job": Shown("/settings/jobs/jobs.erase_trash/"),
    "job, never ran": Shown("/settings/jobs/customers.turn_seasons/"),
    "long tasks": Shown("/settings/jobs/tasks/"),
    "long tasks, none": Shown("/settings/jobs/tasks/", who="nobody"),
    "long task, goes on": Shown("/settings/jobs/tasks/{house.going.pk}/"),
    "long task, done": Shown("/settings/jobs/tasks/{house.undone.pk}/"),
    "changes": Shown("/settings/jobs/changes/"),
    "changes, none": Shown("/settings/jobs/changes/", who="nobody"),
    "change set": Shown("/settings/jobs/changes/{house.batch.pk}/"),
    "change set, undo": Shown(
        "/settings/jobs/changes/{house.batch.pk}/", act=pressing("[data-open=undo]", shows="#undo[open]")
    ),
    "webhooks": Shown("/settings/webhooks/", who="administrator"),
    "webhooks, none": Shown("/settings/webhooks/", who="nobody"),
    "new webhook": Shown("/settings/webhooks/new/", who="administrator"),
    "webhook": Shown("/settings/webhooks/{house.webhooks.running.pk}/", who="administrator"),
    "webhook, for reading": Shown("/settings/webhooks/{house.webhooks.paused.pk}/"),
    "webhook, resume": Shown(
        "/settings/webhooks/{house.webhooks.paused.pk}/",
        who="administrator",
        act=pressing("[data-open=resume-webhook]", shows="#resume-webhook[open]"),
    ),
    "webhook, send again": Shown(
        "/settings/webhooks/{house.webhooks.running.pk}/",
        who="administrator",
        act=pressing("[data-open=replay-webhook]", shows="#replay-webhook[open]"),
    ),
    "webhook message": Shown(
        "/settings/webhooks/{house.webhooks.paused.pk}/messages/{house.webhooks.message.pk}/", who="administrator"
    ),
    "connections": Shown("/settings/connections/", who="administrator"),
    "connections, none": Shown("/settings/connections/", who="nobody"),
    "new connection": Shown("/settings/connections/new/?provider=freshplan", who="administrator"),
    "connection": Shown("/settings/connections/{house.message.connection_id}/", who="administrator"),
    "connection, its address copied": Shown(
        "/settings/connections/{house.message.connection_id}/",
        who="administrator",
        act=pressing("[data-copy]", shows="#toasts [data-text]"),
    ),
    "connection, for reading": Shown("/settings/connections/{house.message.connection_id}/"),
    "connection, pause": Shown(
        "/settings/connections/{house.message.connection_id}/",
        act=pressing("[data-open=pause-connection]", shows="#pause-connection[open]"),
    ),
    "connection, told nothing": Shown("/settings/connections/{house.message.connection_id}/events/"),
    "inbox": Shown("/settings/inbox/"),
    "inbox, none": Shown("/settings/inbox/", who="nobody"),
    "inbox, filtered empty": Shown("/settings/inbox/?state=DONE"),
    "inbox, all of a filter again": Shown(
        "/settings/inbox/?state=DEAD", act=pressing("[data-open=replay-all]", shows="#replay-all[open]")
    ),
    "inbox, all of a filter dismissed": Shown(
        "/settings/inbox/?state=DEAD", act=pressing("[data-open=dismiss-all]", shows="#dismiss-all[open]")
    ),
    "message": Shown("/settings/inbox/{house.message.pk}/", who="administrator"),
    "message, dry run": Shown(
        "/settings/inbox/{house.message.pk}/", act=pressing("#by-hand form .btn", shows="#result table")
    ),
    "profile": Shown("/settings/profile/", who="rep"),
    "security": Shown("/settings/security/", who="administrator"),
    "people": Shown("/settings/people/", who="administrator"),
    "person": Shown("/settings/people/{house.rep.pk}/", who="administrator"),
    "new person": Shown("/settings/people/new/", who="administrator"),
    "teams": Shown("/settings/teams/", who="administrator"),
    "team": Shown("/settings/teams/{house.team.pk}/", who="administrator"),
    "new team": Shown("/settings/teams/new/", who="administrator"),
    "organisation": Shown("/settings/organisation/", who="administrator"),
    "settings": Shown("/settings/all/"),
    "settings, for reading": Shown("/settings/all/", who="rep"),
    "settings, one opened": Shown(
        "/settings/all/", act=pressing('[hx-get$="/trash.days/"]', shows=".fp-option.is-open form")
    ),
    "settings, none found": Shown("/settings/all/?q=zzzzqqq"),
    "failed mails": Shown("/messages/failed/", who="administrator"),
    "flags, none": Shown("/settings/flags/", who="administrator"),
    "second factor, choose": Shown("/accounts/second-factor/set-up/", who="manager"),
    "password": Shown("/accounts/password/change/", who="rep"),
    "not allowed": Shown("/settings/people/", who="rep", status=403),
    "not allowed, customers": Shown("{list}new/", who="auditor", status=403),
    "not there": Shown("{list}999999/", status=404),
    "gallery": Shown("/gallery/", who="administrator"),
    "admin": Shown("/admin/", who="administrator"),
    "admin, list": Shown("/admin/customers/customer/", who="administrator"),
    "admin, record": Shown("/admin/customers/customer/{house.full.pk}/change/", who="administrator"),
    "admin, fields": Shown("/admin/customers/fielddefinition/", who="administrator"),
    "admin, catalogue compared": Shown(
        "/admin/customers/fielddefinition/import/", who="administrator", act=catalogue_compared
    ),
    "admin, person": Shown("/admin/organisation/user/{house.rep.pk}/change/", who="administrator"),
}


POLICY = """addEventListener('securitypolicyviolation', (event) =>
  console.error('policy', event.violatedDirective, event.sourceFile, event.lineNumber, event.target?.outerHTML?.slice(0, 200)))"""


class Watch:
    """What the browser complains about: errors of scripts, failed requests, broken policy."""

    def __init__(self, page: Page, expected: int) -> None:
        self.complaints: list[str] = []
        self._expected = f"status of {expected}"
        page.add_init_script(POLICY)
        page.on("console", self._heard)
        page.on("pageerror", lambda error: self.complaints.append(f"script: {error}"))
        page.on("response", self._answered)

    def _heard(self, message: ConsoleMessage) -> None:
        # The page's own answer 403, 404, 410 or 422 is a line in the console as well.
        if message.type == "error" and self._expected not in message.text:
            self.complaints.append(f"console: {message.text} {message.location.get('url', '')}")

    def _answered(self, response: Response) -> None:
        if response.status >= 500:
            self.complaints.append(f"{response.status} {response.url}")


def violations(page: Page, rules: list[str] | None = None) -> dict[str, list[str]]:
    """Rule → what breaks it and where, as axe sees the page now; by all rules, or by those named."""
    # Without preload axe copies no style sheet into the page, which the policy would refuse and the console tell.
    options: dict[str, object] = {"resultTypes": ["violations"], "preload": False}
    if rules:
        options["runOnly"] = {"type": "rule", "values": rules}
    found = Axe().run(page, options=options).response["violations"]
    return {
        one["id"]: [
            f"{node['target']} {node['html'][:160]} {node.get('failureSummary', '')[:200]}" for node in one["nodes"][:4]
        ]
        for one in found
    }


def check(page: Page, name: str) -> list[str]:
    """All complaints about the page that stands there, in light and dark, wide and narrow."""
    exempt = EXEMPT.get(name, {})
    said = []
    seen = set()
    for scheme, rules in (("light", None), ("dark", OF_COLOUR)):
        page.emulate_media(color_scheme=scheme)
        found = violations(page, rules)
        seen |= set(found)
        said += [f"{scheme}: {rule}: {where}" for rule, where in found.items() if rule not in exempt]
    said += [f"stale exemption: {rule}" for rule in exempt if rule not in seen]
    page.emulate_media(color_scheme="light")
    page.set_viewport_size(PHONE)
    if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
        said.append(f"scrolls sideways at 390 px: {page.evaluate(WIDEST)}")
    if lost := page.evaluate(LOST):
        said.append(f"rows without their action at 390 px: {lost}")
    page.set_viewport_size(DESKTOP)
    return said


def report(complaints: list[str]) -> None:
    """Fail with all of them, one a line."""
    if complaints:
        pytest.fail("\n".join(complaints), pytrace=False)


LOST = """() => [...document.querySelectorAll('table.fp-table tbody td :is(a.btn, button, select)')]
  .filter((e) => !e.closest('[popover], dialog') && !e.checkVisibility()).map((e) => e.textContent.trim()).slice(0, 5)"""
"""Buttons and inputs of table rows that the narrow form of the table leaves out."""

WIDEST = """() => [...document.body.querySelectorAll('*')]
  .filter((e) => e.getBoundingClientRect().right > innerWidth + 1)
  .map((e) => `${e.tagName}.${e.className} ${Math.round(e.getBoundingClientRect().right)}`).slice(0, 12)"""


@pytest.mark.parametrize("name", PAGES)
def test_page(name: str, house: House, open_as: Callable[..., Page], signed_in: Callable[..., Page]) -> None:
    """No violation in light or dark, a silent console, no sideways scrolling on a phone."""
    shown = PAGES[name]
    page = signed_in(getattr(house, shown.who)) if shown.who else open_as(None)
    watch = Watch(page, shown.status)
    answer = page.goto(shown.address(house))
    if shown.act is None:
        assert answer is not None
        assert answer.status == shown.status
    else:
        shown.act(page, house)
    complaints = check(page, name) + watch.complaints
    page.close()
    report(complaints)


@pytest.mark.parametrize("view", [error_pages.server_error, error_pages.unavailable, error_pages.bad_request])
def test_error_page(view: Callable[..., object], house: House, open_as: Callable[..., Page]) -> None:
    """The pages that no address leads to, given in place of another."""
    html = view(RequestFactory().get("/")).content.decode()
    page = open_as(None)
    page.route("**/healthz", lambda route: route.fulfill(body=html, content_type="text/html; charset=utf-8"))
    watch = Watch(page, 200)
    page.goto("/healthz")
    report(check(page, view.__name__) + watch.complaints)
