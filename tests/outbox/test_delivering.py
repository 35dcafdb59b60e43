"""Handlers run exactly once, in order, and fail without harm."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, transaction

from crm.core.access import current_scope, system_scope
from organisation.models import Organisation
from outbox import delivering, registry
from outbox.choices import DeliveryState
from outbox.delivering import RETRY_AFTER, deliver_from
from outbox.models import Delivery, Event
from outbox.registry import handler
from outbox.relay import place
from tests.outbox.handlers import ProbeBroke, ProbeHappened
from tests.outbox.models import Effect


@pytest.fixture
def placed(house, written, as_relay):
    """`placed(event, …)` publishes and relays; the ids of the deliveries to `name`, oldest first."""

    def place_them(*events, name="probe.record"):
        written(*events)
        with as_relay():
            place()
        with system_scope(house.pk, job="test"):
            return list(Delivery.objects.filter(handler=name).order_by("position").values_list("pk", flat=True))

    return place_them


def effects(house, name):
    with system_scope(house.pk, job="test"):
        return list(Effect.objects.filter(handler=name).order_by("pk").values_list("number", flat=True))


def due_now(as_relay):
    with as_relay(), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE outbox_delivery SET run_at = now() - interval '1 second', locked_until = NULL")


def test_a_delivery_is_handled_once_however_often_it_comes(house, placed):
    (pk,) = placed(ProbeHappened(probe_id=1, number=7))
    assert [deliver_from(house.pk, pk) for _n in range(3)] == [1, 0, 0]

    assert effects(house, "probe.record") == [7]
    with system_scope(house.pk, job="test"):
        delivery = Delivery.objects.get(pk=pk)
    assert (delivery.state, delivery.attempts, delivery.error) == (DeliveryState.DONE, 1, "")
    assert delivery.done_at is not None


def test_workers_at_once_have_one_effect_each_in_order(house, placed):
    ids = placed(*[ProbeHappened(probe_id=1, number=n) for n in range(12)])

    def work(pk):
        try:
            return deliver_from(house.pk, pk)
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(work, ids * 2))
    assert effects(house, "probe.record") == list(range(12))
    with system_scope(house.pk, job="test"):
        assert set(Delivery.objects.filter(pk__in=ids).values_list("state", "attempts")) == {("DONE", 1)}


def test_one_message_delivers_the_subjects_other_events_too(house, placed):
    ids = placed(*[ProbeHappened(probe_id=1, number=n) for n in range(3)], ProbeHappened(probe_id=2, number=9))
    assert deliver_from(house.pk, ids[2]) == 3
    assert effects(house, "probe.record") == [0, 1, 2]


def test_a_handler_runs_in_its_organisations_time_zone(house, placed, monkeypatch):
    with system_scope(house.pk, job="test"):
        Organisation.objects.update(zone="America/New_York")
    zones = []

    def note(_event, scope):
        zones.append((scope.zone, current_scope().zone))

    probe = registry.Handler("probe.record", frozenset(), note, in_batches=True)
    monkeypatch.setattr(delivering, "handler_named", lambda _name: probe)
    (pk,) = placed(ProbeHappened(probe_id=1, number=1))
    assert deliver_from(house.pk, pk) == 1
    assert zones == [("America/New_York",) * 2]


def test_another_organisations_message_does_nothing(house, placed):
    (pk,) = placed(ProbeHappened(probe_id=1, number=1))
    assert deliver_from(house.pk + 1, pk) == 0
    assert effects(house, "probe.record") == []


def test_a_failed_handler_leaves_nothing_but_its_kind_of_error(house, placed):
    (pk,) = placed(ProbeBroke(probe_id=1, number=1), name="probe.break")
    assert deliver_from(house.pk, pk) == 1

    assert effects(house, "probe.break") == []
    with system_scope(house.pk, job="test"):
        delivery = Delivery.objects.get(pk=pk)
        wait = delivery.run_at - Event.objects.get().occurred_at
    assert (delivery.state, delivery.attempts, delivery.error) == (DeliveryState.WAITING, 1, "LookupError")
    assert RETRY_AFTER[0] <= wait.total_seconds() < RETRY_AFTER[0] + 10
    assert (delivery.locked_until, delivery.queued_until) == (None, None)


def test_a_younger_event_waits_for_the_older_one_of_its_subject(house, placed, as_relay):
    first, second = placed(ProbeBroke(probe_id=1, number=1), ProbeBroke(probe_id=1, number=2), name="probe.break")
    deliver_from(house.pk, first)
    assert deliver_from(house.pk, second) == 0
    due_now(as_relay)
    assert deliver_from(house.pk, second) == 1
    with system_scope(house.pk, job="test"):
        assert list(
            Delivery.objects.filter(pk__in=[first, second]).order_by("pk").values_list("attempts", flat=True)
        ) == [2, 0]


def test_after_the_last_attempt_it_is_given_up_and_its_subject_goes_on(house, placed, as_relay):
    first, second = placed(ProbeBroke(probe_id=1, number=1), ProbeBroke(probe_id=1, number=2), name="probe.break")
    for _n in range(len(RETRY_AFTER) + 1):
        assert deliver_from(house.pk, first) >= 1
        due_now(as_relay)
    with system_scope(house.pk, job="test"):
        rows = dict(Delivery.objects.filter(pk__in=[first, second]).values_list("pk", "state"))
        dead = Delivery.objects.get(pk=first)
    assert rows == {first: DeliveryState.DEAD, second: DeliveryState.WAITING}
    assert (dead.attempts, dead.error) == (len(RETRY_AFTER) + 1, "LookupError")


def test_a_handler_that_takes_its_worker_with_it_is_given_up(house, placed, as_relay):
    (pk,) = placed(ProbeHappened(probe_id=1, number=1))
    with as_relay(), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE outbox_delivery SET attempts = %s", [len(RETRY_AFTER) + 1])
    deliver_from(house.pk, pk)
    assert effects(house, "probe.record") == []
    with system_scope(house.pk, job="test"):
        assert Delivery.objects.values_list("state", "error").get(pk=pk) == ("DEAD", "WorkerLost")


def test_an_unknown_handler_is_tried_again_later(house, placed, monkeypatch):
    (pk,) = placed(ProbeHappened(probe_id=1, number=1))
    monkeypatch.delitem(registry._handlers, "probe.record")
    deliver_from(house.pk, pk)
    with system_scope(house.pk, job="test"):
        assert Delivery.objects.values_list("state", "error").get(pk=pk) == ("WAITING", "HandlerUnknown")


def test_a_handler_acts_as_a_job_caused_by_the_event(house, placed, monkeypatch):
    seen = []
    monkeypatch.setitem(
        registry._handlers,
        "probe.record",
        registry.Handler(
            "probe.record", frozenset({"probe.happened"}), lambda event, scope: seen.append((event, scope)), True
        ),
    )
    (pk,) = placed(ProbeHappened(probe_id=1, number=1))
    deliver_from(house.pk, pk)
    ((event, scope),) = seen
    assert (scope.actor, scope.cause, scope.organisation_id) == ("job:probe.record", str(event.event_id), house.pk)


def test_a_statement_that_failed_in_a_handler_keeps_its_name(house, placed, monkeypatch):
    def fail(event, scope):
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1/0")

    monkeypatch.setitem(
        registry._handlers, "probe.record", registry.Handler("probe.record", frozenset({"probe.happened"}), fail, True)
    )
    (pk,) = placed(ProbeHappened(probe_id=1, number=1))
    deliver_from(house.pk, pk)
    with system_scope(house.pk, job="test"):
        assert Delivery.objects.values_list("error", flat=True).get(pk=pk) == "DataError"


def test_a_name_is_taken_once_and_a_handler_hears_something():
    with pytest.raises(ValueError, match="taken"):
        handler("probe.happened", name="probe.record")(lambda event, scope: None)
    with pytest.raises(ValueError, match="at least one"):
        handler(name="probe.none")
