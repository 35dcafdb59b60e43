"""Running what is due: one row per job, organisation and period says who runs it and what came of it.

The row is claimed by `INSERT … ON CONFLICT`, so two beats, or a message that comes twice, are harmless; the database lets
one run of a job and organisation go on at a time. A run holds its row; who comes for it meanwhile goes at once. One whose
worker died is noted as failed when its lease is over; a failed one is tried again after a pause, five times in a period.
Of several periods that passed, the last alone is run.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import structlog
from django.db import IntegrityError, OperationalError, connection, transaction
from django.db.models.functions import Now
from django.utils import timezone

from crm.core.access import activate, organisation_ids, system_scope_for
from jobs.choices import RunError, RunState
from jobs.events import JobFailed, JobMissed, RunEvent
from jobs.limits import TimeLimitReached, ended_after, limit_statements
from jobs.models import JobRun
from jobs.schedule import PeriodicJob, all_jobs
from outbox.services import publish

log = structlog.get_logger(__name__)

MARGIN: Final = 60  # seconds between a run's limit and the end of its lease
PAUSE: Final = 300  # seconds after a failure
ATTEMPTS: Final = 5  # in one period
HOME: Final = "UTC"  # the zone of what is done for the whole installation

_CLAIM: Final = """
INSERT INTO jobs_jobrun (job, organisation_id, period, state, attempts, started_at, locked_until, error, missed)
VALUES (%(job)s, %(organisation)s, %(period)s, 'RUNNING', 1, now(), now() + %(lease)s * interval '1 second', '', %(missed)s)
ON CONFLICT (job, organisation_id, period) DO UPDATE
   SET state = 'RUNNING', attempts = jobs_jobrun.attempts + 1, started_at = now(), finished_at = NULL, error = '',
       locked_until = excluded.locked_until
 WHERE (jobs_jobrun.state = 'QUEUED' OR (jobs_jobrun.state = 'FAILED' AND jobs_jobrun.locked_until <= now()))
   AND jobs_jobrun.attempts < %(attempts)s
RETURNING id, attempts, by_hand
"""
# A run under way holds its row, and another claim of it would wait for its end: a worker that does nothing.
_GOES_ON: Final = """
SELECT 1 FROM jobs_jobrun WHERE job = %(job)s AND organisation_id IS NOT DISTINCT FROM %(organisation)s::bigint
   AND state = 'RUNNING'
"""
# SKIP LOCKED: a run that is still at it holds its row, however late it is.
_LOST: Final = """
UPDATE jobs_jobrun SET state = 'FAILED', error = %(error)s, finished_at = now()
 WHERE id IN (SELECT id FROM jobs_jobrun WHERE state = 'RUNNING' AND locked_until <= now()
                 AND organisation_id IS NOT DISTINCT FROM %(organisation)s::bigint FOR UPDATE SKIP LOCKED)
RETURNING id, job, attempts
"""
_FAILED: Final = """
UPDATE jobs_jobrun SET state = 'FAILED', error = %(error)s, finished_at = now(),
       locked_until = now() + %(pause)s * interval '1 second'
 WHERE id = %(id)s AND state = 'RUNNING' AND attempts = %(attempt)s RETURNING id
"""
# Due is what is neither done nor given up in its period, and what was asked for by hand; not while the job runs.
_DUE: Final = """
SELECT w.job, w.period FROM unnest(%(jobs)s::text[], %(periods)s::timestamptz[]) AS w (job, period)
 WHERE NOT EXISTS (SELECT 1 FROM jobs_jobrun r WHERE r.job = w.job AND r.period = w.period
                      AND r.organisation_id IS NOT DISTINCT FROM %(organisation)s::bigint
                      AND (r.state = 'DONE' OR r.locked_until > now() OR r.attempts >= %(attempts)s))
   AND NOT EXISTS (SELECT 1 FROM jobs_jobrun r WHERE r.job = w.job AND r.state = 'RUNNING' AND r.locked_until > now()
                      AND r.organisation_id IS NOT DISTINCT FROM %(organisation)s::bigint)
