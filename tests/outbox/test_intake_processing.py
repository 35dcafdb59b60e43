"""What workers make of what came in: each message one effect, in order per subject, whatever happens to the worker."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from django.test import Client
from django.utils import timezone

from crm.core.access import system_scope
from outbox import processing
from outbox.choices import InboxReason, InboxState
from outbox.door import webhook_path
from outbox.intake_due import due_tasks
from outbox.models import Event, InboxEvent
from outbox.processing import RETRY_AFTER
from outbox.services import connections
from tests.outbox.intake import (
    envelope,
    kept,
    make_connection,
    requests,
    rows,
    send,
    work,
    work_in_thread,
)
from tests.outbox.models import Effect

ROOT = Path(__file__).resolve().parent.parent.parent
ROUNDS = 20


pytestmark = pytest.mark.usefixtures("open_door")


@pytest.fixture
def made(house):
    return make_connection(house)


@pytest.fixture
def probe(house):
    """A connection whose messages say what shall be done."""
    one = make_connection(house, provider="probe")
    with system_scope(house.pk, job="test") as scope:
        connections.set_credential(scope=scope, connection_id=one.pk, kind="word", value="please")
    return one


def tell(probe, *parts):
    """One message with these parts, through the door."""
    given = [{"key": f"{do}-{subject}-{number}", "do": do, "subject": subject, "number": number}
             for do, subject, number in parts]  # fmt: skip
    answer = Client().post(
        webhook_path("probe", probe.key),
        data=json.dumps(given).encode(),
        content_type="application/json",
        headers={"x-word": "please"},
    )
    assert answer.status_code == 202


def effects(house, **lookup):
    with system_scope(house.pk, job="test"):
        return list(Effect.objects.filter(handler="probe", **lookup).order_by("pk").values_list("subject_id", "number"))


def change(made, **values):
    """Turn the clock of what is there."""
    with system_scope(made.organisation_id, job="test"):
        InboxEvent.objects.filter(connection_id=made.pk).update(**values)


def due_now(made):
    change(made, run_at=timezone.now() - timedelta(seconds=1), locked_until=None)


def states(made):
    return [(row.type, row.state) for row in rows(made)]


# Each one effect


def test_a_received_event_is_kept_as_a_row(made):
    send(made, envelope(3, crmgap=True))
    assert work(made) == 1
    (row,) = kept(made)
    assert (row.type, row.subject, row.source, row.position) == (
        "customer.created",
        "customer/7",
        "/organisations/nord",
        3,
    )
    assert (row.gap, row.version, row.data) == (True, 1, {"customer_id": 7, "number": 3})
    (event,) = rows(made)
    assert (event.state, event.attempts, event.reason, event.error) == (InboxState.DONE, 1, "", "")
    assert event.done_at is not None
    (request,) = requests(made)
    assert (request.split_at is not None, request.known_parts) == (True, 0)


def test_the_test_message_and_types_that_are_not_kept_leave_no_row(house):
    made = make_connection(house, options={"types": "customer.* order.delivered"})
    for number, kind in enumerate(
        ["freshplan.ping", "customer.created", "order.delivered", "order.created", "customerx.created"], 1
    ):
        send(made, envelope(number, kind=kind))
    work(made)
    assert [row.type for row in kept(made)] == ["customer.created", "order.delivered"]
    assert [(row.state, row.reason) for row in rows(made, type="order.created")] == [("IGNORED", "TYPE_NOT_USED")]
    assert [row.state for row in rows(made, type="freshplan.ping")] == ["IGNORED"]


def test_the_same_message_ten_times_at_once_has_one_effect(house, probe):
    parts = [("count", 1, 1)]
    with ThreadPoolExecutor(10) as pool:
        list(pool.map(lambda _n: _tell_in_thread(probe, parts), range(10)))
        list(pool.map(lambda _n: work_in_thread(probe), range(10)))
    (request,) = requests(probe)
    assert (request.seen, len(rows(probe))) == (10, 1)
    assert effects(house) == [(1, 1)]


def _tell_in_thread(probe, parts):
    from django.db import connection

    try:
        tell(probe, *parts)
    finally:
        connection.close()


def test_many_workers_at_once_keep_the_order_of_each_subject(house, probe):
    """40 events of 4 subjects, 6 workers at once: each has one effect, each subject's in the order they came."""
    for number in range(10):
        tell(probe, *[("count", subject, number) for subject in range(1, 5)])
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda _n: work_in_thread(probe), range(12)))
    assert {row.state for row in rows(probe)} == {InboxState.DONE}
    for subject in range(1, 5):
        assert effects(house, subject_id=subject) == [(subject, number) for number in range(10)]


