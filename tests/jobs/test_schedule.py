"""Periodic jobs: once per period and organisation, however often they are started."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.sessions.models import Session
from django.db import connection, transaction
from django.utils import timezone

from crm.core.access import current_scope, system_scope
from jobs import registry, schedule, tasks
from jobs.choices import RunState
from jobs.models import JobRun
from jobs.running import ATTEMPTS, DueRun, due_runs, run
from outbox.models import Heartbeat
from tests.conftest import make_organisation
from tests.outbox.models import Effect

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 21, 14, 10, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def own_jobs(monkeypatch):
    """An empty schedule."""
    monkeypatch.setattr(schedule, "_jobs", {})
    return schedule._jobs


@pytest.fixture
def counting(own_jobs):
    """A job per organisation that leaves one row each time."""

    @schedule.periodic(every=HOUR, name="probe.count")
    def count(scope):
        Effect.objects.create(
            organisation_id=scope.organisation_id, handler=scope.actor, event_id="0" * 32, subject_id=1, number=1
        )

    return own_jobs["probe.count"]


def effects(organisation):
    with system_scope(organisation.pk, job="test"):
        return list(Effect.objects.values_list("handler", flat=True))


def state(organisation):
    with system_scope(organisation.pk, job="test") as scope:
        return list(JobRun.objects.visible_to(scope).values_list("job", "state", "attempts", "error"))


@pytest.mark.parametrize(
    ("every", "offset", "period"),
    [
        (HOUR, timedelta(0), datetime(2026, 11, 21, 14, tzinfo=UTC)),
        (timedelta(days=1), timedelta(0), datetime(2026, 11, 21, tzinfo=UTC)),
        (timedelta(days=1), timedelta(hours=15), datetime(2026, 11, 20, 15, tzinfo=UTC)),
    ],
)
def test_periods_cover_the_line_without_gaps(every, offset, period):
    job = schedule.PeriodicJob("x", every, offset)
    assert job.period(period) == period
    assert job.period(period + every - timedelta(microseconds=1)) == period
    assert job.period(period + every) == period + every
    assert job.period(NOW) == period


def test_a_job_runs_once_per_period_and_organisation(organisation, other_organisation, counting):
    period = counting.period(NOW)
    assert [run(counting, organisation.pk, period) for _n in range(2)] == [True, False]
    assert run(counting, other_organisation.pk, period)
    assert run(counting, organisation.pk, period + HOUR)

    assert effects(organisation) == ["job:probe.count"] * 2
    assert effects(other_organisation) == ["job:probe.count"]
    assert state(other_organisation) == [("probe.count", RunState.DONE, 1, "")]


def test_a_job_runs_in_its_organisations_time_zone(organisation, own_jobs):
    zones = []
    schedule.periodic(every=HOUR, name="probe.zone")(lambda scope: zones.append((scope.zone, current_scope().zone)))
    job = own_jobs["probe.zone"]
    for pk in (make_organisation(zone="America/New_York").pk, organisation.pk):
        assert run(job, pk, job.period(NOW))
    assert zones == [("America/New_York",) * 2, ("Europe/Berlin",) * 2]


def test_only_what_has_not_run_is_due(organisation, other_organisation, counting):
    period = counting.period(NOW)
    run(counting, organisation.pk, period)
    assert due_runs(NOW) == [DueRun("probe.count", other_organisation.pk, period)]
    assert {due.organisation_id for due in due_runs(NOW + HOUR)} == {organisation.pk, other_organisation.pk}


def test_a_failed_job_leaves_nothing_and_runs_again_after_a_pause(organisation, own_jobs):
    @schedule.periodic(every=HOUR, name="probe.fail")
    def fail(scope):
        Effect.objects.create(
            organisation_id=scope.organisation_id, handler="x", event_id="0" * 32, subject_id=1, number=1
        )
        raise LookupError("Herr Meier")

    job = own_jobs["probe.fail"]
    period = job.period(NOW)
    for attempt in range(1, ATTEMPTS + 1):
        assert run(job, organisation.pk, period) is False
        assert state(organisation) == [("probe.fail", RunState.FAILED, attempt, "LookupError")]
        assert due_runs(NOW) == []
        with system_scope(organisation.pk, job="test"):
            JobRun.objects.update(locked_until=timezone.now() - timedelta(seconds=1))
    assert due_runs(NOW) == [], "given up in this period"
    assert len(due_runs(NOW + HOUR)) == 1
    assert effects(organisation) == []


def test_a_run_whose_worker_died_is_taken_over(organisation, counting):
    period = counting.period(NOW)
    with system_scope(organisation.pk, job="test"):
        JobRun.objects.create(
            job="probe.count", organisation=organisation, period=period, locked_until=timezone.now() + HOUR
        )
    assert run(counting, organisation.pk, period) is False
    with system_scope(organisation.pk, job="test"):
        JobRun.objects.update(locked_until=timezone.now() - timedelta(seconds=1))
    assert run(counting, organisation.pk, period) is True
    assert state(organisation) == [("probe.count", RunState.DONE, 2, "")]


def test_a_job_of_the_installation_runs_once_for_all(organisation, other_organisation, own_jobs):
    calls = []
    schedule.periodic_once(every=HOUR, name="probe.once")(lambda: calls.append(1))
    job = own_jobs["probe.once"]
    assert due_runs(NOW) == [DueRun("probe.once", None, job.period(NOW))]
    assert [run(job, None, job.period(NOW)) for _n in range(2)] == [True, False]
    assert (calls, due_runs(NOW)) == ([1], [])
    with system_scope(organisation.pk, job="test"):
        assert JobRun.objects.filter(organisation=None).exists()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT set_config('app.actor', '', true)")
        assert not JobRun.objects.exists()


def test_a_tick_gives_a_sign_of_life_and_sends_what_is_due(organisation, counting, monkeypatch):
    sent = []
    monkeypatch.setattr(tasks.run_job, "apply_async", lambda args, expires: sent.append(args))
    tasks.tick()
    assert Heartbeat.objects.filter(name="worker").exists()
    ((name, organisation_id, period),) = sent
    tasks.run_job(name, organisation_id, period)
    tasks.run_job(name, organisation_id, period)
    assert effects(organisation) == ["job:probe.count"]
    tasks.run_job("gone", None, period)


def test_names_are_taken_once(own_jobs):
    schedule.periodic(every=HOUR, name="x")(print)
    with pytest.raises(ValueError, match="taken"):
        schedule.periodic_once(every=HOUR, name="x")(print)


def test_the_real_jobs_run(organisation):
    Session.objects.create(session_key="old", expire_date=timezone.now() - HOUR)
    Session.objects.create(session_key="new", expire_date=timezone.now() + HOUR)
    assert {job.name for job in schedule.all_jobs()} >= {
        "jobs.erase_trash",
        "jobs.trim_deliveries",
        "jobs.clear_sessions",
    }
    for due in due_runs(timezone.now()):
        assert run(schedule.job_named(due.job), due.organisation_id, due.period), due
    assert list(Session.objects.values_list("session_key", flat=True)) == ["new"]


def test_the_trash_is_erased_after_thirty_days_in_the_order_of_names(organisation, monkeypatch):
    monkeypatch.setattr(registry, "_erasers", {})
    calls = []
    registry.trash_eraser("b")(lambda scope, before: calls.append(("b", scope.now - before)) or 1)
    registry.trash_eraser("a")(lambda scope, before: calls.append(("a", scope.now - before)) or 0)
    with pytest.raises(ValueError, match="taken"):
        registry.trash_eraser("a")(print)
    job = schedule.job_named("jobs.erase_trash")
    run(job, organisation.pk, job.period(NOW))
    assert calls == [("a", timedelta(days=30)), ("b", timedelta(days=30))]