UNION ALL
SELECT q.job, q.period FROM jobs_jobrun q WHERE q.state = 'QUEUED' AND q.job = ANY(%(jobs)s::text[])
   AND q.organisation_id IS NOT DISTINCT FROM %(organisation)s::bigint
   AND NOT EXISTS (SELECT 1 FROM jobs_jobrun r WHERE r.job = q.job AND r.state = 'RUNNING' AND r.locked_until > now()
                      AND r.organisation_id IS NOT DISTINCT FROM %(organisation)s::bigint)
"""
_AS_INSTALLATION: Final = "SELECT set_config('app.actor', 'job:schedule', true)"
_LAST: Final = """
SELECT max(period) FROM jobs_jobrun WHERE job = %(job)s AND organisation_id IS NOT DISTINCT FROM %(organisation)s::bigint
   AND NOT by_hand
"""


@dataclass(frozen=True, slots=True)
class DueRun:
    """A job that has not run in its present period, or was asked for."""

    job: str
    organisation_id: int | None
    period: datetime


@dataclass(frozen=True, slots=True)
class Claim:
    """A run that is this worker's: its row, and the so-manieth attempt."""

    run_id: int
    attempt: int
    zone: str


def due_runs(now: datetime) -> list[DueRun]:
    """What is to be started at `now`: not done in its period, not running, not failed too often; and what was asked for."""
    found = []
    for organisation_id in [None, *organisation_ids()]:
        jobs = [job for job in all_jobs() if (job.for_organisation is None) == (organisation_id is None)]
        with _runs_of(organisation_id), connection.cursor() as cursor:
            _note_lost(organisation_id)
            zone = _zone_of(organisation_id)
            values: dict[str, Any] = {"organisation": organisation_id, "attempts": ATTEMPTS}
            values |= {"jobs": [job.name for job in jobs], "periods": [job.period(now, zone) for job in jobs]}
            cursor.execute(_DUE, values)
            found += [DueRun(name, organisation_id, period) for name, period in cursor.fetchall()]
    return found


def run(job: PeriodicJob, organisation_id: int | None, period: datetime) -> bool:
    """Run `job` for that organisation and period, unless it is done or a run of it goes on; whether it ran to its end.

    The job's writes and the mark that it is done are one transaction. After the job's limit the run is ended and fails.
    """
    with _runs_of(organisation_id):
        claim = _claim(job, organisation_id, period)
    if claim is None:
        return False
    begun = time.monotonic()
    try:
        with ended_after(job.limit):
            return _call(job, organisation_id, claim)
    except (Exception, TimeLimitReached) as error:  # noqa: BLE001 - whatever a job raises is noted and tried again
        is_late = time.monotonic() - begun >= job.limit
        # The kind alone: a message may hold a person's data.
        kind = RunError.TIME_LIMIT if is_late else type(error).__name__[:80]
        log.error("job failed", job=job.name, organisation=organisation_id, error=kind)
        with _runs_of(organisation_id), connection.cursor() as cursor:
            values: dict[str, Any] = {"id": claim.run_id, "attempt": claim.attempt, "error": kind, "pause": PAUSE}
            cursor.execute(_FAILED, values)
            if cursor.fetchone():
                _tell_failure(organisation_id, claim.run_id, job.name, claim.attempt, kind)
        return False


