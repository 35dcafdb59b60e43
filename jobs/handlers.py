"""What jobs do when something happened: a worker is told at once of what the next tick would find."""

from __future__ import annotations

from functools import partial

from django.db import transaction

from crm.core.access import Scope
from jobs.events import JobAsked, JobMissed, TaskQueued
from jobs.notices import MISSED
from jobs.tasks import run_job, work_on
from messaging.audience import people_of
from messaging.services import notify
from organisation.choices import Role
from outbox.models import Event
from outbox.registry import handler


@handler(JobAsked.type, name="jobs.start_run")
def start_run(event: Event, scope: Scope) -> None:
    """A run by hand begins."""
    arguments = (str(event.data["job"]), scope.organisation_id, str(event.data["period"]))
    transaction.on_commit(partial(run_job.apply_async, args=arguments), robust=True)


@handler(TaskQueued.type, name="jobs.start_task")
def start_task(event: Event, scope: Scope) -> None:
    """A long task begins."""
    arguments = (scope.organisation_id, event.subject_id)
    transaction.on_commit(partial(work_on.apply_async, args=arguments), robust=True)


@handler(JobMissed.type, name="jobs.tell_missed")
def tell_missed(event: Event, scope: Scope) -> None:
    """Administrators hear that the schedule stood still."""
    subject = (event.subject_type, event.subject_id)
    users = people_of(scope, Role.ADMINISTRATOR)
    notify(scope=scope, kind=MISSED, users=users, subject=subject, parameters=event.data)
