"""Periodic jobs: a run by hand."""

from __future__ import annotations

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from crm.core.access import Scope
from crm.core.errors import Conflict, NotFound
from jobs.choices import RunState
from jobs.events import JobAsked
from jobs.models import JobRun
from jobs.schedule import job_named
from outbox.services import publish


@transaction.atomic
def run_now(*, scope: Scope, job: str) -> JobRun:
    """Ask for a run beside the schedule, a run of its own; it begins once no other run of the job goes on.

    Raises Forbidden, NotFound (unknown, or a job of the whole installation), Conflict (one is waiting already).
    """
    scope.require("jobs.manage")
    found = job_named(job)
    if found is None or found.for_organisation is None:
        raise NotFound(_("Not found."))
    try:
        with transaction.atomic():
            run = JobRun.objects.create(
                job=job,
                organisation_id=scope.organisation_id,
                period=scope.now,
                state=RunState.QUEUED,
                attempts=0,
                locked_until=scope.now,
                by_hand=True,
                asked_by_id=scope.user_id,
            )
    except IntegrityError:
        raise Conflict(_("A run of this job is waiting already.")) from None
    publish(JobAsked(run_id=run.pk, job=job, period=run.period.isoformat()))
    return run
