"""Periodic jobs: once per period and organisation, however often they are started."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.contrib.sessions.models import Session
from django.db import connection, transaction
from django.utils import timezone, translation

from crm.core.access import current_scope, system_scope
from jobs import handlers, registry, schedule, tasks
from jobs.choices import RunState
from jobs.models import JobRun
from jobs.running import ATTEMPTS, DueRun, due_runs, run
from jobs.schedule import Daily, Every
from messaging.models import Notice
from messaging.registry import kind_named
from outbox.models import Event, Heartbeat
from tests.conftest import make_organisation
from tests.outbox.models import Effect

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 21, 14, 10, tzinfo=UTC)
HOUR = timedelta(hours=1)
TEXTS = {"label": "Probe", "description": "For tests."}


@pytest.fixture
def own_jobs(monkeypatch):
    """An empty schedule."""
    monkeypatch.setattr(schedule, "_jobs", {})
    return schedule._jobs


@pytest.fixture
def counting(own_jobs):
    """A job per organisation that leaves one row each time."""

    @schedule.periodic(every=HOUR, **TEXTS, name="probe.count")
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
    ("length", "period"),
    [
        (HOUR, datetime(2026, 11, 21, 14, tzinfo=UTC)),
        (timedelta(minutes=15), datetime(2026, 11, 21, 14, tzinfo=UTC)),
        (timedelta(days=1), datetime(2026, 11, 21, tzinfo=UTC)),
    ],
)
def test_periods_cover_the_line_without_gaps(length, period):
    plan = Every(length)
    for zone in ("UTC", "Europe/Berlin", "Asia/Kolkata"):
        assert plan.start(period, zone) == period
        assert plan.start(period + length - timedelta(microseconds=1), zone) == period
        assert plan.start(period + length, zone) == plan.next(period, zone) == period + length
    assert plan.start(NOW, "UTC") == period


@pytest.mark.parametrize(
    ("zone", "at", "first", "last", "lengths"),
    [
        # Berlin goes an hour forward on 29 March 2026 and back on 25 October: days of 23 and 25 hours, begun at 03:00.
        ("Europe/Berlin", time(3), datetime(2026, 3, 27, 2, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC), {23, 24}),
        ("Europe/Berlin", time(3), datetime(2026, 10, 23, 1, tzinfo=UTC), datetime(2026, 10, 28, tzinfo=UTC), {24, 25}),
        # 02:30 does not exist on 29 March, and comes twice on 25 October.
        (
            "Europe/Berlin",
            time(2, 30),
            datetime(2026, 3, 28, 1, 30, tzinfo=UTC),
            datetime(2026, 4, 1, tzinfo=UTC),
            {23, 24},
        ),
        (
            "Europe/Berlin",
            time(2, 30),
            datetime(2026, 10, 24, 0, 30, tzinfo=UTC),
            datetime(2026, 10, 28, tzinfo=UTC),
            {24, 25},
        ),
        (
            "America/New_York",
            time(3),
            datetime(2026, 10, 30, 7, tzinfo=UTC),
            datetime(2026, 11, 4, tzinfo=UTC),
            {24, 25},
        ),
        ("UTC", time(3), datetime(2026, 3, 27, 3, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC), {24}),
    ],
)
def test_daily_periods_begin_once_a_day_on_the_local_clock(zone, at, first, last, lengths):
    plan, moment = Daily(at), first
    begun, seen = [plan.start(moment, zone)], set()
    assert begun == [first]
    while moment < last:
        moment += timedelta(minutes=10)
        start = plan.start(moment, zone)
        assert start <= moment
        if start != begun[-1]:
            assert start == plan.next(begun[-1], zone)
            seen.add((start - begun[-1]) / HOUR)
            begun.append(start)
    local = [start.astimezone(ZoneInfo(zone)) for start in begun]
    assert len({start.date() for start in local}) == len(begun) == (local[-1].date() - local[0].date()).days + 1
    assert seen == lengths
    assert {start.time() for start in local} - {at} <= {time(3, 30)}  # where 02:30 does not exist


def test_a_daily_job_is_due_by_its_organisations_clock(organisation, own_jobs):
    @schedule.periodic(daily=time(3), **TEXTS, name="probe.daily")
    def daily(scope):
        pass

    far = make_organisation(zone="America/New_York")
    assert {due.organisation_id: due.period for due in due_runs(NOW)} == {
        organisation.pk: datetime(2026, 11, 21, 2, tzinfo=UTC),
        far.pk: datetime(2026, 11, 21, 8, tzinfo=UTC),
    }


def test_plans_in_words():
    plans = (Every(HOUR), Every(3 * HOUR), Every(timedelta(minutes=5)), Daily(time(3)))
    with translation.override("en"):
        assert [plan.words for plan in plans] == ["every hour", "every 3 hours", "every 5 minutes", "daily at 03:00"]


@pytest.mark.parametrize("wrong", [{}, {"every": HOUR, "daily": time(3)}, {"every": HOUR, "limit": 600}])
def test_a_wrong_plan_is_refused(own_jobs, wrong):
    with pytest.raises(ValueError, match=r"."):
        schedule.periodic(**TEXTS, **wrong, name="x")(print)
    assert own_jobs == {}


def test_missed_periods_are_run_once_and_told(organisation, counting):
    period = counting.period(NOW)
    assert run(counting, organisation.pk, period - 5 * HOUR)
    (due,) = due_runs(NOW)
    assert due.period == period, "the last period alone is made up"
    assert run(counting, organisation.pk, due.period)
    assert run(counting, organisation.pk, period + HOUR)
    assert len(effects(organisation)) == 3
    with system_scope(organisation.pk, job="test"):
        assert list(JobRun.objects.order_by("period").values_list("missed", flat=True))[:2] == [0, 4 + 1]
        told = list(Event.objects.filter(type="job.missed").order_by("id").values_list("data", flat=True))
        run_id = JobRun.objects.get(period=period).pk
        assert told[0] == {"run_id": run_id, "job": "probe.count", "missed": 5}


def test_administrators_hear_that_a_job_was_missed(organisation, people, counting):
    administrator, _manager = people("ADMINISTRATOR"), people("MANAGER")
    run(counting, organisation.pk, counting.period(NOW) - 5 * HOUR)
    run(counting, organisation.pk, counting.period(NOW))
    with system_scope(organisation.pk, job="test") as scope:
        handlers.tell_missed(Event.objects.get(type="job.missed"), scope)
        notice = Notice.objects.get()
        assert (notice.user_id, notice.kind) == (administrator.pk, "job.missed")
        assert "5" in kind_named(notice.kind).render(notice.parameters)[1]


def test_what_is_late_counts_as_missed_only_after_a_while():
    job = schedule.PeriodicJob(name="x", label="x", description="x", plan=Every(HOUR))
    period = datetime(2026, 11, 21, 14, tzinfo=UTC)
    assert job.missed(None, period, period + 2 * HOUR) == 0, "it never ran here"
    assert job.missed(period - HOUR, period, period + timedelta(minutes=15)) == 0
    assert job.missed(period - HOUR, period, period + timedelta(minutes=16)) == 1
    assert job.missed(period - 4 * HOUR, period, period) == 3
    daily = schedule.PeriodicJob(name="x", label="x", description="x", plan=Daily(time(3)))
    starts = [daily.period(datetime(2026, 3, day, 12, tzinfo=UTC), "Europe/Berlin") for day in (27, 30)]
    assert daily.missed(*starts, starts[1], "Europe/Berlin") == 2


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
    schedule.periodic(every=HOUR, **TEXTS, name="probe.zone")(
        lambda scope: zones.append((scope.zone, current_scope().zone))
    )
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
    @schedule.periodic(every=HOUR, **TEXTS, name="probe.fail")
    def fail(scope):
        Effect.objects.create(
            organisation_id=scope.organisation_id, handler="x", event_id="0" * 32, subject_id=1, number=1
        )
        assert JobRun.objects.get().error == ""
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
    with system_scope(organisation.pk, job="test"):
        told = list(Event.objects.filter(type="job.failed").order_by("id").values_list("data", flat=True))
    assert [(data["attempt"], data["error"], data["given_up"]) for data in told] == [
        (attempt, "LookupError", attempt == ATTEMPTS) for attempt in range(1, ATTEMPTS + 1)
    ]
    assert "Meier" not in str(told)
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
    with system_scope(organisation.pk, job="test"):
        assert Event.objects.get(type="job.failed").data["error"] == "WorkerLost"


def test_a_job_of_the_installation_runs_once_for_all(organisation, other_organisation, own_jobs):
    calls = []
    schedule.periodic_once(every=HOUR, **TEXTS, name="probe.once")(lambda: calls.append(1))
    job = own_jobs["probe.once"]
    assert due_runs(NOW) == [DueRun("probe.once", None, job.period(NOW))]
    assert [run(job, None, job.period(NOW)) for _n in range(2)] == [True, False]
    assert (calls, due_runs(NOW)) == ([1], [])
    with system_scope(organisation.pk, job="test"):
        assert JobRun.objects.filter(organisation=None).exists()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT set_config('app.actor', '', true)")
        assert not JobRun.objects.exists()


def test_what_goes_wrong_for_the_whole_installation_is_told_in_each_organisation(
    organisation, other_organisation, own_jobs
):
    @schedule.periodic_once(every=HOUR, **TEXTS, name="probe.once")
    def once():
        raise LookupError

    job, period = own_jobs["probe.once"], own_jobs["probe.once"].period(NOW)
    assert run(job, None, period - 5 * HOUR) is False
    assert run(job, None, period) is False
    for house in (organisation, other_organisation):
        with system_scope(house.pk, job="test"):
            told = Event.objects.filter(subject_type="job_run").order_by("id").values_list("type", flat=True)
            assert list(told) == ["job.failed", "job.missed", "job.failed"]


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
    schedule.periodic(every=HOUR, **TEXTS, name="x")(print)
    with pytest.raises(ValueError, match="taken"):
        schedule.periodic_once(every=HOUR, **TEXTS, name="x")(print)


def test_every_real_job_says_in_words_what_it_does():
    for job in schedule.all_jobs():
        assert str(job.label).strip(), job.name
        assert str(job.description).endswith("."), job.name
        assert job.plan.words


def test_figures_of_a_run_are_kept(organisation, own_jobs):
    schedule.periodic(every=HOUR, **TEXTS, name="probe.figures")(lambda scope: {"rows": 3})
    job = own_jobs["probe.figures"]
    assert run(job, organisation.pk, job.period(NOW))
    with system_scope(organisation.pk, job="test"):
        row = JobRun.objects.get()
        assert (row.counts, row.missed, row.by_hand) == ({"rows": 3}, 0, False)
        assert row.finished_at >= row.started_at


def test_two_runs_of_one_job_never_overlap(organisation, other_organisation, own_jobs):
    """While one goes on, neither another period's nor one by hand begins."""
    inner = []

    @schedule.periodic(every=HOUR, **TEXTS, name="probe.nested")
    def nested(scope):
        inner.append(run(job, organisation.pk, period + HOUR))
        inner.append(due_runs(NOW + HOUR) == [DueRun("probe.nested", other_organisation.pk, period + HOUR)])

    job = own_jobs["probe.nested"]
    period = job.period(NOW)
    assert run(job, organisation.pk, period)
    assert inner == [False, True]
    with system_scope(organisation.pk, job="test"):
        assert JobRun.objects.filter(organisation=organisation).count() == 1


def test_runs_are_forgotten_after_ninety_days_also_those_of_the_installation(organisation, other_organisation):
    days = timedelta(days=1)
    for owner, age in [(organisation, 91), (organisation, 89), (None, 91), (None, 89), (other_organisation, 91)]:
        with system_scope((owner or organisation).pk, job="test") as scope:
            period = scope.now - age * days
            JobRun.objects.create(job="x", organisation=owner, period=period, state="DONE", locked_until=period)
    job = schedule.job_named("jobs.trim_deliveries")
    assert run(job, organisation.pk, job.period(timezone.now()))
    with system_scope(organisation.pk, job="test") as scope:
        kept = JobRun.objects.filter(job="x").values_list("organisation", "period")
        assert {(owner, (scope.now - period).days) for owner, period in kept} == {(organisation.pk, 89), (None, 89)}
    with system_scope(other_organisation.pk, job="test"):
        assert JobRun.objects.filter(organisation=other_organisation).count() == 1


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
