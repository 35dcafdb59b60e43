"""What a worker does with what came in: take requests apart, then apply each event and mark it in one transaction.

Oldest first per connection and subject. As with deliveries (decision 5): a claim that counts the attempt, then the handler's
transaction, which ends only while the claim is still ours; a worker killed between them leaves an expired lease behind.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import structlog
from django.db import OperationalError, connection, transaction
from django.db.models.functions import Now
from django.utils import timezone

from crm.core.access import Scope, activate, system_scope_for
from outbox.applying import apply_event, message_of, parts_of
from outbox.choices import ConnectionState, InboxReason, InboxState
from outbox.events import InboxDead
from outbox.locks import locked
from outbox.models import Connection, ConnectionCheck, InboxEvent, InboxRequest
from outbox.providers import SUPERSEDED, Outcome, Part, Permanent, Provider, Temporary, provider_named
from outbox.services import publish
from outbox.services.intake import provider_scope
from outbox.wakeup import wake_relay

log = structlog.get_logger(__name__)

RETRY_AFTER: Final = (10, 60, 300, 1_800, 7_200, 21_600, 86_400)  # seconds; after one more failure it is given up
LEASE: Final = 120  # seconds that a claim holds
TURN: Final = 5.0  # seconds that a worker stays with one connection before others get their turn
WAIT_AGAIN: Final = timedelta(minutes=10)  # between two looks whether an event's object has come
WAIT_LONGEST: Final = timedelta(hours=24)
SPLIT_AT_ONCE: Final = 50

_CLAIM: Final = """
UPDATE outbox_inboxevent e SET state = 'RUNNING', attempts = e.attempts + 1,
       locked_until = statement_timestamp() + %(lease)s * interval '1 second'
 WHERE e.id = (SELECT d.id FROM outbox_inboxevent d
                WHERE d.connection_id = %(connection)s AND d.state IN ('NEW', 'RUNNING', 'WAITING', 'RETRY')
                  AND d.run_at <= statement_timestamp() AND (d.locked_until IS NULL OR d.locked_until <= statement_timestamp())
                  AND NOT EXISTS (SELECT 1 FROM outbox_inboxevent o
                                   WHERE o.connection_id = d.connection_id AND o.subject = d.subject AND o.id < d.id
                                     AND o.state IN ('NEW', 'RUNNING', 'RETRY') AND d.subject <> '')
                ORDER BY d.id LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING e.id, e.attempts
"""


@dataclass(frozen=True, slots=True)
class Claim:
    """An event that this worker may try now; `attempt` proves later that it is still ours."""

    event_id: int
    attempt: int


class WorkerLost(RuntimeError):
    """The handler took its worker with it, again and again."""


def take_in(organisation_id: int, connection_id: int) -> int:
    """Take apart and apply what is due of a connection; how many attempts were made. Nothing to do is no error."""
    row = _connection(organisation_id, connection_id)
    provider = provider_named(row.provider) if row is not None else None
    if row is None or provider is None:
        return 0
    scope = provider_scope(provider, organisation_id)
    scope = dataclasses.replace(scope, zone=row.organisation.zone)
    end, attempts = time.monotonic() + TURN, 0
    while time.monotonic() < end:
        split = split_requests(scope, provider, connection_id)
        claim = _claim(scope, connection_id)
        if claim is None:
            if split:
                continue
            break
        attempts += 1
        _attempt(scope, provider, claim)
    _give_back(scope, connection_id)
    return attempts


def split_requests(scope: Scope, provider: Provider, connection_id: int) -> int:
    """Make the events of requests that were not taken apart yet, oldest first; how many requests."""
    with transaction.atomic(), activate(dataclasses.replace(scope, now=timezone.now())):
        whole = InboxRequest.objects.visible_to(scope).filter(connection_id=connection_id, split_at=None)
        # Not skipping what another worker holds: the events' order is the requests' order.
        rows = list(whole.select_for_update(of=("self",)).order_by("pk")[:SPLIT_AT_ONCE])
        for request in rows:
            _split(scope, provider, request)
    return len(rows)


def _split(scope: Scope, provider: Provider, request: InboxRequest) -> None:
    parts: Sequence[Part] = []
    try:
        parts = parts_of(provider, message_of(request))
    except Permanent as refusal:
        _keep_unsplit(scope, request, refusal.reason, "")
    except Exception as broken:  # noqa: BLE001 - a message that a provider stumbles over must not hold all behind it
        log.error("inbox request cannot be taken apart", inbox_request=request.pk, error=type(broken).__name__)
        _keep_unsplit(scope, request, InboxReason.BUG, type(broken).__name__[:80])
    _make_events(scope, request, parts)


def _make_events(scope: Scope, request: InboxRequest, parts: Sequence[Part]) -> None:
    """Those of a request that are not there yet; others are counted as known before."""
    made = [
        InboxEvent(
            organisation_id=scope.organisation_id,
            request=request,
            connection_id=request.connection_id,
            n=n,
            external_key=part.external_key,
            type=part.type,
            subject=part.subject,
            occurred_at=part.occurred_at,
            received_at=request.received_at,
        )
        for n, part in enumerate(parts)
    ]
    own = InboxEvent.objects.visible_to(scope).filter(request=request)
    before = own.count()
    InboxEvent.objects.bulk_create(made, ignore_conflicts=True)
    known = len(parts) - (own.count() - before)
    InboxRequest.objects.visible_to(scope).filter(pk=request.pk).update(split_at=Now(), known_parts=known)


def _whole(request_id: int) -> str:
    """The key of the event that stands for a request which could not be taken apart."""
    return f"request:{request_id}"


def _keep_unsplit(scope: Scope, request: InboxRequest, reason: InboxReason, error: str) -> None:
    """One event that stands for the whole request, given up."""
    event = InboxEvent.objects.create(
        organisation_id=scope.organisation_id,
        request=request,
        connection_id=request.connection_id,
        n=0,
        external_key=_whole(request.pk),
        received_at=request.received_at,
        state=InboxState.DEAD,
        reason=reason,
        error=error,
        done_at=Now(),
    )
    _tell_dead(event)


def _connection(organisation_id: int, connection_id: int) -> Connection | None:
    """The connection, where it takes in now: DRAFT and PAUSED wait."""
    scope = system_scope_for(organisation_id, job="intake")
    with transaction.atomic(), activate(scope):
        rows = Connection.objects.visible_to(scope).present().select_related("organisation")
        return rows.filter(pk=connection_id, state__in=[ConnectionState.ACTIVE, ConnectionState.BROKEN]).first()


def _claim(scope: Scope, connection_id: int) -> Claim | None:
    with transaction.atomic(), activate(scope), connection.cursor() as cursor:
        cursor.execute(_CLAIM, {"connection": connection_id, "lease": LEASE})
        row = cursor.fetchone()
    return Claim(*row) if row else None


def _give_back(scope: Scope, connection_id: int) -> None:
    """The relay may hand the connection over again: for what came meanwhile, or was left when the turn ended."""
    with transaction.atomic(), activate(scope):
        ConnectionCheck.objects.visible_to(scope).filter(connection_id=connection_id).update(queued_until=None)
    wake_relay()


def _attempt(scope: Scope, provider: Provider, claim: Claim) -> None:
    scope = dataclasses.replace(scope, now=timezone.now(), cause=f"inbox:{claim.event_id}")
    try:
        if claim.attempt > len(RETRY_AFTER) + 1:
            raise WorkerLost
        _run(scope, provider, claim)
    except Exception as error:  # noqa: BLE001 - whatever a handler raises is noted and tried again
        _note_failure(scope, claim, error)


def _run(scope: Scope, provider: Provider, claim: Claim) -> None:
    with transaction.atomic(), activate(scope):
        event = _ours(scope, claim)
        if event is None:
            return
        try:
            if event.external_key == _whole(event.request_id):
                outcome = _take_apart_again(scope, provider, event.request)
            else:
                outcome = apply_event(provider, event, scope)
        except Exception:
            transaction.set_rollback(True)
            raise
        if outcome.state == InboxState.WAITING:
            _wait(scope, event, outcome)
            return
        _finish(scope, event, outcome.state, outcome.reason)
        if outcome.state == InboxState.DONE and event.subject:
            _wake_waiting(scope, event)


def _take_apart_again(scope: Scope, provider: Provider, request: InboxRequest) -> Outcome:
    """A replay of what nobody could read: where this release can, its parts take the place of the one for all."""
    _make_events(scope, request, parts_of(provider, message_of(request)))
    return SUPERSEDED


def _ours(scope: Scope, claim: Claim) -> InboxEvent | None:
    """The claimed event, locked; None where the lease ran out and somebody else has it."""
    rows = InboxEvent.objects.visible_to(scope).select_related("request", "connection")
    rows = rows.filter(pk=claim.event_id, state=InboxState.RUNNING, attempts=claim.attempt)
    return locked(rows)


def _finish(scope: Scope, event: InboxEvent, state: InboxState, reason: str, **more: Any) -> None:
    values: dict[str, Any] = {"done_at": Now(), "locked_until": None, "error": "", **more}
    InboxEvent.objects.visible_to(scope).filter(pk=event.pk).update(state=state, reason=reason, **values)


def _wait(scope: Scope, event: InboxEvent, outcome: Outcome) -> None:
    until = event.waits_until or scope.now + WAIT_LONGEST
    if scope.now >= until:
        _give_up(scope, event, str(outcome.reason), "")
        return
    InboxEvent.objects.visible_to(scope).filter(pk=event.pk).update(
        state=InboxState.WAITING,
        reason=outcome.reason,
        attempts=0,
        run_at=scope.now + WAIT_AGAIN,
        waits_until=until,
        locked_until=None,
        error="",
    )


def _wake_waiting(scope: Scope, event: InboxEvent) -> None:
    """What waited for this subject is looked at again, at once."""
    rows = InboxEvent.objects.visible_to(scope).filter(connection_id=event.connection_id, subject=event.subject)
    rows.filter(state=InboxState.WAITING).update(run_at=Now())


def _note_failure(scope: Scope, claim: Claim, error: Exception) -> None:
    kind, attempt = type(error).__name__[:80], claim.attempt
    # The kind alone: a message may hold a person's data.
    log.error("inbox event failed", inbox_event=claim.event_id, attempt=attempt, error=kind)
    with transaction.atomic(), activate(scope):
        event = _ours(scope, claim)
        if event is None:
            return
        if isinstance(error, Permanent):
            _give_up(scope, event, error.reason, "")
        elif attempt > len(RETRY_AFTER):
            passes = isinstance(error, (Temporary, OperationalError))
            _give_up(scope, event, InboxReason.TOO_MANY_ATTEMPTS if passes else InboxReason.BUG, kind)
        else:
            after = timedelta(seconds=RETRY_AFTER[attempt - 1])
            rows = InboxEvent.objects.visible_to(scope).filter(pk=event.pk)
            rows.update(state=InboxState.RETRY, run_at=Now() + after, locked_until=None, error=kind)


def _give_up(scope: Scope, event: InboxEvent, reason: str, error: str) -> None:
    _finish(scope, event, InboxState.DEAD, reason, error=error)
    event.reason = reason
    _tell_dead(event)


def _tell_dead(event: InboxEvent) -> None:
    publish(
        InboxDead(
            connection_id=event.connection_id,
            inbox_event_id=event.pk,
            reason=str(event.reason),
            event_type=event.type,
        )
    )
