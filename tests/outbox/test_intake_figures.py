"""Figures of what came in and of calls out, on the page and by themselves; and what is forgotten when."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db.models import F
from django.utils import timezone

from crm.core.access import system_scope
from outbox import call_figures
from outbox.intake_figures import counters, figures, refusals
from outbox.models import CallLog, InboxEvent
from outbox.services.intake import forget_old
from tests.outbox.intake import envelope, make_connection, page, receive, requests, secret, send

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("open_door", "in_english")]


@pytest.fixture
def made(organisation):
    return make_connection(organisation)


def test_received_is_the_sum_of_its_states(organisation, made):
    receive(made, envelope(1), envelope(1), envelope(2, kind="freshplan.ping"), envelope(3, crmposition="x"))
    send(made, envelope(4))
    send(made, envelope(5), secrets=[secret("z")])
    with system_scope(organisation.pk, job="test") as scope:
        told = figures(scope, made.pk)
    assert (told.received, told.repeats, told.open, told.dead) == (4, 1, 1, 1)
    assert told.received == sum(told.states.values())
    assert told.states == {"DONE": 1, "IGNORED": 1, "DEAD": 1, "NEW": 1}
    assert told.refusals == {"BAD_SIGNATURE": 1}


def test_counters_tell_day_type_state_and_time(organisation, admin, made):
    receive(made, envelope(1), envelope(1), envelope(2), envelope(3, kind="freshplan.ping"))
    receive(made, envelope(4, kind="order.created", crmposition="x"))
    send(made, envelope(5), secrets=[secret("z")])
    with system_scope(organisation.pk, job="test") as scope:
        InboxEvent.objects.filter(type="customer.created").update(done_at=F("received_at") + timedelta(seconds=3))
        told = counters(scope, made.pk)
        refused = refusals(scope, made.pk)
    assert [(one.kind, one.received, one.repeats, one.done, one.ignored, one.dead) for one in told] == [
        ("customer.created", 2, 1, 2, 0, 0),
        ("freshplan.ping", 1, 0, 0, 1, 0),
        ("order.created", 1, 0, 0, 0, 1),
    ]
    for one in told:
        states = one.done + one.ignored + one.superseded + one.waiting + one.unfinished + one.dead
        assert one.received == states
    assert [(one.p50, one.p95) for one in told] == [(3.0, 3.0), (None, None), (None, None)]
    assert [(why, number) for _day, why, number in refused] == [("Wrong signature", 1)]
    assert [one.parts for one in told] == [[("Done", 2), ("Repeats", 1)], [("Not used", 1)], [("Given up", 1)]]
    shown = " ".join(page(admin, "connection", pk=made.pk).split())
    assert "Done 2 · Repeats 1" in shown
    assert "Wrong signature" in shown


def test_the_page_tells_how_calls_go(organisation, admin):
    made = make_connection(organisation, base_url="https://other.example")
    with system_scope(organisation.pk, job="test") as scope:
        for minutes, milliseconds, error, breaker in (
            (180, 20, "", "closed"),
            (60, 10_000, "timeout", "closed"),
            (59, 10_000, "timeout", "open"),
            (58, 0, "breaker", "open"),
            (30, 40, "", "half-open"),
            (29, 30, "", "closed"),
            (60 * 24 * 8, 30, "timeout", "open"),
        ):
            CallLog.objects.create(
                organisation=organisation,
                connection=made,
                at=scope.now - timedelta(minutes=minutes),
                operation="health",
                method="GET",
                path="/readyz",
                milliseconds=milliseconds,
                attempt=1,
                breaker=breaker,
                error=error,
                request_id="x",
                sent_bytes=0,
                received_bytes=0,
            )
        told = call_figures.calls_by_connection(scope, [made.pk])[made.pk]
        assert (told.number, told.failed, told.p50) == (5, 2, 40.0)
        assert 9_000 < told.p95 <= 10_000
        assert sum(calls.number for _hour, calls in call_figures.calls_by_hour(scope, made.pk)) == 5
        changes = call_figures.breaker_changes(scope, made.pk)
    assert [(one.state, one.error) for one in changes] == [("closed", ""), ("half-open", ""), ("open", "timeout")]
    shown = " ".join(page(admin, "connection", pk=made.pk).split())
    assert "10 of 10 calls at once are left, 60 a minute" in shown
    assert "Breaker tries" in shown
    assert "2 / 5" in page(admin, "connections")


def test_bodies_are_forgotten_after_30_days_and_keys_stay_against_late_repeats(organisation, made, owner_db):
    receive(made, envelope(1))
    send(made, envelope(2))

    def age(days):
        with system_scope(organisation.pk, job="test", now=timezone.now() + timedelta(days=days)) as scope:
            return forget_old(scope=scope)

    assert age(29) == 0
    assert age(31) == 1, "what was never applied keeps its body"
    first, second = requests(made)
    assert (first.body, first.headers, first.address, second.body is None) == (None, {}, None, False)
    assert send(made, envelope(1)).status_code == 202
    assert len(requests(made)) == 2
    assert age(401) == 0
    assert [row.pk for row in requests(made)] == [second.pk]
