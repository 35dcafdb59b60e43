"""A run is really ended at its limit: in the database's hands or in Python's, and whatever the job does about errors."""

from __future__ import annotations

import contextlib
import time
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from crm.core.access import system_scope
from jobs import schedule
from jobs.models import JobRun
from jobs.running import run
from outbox.models import Event
from tests.conftest import make_organisation
from tests.outbox.models import Effect


@pytest.fixture
def house(committed_db, monkeypatch):
    """An organisation that is really there, and an empty schedule."""
    monkeypatch.setattr(schedule, "_jobs", {})
    return make_organisation("Haus")


def sleep_in_the_database(scope):
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(30)")


def loop_for_ever(scope):
    while True:
        with contextlib.suppress(Exception):  # a job that goes on after everything
            time.sleep(0.01)


def many_short_statements(scope):
    for _n in range(3_000):
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_sleep(0.01)")


@pytest.mark.parametrize("work", [sleep_in_the_database, loop_for_ever, many_short_statements])
def test_a_run_ends_at_its_limit_and_leaves_nothing(house, work):
    def job(scope):
        Effect.objects.create(
            organisation_id=scope.organisation_id, handler="x", event_id="0" * 32, subject_id=1, number=1
        )
        work(scope)

    schedule.periodic(every=timedelta(hours=1), label="x", description="x.", limit=1, name="slow")(job)
    slow, begun = schedule.job_named("slow"), time.monotonic()
    assert run(slow, house.pk, slow.period(timezone.now())) is False
    assert 0.9 < time.monotonic() - begun < 6
    with system_scope(house.pk, job="test"):
        row = JobRun.objects.get()
        assert (row.state, row.error) == ("FAILED", "TimeLimit")
        assert Event.objects.get(type="job.failed").data["error"] == "TimeLimit"
        assert not Effect.objects.exists()


def test_a_run_in_time_is_left_alone(house):
    calls = []
    schedule.periodic(every=timedelta(hours=1), label="x", description="x.", limit=1, name="quick")(calls.append)
    quick = schedule.job_named("quick")
    assert run(quick, house.pk, quick.period(timezone.now())) is True
    time.sleep(2.2)  # an alarm left behind would ring now
    assert len(calls) == 1
    with system_scope(house.pk, job="test"), connection.cursor() as cursor:
        cursor.execute("SHOW statement_timeout")
        assert cursor.fetchone() == ("0",)