def test_shuffled_and_repeated_messages_end_in_the_same_rows(house):
    """20 rounds: ten messages in any order, some twice; the log is the same, and so is what a version guard lets stand."""
    chance = random.Random(4)
    for number in range(ROUNDS):
        made = make_connection(house)
        order = [*range(1, 11), *chance.sample(range(1, 11), 4)]
        chance.shuffle(order)
        for one in order:
            assert send(made, envelope(one)).status_code == 202
        work(made)
        assert sorted(row.position for row in kept(made)) == list(range(1, 11)), f"round {number}"
        assert sum(row.seen for row in requests(made)) == 14


def test_what_is_older_than_what_we_hold_is_overtaken_and_changes_nothing(house, probe):
    tell(probe, ("latest", 1, 5))
    tell(probe, ("latest", 1, 3))
    tell(probe, ("latest", 1, 6))
    work(probe)
    assert [row.state for row in rows(probe)] == ["DONE", "SUPERSEDED", "DONE"]
    assert effects(house) == [(1, 5), (1, 6)]


def test_a_batch_has_several_events_and_known_ones_are_counted_once(house, probe):
    tell(probe, ("count", 1, 1), ("count", 2, 1))
    tell(probe, ("count", 2, 1), ("count", 3, 1))
    work(probe)
    assert effects(house) == [(1, 1), (2, 1), (3, 1)]
    assert [row.known_parts for row in requests(probe)] == [0, 1]


# Killed, late, failing


