"""A run by hand: one of its own, never beside another one of the same job and organisation."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from crm.core.access import activate, system_scope
from crm.core.errors import Conflict, Forbidden, NotFound
from jobs import handlers, schedule, tasks
from jobs.choices import RunState
from jobs.models import JobRun
from jobs.running import DueRun, due_runs, run
from jobs.services import run_now
from outbox.models import Event
from tests.conftest import scope_of

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


@pytest.fixture
def probe(monkeypatch):
    """A job whose runs are counted."""
    monkeypatch.setattr(schedule, "_jobs", {})
    calls = []
    schedule.periodic(every=HOUR, label="Probe", description="For tests.", name="probe")(
        lambda scope: calls.append(scope.organisation_id)
    )
    schedule.periodic_once(every=HOUR, label="All", description="For tests.", name="all")(lambda: None)
    return calls


@pytest.fixture
def manager(people):
    """A manager's scope, active."""
    with transaction.atomic():
        scope = scope_of(people("MANAGER"))
        with activate(scope):
            yield scope


def test_a_run_by_hand_is_one_of_its_own(organisation, manager, probe):
    job, now = schedule.job_named("probe"), timezone.now()
    assert run(job, organisation.pk, job.period(now))
    asked = run_now(scope=manager, job="probe")
    assert (asked.state, asked.by_hand, asked.asked_by_id) == (RunState.QUEUED, True, manager.user_id)
    assert DueRun("probe", organisation.pk, asked.period) in due_runs(now)
    assert run(job, organisation.pk, asked.period)
    assert probe == [organisation.pk] * 2
    assert not run(job, organisation.pk, asked.period), "the message comes twice"
    asked.refresh_from_db()
    assert (asked.state, asked.attempts, asked.missed) == (RunState.DONE, 1, 0)
    assert [due for due in due_runs(now) if due.job == "probe"] == []


def test_one_that_had_to_wait_is_no_missed_one(organisation, manager, probe):
    """The alarm is the schedule's: a run by hand beside a schedule that stood still, begun late, raises none."""
    job, now = schedule.job_named("probe"), timezone.now()
    assert run(job, organisation.pk, job.period(now) - 5 * HOUR)
    asked = run_now(scope=manager, job="probe")
    JobRun.objects.filter(pk=asked.pk).update(period=now - HOUR)
    assert run(job, organisation.pk, now - HOUR)
    assert not Event.objects.filter(type="job.missed").exists()


def test_twice_is_one_run(organisation, manager, probe):
    run_now(scope=manager, job="probe")
    with pytest.raises(Conflict):
        run_now(scope=manager, job="probe")
    assert JobRun.objects.filter(by_hand=True).count() == 1


def test_it_waits_for_the_run_that_goes_on(organisation, manager, probe):
    now = timezone.now()
    going_on = JobRun.objects.create(
        job="probe", organisation=organisation, period=now - HOUR, locked_until=now + HOUR, started_at=now
    )
    asked = run_now(scope=manager, job="probe")
    assert [due for due in due_runs(now) if due.job == "probe"] == []
    assert run(schedule.job_named("probe"), organisation.pk, asked.period) is False
    JobRun.objects.filter(pk=going_on.pk).update(state=RunState.DONE)
    assert run(schedule.job_named("probe"), organisation.pk, asked.period) is True


def test_a_run_by_hand_tells_a_worker_at_once(
    organisation, manager, probe, monkeypatch, django_capture_on_commit_callbacks
):
    sent = []

    def send(args):
        sent.append(args)

    monkeypatch.setattr(tasks.run_job, "apply_async", send)
    asked = run_now(scope=manager, job="probe")
    event = Event.objects.get(type="job.asked")
    with django_capture_on_commit_callbacks(execute=True):
        handlers.start_run(event, manager)
    ((name, organisation_id, period),) = sent
    tasks.run_job(name, organisation_id, period)
    assert (name, organisation_id, probe) == ("probe", organisation.pk, [organisation.pk])
    asked.refresh_from_db()
    assert asked.state == RunState.DONE


@pytest.mark.parametrize("name", ["nothing", "all"])
def test_unknown_jobs_and_those_of_the_installation_are_not_there(manager, probe, name):
    with pytest.raises(NotFound):
        run_now(scope=manager, job=name)


@pytest.mark.parametrize("role", ["REP", "TEAM_LEAD", "CHAIN_MANAGER", "DPO", "AUDITOR"])
def test_who_does_not_manage_jobs_is_refused(people, probe, role):
    with transaction.atomic():
        scope = scope_of(people(role))
        with activate(scope), pytest.raises(Forbidden):
            run_now(scope=scope, job="probe")


def test_another_organisation_sees_and_starts_nothing_of_it(organisation, other_organisation, manager, probe):
    asked = run_now(scope=manager, job="probe")
    with system_scope(other_organisation.pk, job="test") as foreign:
        assert not JobRun.objects.filter(pk=asked.pk).exists()
        assert not JobRun.objects.visible_to(foreign).filter(pk=asked.pk).exists()
        run_now(scope=foreign, job="probe")
    assert run(schedule.job_named("probe"), organisation.pk, asked.period)
    assert probe == [organisation.pk]
