"""Relay and worker are killed with -9 while events are written: every event is handled, none twice."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import redis
from django.conf import settings
from django.db import connection, transaction

from crm.core.access import system_scope
from outbox import services
from outbox.models import Delivery, Event
from tests.outbox.handlers import ProbeCounted
from tests.outbox.models import Effect

ROOT = Path(__file__).resolve().parent.parent.parent
WRITES, SUBJECTS, WRITERS = 1_000, 40, 4
WRITING_SECONDS = 15.0
PLAN = ["relay", "worker", "pool child", "relay and worker", "relay", "pool child", "relay"]
PROGRESS = 15.0  # seconds to wait for it at most before each kill: a loaded machine starts processes slowly
END_AFTER = 120.0  # seconds after the last kill in which everything must be handled


class Process:
    """A child in a process group of its own, started again when it has ended, as the supervisor does."""

    def __init__(self, name, command, env, log):
        self.name, self.command, self.env, self.log = name, command, env, log
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            self.command, cwd=ROOT, env=self.env, stdout=self.log, stderr=self.log, process_group=0
        )

    def look_after(self):
        if self.process.poll() is not None:
            self.start()

    def pool_children(self):
        found = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return [int(pid) for pid in found]

    def kill(self):
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            return
        self.process.wait()


def write(organisation_id, numbers, pause):
    """One business row and its event each; every tenth transaction is rolled back and must leave nothing."""
    chance = random.Random(numbers[0])
    try:
        for number in numbers:
            probe = number % SUBJECTS
            with system_scope(organisation_id, job="writer"):
                event_id = services.publish(ProbeCounted(probe_id=probe, number=number))
                Effect.objects.create(
                    organisation_id=organisation_id, handler="write", event_id=event_id, subject_id=probe, number=number
                )
                if number % 10 == 9:
                    with transaction.atomic():
                        services.publish(ProbeCounted(probe_id=probe, number=-number))
                        transaction.set_rollback(True)
            time.sleep(chance.random() * 2 * pause)
    finally:
        connection.close()


def counted(organisation_id):
    with system_scope(organisation_id, job="test"):
        done = Delivery.objects.filter(state="DONE").count()
        return Event.objects.filter(position=None).count(), Delivery.objects.exclude(state="DONE").count(), done


def wait_for(organisation_id, handled, seconds, processes):
    """Until so many deliveries are handled, or the seconds are over; meanwhile the processes are kept up."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and counted(organisation_id)[2] < handled:
        for process in processes:
            process.look_after()
        time.sleep(0.2)


@pytest.mark.fault
def test_killing_relay_and_worker_loses_nothing_and_doubles_nothing(house, database_urls, tmp_path, capsys):
    env = os.environ | {"DATABASE_URL": database_urls["app"], "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])}
    env.pop("CRM_SUPERVISED", None)
    celery = [sys.executable, "-m", "celery", "-A", "crm", "worker", "-c", "2", "--loglevel", "WARNING"]
    rows, chance = [], random.Random(20261121)
    redis.Redis.from_url(settings.REDIS_URL).delete(f"crm:{connection.settings_dict['NAME']}")  # of an earlier test run
    with (tmp_path / "processes.log").open("wb") as log:
        processes = [
            Process(
                "relay", [sys.executable, "manage.py", "relay"], env | {"DATABASE_URL": database_urls["relay"]}, log
            ),
            Process("worker", [*celery, "--without-mingle", "--without-gossip", "--without-heartbeat"], env, log),
        ]
        worker = processes[1]
        started = time.monotonic()

        def kill(what):
            unplaced, waiting, done = counted(house.pk)
            if what == "pool child":
                for pid in worker.pool_children()[:1]:
                    os.kill(pid, signal.SIGKILL)
            else:
                for process in processes:
                    if process.name in what:
                        process.kill()
                        process.start()
            rows.append((time.monotonic() - started, what, unplaced, waiting, done))

        try:
            with ThreadPoolExecutor(WRITERS) as pool:
                per_writer = WRITING_SECONDS / (WRITES / WRITERS)
                writing = [pool.submit(write, house.pk, range(n, WRITES, WRITERS), per_writer) for n in range(WRITERS)]
                for what in PLAN:
                    # only after some progress does a kill hit a worker at work and not one that starts
                    wait_for(house.pk, counted(house.pk)[2] + 1, PROGRESS, processes)
                    time.sleep(chance.random())
                    kill(what)
                for future in writing:
                    future.result()
            written_after = time.monotonic() - started
            wait_for(house.pk, WRITES, END_AFTER, processes)
            handled_after = time.monotonic() - started
        finally:
            for process in processes:
                process.kill()

    with capsys.disabled():
        print(f"\n{WRITES} writes in {written_after:.1f} s, all handled after {handled_after:.1f} s")
        print("  second  killed (-9)        not placed  not handled  handled")
        for second, what, unplaced, waiting, done in rows:
            print(f"  {second:6.1f}  {what:<18} {unplaced:10}  {waiting:11}  {done:7}")

    assert counted(house.pk) == (0, 0, WRITES), (tmp_path / "processes.log").read_text()[-3000:]
    with system_scope(house.pk, job="test"):
        events = dict(Event.objects.order_by("position").values_list("event_id", "data__number"))
        assert list(Event.objects.order_by("position").values_list("position", flat=True)) == list(range(1, WRITES + 1))
        effects = Counter(Effect.objects.values_list("handler", "event_id"))
        assert set(effects.values()) == {1}
        assert effects.keys() == {(name, event) for event in events for name in ("write", "probe.record")}
        order = list(Effect.objects.filter(handler="probe.record").order_by("pk").values_list("subject_id", "number"))
    assert sorted(events.values()) == list(range(WRITES))
    feed = [(number % SUBJECTS, number) for number in events.values()]
    for subject in range(SUBJECTS):
        assert [n for s, n in order if s == subject] == [n for s, n in feed if s == subject]
