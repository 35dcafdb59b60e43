"""Doing long tasks: one transaction per batch, which holds the batch's rows and the place where the next begins.

A task is claimed for a short lease that each batch extends; while a batch goes on its transaction holds a lock beside, so
a batch may take longer than the lease. A worker that dies loses the batch it was at, no more: when the lease is over the
next one goes on from the place in the row. Claims without progress are counted, so that no batch kills workers for ever.
"""

from __future__ import annotations

import dataclasses
import time
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any, Final

import structlog
from django.db import connection, connections, transaction
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext as _

from crm.core.access import Scope, activate, system_scope_for
from crm.core.errors import DomainError, Forbidden
from jobs.choices import RunError, TaskState
from jobs.events import TaskEnded
from jobs.kinds import Batch, Step, TaskCancelled, TaskKind, kind_named
from jobs.models import LongTask
from organisation.access import person_signing_in, scope_for
from outbox.services import publish

log = structlog.get_logger(__name__)

LEASE: Final = 30  # seconds between two batches after which the worker counts as dead
STALLS: Final = 5  # claims without progress before it is given up
PAUSE: Final = 30  # seconds after an error
TURN: Final = 240.0  # seconds that a worker stays with one task before others get their turn

_LOCK: Final = "SELECT pg_try_advisory_xact_lock(hashtextextended('jobs.longtask', %s))"
_CLAIM: Final = """
UPDATE jobs_longtask SET state = 'RUNNING', attempts = attempts + 1, stalls = stalls + 1, told = 0,
       started_at = coalesce(started_at, now()), locked_until = clock_timestamp() + %(lease)s * interval '1 second'
 WHERE id = %(id)s AND state IN ('QUEUED', 'RUNNING') AND locked_until <= clock_timestamp() RETURNING attempts, stalls
"""
_DUE: Final = """
SELECT id FROM jobs_longtask WHERE organisation_id = %s AND state IN ('QUEUED', 'RUNNING')
   AND locked_until <= clock_timestamp() ORDER BY id
"""
_TELL: Final = """
SELECT set_config('app.organisation', %(organisation)s, true), set_config('app.owners', '*', true);
UPDATE jobs_longtask SET told = %(done)s, total = %(total)s, progress_at = clock_timestamp()
 WHERE id = %(id)s AND attempts = %(attempt)s
"""


class KindUnknown(LookupError):
    """This release has no task of that kind."""


@dataclass(slots=True)
class Teller:
    """Shows the progress of a batch before it is committed, over a connection of its own."""

    organisation_id: int
    task_id: int
    attempt: int
    side: Any = field(default=None)

    def __call__(self, done: int, total: int) -> None:
        """Show how far the batch is. Raises TaskCancelled where its end was asked for."""
        if self.side is None:
            self.side = connections.create_connection("default")
        with self.side.cursor() as cursor:
            cursor.execute(
                _TELL,
                {
                    "organisation": str(self.organisation_id),
                    "id": self.task_id,
                    "attempt": self.attempt,
                    "done": done,
                    "total": total,
                },
            )
        with connection.cursor() as cursor:
            cursor.execute("SELECT cancel_asked_at FROM jobs_longtask WHERE id = %s", [self.task_id])
            row = cursor.fetchone()
        if row is not None and row[0] is not None:
            raise TaskCancelled

    def close(self) -> None:
        """Give the connection back."""
        if self.side is not None:
            self.side.close()


def due_tasks(organisation_id: int) -> list[int]:
    """The ids of the organisation's tasks that wait for a worker, or whose worker has died."""
    with transaction.atomic(), activate(_system(organisation_id)), connection.cursor() as cursor:
        cursor.execute(_DUE, [organisation_id])
        return [row[0] for row in cursor.fetchall()]


class Outcome(StrEnum):
    """How a worker leaves a task: OVER, to be gone on with (MORE), or another worker's or broken for now (AWAY)."""

    OVER = "OVER"
    MORE = "MORE"
    AWAY = "AWAY"


def work(organisation_id: int, task_id: int) -> Outcome:
    """Do the task batch by batch, until it is over, this worker's turn is, or another worker has it."""
    attempt = _claim(organisation_id, task_id)
    if attempt is None:
        return Outcome.AWAY
    teller = Teller(organisation_id, task_id, attempt)
    end = time.monotonic() + TURN
    try:
        while (step := _batch(organisation_id, teller)) is not None:
            if step.finished:
                return Outcome.OVER
            if time.monotonic() >= end:
                _let_go(organisation_id, teller)
                return Outcome.MORE
            time.sleep(step.wait)
    except TaskCancelled:
        with transaction.atomic(), activate(_system(organisation_id)):
            _end(_own(teller).select_for_update(of=("self",)).first(), TaskState.CANCELLED)
        return Outcome.OVER
    except Exception as error:  # noqa: BLE001 - whatever a step raises is noted, and tried again or given up
        return _note_failure(organisation_id, teller, error)
    finally:
        teller.close()
    return Outcome.AWAY


