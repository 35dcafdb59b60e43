"""What beat and workers do for the schedule and for long tasks."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import structlog
from celery import shared_task
from django.utils import timezone

from crm.core.access import organisation_ids
from jobs.running import due_runs, run
from jobs.schedule import LARGEST_LIMIT, job_named
from jobs.working import Outcome, due_tasks, work
from outbox.services import beat

log = structlog.get_logger(__name__)

LONGEST: Final = 4 * 3600  # seconds: an undo is one transaction, however much it writes back


@shared_task(name="jobs.tasks.tick")
def tick() -> None:
    """Every 30 seconds: a sign of life of beat, Redis and worker together, then a message for all that is due."""
    beat("worker")
    for due in due_runs(timezone.now()):
        run_job.apply_async(args=(due.job, due.organisation_id, due.period.isoformat()), expires=600)
    for organisation_id in organisation_ids():
        for task_id in due_tasks(organisation_id):
            work_on.apply_async(args=(organisation_id, task_id), expires=600)


@shared_task(name="jobs.tasks.run_job", time_limit=LARGEST_LIMIT + 30)
def run_job(name: str, organisation_id: int | None, period: str) -> None:
    """Run one job for one organisation and period. A second message for the same changes nothing."""
    job = job_named(name)
    if job is None:
        log.warning("unknown job left out", job=name)
        return
    run(job, organisation_id, datetime.fromisoformat(period))


@shared_task(name="jobs.tasks.work_on", time_limit=LONGEST)
def work_on(organisation_id: int, task_id: int) -> None:
    """Do a long task, or go on with it. A second message while a worker is at it changes nothing."""
    if work(organisation_id, task_id) is Outcome.MORE:
        work_on.apply_async(args=(organisation_id, task_id))
