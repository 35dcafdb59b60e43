"""The account's page: what stands on it, who may press what, editing in place, history, refusals, number of queries."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from customers import services
from customers.history import HistoryReader
from customers.models import Customer
from customers.panels import tags_of
from organisation.models import User
from tests.customers.test_catalogue import define
from tests.customers.test_status import acting, made

People = Callable[..., User]
SignIn = Callable[[User], Client]
HTMX = {"HX-Request": "true"}


def page(client: Client, name: str, *args: Any, query: str = "", **more: Any) -> Any:
    """GET of a named address."""
    return client.get(reverse(f"customers:{name}", args=args) + query, **more)


def send(client: Client, name: str, *args: Any, data: dict[str, Any] | None = None, **more: Any) -> Any:
    """POST to a named address."""
    return client.post(reverse(f"customers:{name}", args=args), data or {}, **more)


@pytest.fixture
def rep(people: People) -> User:
    """A rep."""
    return people()


@pytest.fixture
def full(people: People, rep: User) -> Customer:
    """A customer of the rep with something in every panel."""
    customer = made(
        rep, phone="030 23125 417", expected_annual_volume=48_600, is_seasonal_business=True, seasonal_pattern="SUMMER"
    )
    with acting(people("MANAGER")) as scope:
        define(scope, "covers", group="kitchen")
        define(scope, "margin", "DECIMAL", sensitivity="RESTRICTED", label_en="Margin")
    with acting(rep) as scope:
        ids = {"scope": scope, "customer_id": customer.pk}
        services.add_contact(
            **ids, values={"last_name": "Käßbohrer", "decision_power": "DECIDER", "email": "k@example.org"}
        )
        services.add_address(
            **ids, values={"street": "Am Hügel", "house_number": "12", "postcode": "14467", "city": "Potsdam"}
        )
        services.set_tags(**ids, names=["Regional"])
        services.write_fields(**ids, values={"covers": 240})
    return customer


@pytest.mark.parametrize(
    ("tab", "texts"),
    [
        (
            "overview",
            [
                "Zum Hügel",
                "K-000001",
                "Käßbohrer",
                "Am Hügel 12",
                "14467 Potsdam",
                "Regional",
                "+49 30 23125417",
                "48,600",
            ],
        ),
        ("fields", ["Covers", "240", "Kitchen"]),
        ("history", ["Before → after", "Käßbohrer", "Regional"]),
    ],
)
def test_tabs(as_user: SignIn, rep: User, full: Customer, tab: str, texts: list[str]) -> None:
    """Each tab shows its own; at most 30 queries."""
    client = as_user(rep)
    page(client, "detail", full.pk)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        answer = page(client, "detail", full.pk, query=f"?tab={tab}")
    assert answer.status_code == 200
    text = answer.content.decode()
    for wanted in texts:
        assert wanted in text
    assert len(queries) <= 30, len(queries)


def test_hidden_looks_like_unknown(as_user: SignIn, people: People, rep: User, full: Customer) -> None:
    """Another rep's customer and no customer: the same answer, the same body."""
    client = as_user(people())
    hidden, unknown = page(client, "detail", full.pk), page(client, "detail", 999_999)
    assert hidden.status_code == unknown.status_code == 404
    assert _stable(hidden) == _stable(unknown)


def _stable(answer: Any) -> str:
    """The body without what differs from request to request."""
    text = answer.content.decode().replace(answer.headers["X-Request-Id"], "")
    return re.sub(r"[A-Za-z0-9]{64}|customers/\d+/", "", text)


def test_restricted_fields_do_not_appear(as_user: SignIn, people: People, rep: User, full: Customer) -> None:
    """Neither shown nor openable for a rep; a manager has them."""
    client = as_user(rep)
    assert "Margin" not in page(client, "detail", full.pk, query="?tab=fields").content.decode()
    assert page(client, "value", full.pk, "margin").status_code == 404
    client = as_user(people("MANAGER"))
    assert "Margin" in page(client, "detail", full.pk, query="?tab=fields").content.decode()
    assert page(client, "value", full.pk, "margin", headers=HTMX).status_code == 200


