"""Places in the feed and deliveries, given by the relay after the commit."""

from __future__ import annotations

import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, transaction

from crm.core.access import system_scope
from outbox import services
from outbox.models import Delivery, Event
from outbox.relay import Relay, place
from tests.outbox.handlers import ProbeHappened

WRITERS, EACH = 20, 10


def in_thread(work, *args):
    try:
        return work(*args)
    finally:
        connection.close()


def test_outside_a_transaction_nothing_is_published(committed_db):
    with pytest.raises(RuntimeError, match="transaction"):
        services.publish(ProbeHappened(probe_id=1, number=1))
    assert not connection.in_atomic_block


def test_a_rolled_back_write_leaves_no_event(house, written, as_relay):
    with system_scope(house.pk, job="test"):
        services.publish(ProbeHappened(probe_id=1, number=1))
        transaction.set_rollback(True)
    written(ProbeHappened(probe_id=1, number=2))
    with as_relay():
        assert place() == 1
    with system_scope(house.pk, job="test"):
        assert list(Event.objects.values_list("position", "data__number")) == [(1, 2)]


def test_a_reader_of_the_feed_sees_every_event_of_late_writers_in_order(house, as_relay):
    """Writers commit out of the order of their ids; the reader goes by position and misses none."""
    stop = threading.Event()

    def write(writer):
        chance = random.Random(writer)
        for number in range(EACH):
            with system_scope(house.pk, job="test"):
                services.publish(ProbeHappened(probe_id=writer, number=number))
                time.sleep(chance.random() * 0.05)

    def relay():
        with as_relay():
            while not stop.is_set():
                place()
                time.sleep(0.002)
            place()

    def read():
        seen, last = [], 0
        while len(seen) < WRITERS * EACH and not stop.wait(0.005):
            with system_scope(house.pk, job="test"):
                for position, subject, number in Event.objects.after(last).values_list(
                    "position", "subject_id", "data__number"
                ):
                    seen.append((position, subject, number))
                    last = position
        return seen

    with ThreadPoolExecutor(WRITERS + 2) as pool:
        relaying, reading = pool.submit(in_thread, relay), pool.submit(in_thread, read)
        for writing in [pool.submit(in_thread, write, n) for n in range(1, WRITERS + 1)]:
            writing.result()
        try:
            seen = reading.result(timeout=10)
        finally:
            stop.set()
            relaying.result()

    assert [position for position, _subject, _number in seen] == list(range(1, WRITERS * EACH + 1))
    for writer in range(1, WRITERS + 1):
        assert [number for _position, subject, number in seen if subject == writer] == list(range(EACH))
    with system_scope(house.pk, job="test"):
        by_id = list(Event.objects.order_by("pk").values_list("position", flat=True))
    assert by_id != sorted(by_id), "the test must have committed out of order to prove anything"


def test_placing_again_changes_nothing(house, written, as_relay):
    written(*[ProbeHappened(probe_id=n, number=n) for n in range(3)])
    with as_relay():
        assert [place(), place()] == [3, 0]
    with system_scope(house.pk, job="test"):
        made = sorted(Delivery.objects.values_list("handler", "position"))
    assert made == sorted((name, n) for name in ("probe.record", "probe.single") for n in (1, 2, 3))


def test_two_relays_at_once_give_each_place_once(house, written, as_relay):
    written(*[ProbeHappened(probe_id=n, number=n) for n in range(50)])

    def relay():
        with as_relay():
            return place()

    with ThreadPoolExecutor(4) as pool:
        placed = [future.result() for future in [pool.submit(in_thread, relay) for _n in range(4)]]
    assert sum(placed) == 50
    with system_scope(house.pk, job="test"):
        assert sorted(Event.objects.values_list("position", flat=True)) == list(range(1, 51))
        assert Delivery.objects.count() == 100


def test_events_of_a_batch_pass_by_handlers_that_do_not_want_them(house, written, as_relay):
    written(ProbeHappened(probe_id=1, number=1), change_set_id=5)
    with as_relay():
        place()
    with system_scope(house.pk, job="test"):
        assert list(Delivery.objects.values_list("handler", flat=True)) == ["probe.record"]


def test_only_the_oldest_of_a_subject_is_handed_over_and_only_once(house, written, as_relay, monkeypatch):
    written(*[ProbeHappened(probe_id=n % 2, number=n) for n in range(6)])
    relay, sent = Relay(), []
    monkeypatch.setattr(relay.celery, "send_task", lambda _name, args, **_options: sent.append(args))
    with as_relay():
        assert relay.round() is False
        assert relay.round() is False
    with system_scope(house.pk, job="test"):
        oldest = set(Delivery.objects.filter(position__lte=2).values_list("organisation_id", "pk"))
    assert sorted(map(tuple, sent)) == sorted(oldest)
    assert len(oldest) == 4


def test_what_no_worker_took_is_handed_over_again(house, written, as_relay, monkeypatch):
    written(ProbeHappened(probe_id=1, number=1))
    relay, sent = Relay(), []
    monkeypatch.setattr(relay.celery, "send_task", lambda _name, args, **_options: sent.append(args))
    with as_relay():
        relay.round()
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("UPDATE outbox_delivery SET queued_until = now() - interval '1 second'")
        relay.round()
    assert len(sent) == 4


def test_without_redis_events_are_placed_all_the_same(house, written, as_relay, settings):
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    written(ProbeHappened(probe_id=1, number=1))
    relay = Relay()
    with as_relay():
        assert relay.round() is False
    with system_scope(house.pk, job="test"):
        assert Event.objects.get().position == 1
        assert set(Delivery.objects.values_list("queued_until", flat=True)) == {None}


def test_the_relays_sign_of_life_tells_the_lag(house, written, as_relay, monkeypatch):
    written(ProbeHappened(probe_id=1, number=1))
    relay = Relay()
    monkeypatch.setattr(relay.celery, "send_task", lambda *_args, **_options: None)
    with as_relay():
        relay.round()
    alive, told = services.relay_check()
    assert (alive, told["relay"]) == (True, "ok")
    assert told["relay_lag_seconds"] <= 2
