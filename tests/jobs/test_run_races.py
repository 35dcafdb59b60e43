"""One run of a job, whoever comes for it at the same moment, and whoever dies in its middle."""

from __future__ import annotations

import threading
import time
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from crm.core.access import system_scope
from jobs import schedule
from jobs.models import JobRun
from jobs.running import run
from tests.conftest import make_organisation
from tests.jobs.test_processes import wait_until
from tests.outbox.models import Effect

HOUR = timedelta(hours=1)
TEXTS = {"label": "Probe", "description": "For tests."}


@pytest.fixture
def house(committed_db):
    return make_organisation("Haus")


@pytest.fixture
def own_jobs(monkeypatch):
    """An empty schedule."""
    monkeypatch.setattr(schedule, "_jobs", {})
    return schedule._jobs


def write(scope, number=1):
    Effect.objects.create(
        organisation_id=scope.organisation_id, handler="x", event_id="0" * 32, subject_id=1, number=number
    )


def effects(house) -> int:
    with system_scope(house.pk, job="test"):
        return Effect.objects.count()


def in_threads(*calls):
    """Start each call in a thread of its own with a connection of its own; the threads and what came back."""
    results = []

    def called(call):
        try:
            results.append(call())
        finally:
            connection.close()

    threads = [threading.Thread(target=called, args=[call]) for call in calls]
    for thread in threads:
        thread.start()
    return threads, results


def test_of_eight_workers_at_once_one_runs_it(house, own_jobs):
    schedule.periodic(every=HOUR, **TEXTS, name="probe")(write)
    job, together = own_jobs["probe"], threading.Barrier(8)
    period = job.period(timezone.now())
    threads, results = in_threads(*[lambda: together.wait(10) >= 0 and run(job, house.pk, period)] * 8)
    for thread in threads:
        thread.join(30)
    assert sorted(results) == [False] * 7 + [True]
    assert effects(house) == 1


def test_who_comes_for_a_run_under_way_goes_at_once(house, own_jobs):
    """A message that came twice must not hold a second worker until the run of the first is over."""
    entered, leave = threading.Event(), threading.Event()

    @schedule.periodic(every=HOUR, **TEXTS, name="probe")
    def slow(scope):
        entered.set()
        assert leave.wait(30)

    job = own_jobs["probe"]
    period = job.period(timezone.now())
    (thread,), results = in_threads(lambda: run(job, house.pk, period))
    try:
        assert entered.wait(10)
        begun = time.monotonic()
        assert run(job, house.pk, period) is False
        assert run(job, house.pk, period + HOUR) is False
        assert time.monotonic() - begun < 2
    finally:
        leave.set()
        thread.join(30)
    assert results == [True]


def test_a_run_whose_process_is_killed_in_its_middle_leaves_nothing_and_is_made_up(house, probe, child):
    job = schedule.job_named("probe.gate")
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(4711)")
    worker = child("run", house.pk)
    try:
        wait_until(_somebody_waits_at_the_gate)
        worker.kill()
        assert worker.wait() == -9
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(4711)")
    with system_scope(house.pk, job="test"):
        lost = JobRun.objects.get()
        assert (lost.state, lost.attempts) == ("RUNNING", 1)
    assert effects(house) == 0
    assert run(job, house.pk, lost.period) is False, "it may still be at it: its lease is not over"
    with system_scope(house.pk, job="test"):
        JobRun.objects.update(locked_until=timezone.now() - timedelta(seconds=1))
    wait_until(lambda: run(job, house.pk, lost.period))  # its server process has to notice first
    assert effects(house) == 500
    with system_scope(house.pk, job="test"):
        assert [(row.state, row.attempts, row.error) for row in JobRun.objects.all()] == [("DONE", 2, "")]
    assert run(job, house.pk, lost.period) is False
    assert effects(house) == 500


def _somebody_waits_at_the_gate() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 4711 AND NOT granted")
        return cursor.fetchone()[0] == 1