@pytest.mark.parametrize("role", ["DPO", "AUDITOR", "MANAGER"])
def test_reading_restricted_values_to_supervise_is_logged(
    as_user: SignIn, people: People, full: Customer, caplog: pytest.LogCaptureFixture, role: str
) -> None:
    """Who, which customer, which keys, never a value; a manager works with them, so his reading is no entry."""
    with acting(people("MANAGER")) as scope:
        services.write_fields(scope=scope, customer_id=full.pk, values={"margin": 31.25})
    client = as_user(people(role))
    with caplog.at_level("INFO"):
        page(client, "detail", full.pk)  # the overview shows none
        assert "restricted fields read" not in caplog.text
        for query in ("?tab=fields", "?tab=history"):
            assert "31" in page(client, "detail", full.pk, query=query).content.decode()
    entries = [record.getMessage() for record in caplog.records if "restricted fields read" in record.getMessage()]
    assert len(entries) == (0 if role == "MANAGER" else 2)
    for entry in entries:
        assert "margin" in entry
        assert str(full.pk) in entry
        assert "31.25" not in entry


def test_reader_has_no_buttons_and_learns_why(as_user: SignIn, people: People, rep: User, full: Customer) -> None:
    """Shared for reading: the page says so and who helps; a press that is made all the same is a 403 that says why."""
    reader = people()
    with acting(people("MANAGER")) as scope:
        services.give_grant(scope=scope, customer_id=full.pk, user_id=reader.pk, level="view")
    client = as_user(reader)
    text = page(client, "detail", full.pk).content.decode()
    assert "Shared for reading." in text
    assert rep.name in text
    assert reverse("customers:activate", args=[full.pk]) not in text
    assert reverse("customers:field", args=[full.pk, "phone"]) not in text
    for name in ("activate", "season", "tags", "pains", "contact_add", "address_add", "grant", "owner"):
        answer = page(client, name, full.pk)
        assert answer.status_code == 403, name
        assert "Who can help" in answer.content.decode()
    assert send(client, "delete", full.pk).status_code == 403
    assert send(client, "field", full.pk, "phone", data={"value": "1"}).status_code == 403


def test_a_fact_in_place(as_user: SignIn, rep: User, full: Customer) -> None:
    """GET opens the editor with the version; POST saves and shows; a refusal keeps what was typed and says why."""
    client = as_user(rep)
    editor = page(client, "field", full.pk, "phone", headers=HTMX).content.decode()
    assert 'name="was"' in editor
    saved = send(client, "field", full.pk, "phone", data={"value": "030 5557 1234", "was": "1"}, headers=HTMX)
    assert saved.status_code == 200
    assert "saved" in saved.content.decode()
    refused = send(client, "field", full.pk, "phone", data={"value": "call me"}, headers=HTMX)
    assert refused.status_code == 422
    assert "call me" in refused.content.decode()
    assert "area code" in refused.content.decode()
    again = page(client, "field", full.pk, "phone", query="?read=1", headers=HTMX).content.decode()
    assert "5557" in again
    assert page(client, "field", full.pk, "status", headers=HTMX).status_code == 404


@pytest.mark.parametrize(
    ("name", "given", "stored"),
    [
        ("company_name", "Neuer Hügel", "Neuer Hügel"),
        ("business_type", "HOTEL", "HOTEL"),
        ("kitchen_size", "", ""),
        ("employee_count", "23", 23),
        ("is_chain", "true", True),
        ("email", "k@example.org", "k@example.org"),
        ("website", "example.org", "https://example.org"),
        ("renewal_date", "2027-03-31", date(2027, 3, 31)),
        ("expected_annual_volume", "1234.5", 1234.5),
        ("legal_form", "GmbH & Co. KG", "GmbH & Co. KG"),
    ],
)
def test_every_kind_of_column(as_user: SignIn, rep: User, full: Customer, name: str, given: str, stored: Any) -> None:
    """Texts, choices, numbers, dates, yes or no."""
    client = as_user(rep)
    assert page(client, "field", full.pk, name, headers=HTMX).status_code == 200
    answer = send(client, "field", full.pk, name, data={"value": given}, headers=HTMX)
    assert answer.status_code == 200, answer.content.decode()
    with acting(rep):
        assert getattr(Customer.objects.get(pk=full.pk), name) == stored


