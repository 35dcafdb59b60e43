"""What a worker does with a delivery: run its handler and mark it done in one transaction, oldest of a subject first.

Three short steps: a claim that counts the attempt (so that a handler that kills its worker is not tried for ever), the
handler's transaction, and where that failed the note when to try again. A worker killed between them leaves the
delivery waiting; the relay hands it over again.
"""

from __future__ import annotations

import dataclasses
import time
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import structlog
from django.db import connection, transaction
from django.db.models.functions import Now

from crm.core.access import Scope, activate, system_scope_for
from outbox.choices import DeliveryState
from outbox.locks import locked
from outbox.metrics import ATTEMPTS
from outbox.models import Delivery
from outbox.registry import Handler, handler_named

log = structlog.get_logger(__name__)

RETRY_AFTER: Final = (5, 30, 120, 600, 3_600, 4 * 3_600, 24 * 3_600)  # seconds; after one more failure it is given up
LEASE: Final = 10  # seconds between the claim and the handler's transaction, whose row lock takes over from there
TURN: Final = 20.0  # seconds that a worker stays with one subject before others get their turn

# Losing a count of attempts in a crash costs nothing, so the claim does not wait for the disk.
_CLAIM: Final = """
SET LOCAL synchronous_commit TO off;
WITH oldest AS (SELECT id FROM outbox_delivery
                 WHERE state = 'WAITING' AND handler = %(handler)s AND subject_type = %(subject_type)s
                   AND subject_id = %(subject_id)s
                 ORDER BY position LIMIT 1),
     free AS (SELECT d.id FROM outbox_delivery d JOIN oldest USING (id)
               WHERE d.state = 'WAITING' AND d.run_at <= now() AND (d.locked_until IS NULL OR d.locked_until <= now())
                 FOR UPDATE OF d SKIP LOCKED)
UPDATE outbox_delivery d SET attempts = d.attempts + 1, locked_until = now() + %(lease)s * interval '1 second'
  FROM free, outbox_event e WHERE d.id = free.id AND e.id = d.event_id
RETURNING d.id, d.attempts, e.event_id::text, e.request_id
"""
_RETRY: Final = """
UPDATE outbox_delivery SET error = %(error)s, locked_until = NULL, queued_until = NULL,
       state = CASE WHEN %(after)s::int IS NULL THEN 'DEAD' ELSE state END,
       run_at = now() + coalesce(%(after)s::int, 0) * interval '1 second'
 WHERE id = %(id)s AND state = 'WAITING'
"""


class HandlerUnknown(LookupError):
    """This release has no handler of that name."""


class WorkerLost(RuntimeError):
    """The handler took its worker with it, again and again."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A delivery that this worker may try now, for the so-manieth time."""

    delivery_id: int
    attempt: int
    cause: str
    request_id: str


def deliver_from(organisation_id: int, delivery_id: int) -> int:
    """Deliver what is due of the same handler and subject as this delivery, oldest first; how many attempts were made.

    Nothing to do (done already, another worker is at it, not due) is no error.
    """
    scope = system_scope_for(organisation_id, job="delivery")
    names = ("handler", "subject_type", "subject_id", "organisation__zone")
    with transaction.atomic(), activate(scope):
        values = Delivery.objects.filter(pk=delivery_id).values(*names).first()
    if values is None:
        return 0
    scope = dataclasses.replace(scope, zone=values["organisation__zone"])
    end, attempts = time.monotonic() + TURN, 0
    while time.monotonic() < end and (claim := _claim(scope, values)) is not None:
        attempts += 1
        _attempt(scope, values["handler"], claim)
    return attempts


def _claim(scope: Scope, values: Mapping[str, Any]) -> Claim | None:
    with transaction.atomic(), activate(scope), connection.cursor() as cursor:
        cursor.execute(_CLAIM, {**values, "lease": LEASE})
        cursor.nextset()  # the first is SET's
        row = cursor.fetchone()
    return Claim(*row) if row else None


def _attempt(scope: Scope, name: str, claim: Claim) -> None:
    # What a worker logs leads back to the request that published the event.
    with structlog.contextvars.bound_contextvars(organisation=scope.organisation_id, request_id=claim.request_id):
        try:
            if claim.attempt > len(RETRY_AFTER) + 1:
                raise WorkerLost
            handler = handler_named(name)
            if handler is None:
                raise HandlerUnknown
            _run(scope, handler, claim)
            ATTEMPTS.labels(name, "done").inc()
        except Exception as error:  # noqa: BLE001 - whatever a handler raises is noted and tried again
            ATTEMPTS.labels(name, "failed").inc()
            _note_failure(scope, name, claim, error)


def _run(delivering: Scope, handler: Handler, claim: Claim) -> None:
    scope = system_scope_for(delivering.organisation_id, job=handler.name, zone=delivering.zone)
    scope = dataclasses.replace(scope, cause=claim.cause, request_id=claim.request_id)
    waiting = Delivery.objects.filter(pk=claim.delivery_id, state=DeliveryState.WAITING)
    with transaction.atomic(), activate(scope):
        rows = waiting.select_related("event")
        delivery = locked(rows)
        if delivery is None:
            return
        try:
            handler.call(delivery.event, scope)
        except Exception:
            transaction.set_rollback(True)
            raise
        waiting.update(state=DeliveryState.DONE, done_at=Now(), error="")


def _note_failure(scope: Scope, name: str, claim: Claim, error: Exception) -> None:
    kind = type(error).__name__
    left = claim.attempt <= len(RETRY_AFTER)
    # The kind and the place alone: a message may hold a person's data.
    log.error(
        "handler failed", handler=name, delivery=claim.delivery_id, attempt=claim.attempt, error=kind, at=_place(error)
    )
    with transaction.atomic(), activate(scope), connection.cursor() as cursor:
        after = RETRY_AFTER[claim.attempt - 1] if left else None
        cursor.execute(_RETRY, {"id": claim.delivery_id, "error": kind[:80], "after": after})


def _place(error: Exception) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    return f"{frames[-1].filename}:{frames[-1].lineno}" if frames else ""