def _claim(job: PeriodicJob, organisation_id: int | None, period: datetime) -> Claim | None:
    _note_lost(organisation_id)
    zone = _zone_of(organisation_id)
    values: dict[str, Any] = {"job": job.name, "organisation": organisation_id, "period": period}
    with connection.cursor() as cursor:
        cursor.execute(_GOES_ON, values)
        if cursor.fetchone():
            return None
        cursor.execute(_LAST, values)
        missed = job.missed(cursor.fetchone()[0], period, timezone.now(), zone)
        values |= {"lease": job.limit + MARGIN, "attempts": ATTEMPTS, "missed": missed}
        try:
            with transaction.atomic():
                cursor.execute("SET LOCAL lock_timeout = '1s'")
                cursor.execute(_CLAIM, values)
                row = cursor.fetchone()
                cursor.execute("SET LOCAL lock_timeout = 0")
        except (IntegrityError, OperationalError):
            return None  # another run of it goes on, or has begun this moment
    if row is None:
        return None
    run_id, attempt, is_by_hand = row
    if missed and attempt == 1 and not is_by_hand:
        log.warning("job missed", job=job.name, organisation=organisation_id, missed=missed)
        _tell(organisation_id, JobMissed(run_id=run_id, job=job.name, missed=missed))
    return Claim(run_id=run_id, attempt=attempt, zone=zone)


def _note_lost(organisation_id: int | None) -> None:
    """Runs whose lease is over while nobody holds their row have lost their worker."""
    with connection.cursor() as cursor:
        cursor.execute(_LOST, {"organisation": organisation_id, "error": RunError.WORKER_LOST})
        for run_id, name, attempt in cursor.fetchall():
            log.error("job lost its worker", job=name, organisation=organisation_id, attempt=attempt)
            _tell_failure(organisation_id, run_id, name, attempt, RunError.WORKER_LOST)


def _tell_failure(organisation_id: int | None, run_id: int, name: str, attempt: int, kind: str) -> None:
    failed = JobFailed(run_id=run_id, job=name, attempt=attempt, error=kind, given_up=attempt >= ATTEMPTS)
    _tell(organisation_id, failed)


def _tell(organisation_id: int | None, event: RunEvent) -> None:
    """An event is of one organisation: what concerns the whole installation is told in each."""
    if organisation_id is not None:
        publish(event)
        return
    for each in organisation_ids():
        with activate(system_scope_for(each, job="schedule")):
            publish(event)
    with connection.cursor() as cursor:
        cursor.execute(_AS_INSTALLATION)


def _call(job: PeriodicJob, organisation_id: int | None, claim: Claim) -> bool:
    if job.for_installation is not None:
        counts = job.for_installation()
        with _runs_of(None):
            _mark_done(claim, counts)
        return True
    if job.for_organisation is None or organisation_id is None:
        raise ValueError(f"{job.name} runs per organisation.")
    scope = system_scope_for(organisation_id, job=job.name, zone=claim.zone)
    with transaction.atomic(), activate(scope):
        # Held to the end, so that nobody takes the run for lost while it goes on.
        own = JobRun.objects.filter(pk=claim.run_id, state=RunState.RUNNING, attempts=claim.attempt)
        if own.select_for_update(of=("self",)).first() is None:
            return False
        limit_statements(job.limit)
        try:
            counts = job.for_organisation(scope)
        except (Exception, TimeLimitReached):
            transaction.set_rollback(True)
            raise
        _mark_done(claim, counts)
    return True


def _mark_done(claim: Claim, returned: object) -> None:
    counts = {str(name): int(value) for name, value in returned.items()} if isinstance(returned, Mapping) else {}
    own = JobRun.objects.filter(pk=claim.run_id, attempts=claim.attempt)
    own.update(state=RunState.DONE, finished_at=Now(), error="", counts=counts)


def _zone_of(organisation_id: int | None) -> str:
    if organisation_id is None:
        return HOME
    with connection.cursor() as cursor:
        cursor.execute("SELECT zone FROM organisation_organisation WHERE id = %s", [organisation_id])
        row = cursor.fetchone()
    return str(row[0]) if row else HOME


@contextlib.contextmanager
def _runs_of(organisation_id: int | None) -> Iterator[None]:
    """A transaction that sees the runs of one organisation, or those of the installation."""
    with transaction.atomic():
        if organisation_id is not None:
            with activate(system_scope_for(organisation_id, job="schedule")):
                yield
            return
        with connection.cursor() as cursor:
            cursor.execute(_AS_INSTALLATION)
            yield
            cursor.execute("SELECT set_config('app.actor', '', true)")
