"""Route × method: who is let in. A new route without a row fails the suite; each row names somebody who is let in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.urls import reverse

from messaging.registry import all_kinds
from tests.matrix.world import EVERYBODY, MANAGERS, READERS, SIGNED_IN, WRITERS, World

Build = Callable[[World], Mapping[str, Any]]
ADMINISTRATORS = frozenset({"administrator", "foreign_administrator"})
CREATORS = SIGNED_IN - {"dpo", "auditor"}
SETTERS = frozenset({"manager", "administrator", "foreign_administrator"})
CHANGE = {"version": 0, "reason": "Probe"}
SHARERS = frozenset({"team_lead", "chain_manager", "manager", "administrator"})


EDITORS = frozenset({"manager", "administrator", "foreign_administrator"})


def nothing(_world: World) -> Mapping[str, Any]:
    """No arguments, or an empty body."""
    return {}


def of(world: World) -> Mapping[str, Any]:
    """The address of the location."""
    return {"pk": world.location.pk}


@dataclass(frozen=True)
class Row:
    """Who may call a route with `method` on the world's record; `data` is a valid body. Everybody else is refused."""

    method: str
    open_to: frozenset[str]
    arguments: Build = nothing
    data: Build = nothing
    query: str = ""

    def url(self, name: str, world: World) -> str:
        """The address of the call."""
        return reverse(name, kwargs=dict(self.arguments(world))) + (f"?{self.query}" if self.query else "")


def on_record(open_to: frozenset[str], data: Build = nothing, arguments: Build = of) -> list[Row]:
    """A dialog of a record: whoever may send it may open it."""
    return [Row("GET", open_to, arguments), Row("POST", open_to, arguments, data)]


def person(world: World) -> Mapping[str, Any]:
    """The address of a colleague."""
    return {"pk": world.people["rep_stranger"].pk}


def wording(_world: World) -> Mapping[str, Any]:
    """The address of a mail's wording."""
    return {"key": "notice", "language": "de"}


def trash_days(_world: World) -> Mapping[str, Any]:
    """The address of a setting."""
    return {"key": "trash.days"}


