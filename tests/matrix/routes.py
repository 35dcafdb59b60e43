"""Route × method: who is let in. A new route without a row fails the suite; each row names somebody who is let in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.urls import reverse

from messaging.registry import all_kinds
from tests.matrix.webhooks import HOOK
from tests.matrix.world import EVERYBODY, MANAGERS, READERS, SIGNED_IN, WRITERS, World

Build = Callable[[World], Mapping[str, Any]]
ADMINISTRATORS = frozenset({"administrator", "foreign_administrator"})
CREATORS = SIGNED_IN - {"dpo", "auditor"}
SETTERS = frozenset({"manager", "administrator", "foreign_administrator"})
CHANGE = {"version": 0, "reason": "Probe"}
SHARERS = frozenset({"team_lead", "chain_manager", "manager", "administrator"})


EDITORS = frozenset({"manager", "administrator", "foreign_administrator"})
READS_RESTRICTED = SIGNED_IN - {"rep_owner", "rep_stranger", "foreign_administrator"}


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


def task(world: World) -> Mapping[str, Any]:
    """The address of a rep's long task."""
    return {"pk": world.task.pk}


def stopped(world: World) -> Mapping[str, Any]:
    """The address of a rep's long task that was cancelled."""
    return {"pk": world.stopped.pk}


def batch(world: World) -> Mapping[str, Any]:
    """The address of a rep's change set."""
    return {"pk": world.batch.pk}


def trash_job(_world: World) -> Mapping[str, Any]:
    """The address of a periodic job."""
    return {"name": "jobs.erase_trash"}


JOB_MANAGERS = MANAGERS | {"foreign_administrator"}
MAKER_AND_READERS = frozenset({"rep_owner", "manager", "administrator", "dpo", "auditor"})
MAKER_AND_MANAGERS = MANAGERS | {"rep_owner"}


INTEGRATORS = MANAGERS | {"foreign_administrator"}
ADMINISTRATOR = frozenset({"administrator"})


def linked(world: World) -> Mapping[str, Any]:
    """The address of a connection to another system."""
    return {"pk": world.message.connection_id}


def message(world: World) -> Mapping[str, Any]:
    """The address of a message that came in."""
    return {"pk": world.message.pk}


def next_secret(world: World) -> Mapping[str, Any]:
    """The address of a connection's secret to come."""
    return {**linked(world), "credential_id": world.next_secret}


def trash_days(_world: World) -> Mapping[str, Any]:
    """The address of a setting."""
    return {"key": "trash.days"}


def running(world: World) -> Mapping[str, Any]:
    """The address of a subscriber that runs."""
    return {"pk": world.webhooks.running.pk}


def paused(world: World) -> Mapping[str, Any]:
    """The address of a subscriber that is paused."""
    return {"pk": world.webhooks.paused.pk}


def new_webhook(_world: World) -> Mapping[str, Any]:
    """What the form of a subscriber sends."""
    return {"name": "Neu", "url": HOOK, "types": ["customer.*"], "max_per_second": 5}


def customers_list(_world: World) -> Mapping[str, Any]:
    """The address of what belongs to the list of customers."""
    return {"list_key": "customers"}


def team_view(world: World) -> Mapping[str, Any]:
    """The address of a view that the rep shares with his team."""
    return {"pk": world.views.of_team.pk}


SEES_TEAM_VIEW = MANAGERS | {"rep_owner", "team_lead"}
VIEW_OWNER = frozenset({"rep_owner"})