def _claim(organisation_id: int, task_id: int) -> int | None:
    with transaction.atomic(), activate(_system(organisation_id)), connection.cursor() as cursor:
        cursor.execute(_LOCK, [task_id])
        if not cursor.fetchone()[0]:
            return None
        cursor.execute(_CLAIM, {"id": task_id, "lease": LEASE})
        row = cursor.fetchone()
        if row is None:
            return None
        attempt, stalls = row
        if stalls > STALLS:
            _end(LongTask.objects.get(pk=task_id), TaskState.FAILED, RunError.WORKER_LOST)
            return None
        return int(attempt)


def _own(teller: Teller) -> Any:
    return LongTask.objects.filter(pk=teller.task_id, attempts=teller.attempt, state=TaskState.RUNNING)


def _batch(organisation_id: int, teller: Teller) -> Step | None:
    """One batch, committed with its place; None where the task is not this worker's any more."""
    begun = time.monotonic()
    with transaction.atomic(), activate(_system(organisation_id)):
        with connection.cursor() as cursor:
            cursor.execute(_LOCK, [teller.task_id])
            is_free = cursor.fetchone()[0]
        task = _own(teller).first() if is_free else None
        if task is None:
            return None
        if task.cancel_asked_at is not None:
            raise TaskCancelled
        kind = kind_named(task.kind)
        if kind is None:
            raise KindUnknown(task.kind)
        step = _step(task, kind, teller)
        values: dict[str, Any] = {
            "cursor": step.cursor,
            "done": task.done + step.done,
            "told": 0,
            "refused": task.refused + step.refused,
            "result": task.result | dict(step.result),
            "spent_ms": task.spent_ms + round((time.monotonic() - begun) * 1000),
            "progress_at": timezone.now(),
            "locked_until": timezone.now() + timedelta(seconds=LEASE),
            "stalls": 0,
            "error": "",
        }
        if step.total is not None:
            values["total"] = step.total
        _own(teller).update(**values)
        if step.finished:
            _end(_own(teller).get(), TaskState.DONE)
    return step


def _step(task: LongTask, kind: TaskKind, teller: Teller) -> Step:
    scope = _scope_of(task, kind)
    if kind.right:
        scope.require(kind.right)
    batch = Batch(
        task_id=task.pk,
        parameters=task.parameters,
        change_set_id=task.change_set_id,
        cursor=task.cursor,
        result=task.result,
        tell=teller,
    )
    with activate(scope):
        try:
            return kind.step(scope, batch)
        except Exception:
            transaction.set_rollback(True)
            raise


def _scope_of(task: LongTask, kind: TaskKind) -> Scope:
    """The maker's, with the rights he has today; the product's own where the kind says so or a job made it.

    Raises Forbidden for a maker who is gone: what he began is nobody else's to go on with.
    """
    if kind.as_system or not task.actor.startswith("user:"):
        scope = _system(task.organisation_id, job=f"task:{kind.key}")
        zone = LongTask.objects.filter(pk=task.pk).values_list("organisation__zone", flat=True).get()
        return dataclasses.replace(scope, zone=zone, request_id=task.request_id)
    person = None if task.user_id is None else person_signing_in(task.user_id)
    if person is None or not person.is_active:
        raise Forbidden(_("The account is not active."))
    return scope_for(person, source="job", request_id=task.request_id)


def _note_failure(organisation_id: int, teller: Teller, error: Exception) -> Outcome:
    """What a rule refused is over; what broke is tried again after a pause, a few times without progress."""
    kind = type(error).__name__[:80]
    is_final = isinstance(error, DomainError | KindUnknown)
    log.error("task failed", task=teller.task_id, organisation=organisation_id, error=kind, final=is_final)
    with transaction.atomic(), activate(_system(organisation_id)):
        task = _own(teller).select_for_update(of=("self",)).first()
        if task is None:
            return Outcome.AWAY
        if is_final or task.stalls >= STALLS:
            _end(task, TaskState.FAILED, kind)
            return Outcome.OVER
        _own(teller).update(error=kind, told=0, locked_until=timezone.now() + timedelta(seconds=PAUSE))
    return Outcome.AWAY


def _let_go(organisation_id: int, teller: Teller) -> None:
    """The turn is over: whoever comes next may go on at once."""
    with transaction.atomic(), activate(_system(organisation_id)):
        _own(teller).update(locked_until=timezone.now())


def _end(task: LongTask | None, state: TaskState, error: str = "") -> None:
    if task is None:
        return
    LongTask.objects.filter(pk=task.pk).update(
        state=state, error=error, told=0, finished_at=Now(), cancel_asked_at=None
    )
    ended = TaskEnded(
        task_id=task.pk, kind=task.kind, user_id=task.user_id, state=state, done=task.done, refused=task.refused
    )
    publish(ended)


def _system(organisation_id: int, job: str = "tasks") -> Scope:
    return system_scope_for(organisation_id, job=job)