ROUTES: dict[str, list[Row]] = {
    "home": [Row("GET", EVERYBODY)],
    "core:healthz": [Row("GET", EVERYBODY)],
    "customers:list": [Row("GET", SIGNED_IN)],
    "customers:create": [
        Row("GET", CREATORS),
        Row(
            "POST",
            CREATORS,
            data=lambda world: {"company_name": "Neu", "account_type": "INDEPENDENT", "business_type": "HOTEL"},
        ),
    ],
    "customers:twins": [Row("POST", CREATORS, data=lambda world: {"company_name": "Kantinenwerk"})],
    "customers:chains": [Row("POST", CREATORS, data=lambda world: {"chain_search": "Kant"})],
    "customers:check": [
        Row("POST", CREATORS, lambda world: {"name": "company_name"}, lambda world: {"company_name": "X"})
    ],
    "customers:trash": [Row("GET", SIGNED_IN)],
    "customers:detail": [Row("GET", READERS, of)],
    "customers:field": on_record(
        WRITERS,
        lambda world: {"legal_form": "GmbH", "version": 1},
        lambda world: {**of(world), "name": "legal_form"},
    ),
    "customers:value": on_record(
        MANAGERS, lambda world: {"purchase_terms": "neu"}, lambda world: {**of(world), "key": "purchase_terms"}
    ),
    "customers:activate": on_record(WRITERS - {"chain_manager"}, lambda world: {"order_number": "4711"}),
    "customers:status": on_record(
        MANAGERS, lambda world: {"reason": "geschlossen"}, lambda world: {**of(world), "status": "ARCHIVIERT"}
    ),
    "customers:owner": on_record(WRITERS, lambda world: {"owner_id": "", "reason": "Urlaub"}),
    "customers:chain": on_record(MANAGERS | {"chain_manager"}, lambda world: {"chain_id": world.chain.pk}),
    "customers:grant": on_record(SHARERS, lambda world: {"user_id": world.people["rep_stranger"].pk, "level": "view"}),
    "customers:revoke": [
        Row("POST", SHARERS, lambda world: {**of(world), "user_id": world.people["rep_stranger"].pk}),
    ],
    "customers:season": on_record(WRITERS, lambda world: {"is_seasonal_business": "on", "seasonal_months": [4, 5]}),
    "customers:tags": on_record(WRITERS, lambda world: {"names": "Bio"}),
    "customers:pains": on_record(WRITERS, lambda world: {"pain_food_waste": "on"}),
    "customers:contact_add": on_record(WRITERS, lambda world: {"last_name": "Neu", "role": "OTHER", "language": "de"}),
    "customers:contact": on_record(
        WRITERS,
        lambda world: {"last_name": "Anders", "role": "OTHER", "language": "de", "version": 1},
        lambda world: {**of(world), "contact_id": world.contact.pk},
    ),
    "customers:contact_remove": [
        Row("POST", WRITERS, lambda world: {**of(world), "contact_id": world.contact.pk}),
    ],
    "customers:address_add": on_record(WRITERS, lambda world: {"kind": "BILLING", "city": "Ulm", "country": "DE"}),
    "customers:address": on_record(
        WRITERS,
        lambda world: {"kind": "DELIVERY", "city": "Ulm", "country": "DE", "version": 1},
        lambda world: {**of(world), "address_id": world.address.pk},
    ),
    "customers:address_remove": [
        Row("POST", WRITERS, lambda world: {**of(world), "address_id": world.address.pk}),
    ],
    "customers:delete": [Row("POST", WRITERS, of)],
    "customers:restore": [Row("POST", MANAGERS, lambda world: {"pk": world.deleted.pk})],
    # the API of customers
    "customers_api:customers": [
        Row("GET", SIGNED_IN),
        Row("POST", CREATORS, data=lambda world: {"company_name": "Neu"}),
    ],
    # answered for each row by itself: who may not write finds the refusals inside, see tests/api
    "customers_api:bulk": [Row("POST", SIGNED_IN, data=lambda world: {"rows": [{"create": {"company_name": "Neu"}}]})],
    "customers_api:customer": [
        Row("GET", READERS, of),
        Row("PATCH", WRITERS, of, lambda world: {"legal_form": "GmbH"}),
        Row("DELETE", WRITERS, of),
    ],
    "customers_api:activate": [Row("PUT", WRITERS - {"chain_manager"}, of, lambda world: {"order_number": "4711"})],
    "customers_api:status": [
        Row("POST", MANAGERS, of, lambda world: {"status": "ARCHIVIERT", "reason": "geschlossen"})
    ],
    "customers_api:contacts": [Row("GET", READERS, of), Row("POST", WRITERS, of, lambda world: {"last_name": "Neu"})],
    "customers_api:contact": [
        Row("GET", READERS, lambda world: {**of(world), "contact_id": world.contact.pk}),
        Row(
            "PATCH",
            WRITERS,
            lambda world: {**of(world), "contact_id": world.contact.pk},
            lambda world: {"last_name": "Anders"},
        ),
        Row("DELETE", WRITERS, lambda world: {**of(world), "contact_id": world.contact.pk}),
    ],
    "customers_api:addresses": [Row("GET", READERS, of), Row("POST", WRITERS, of, lambda world: {"city": "Ulm"})],
    "customers_api:address": [
        Row("GET", READERS, lambda world: {**of(world), "address_id": world.address.pk}),
        Row(
            "PATCH",
            WRITERS,
            lambda world: {**of(world), "address_id": world.address.pk},
            lambda world: {"city": "Ulm"},
        ),
        Row("DELETE", WRITERS, lambda world: {**of(world), "address_id": world.address.pk}),
    ],
    "customers_api:fields": [Row("GET", READERS, of), Row("PATCH", WRITERS, of)],
    "customers_api:history": [Row("GET", READERS, of)],
    "customers_api:field_definitions": [Row("GET", SIGNED_IN)],
    "api:schema": [Row("GET", EVERYBODY)],
    "api:docs": [Row("GET", EVERYBODY)],
    "core:problems": [Row("GET", EVERYBODY)],
    "core:problem": [Row("GET", EVERYBODY, lambda world: {"name": "stale"})],
    # people and settings
    "organisation:tokens": [
        Row("GET", SIGNED_IN),
        Row("POST", SIGNED_IN, data=lambda world: {"name": "Export", "scopes": ["customers.read"], "days": 30}),
    ],
    "organisation:settings": [Row("GET", EVERYBODY)],
    "organisation:profile": [
        Row("GET", SIGNED_IN),
        Row("POST", SIGNED_IN, data=lambda world: {"name": "Neuer Name", "language": "en", "phone": ""}),
    ],
    "organisation:security": [Row("GET", SIGNED_IN)],
    "organisation:end_other_sessions": [Row("POST", SIGNED_IN)],
    "organisation:people": [Row("GET", ADMINISTRATORS)],
    "organisation:create_person": [
        Row("GET", ADMINISTRATORS),
        Row(
            "POST",
            ADMINISTRATORS,
            data=lambda world: {"name": "Neu", "email": "neu@example.org", "role": "REP", "language": "de"},
        ),
    ],
    "organisation:person": [
        Row("GET", frozenset({"administrator"}), person),
        Row(
            "POST",
            frozenset({"administrator"}),
            person,
            lambda world: {"name": "Anders", "email": "anders@example.org", "role": "REP", "version": 1},
        ),
    ],
    "organisation:person_link": [Row("POST", frozenset({"administrator"}), person)],
    "organisation:person_active": [Row("POST", frozenset({"administrator"}), person, lambda world: {"version": 1})],
    "organisation:person_factor": [
        Row("POST", frozenset({"administrator"}), person, lambda world: {"reason": "Ausweis"})
    ],
    "organisation:person_sessions": [Row("POST", frozenset({"administrator"}), person)],
    "organisation:teams": [Row("GET", ADMINISTRATORS)],
    "organisation:create_team": [
        Row("GET", ADMINISTRATORS),
        Row("POST", ADMINISTRATORS, data=lambda world: {"name": "Süd"}),
    ],
    "organisation:team": [
        Row("GET", frozenset({"administrator"}), lambda world: {"pk": world.team.pk}),
        Row(
            "POST",
            frozenset({"administrator"}),
            lambda world: {"pk": world.team.pk},
            lambda world: {"name": "Nord", "version": 1},
        ),
    ],
    "organisation:organisation": [
        Row("GET", ADMINISTRATORS),
        Row(
            "POST",
            ADMINISTRATORS,
            data=lambda world: {"name": "Neu GmbH", "zone": "Europe/Berlin", "language": "de", "version": 1},
        ),
    ],
    # notices, mails
    "messaging:notices": [Row("GET", SIGNED_IN)],
    "messaging:popover": [Row("GET", SIGNED_IN)],
    "messaging:read_all": [Row("POST", SIGNED_IN)],
    "messaging:open": [Row("POST", frozenset({"rep_owner"}), lambda world: {"pk": world.notice.pk})],
    "messaging:settings": [
        Row("GET", SIGNED_IN),
        Row("POST", SIGNED_IN, data=lambda world: {kind.key: kind.default for kind in all_kinds()}),
    ],
    "messaging:wordings": [Row("GET", EDITORS)],
    "messaging:wording": [
        Row("GET", EDITORS, wording),
        Row("POST", EDITORS, wording, lambda world: {"subject": "{{ title }}", "body": "{{ text }}", "version": 0}),
    ],
    "messaging:preview": [Row("POST", EDITORS, wording, lambda world: {"subject": "x", "body": "{{ text }}"})],
    "messaging:restore": [Row("POST", EDITORS, wording, lambda world: {"version": 0})],
    "messaging:test_mail": [Row("POST", EDITORS, wording)],
    "organisation:options": [Row("GET", SIGNED_IN)],
    "organisation:option": [
        Row("GET", SIGNED_IN, trash_days),
        Row("POST", SETTERS, trash_days, lambda world: {"level": "ORGANISATION", "value": "40", **CHANGE}),
    ],
    "organisation:reset_option": [
        Row("POST", SETTERS, trash_days, lambda world: {"level": "ORGANISATION", **CHANGE}),
    ],
    "organisation:flags": [Row("GET", ADMINISTRATORS)],
    "organisation_api:settings": [Row("GET", SIGNED_IN)],
    "organisation_api:setting": [
        Row("GET", SIGNED_IN, trash_days),
        Row("PUT", SETTERS, trash_days, lambda world: {"value": 40, "reason": "Probe"}, query="scope=organisation"),
    ],
}

# Not called here, each with the reason; a stale entry fails.
EXCUSED: dict[str, str] = {
    "organisation:flag": "this version declares no flag, see tests/organisation/test_flags.py",
    "organisation:advance_flag": "this version declares no flag, see tests/organisation/test_flags.py",
    "organisation:switch_off_flag": "this version declares no flag, see tests/organisation/test_flags.py",
    "core:readyz": "answers 503 while no relay gives a sign of life, see tests/core/test_health.py",
    "core:gallery": "for developers: administrators and demo users, see tests/core",
    "messaging:mailbox": "only in a demo organisation, see tests/messaging/test_pages.py",
    "messaging:mail": "only in a demo organisation, see tests/messaging/test_pages.py",
    "organisation:revoke_token": "one's own tokens alone, see tests/organisation/test_tokens.py",
    "organisation:leave_demo": "only in a demo organisation, see tests/organisation/test_demo_sign_in.py",
}
# The doors of sign-in are open to whoever has no session yet; tests/organisation holds them one by one.
EXCUSED_PREFIXES = ("accounts/", "admin/")
