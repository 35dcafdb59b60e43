"""Dry run: what applying a message would do, at any instant, and nothing of it is left."""

from __future__ import annotations

import json

import pytest
from django.test import Client
from django.utils import timezone

from crm.core.access import system_scope
from outbox.models import Event, InboxEvent, InboxRequest, RemoteEvent
from outbox.processing import take_in
from outbox.services import connections, inbox
from tests.outbox.intake import envelope, kept, make_connection, page, press, receive, rows
from tests.outbox.models import Effect

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("open_door", "in_english")]


@pytest.fixture
def made(organisation):
    return make_connection(organisation)


@pytest.fixture
def probe(organisation):
    one = make_connection(organisation, provider="probe")
    with system_scope(organisation.pk, job="test") as scope:
        connections.set_credential(scope=scope, connection_id=one.pk, kind="word", value="please")
    return one


def tell(probe, do):
    body = json.dumps([{"key": f"{do}-1", "do": do, "subject": "1", "number": 4}]).encode()
    answer = Client().post(
        f"/webhooks/probe/{probe.key}/", data=body, content_type="application/json", headers={"x-word": "please"}
    )
    assert answer.status_code == 202
    take_in(probe.organisation_id, probe.pk)
    return rows(probe)[-1]


def everything(organisation):
    with system_scope(organisation.pk, job="test"):
        return [
            list(model.objects.order_by("pk").values()) for model in (Effect, RemoteEvent, InboxEvent, InboxRequest)
        ] + [Event.objects.count()]


@pytest.mark.parametrize(
    ("do", "state", "reason", "error", "changes"),
    [
        ("count", "DONE", "", "", 1),
        ("ignore", "IGNORED", "TYPE_NOT_USED", "", 0),
        ("wait", "WAITING", "UNKNOWN_OBJECT", "", 0),
        ("rule", "DEAD", "REFUSED_BY_RULE", "", 0),
        ("break", "RETRY", "", "LookupError", 0),
    ],
)
def test_a_dry_run_tells_and_leaves_nothing(organisation, probe, do, state, reason, error, changes):
    event = tell(probe, do)
    with system_scope(organisation.pk, job="test"):
        Effect.objects.all()._raw_delete("default")
    before = everything(organisation)
    with system_scope(organisation.pk, job="test") as scope:
        result = inbox.dry_run(scope=scope, event_id=event.pk)
    assert (result.state, result.reason, result.error, len(result.rows)) == (state, reason, error, changes)
    assert everything(organisation) == before


def test_a_dry_run_shows_rows_events_and_what_else_was_written(organisation, probe):
    elsewhere, published = tell(probe, "elsewhere"), tell(probe, "publish")
    with system_scope(organisation.pk, job="test") as scope:
        RemoteEvent.objects.all()._raw_delete("default")
        Effect.objects.all()._raw_delete("default")
        first = inbox.dry_run(scope=scope, event_id=elsewhere.pk)
        second = inbox.dry_run(scope=scope, event_id=published.pk)
    assert [(row.kind, {name: new for name, _old, new in row.fields}["number"]) for row in first.rows] == [("+", "4")]
    assert first.tables == [("outbox_remoteevent", 1)]
    assert (second.tables, [(kind, subject) for kind, subject, _data in second.events]) == (
        [],
        [("probe.happened", "probe/1")],
    )


def test_a_dry_run_has_the_time_that_is_chosen(organisation, made):
    (event,) = receive(made, envelope(1))
    with system_scope(organisation.pk, job="test") as scope:
        RemoteEvent.objects.all()._raw_delete("default")
        now = timezone.datetime(2026, 3, 1, 8, tzinfo=timezone.get_current_timezone())
        for given, expected in ((None, event.received_at), (now, now)):
            (row,) = inbox.dry_run(scope=scope, event_id=event.pk, now=given).rows
            assert {name: new for name, _old, new in row.fields}["kept"] == str(expected)


def test_the_page_shows_a_dry_run(organisation, admin, made):
    (event,) = receive(made, envelope(1))
    with system_scope(organisation.pk, job="test"):
        RemoteEvent.objects.all()._raw_delete("default")
    shown = press(admin, "inbox_dry_run", {"now": "2026-03-01T08:00"}, pk=event.pk).content.decode()
    assert "What applying it would do" in shown
    assert "/organisations/nord" in shown
    assert "2026-03-01 07:00:00+00:00" in shown, "08:00 on the clock of the organisation"
    assert kept(made) == []
    assert press(admin, "inbox_dry_run", {"now": "soon"}, pk=event.pk).status_code == 422
    assert press(admin, "inbox_dry_run", {"now": "0001-01-01T00:00"}, pk=event.pk).status_code == 302
    assert "between 1970 and 2199" in page(admin, "inbox_event", pk=event.pk)
