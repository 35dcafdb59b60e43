"""Running what is due: one row per job, organisation and period says who runs it and what came of it.

The row is claimed by `INSERT … ON CONFLICT`, so two beats, or a message that comes twice, are harmless. A run whose worker
died is claimed again when its lease is over; a failed one after a pause, five times in a period.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import structlog
from django.db import connection, transaction
from django.db.models.functions import Now

from crm.core.access import activate, system_scope_for
from jobs.choices import RunState
from jobs.models import JobRun
from jobs.schedule import PeriodicJob, all_jobs

log = structlog.get_logger(__name__)

LEASE: Final = 660  # seconds, a little more than a task may take
PAUSE: Final = 300  # seconds after a failure
ATTEMPTS: Final = 5  # in one period

_CLAIM: Final = """
INSERT INTO jobs_jobrun (job, organisation_id, period, state, attempts, started_at, locked_until, error)
VALUES (%(job)s, %(organisation)s, %(period)s, 'RUNNING', 1, now(), now() + %(lease)s * interval '1 second', '')
ON CONFLICT (job, organisation_id, period) DO UPDATE
   SET state = 'RUNNING', attempts = jobs_jobrun.attempts + 1, started_at = now(), locked_until = excluded.locked_until
 WHERE jobs_jobrun.state <> 'DONE' AND jobs_jobrun.locked_until <= now() AND jobs_jobrun.attempts < %(attempts)s
RETURNING id, (SELECT o.zone FROM organisation_organisation o WHERE o.id = jobs_jobrun.organisation_id)
"""
_FAILED: Final = """
UPDATE jobs_jobrun SET state = 'FAILED', error = %(error)s, finished_at = now(),
       locked_until = now() + %(pause)s * interval '1 second' WHERE id = %(id)s
"""
_OPEN: Final = """
SELECT NOT EXISTS (SELECT 1 FROM jobs_jobrun WHERE job = %(job)s AND period = %(period)s
                      AND organisation_id IS NOT DISTINCT FROM %(organisation)s::bigint
                      AND (state = 'DONE' OR locked_until > now() OR attempts >= %(attempts)s))
"""


@dataclass(frozen=True, slots=True)
class DueRun:
    """A job that has not run in its present period."""

    job: str
    organisation_id: int | None
    period: datetime


def organisations() -> list[int]:
    """The ids of all organisations; readable without a scope."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT organisation_ids()")
        return [row[0] for row in cursor.fetchall()]


def due_runs(now: datetime) -> list[DueRun]:
    """What is to be started at `now`: not done in its period, not running, not failed too often."""
    found = []
    for organisation_id in [None, *organisations()]:
        with _runs_of(organisation_id), connection.cursor() as cursor:
            for job in all_jobs():
                if (job.for_installation is None) == (organisation_id is None):
                    continue
                due = DueRun(job.name, organisation_id, job.period(now))
                cursor.execute(
                    _OPEN,
                    {"job": job.name, "period": due.period, "organisation": organisation_id, "attempts": ATTEMPTS},
                )
                if cursor.fetchone()[0]:
                    found.append(due)
    return found


def run(job: PeriodicJob, organisation_id: int | None, period: datetime) -> bool:
    """Run `job` for that organisation and period, unless it is done or somebody is at it; whether it ran to its end.

    The job's writes and the mark that it is done are one transaction.
    """
    with _runs_of(organisation_id), connection.cursor() as cursor:
        values = {"job": job.name, "organisation": organisation_id, "period": period}
        cursor.execute(_CLAIM, {**values, "lease": LEASE, "attempts": ATTEMPTS})
        row = cursor.fetchone()
    if row is None:
        return False
    try:
        _call(job, organisation_id, *row)
    except Exception as error:  # noqa: BLE001 - whatever a job raises is noted and tried again
        # The kind alone: a message may hold a person's data.
        log.error("job failed", job=job.name, organisation=organisation_id, error=type(error).__name__)
        with _runs_of(organisation_id), connection.cursor() as cursor:
            cursor.execute(_FAILED, {"id": row[0], "error": type(error).__name__[:80], "pause": PAUSE})
        return False
    return True


def _call(job: PeriodicJob, organisation_id: int | None, run_id: int, zone: str | None) -> None:
    if job.for_installation is not None:
        job.for_installation()
        with _runs_of(None):
            _mark_done(run_id)
        return
    if job.for_organisation is None or organisation_id is None or zone is None:
        raise ValueError(f"{job.name} runs per organisation.")
    scope = system_scope_for(organisation_id, job=job.name, zone=zone)
    with transaction.atomic(), activate(scope):
        try:
            job.for_organisation(scope)
        except Exception:
            transaction.set_rollback(True)
            raise
        _mark_done(run_id)


def _mark_done(run_id: int) -> None:
    JobRun.objects.filter(pk=run_id).update(state=RunState.DONE, finished_at=Now(), error="")


@contextlib.contextmanager
def _runs_of(organisation_id: int | None) -> Iterator[None]:
    """A transaction that sees the runs of one organisation, or those of the installation."""
    with transaction.atomic():
        if organisation_id is not None:
            with activate(system_scope_for(organisation_id, job="schedule")):
                yield
            return
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('app.actor', 'job:schedule', true)")
            yield
            cursor.execute("SELECT set_config('app.actor', '', true)")