def test_conflict_shows_both_values(as_user: SignIn, people: People, rep: User, full: Customer) -> None:
    """The same column saved by somebody else meanwhile: 409 with both; the own one again with the new version wins."""
    manager = people("MANAGER", name="Jana Petersen")
    with acting(rep):
        seen = Customer.objects.get(pk=full.pk).version
    with acting(manager) as scope:
        services.update_customer(scope=scope, customer_id=full.pk, changes={"trading_name": "Theirs"})
    client = as_user(rep)
    other = send(client, "field", full.pk, "legal_form", data={"value": "GmbH", "was": str(seen)}, headers=HTMX)
    assert other.status_code == 200
    clash = send(client, "field", full.pk, "trading_name", data={"value": "Mine", "was": str(seen)}, headers=HTMX)
    assert clash.status_code == 409
    text = clash.content.decode()
    assert "Theirs" in text
    assert "Mine" in text
    with acting(rep):
        now = Customer.objects.get(pk=full.pk).version
    assert f'name="was" value="{now}"' in text
    taken = send(client, "field", full.pk, "trading_name", data={"value": "Mine", "was": str(now)}, headers=HTMX)
    assert taken.status_code == 200


def test_in_a_cell_of_the_list_a_field_says_whose_it_is(
    as_user: SignIn, people: People, rep: User, full: Customer
) -> None:
    """Every answer for a cell carries the number, also that of a conflict: the same column stands in every row."""
    client, cell = as_user(rep), f"field-legal_form-{full.pk}"
    address = reverse("customers:field", args=[full.pk, "legal_form"]) + "?cell=1"
    form = client.get(address, headers=HTMX).content.decode()
    assert f'id="{cell}"' in form
    assert f'hx-post="{address}"' in form
    with acting(rep):
        seen = Customer.objects.get(pk=full.pk).version
    saved = client.post(address, {"value": "GmbH", "was": str(seen)}, headers=HTMX)
    assert (saved.status_code, f'id="{cell}"' in saved.content.decode()) == (200, True)
    clash = client.post(address, {"value": "KG", "was": str(seen)}, headers=HTMX)
    assert (clash.status_code, f"{address}&amp;read=1" in clash.content.decode()) == (409, True)
    kept = client.get(f"{address}&read=1", headers=HTMX).content.decode()
    assert f'id="{cell}"' in kept
    assert "GmbH" in kept
    assert 'id="field-legal_form"' in client.get(address.removesuffix("?cell=1"), headers=HTMX).content.decode()


def test_the_preview_is_a_part_of_the_list_and_a_page_without_script(
    as_user: SignIn, people: People, rep: User, full: Customer
) -> None:
    """As an htmx request the panel; else the account's page; for a stranger nothing."""
    address = reverse("customers:preview", args=[full.pk])
    shown = as_user(rep).get(address, headers=HTMX)
    assert (shown.status_code, full.company_name in shown.content.decode()) == (200, True)
    assert "<html" not in shown.content.decode()
    assert as_user(rep).get(address).headers["Location"] == reverse("customers:detail", args=[full.pk])
    assert as_user(people("REP")).get(address, headers=HTMX).status_code == 404


def test_a_catalogue_value_in_place(as_user: SignIn, people: People, rep: User, full: Customer) -> None:
    """Saves, clears, refuses, and shows both values of a conflict."""
    client = as_user(rep)
    assert "240" in page(client, "value", full.pk, "covers", headers=HTMX).content.decode()
    saved = send(client, "value", full.pk, "covers", data={"value": "250", "was": "240"}, headers=HTMX)
    assert (saved.status_code, "250" in saved.content.decode()) == (200, True)
    refused = send(client, "value", full.pk, "covers", data={"value": "many", "was": "250"}, headers=HTMX)
    assert (refused.status_code, "A number" in refused.content.decode()) == (422, True)
    clash = send(client, "value", full.pk, "covers", data={"value": "260", "was": "240"}, headers=HTMX)
    assert (clash.status_code, "250" in clash.content.decode(), "260" in clash.content.decode()) == (409, True, True)
    assert send(client, "value", full.pk, "covers", data={"value": "", "was": "250"}, headers=HTMX).status_code == 200
    assert send(client, "value", full.pk, "nothing", data={"value": "1"}, headers=HTMX).status_code == 404


def test_activation_by_button(as_user: SignIn, rep: User, full: Customer) -> None:
    """The alert has the button, the dialog asks for the number, the history names person and order."""
    client = as_user(rep)
    text = page(client, "detail", full.pk).content.decode()
    assert "First order delivered" in text
    assert "Order number?" in page(client, "activate", full.pk, headers=HTMX).content.decode()
    done = send(client, "activate", full.pk, data={"order_number": "B-17"}, headers=HTMX)
    assert done.headers["HX-Redirect"] == reverse("customers:detail", args=[full.pk])
    text = page(client, "detail", full.pk, query="?tab=history").content.decode()
    assert f"Activated by {rep.name} - Order: B-17" in text
    assert "Prospect for" not in text