def test_a_worker_killed_before_its_commit_leaves_no_effect_and_the_next_one_makes_it(house, probe, database_urls):
    tell(probe, ("die", 1, 1))
    code = f"import django; django.setup()\nfrom outbox.processing import take_in\ntake_in({house.pk}, {probe.pk})"
    env = os.environ | {
        "DATABASE_URL": database_urls["app"],
        "DJANGO_SETTINGS_MODULE": "tests.settings",
        "PYTHONPATH": str(ROOT),
        "PROBE_DIES": "1",
    }
    killed = subprocess.run([sys.executable, "-c", code], env=env, cwd=ROOT, check=False, capture_output=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()[-2000:]

    assert effects(house) == []
    (row,) = rows(probe)
    assert (row.state, row.attempts) == (InboxState.RUNNING, 1)
    assert work(probe) == 0, "its lease still holds"
    change(probe, locked_until=timezone.now() - timedelta(seconds=1))
    assert work(probe) == 1
    assert effects(house) == [(1, 1)]
    assert states(probe) == [("die", "DONE")]


def test_a_worker_that_lost_its_lease_cannot_end_what_another_one_has(house, probe, monkeypatch):
    tell(probe, ("count", 1, 1))
    claim = processing._claim
    scopes = []

    def claim_and_dawdle(scope, connection_id):
        got = claim(scope, connection_id)
        if got is not None and not scopes:
            scopes.append(scope)
            change(probe, locked_until=timezone.now() - timedelta(seconds=1))
            assert work(probe) == 1, "another worker takes over"
        return got

    monkeypatch.setattr(processing, "_claim", claim_and_dawdle)
    work(probe)
    assert effects(house) == [(1, 1)]
    assert [(row.state, row.attempts) for row in rows(probe)] == [("DONE", 2)]


def test_what_fails_leaves_nothing_but_its_kind_and_is_tried_by_the_plan(house, probe):
    tell(probe, ("break", 1, 1))
    before = timezone.now()
    assert work(probe) == 1
    (row,) = rows(probe)
    assert (row.state, row.attempts, row.error, effects(house)) == ("RETRY", 1, "LookupError", [])
    assert RETRY_AFTER[0] - 1 <= (row.run_at - before).total_seconds() <= RETRY_AFTER[0] + 5
    assert work(probe) == 0
    for attempt in range(2, len(RETRY_AFTER) + 2):
        due_now(probe)
        assert work(probe) == 1, attempt
    (row,) = rows(probe)
    assert (row.state, row.reason, row.attempts) == ("DEAD", InboxReason.BUG, len(RETRY_AFTER) + 1)
    with system_scope(house.pk, job="test"):
        event = Event.objects.get(type="inbox.dead")
    assert event.data == {
        "connection_id": probe.pk,
        "inbox_event_id": row.pk,
        "reason": "BUG",
        "event_type": "break",
    }


@pytest.mark.parametrize(
    ("do", "state", "reason"),
    [
        ("count", "DONE", ""),
        ("ignore", "IGNORED", "TYPE_NOT_USED"),
        ("rule", "DEAD", "REFUSED_BY_RULE"),
        ("gone", "DEAD", "GONE_THERE"),
    ],
)
def test_how_an_event_ends(house, probe, do, state, reason):
    tell(probe, (do, 1, 1))
    work(probe)
    assert [(row.state, row.reason) for row in rows(probe)] == [(state, reason)]
    assert len(effects(house)) == (do == "count")


def test_a_cause_that_passes_ends_as_too_many_attempts(probe):
    tell(probe, ("pass", 1, 1))
    for _n in range(len(RETRY_AFTER) + 1):
        work(probe)
        due_now(probe)
    assert [(row.state, row.reason) for row in rows(probe)] == [("DEAD", "TOO_MANY_ATTEMPTS")]


def test_a_failing_event_holds_its_own_subject_alone_and_a_dead_one_nobody(house, probe):
    tell(probe, ("break", 1, 1), ("count", 1, 2), ("count", 2, 3))
    work(probe)
    assert effects(house) == [(2, 3)]
    change(probe, attempts=len(RETRY_AFTER))
    due_now(probe)
    work(probe)
    assert effects(house) == [(2, 3), (1, 2)]


def test_a_handler_that_takes_its_worker_with_it_again_and_again_is_given_up(house, probe):
    tell(probe, ("count", 1, 1))
    with system_scope(house.pk, job="test") as scope:
        processing.split_requests(scope, processing.provider_named("probe"), probe.pk)
    change(probe, attempts=len(RETRY_AFTER) + 1)
    work(probe)
    assert ([(row.state, row.error) for row in rows(probe)], effects(house)) == ([("DEAD", "WorkerLost")], [])


def test_what_waits_blocks_nobody_and_is_woken_when_its_subject_comes(house, probe):
    tell(probe, ("wait", 1, 1), ("count", 2, 1))
    work(probe)
    assert states(probe) == [("wait", "WAITING"), ("count", "DONE")]
    assert work(probe) == 0
    tell(probe, ("count", 1, 9))
    assert work(probe) == 2
    assert states(probe) == [("wait", "DONE"), ("count", "DONE"), ("count", "DONE")]
    assert effects(house) == [(2, 1), (1, 9), (1, 1)]


def test_what_waits_for_a_day_is_given_up(house, probe):
    tell(probe, ("wait", 1, 1))
    work(probe)
    change(probe, waits_until=timezone.now())
    due_now(probe)
    work(probe)
    assert [(row.state, row.reason) for row in rows(probe)] == [("DEAD", "UNKNOWN_OBJECT")]


# Without Redis, by the sweep


def test_the_relay_hands_over_what_came_and_not_twice(made, as_relay):
    with as_relay():
        assert due_tasks() == []
    send(made, envelope(1))
    with as_relay():
        assert due_tasks() == [("outbox.tasks.take_in", (made.organisation_id, made.pk))]
        assert due_tasks() == [], "a worker was told"
    work(made)
    with as_relay():
        assert due_tasks() == []
    send(made, envelope(2))
    with as_relay():
        assert len(due_tasks()) == 1


def test_a_message_that_no_worker_took_is_handed_over_again(made, as_relay, owner_db):
    send(made, envelope(1))
    with as_relay():
        assert len(due_tasks()) == 1
        owner_db.execute("UPDATE outbox_connectioncheck SET queued_until = now() - interval '1 second'")
        assert len(due_tasks()) == 1


def test_nothing_is_handed_over_for_a_paused_connection_or_what_is_not_due(house, probe, as_relay):
    paused = make_connection(house, state="PAUSED")
    send(paused, envelope(1))
    tell(probe, ("break", 1, 1), ("count", 1, 2))
    work(probe)
    with as_relay():
        assert due_tasks() == [], "one waits for its time, the other one for it"
    due_now(probe)
    with as_relay():
        assert len(due_tasks()) == 1
