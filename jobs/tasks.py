"""What beat and workers do for the schedule."""

from __future__ import annotations

from datetime import datetime

import structlog
from celery import shared_task
from django.utils import timezone

from jobs.running import due_runs, run
from jobs.schedule import job_named
from outbox.services import beat

log = structlog.get_logger(__name__)


@shared_task(name="jobs.tasks.tick")
def tick() -> None:
    """Every 30 seconds: a sign of life of beat, Redis and worker together, then a message for each run that is due."""
    beat("worker")
    for due in due_runs(timezone.now()):
        run_job.apply_async(args=(due.job, due.organisation_id, due.period.isoformat()), expires=600)


@shared_task(name="jobs.tasks.run_job")
def run_job(name: str, organisation_id: int | None, period: str) -> None:
    """Run one job for one organisation and period. A second message for the same changes nothing."""
    job = job_named(name)
    if job is None:
        log.warning("unknown job left out", job=name)
        return
    run(job, organisation_id, datetime.fromisoformat(period))