def test_archive_and_reopen(as_user: SignIn, people: People, full: Customer) -> None:
    """With a reason, by a manager; without one the dialog says so."""
    client = as_user(people("MANAGER"))
    refused = send(client, "status", full.pk, "ARCHIVIERT", data={"reason": ""}, headers=HTMX)
    assert (refused.status_code, "reason is needed" in refused.content.decode()) == (422, True)
    assert send(client, "status", full.pk, "ARCHIVIERT", data={"reason": "closed"}).status_code == 302
    assert "Archived." in page(client, "detail", full.pk).content.decode()
    assert send(client, "status", full.pk, "PROSPECT", data={"reason": "opened again"}).status_code == 302


def test_owner_leaves_sight(as_user: SignIn, rep: User, full: Customer) -> None:
    """A rep who releases his customer goes on to the list: the page is hidden now."""
    client = as_user(rep)
    answer = send(client, "owner", full.pk, data={"owner_id": "", "reason": "moved"}, headers=HTMX)
    assert answer.headers["HX-Redirect"] == reverse("customers:list")
    assert page(client, "detail", full.pk).status_code == 404


def test_small_forms(as_user: SignIn, people: People, rep: User, full: Customer) -> None:
    """Contacts, addresses, season, tags, pains, sharing: each opens, saves, and shows on the page."""
    colleague = people(name="Lukas Böhme")
    client = as_user(people("MANAGER"))
    sent = [
        ("contact_add", {"last_name": "Öztürk", "role": "PURCHASING", "language": "de"}, "Öztürk"),
        (
            "address_add",
            {
                "kind": "BILLING",
                "street": "Ring",
                "house_number": "4",
                "postcode": "10115",
                "city": "Berlin",
                "country": "de",
            },
            "Ring 4",
        ),
        ("season", {"is_seasonal_business": "on", "seasonal_months": ["12", "1"]}, "Own months"),
        ("tags", {"names": "Regional, Menü"}, "Menü"),
        ("pains", {"pain_food_waste": "on", "pain_notes": "Montags"}, "food waste"),
        ("grant", {"user_id": colleague.pk, "level": "view"}, "Lukas Böhme"),
    ]
    for name, data, shown in sent:
        assert page(client, name, full.pk, headers=HTMX).status_code == 200, name
        answer = send(client, name, full.pk, data=data, headers=HTMX)
        assert answer.headers.get("HX-Redirect"), (name, answer.content.decode())
        assert shown in page(client, "detail", full.pk).content.decode(), name
    assert send(client, "revoke", full.pk, colleague.pk).status_code == 302
    with acting(rep):
        contact, address = full.contacts.first(), full.addresses.first()
    for name, pk, data in (
        ("contact", contact.pk, {"last_name": "", "role": "OTHER"}),
        ("address", address.pk, {"postcode": "1446", "country": "DE"}),
    ):
        assert page(client, name, full.pk, pk).status_code == 200
        assert send(client, name, full.pk, pk, data=data, headers=HTMX).status_code == 422, name
        assert send(client, f"{name}_remove", full.pk, pk).status_code == 302


def test_as_of(as_user: SignIn, rep: User, full: Customer) -> None:
    """Today it is as it is; before it was made it did not exist; a bad date is no error."""
    client = as_user(rep)
    with acting(rep) as scope:
        today = scope.today
    assert (
        "0 fields are different"
        in page(client, "detail", full.pk, query=f"?tab=history&as_of={today}").content.decode()
    )
    assert "did not exist" in page(client, "detail", full.pk, query="?tab=history&as_of=2020-01-01").content.decode()
    for query in ("?tab=history&as_of=x", "?tab=history&before=y", "?tab=nonsense"):
        assert page(client, "detail", full.pk, query=query).status_code == 200


def test_no_money_without_the_right(as_user: SignIn, people: People, full: Customer) -> None:
    """The data-protection officer reads no volumes, neither on the page nor in the history."""
    client = as_user(people("DPO"))
    for query in ("", "?tab=history", "?tab=history&as_of=2099-01-01"):
        text = page(client, "detail", full.pk, query=query).content.decode()
        assert "48,600" not in text
        assert "annual volume" not in text
    assert page(client, "field", full.pk, "expected_annual_volume").status_code == 404


