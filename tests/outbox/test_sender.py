"""The process of senders: with Redis away, killed again and again, and with one subscriber that hangs beside a healthy one."""

from __future__ import annotations

import os
import random
import sys
import time

import pytest
from django.db import connection

from crm.core.access import system_scope
from outbox import sending
from outbox.models import Dispatch, Heartbeat
from outbox.relay import place
from outbox.sender import Sender, due
from outbox.services import subscriptions
from tests.outbox.asking import due_now, state_of
from tests.outbox.handlers import ProbeHappened
from tests.outbox.receiver import Answering, Receiver
from tests.outbox.test_faults import ROOT, Process

MESSAGES, SUBJECTS, KILLS = 400, 25, 6


def run_until(sender, reached, seconds=20.0):
    """Rounds of a sender in this process until something is so, or the time is over."""
    end = time.monotonic() + seconds
    while not reached() and time.monotonic() < end:
        sender.round()
        time.sleep(0.05)
    sender.stop()
    sender.pool.shutdown(wait=True)


def test_without_redis_messages_arrive_all_the_same(house, receiver, subscribed, written, as_relay, settings):
    subscribed()
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    written(*[ProbeHappened(probe_id=n, number=n) for n in range(10)])
    with as_relay():
        place()
    sender = Sender()
    run_until(sender, lambda: len(receiver.events()) == 10)
    assert sorted(one["data"]["number"] for one in receiver.events()) == list(range(10))
    assert Heartbeat.objects.filter(name="sender").exists()


def test_a_subscriber_that_hangs_delays_no_other(house, receiver, subscribed, written, as_relay, settings, monkeypatch):
    monkeypatch.setattr(sending, "TOTAL", 3.0)
    hanging = Receiver()
    settings.PRIVATE_HOSTS |= {f"127.0.0.1:{hanging.port}"}
    try:
        subscribed(name="Healthy", max_per_second=100)
        subscribed(name="Slow", url=hanging.url, max_per_second=100)
        hanging.answer = Answering(seconds=4)
        written(*[ProbeHappened(probe_id=n, number=n) for n in range(30)])
        with as_relay():
            place()
        started = time.monotonic()
        sender = Sender()
        run_until(sender, lambda: len(receiver.events()) == 30)
        assert len(receiver.events()) == 30
        assert hanging.most_at_once <= 4
        assert time.monotonic() - started < 8
    finally:
        hanging.close()


def test_nobody_without_something_due_is_served(house, receiver, administrator, doing, subscribed, written, as_relay):
    subscription, _secret = subscribed()
    assert due() == []
    written(*[ProbeHappened(probe_id=n, number=n) for n in range(6)])
    with as_relay():
        place()
    assert due() == [(house.pk, subscription.pk)]
    doing(administrator, subscriptions.pause_subscription, subscription_id=subscription.pk)
    assert due() == []
    assert state_of(house, subscription)[0] == "PAUSED"


@pytest.mark.fault
def test_killing_the_sender_loses_nothing_and_repeats_keep_id_and_body(
    house, receiver, subscribed, written, as_relay, database_urls, tmp_path, settings
):
    subscribed(max_per_second=100)
    receiver.answer = Answering(seconds=0.01)
    written(*[ProbeHappened(probe_id=n % SUBJECTS, number=n) for n in range(MESSAGES)])
    with as_relay():
        place()
    env = os.environ | {
        "DATABASE_URL": database_urls["app"],
        "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path]),
        "FRESHPLAN_PRIVATE_HOSTS": f"127.0.0.1:{receiver.port}",
    }
    chance = random.Random(20261121)

    def done():
        with system_scope(house.pk, job="test"):
            return Dispatch.objects.filter(type="probe.happened", state="DONE").count()

    with (tmp_path / "sender.log").open("wb") as log:
        process = Process("sender", [sys.executable, "manage.py", "sender"], env, log)
        try:
            for kill in range(KILLS):
                end = time.monotonic() + 20
                while done() <= kill * MESSAGES // (KILLS * 2) and time.monotonic() < end:
                    time.sleep(0.05)
                time.sleep(chance.random() * 0.3)
                process.kill()
                due_now(house)  # the leases of the killed are over at once: the test need not wait for them
                process.start()
            end = time.monotonic() + 90
            while done() < MESSAGES and time.monotonic() < end:
                time.sleep(0.1)
        finally:
            process.kill()
    connection.close()
    assert done() == MESSAGES, (tmp_path / "sender.log").read_text()[-2000:]
    bodies = {}
    for came in receiver.came:
        assert bodies.setdefault(came.headers["webhook-id"], came.body) == came.body
    first = []
    for one in receiver.events():
        if one["data"]["number"] not in first:
            first.append(one["data"]["number"])
    assert sorted(first) == list(range(MESSAGES))
    for subject in range(SUBJECTS):
        assert [n for n in first if n % SUBJECTS == subject] == list(range(subject, MESSAGES, SUBJECTS))