ROUTES: dict[str, list[Row]] = {
    "home": [Row("GET", EVERYBODY)],
    "old_customer_list": [Row("GET", EVERYBODY)],
    "old_customers": [Row("GET", EVERYBODY, lambda world: {"rest": f"{world.location.pk}/"})],
    "core:healthz": [Row("GET", EVERYBODY)],
    "dashboard:overview": [Row("GET", SIGNED_IN)],
    "customers:list": [Row("GET", SIGNED_IN)],
    "customers:filter": [Row("GET", SIGNED_IN)],
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
    "customers:bulk": [
        Row("GET", CREATORS, lambda world: {"action": "tag"}, query="ids=1"),
        Row("POST", CREATORS, lambda world: {"action": "tag"}, lambda world: {"tag": "Bio", "promised": 1}, "ids=1"),
        Row("GET", SETTERS, lambda world: {"action": "archive"}, query="ids=1"),
        Row(
            "POST", SETTERS, lambda world: {"action": "archive"}, lambda world: {"reason": "zu", "promised": 1}, "ids=1"
        ),
    ],
    "customers:export": [
        Row("GET", SIGNED_IN, query="all=1"),
        Row("POST", READERS | {"foreign_chain_manager"}, data=lambda world: {"format": "csv"}, query="all=1"),
    ],
    "customers:exports": [Row("GET", SIGNED_IN)],
    "customers:download": [Row("GET", frozenset({"rep_owner"}), lambda world: {"pk": world.export.pk})],
    "customers:import": [Row("GET", SETTERS)],
    "customers:mapping": [
        Row("GET", frozenset({"manager"}), lambda world: {"file_id": world.upload.pk}),
        Row(
            "POST",
            frozenset({"manager"}),
            lambda world: {"file_id": world.upload.pk},
            lambda world: {"column_0": "company_name", "on_duplicate": "skip"},
        ),
    ],
    "customers:trash": [Row("GET", SIGNED_IN)],
    "customers:detail": [Row("GET", READERS, of)],
    "customers:preview": [Row("GET", READERS, of)],
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
    "customers:lift": on_record(
        MANAGERS, lambda world: {"reason": "Saison berichtigt"}, lambda world: {"pk": world.at_risk.pk}
    ),
    "customers:reviews": [Row("GET", EDITORS)],
    "customers:review": on_record(
        MANAGERS, lambda world: {"decision": "keep", "until": "2099-01-01", "reason": "baut um"}
    ),
    "customers:owner": on_record(WRITERS, lambda world: {"owner_id": "", "reason": "Urlaub"}),
    "customers:chain": on_record(MANAGERS | {"chain_manager"}, lambda world: {"chain_id": world.chain.pk}),
    "customers:grant": on_record(SHARERS, lambda world: {"user_id": world.people["rep_owner"].pk, "level": "view"}),
    "customers:revoke": [
        Row("POST", SHARERS, lambda world: {**of(world), "user_id": world.people["rep_stranger"].pk}),
    ],
    "customers:merge": [
        Row("GET", WRITERS, of),
        Row("POST", WRITERS, of, lambda world: {"with": world.twin.pk, "winner_version": 1, "loser_version": 1}),
    ],
    "customers:duplicates": [Row("GET", CREATORS)],
    "customers:part": [Row("POST", WRITERS, lambda world: {"pair_id": world.pair.pk})],
    "customers:unmerge": [Row("POST", MAKER_AND_MANAGERS, lambda world: {"pk": world.merge.pk})],
    "customers:season": on_record(WRITERS, lambda world: {"is_seasonal_business": "on", "seasonal_months": [4, 5]}),
    "customers:season_preview": [
        Row("POST", WRITERS, of, lambda world: {"is_seasonal_business": "on", "seasonal_months": [4, 5]})
    ],
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
    "customers_api:locations": [Row("GET", READERS, of)],
    "customers_api:activate": [Row("PUT", WRITERS - {"chain_manager"}, of, lambda world: {"order_number": "4711"})],
    "customers_api:status": [
        Row("POST", MANAGERS, of, lambda world: {"status": "ARCHIVIERT", "reason": "geschlossen"})
    ],
    "customers_api:review": [
        Row("POST", MANAGERS, of, lambda world: {"decision": "keep", "until": "2099-01-01", "reason": "baut um"})
    ],
    "customers_api:trash": [Row("GET", SIGNED_IN)],
    "customers_api:restore": [Row("POST", MANAGERS, lambda world: {"pk": world.deleted.pk})],
    "customers_api:owner": [Row("PUT", WRITERS, of, lambda world: {"owner_id": None, "reason": "Urlaub"})],
    "customers_api:possible_owners": [Row("GET", READERS, of)],
    "customers_api:chain": [Row("PUT", MANAGERS | {"chain_manager"}, of, lambda world: {"chain_id": world.chain.pk})],
    "customers_api:grants": [
        Row("GET", READERS, of),
        Row("POST", SHARERS, of, lambda world: {"user_id": world.people["rep_owner"].pk, "level": "view"}),
    ],
    "customers_api:grant": [
        Row("DELETE", SHARERS, lambda world: {**of(world), "user_id": world.people["rep_stranger"].pk}),
    ],
    "customers_api:possible_readers": [Row("GET", READERS, of)],
    "customers_api:tags": [Row("GET", READERS, of), Row("PUT", WRITERS, of, lambda world: {"tags": ["Bio"]})],
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
    "customers_api:duplicates_check": [Row("POST", CREATORS, data=lambda world: {"company_name": "Kantinenwerk"})],
    "customers_api:merges": [
        Row(
            "POST",
            WRITERS,
            data=lambda world: {
                "winner_id": world.location.pk,
                "loser_id": world.twin.pk,
                "winner_version": 1,
                "loser_version": 1,
            },
        ),
    ],
    "customers_api:merge_undo": [Row("POST", MAKER_AND_MANAGERS, lambda world: {"pk": world.merge.pk})],
    "customers_api:bulk_actions": [
        Row("POST", CREATORS, data=lambda world: {"action": "tag", "tag": "Bio", "ids": [world.location.pk]}),
    ],
    "customers_api:field_definitions": [
        Row("GET", SIGNED_IN),
        Row(
            "POST",
            EDITORS,
            data=lambda world: {"key": "parking", "type": "INTEGER", "label_de": "Parkplätze", "label_en": "Parking"},
        ),
    ],
    "customers_api:field_definition": [
        Row("GET", READS_RESTRICTED, lambda world: {"pk": world.secret.pk}),
        Row("PATCH", MANAGERS, lambda world: {"pk": world.secret.pk}, lambda world: {"position": 5}),
    ],
    "jobs_api:jobs": [Row("GET", JOB_MANAGERS)],
    "jobs_api:runs": [
        Row("GET", JOB_MANAGERS),
        Row("POST", JOB_MANAGERS, data=lambda world: {"job": "jobs.erase_trash"}),
    ],
    "jobs_api:tasks": [
        Row("GET", SIGNED_IN),
        Row("POST", JOB_MANAGERS, data=lambda world: {"kind": "customers.rebuild"}),
    ],
    "jobs_api:task": [Row("GET", MAKER_AND_READERS, task)],
    "jobs_api:cancel": [Row("POST", MAKER_AND_MANAGERS, task)],
    "jobs_api:resume": [Row("POST", MAKER_AND_MANAGERS, stopped)],
    "jobs_api:change_sets": [Row("GET", SIGNED_IN)],
    "jobs_api:change_set": [Row("GET", MAKER_AND_READERS, batch)],
    "jobs_api:undo": [Row("POST", MAKER_AND_MANAGERS, batch)],
    "api:schema": [Row("GET", EVERYBODY)],
    "api:docs": [Row("GET", EVERYBODY)],
    "core:search": [Row("GET", SIGNED_IN, query="q=kantine")],
    "core:backups": [Row("GET", ADMINISTRATORS)],
    "core:ask_backup": [Row("POST", ADMINISTRATORS)],
    "core:problems": [Row("GET", EVERYBODY)],
    "core:problem": [Row("GET", EVERYBODY, lambda world: {"name": "stale"})],
    # jobs, long tasks, change sets
    "jobs:schedule": [Row("GET", JOB_MANAGERS)],
    "jobs:job": [Row("GET", JOB_MANAGERS, trash_job)],
    "jobs:run_now": [Row("POST", JOB_MANAGERS, trash_job)],
    "jobs:tasks": [Row("GET", SIGNED_IN)],
    "jobs:task": [Row("GET", MAKER_AND_READERS, task)],
    "jobs:cancel_task": [Row("POST", MAKER_AND_MANAGERS, task)],
    "jobs:resume_task": [Row("POST", MAKER_AND_MANAGERS, stopped)],
    "jobs:start_task": [Row("POST", JOB_MANAGERS, lambda world: {"kind": "customers.rebuild"})],
    "jobs:change_sets": [Row("GET", SIGNED_IN)],
    "jobs:change_set": [Row("GET", MAKER_AND_READERS, batch)],
    "jobs:undo": [Row("POST", MAKER_AND_MANAGERS, batch)],
    # connections and what came in
    "intake:connections": [Row("GET", INTEGRATORS)],
    "intake:create_connection": [
        Row("GET", ADMINISTRATORS),
        Row("POST", ADMINISTRATORS, data=lambda world: {"label": "Süd", "base_url": "", "option_types": "*"}),
    ],
    "intake:connection": [
        Row("GET", MANAGERS, linked),
        Row("POST", ADMINISTRATOR, linked, lambda world: {"label": "Süd", "option_types": "*", "version": 1}),
    ],
    "intake:connection_secret": [
        Row(
            "POST",
            ADMINISTRATOR,
            lambda world: {**linked(world), "kind": "api_token"},
            lambda world: {"api_token-value": "t" * 24},
        )
    ],
    "intake:connection_secret_end": [Row("POST", ADMINISTRATOR, next_secret)],
    "intake:connection_activate": [Row("POST", MANAGERS, linked)],
    "intake:connection_pause": [Row("POST", MANAGERS, linked, lambda world: {"reason": "Umzug"})],
    "intake:connection_key": [Row("POST", ADMINISTRATOR, linked)],
    "intake:connection_delete": [Row("POST", ADMINISTRATOR, linked)],
    "intake:connection_test": [Row("POST", MANAGERS, linked)],
    "intake:connection_check": [Row("GET", MANAGERS, linked)],
    "intake:remote_events": [Row("GET", MANAGERS, linked)],
    "intake:inbox": [Row("GET", INTEGRATORS)],
    "intake:inbox_replay": [
        Row("POST", MANAGERS, data=lambda world: {"ids": world.message.pk, "reason": "Fehler behoben"})
    ],
    "intake:inbox_event": [Row("GET", MANAGERS, message)],
    "intake:inbox_dismiss": [Row("POST", MANAGERS, data=lambda world: {"ids": world.message.pk, "reason": "erledigt"})],
    "intake:inbox_dry_run": [Row("POST", MANAGERS, message)],
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
    "messaging:failed": [Row("GET", ADMINISTRATORS)],
    "messaging:send_again": [Row("POST", ADMINISTRATOR, lambda world: {"pk": world.failed_mail.pk})],
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
    # webhooks
    "webhooks:list": [Row("GET", INTEGRATORS)],
    "webhooks:create": [
        Row("GET", ADMINISTRATORS),
        Row("POST", ADMINISTRATORS, data=new_webhook),
    ],
    "webhooks:webhook": [Row("GET", MANAGERS, running)],
    "webhooks:change": [
        Row("GET", ADMINISTRATOR, running),
        Row("POST", ADMINISTRATOR, running, lambda world: {**new_webhook(world), "version": 1}),
    ],
    "webhooks:test": [Row("POST", ADMINISTRATOR, running)],
    "webhooks:pause": [Row("POST", ADMINISTRATOR, running)],
    "webhooks:resume": [Row("POST", ADMINISTRATOR, paused, lambda world: {"choice": "now"})],
    "webhooks:rotate": [Row("POST", ADMINISTRATOR, running)],
    "webhooks:end_secret": [Row("POST", ADMINISTRATOR, paused)],
    "webhooks:replay": [Row("POST", ADMINISTRATOR, running, lambda world: {"only": "dead"})],
    "webhooks:stop_replay": [
        Row("POST", ADMINISTRATOR, lambda world: {**paused(world), "replay_id": world.webhooks.replay.pk})
    ],
    "webhooks:delete": [Row("POST", ADMINISTRATOR, running)],
    "webhooks:message": [
        Row("GET", MANAGERS, lambda world: {**paused(world), "message_id": world.webhooks.message.pk})
    ],
    "webhooks_api:feed": [Row("GET", SIGNED_IN)],
    "webhooks_api:types": [Row("GET", SIGNED_IN)],
    "webhooks_api:schema": [Row("GET", SIGNED_IN, lambda world: {"type": "customer.created", "version": 1})],
    "webhooks_api:replays": [
        Row(
            "POST",
            ADMINISTRATOR,
            data=lambda world: {
                "subscription": world.webhooks.running.pk,
                "from": "2026-01-01T00:00:00Z",
                "to": "2030-01-01T00:00:00Z",
            },
        )
    ],
    "webhooks_api:replay": [
        Row("GET", MANAGERS, lambda world: {"pk": world.webhooks.replay.pk}),
        Row("DELETE", ADMINISTRATOR, lambda world: {"pk": world.webhooks.replay.pk}),
    ],
    "webhooks_api:subscriptions": [
        Row("GET", SIGNED_IN),
        Row("POST", ADMINISTRATORS, data=lambda world: {"name": "Neu", "url": HOOK, "types": ["customer.*"]}),
    ],
    "webhooks_api:subscription": [
        Row("GET", MANAGERS, running),
        Row("PATCH", ADMINISTRATOR, running, lambda world: {"max_per_second": 10}),
        Row("DELETE", ADMINISTRATOR, running),
    ],
    "webhooks_api:test": [Row("POST", ADMINISTRATOR, running)],
    "webhooks_api:rotate": [Row("POST", ADMINISTRATOR, running)],
    "webhooks_api:old_secret": [Row("DELETE", ADMINISTRATOR, paused)],
    "webhooks_api:pause": [Row("POST", ADMINISTRATOR, running)],
    "webhooks_api:resume": [Row("POST", ADMINISTRATOR, paused, lambda world: {"from": "stop"})],
    "webhooks_api:deliveries": [Row("GET", MANAGERS, paused)],
    "webhooks_api:delivery": [
        Row(
            "GET",
            MANAGERS,
            lambda world: {**paused(world), "event_id": world.webhooks.message.event.event_id},
        )
    ],
    "lists:views": [
        Row("GET", SIGNED_IN, customers_list),
        Row("POST", SIGNED_IN, customers_list, lambda world: {"name": "Neu", "query": "status=AKTIV"}),
    ],
    "lists:view": [
        Row("GET", MANAGERS | VIEW_OWNER, team_view),
        Row("POST", VIEW_OWNER, team_view, lambda world: {"version": 1, "name": "Neu", "audience": "PRIVATE"}),
    ],
    "lists:state": [Row("POST", VIEW_OWNER, team_view, lambda world: {"version": 1, "query": "status=AKTIV"})],
    "lists:copy": [Row("POST", SEES_TEAM_VIEW, team_view)],
    "lists:pin": [Row("POST", SEES_TEAM_VIEW, team_view, lambda world: {"pinned": "1"})],
    "lists:move": [Row("POST", VIEW_OWNER, team_view, lambda world: {"step": "1"})],
    "lists:delete": [Row("POST", MANAGERS | VIEW_OWNER, team_view, lambda world: {"version": 1})],
    "lists:role_default": [
        Row("POST", MANAGERS, lambda world: {"pk": world.views.of_all.pk}, lambda world: {"role": "REP", "on": "1"})
    ],
    "lists:own_default": [Row("POST", SIGNED_IN, customers_list)],
    "lists:clear_own_default": [Row("POST", SIGNED_IN, customers_list)],
    "organisation_api:saved_views": [
        Row("GET", SIGNED_IN),
        Row("POST", SIGNED_IN, data=lambda world: {"list": "customers", "name": "Neu"}),
    ],
    "organisation_api:saved_view": [
        Row("GET", SEES_TEAM_VIEW, team_view),
        Row("PATCH", VIEW_OWNER, team_view, lambda world: {"name": "Neu"}),
        Row("DELETE", MANAGERS | VIEW_OWNER, team_view),
    ],
    "organisation_api:copy_saved_view": [Row("POST", SEES_TEAM_VIEW, team_view)],
    "organisation_api:pin_saved_view": [Row("PUT", SEES_TEAM_VIEW, team_view, lambda world: {"is_pinned": True})],
    "organisation_api:flags": [Row("GET", ADMINISTRATORS)],
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
    "organisation_api:flag": "this version declares no flag, see tests/organisation/test_flag_api.py",
    "organisation_api:flag_advance": "this version declares no flag, see tests/organisation/test_flag_api.py",
    "organisation_api:flag_off": "this version declares no flag, see tests/organisation/test_flag_api.py",
    "organisation_api:flag_first": "this version declares no flag, see tests/organisation/test_flag_api.py",
    "core:readyz": "answers 503 while no relay gives a sign of life, see tests/core/test_health.py",
    "core:gallery": "for developers: administrators and demo users, see tests/core",
    "messaging:mailbox": "only in a demo organisation, see tests/messaging/test_pages.py",
    "messaging:mail": "only in a demo organisation, see tests/messaging/test_pages.py",
    "organisation:revoke_token": "one's own tokens alone, see tests/organisation/test_tokens.py",
    "organisation:leave_demo": "only in a demo organisation, see tests/organisation/test_demo_sign_in.py",
}
# The doors of sign-in are open to whoever has no session yet; tests/organisation holds them one by one.
EXCUSED_PREFIXES = ("accounts/", "admin/")