def test_trash(as_user: SignIn, people: People, rep: User, full: Customer) -> None:
    """Deleted, undone, deleted again; in the trash of who deleted it and of managers, not of others."""
    client = as_user(rep)
    answer = send(client, "delete", full.pk, follow=True)
    assert reverse("customers:restore", args=[full.pk]) in answer.content.decode()
    assert page(client, "detail", full.pk).status_code == 404
    assert "Zum Hügel" in page(client, "trash").content.decode()
    assert "Zum Hügel" in page(as_user(people("MANAGER")), "trash").content.decode()
    assert "The trash is empty" in page(as_user(people()), "trash").content.decode()
    assert send(as_user(people()), "restore", full.pk).status_code == 404
    assert send(as_user(rep), "restore", full.pk).status_code == 302
    assert page(as_user(rep), "detail", full.pk).status_code == 200


def test_chain_and_location(as_user: SignIn, people: People, rep: User) -> None:
    """The chain lists its locations; a rep with one location reads the chain's name and number, not its page."""
    manager = people("MANAGER")
    with acting(manager) as scope:
        chain = services.create_customer(scope=scope, account_type="CHAIN", values={"company_name": "Frischehof"})
        location, _other = (
            services.create_customer(
                scope=scope,
                account_type="LOCATION",
                chain_id=chain.pk,
                owner_id=owner.pk,
                values={"company_name": name},
            )
            for name, owner in (("Frischehof Mitte", rep), ("Frischehof Süd", manager))
        )
    text = page(as_user(manager), "detail", chain.pk).content.decode()
    assert "Frischehof Mitte" in text
    assert "Frischehof Süd" in text
    client = as_user(rep)
    text = page(client, "detail", location.pk).content.decode()
    assert f"Frischehof</a> ({chain.customer_number})" not in text
    assert f"({chain.customer_number})" in text
    assert page(client, "detail", chain.pk).status_code == 404


def test_history_pages_hold_each_change_once(rep: User, full: Customer) -> None:
    """Walked page by page, newest first, nothing is lost or doubled; changes of one statement stay together."""
    with acting(rep) as scope:
        for n in range(5):
            changes = {"trading_name": f"Name {n}", "legal_form": f"Form {n}"}
            services.update_customer(scope=scope, customer_id=full.pk, changes=changes)
        reader = HistoryReader(scope, Customer.objects.get(pk=full.pk))
        whole, older = reader.changes(most=1_000)
        assert older is None
        walked, before = reader.changes(most=3)
        while before is not None:
            page_of, before = reader.changes(before=before, most=3)
            walked += page_of
    assert walked == whole
    assert {(change.old, change.new) for change in whole[:2]} == {("Name 3", "Name 4"), ("Form 3", "Form 4")}


@pytest.mark.parametrize(
    "query",
    [
        "as_of=2026-02-31",
        "as_of=yesterday",
        "as_of=9999-12-31",
        "as_of=0001-01-01",
        "before=2026-13-01T00:00",
        "before=2026-01-01T00:00",
        "before=2026-01-01T25:00%2B01:00",
        "before=0001-01-01T00:00",
        "before=%00",
    ],
)
def test_days_and_instants_that_do_not_exist(as_user: SignIn, rep: User, full: Customer, query: str) -> None:
    """The history answers as without them."""
    assert page(as_user(rep), "detail", full.pk, query=f"?tab=history&{query}").status_code == 200


def test_versions_that_are_no_number(as_user: SignIn, rep: User, full: Customer) -> None:
    """A made-up version compares nothing."""
    client = as_user(rep)
    for version in ("²", "9" * 5000):
        assert send(client, "pains", full.pk, data={"pain_notes": "Kühlhaus", "version": version}).status_code == 302


def test_the_tags_form_says_what_was_seen(as_user: SignIn, rep: User, full: Customer) -> None:
    """A colleague's tag stays where the form was opened before it was there; without a note all are replaced."""
    client = as_user(rep)
    assert 'name="seen" value="Regional"' in page(client, "tags", full.pk).content.decode()
    with acting(rep) as scope:
        services.set_tags(scope=scope, customer_id=full.pk, names=["Regional", "Bio"])
    send(client, "tags", full.pk, data={"names": "Regional, Menü", "seen": "Regional"})
    with acting(rep) as scope:
        assert tags_of(scope, full) == ["Bio", "Menü", "Regional"]
    send(client, "tags", full.pk, data={"names": "Regional"})
    with acting(rep) as scope:
        assert tags_of(scope, full) == ["Regional"]
