"""One delivery to a subscriber after the other: claim, send, note. Nothing is held while the other side thinks.

A claim is a lease under the lock of the subscriber's pace, so all processes together keep to four at once, the rate and the
order per subject. The request itself runs outside any transaction. What came back is noted in the transaction that makes the
next claim. A process killed in between leaves its lease behind, and the message is sent again with the same id and bytes.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

import httpx2
import structlog
from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from crm.core.access import Scope, activate, system_scope_for
from outbox import noting
from outbox.addresses import AddressRefused, checked_url
from outbox.choices import AttemptError, DispatchState, SubscriptionReason, SubscriptionState
from outbox.envelope import MEDIA_TYPE, PING, canonical, envelope
from outbox.metrics import SENT
from outbox.models import Dispatch, Subscription, SubscriptionPace
from outbox.plan import ATTEMPTS
from outbox.signing import live_secrets, signatures
from outbox.transport import exchange
from outbox.visibility import scope_of_person, seen_subjects

log = structlog.get_logger(__name__)

AT_ONCE: Final = 4  # messages under way to one subscriber
PROBE_AFTER: Final = 20  # failures in a row; from then on only the oldest message is tried
LEASE: Final = 30  # seconds; an attempt takes 15 at most
CONNECT, TOTAL = 5.0, 15.0  # seconds
KEPT: Final = 1_024  # bytes of the answer that stay with the attempt
TURN: Final = 20.0  # seconds that a lane stays with one subscriber
SCOPE_FOR: Final = 1.0  # seconds that a person's scope is used for

# The oldest due message of any subject that none is under way to and no older one waits for, where a line is free; while the
# subscriber is slowed, only the oldest of all. With it, whether an earlier message of its subject was given up and no later
# one has told the reader yet. Walked along the index of what waits, in its order, to the first that fits.
_NEXT: Final = """
SELECT d.id, EXISTS (SELECT 1 FROM outbox_dispatch g
                      WHERE g.subscription_id = d.subscription_id AND g.subject_type = d.subject_type
                        AND g.subject_id = d.subject_id AND g.position < d.position AND g.state = 'DEAD' AND NOT g.gap_told)
  FROM outbox_dispatch d
 WHERE d.subscription_id = %(subscription)s AND d.state = 'WAITING' AND d.run_at <= now() AND d.type <> %(ping)s
   AND (d.locked_until IS NULL OR d.locked_until <= now())
   AND (SELECT count(*) FROM outbox_dispatch b
         WHERE b.subscription_id = %(subscription)s AND b.state = 'WAITING' AND b.locked_until > now()) < %(most)s
   AND (NOT %(slowed)s OR d.position = (SELECT min(w.position) FROM outbox_dispatch w
                                         WHERE w.subscription_id = %(subscription)s AND w.state = 'WAITING'
                                           AND w.type <> %(ping)s))
   AND NOT EXISTS (SELECT 1 FROM outbox_dispatch o
                    WHERE o.subscription_id = d.subscription_id AND o.state = 'WAITING'
                      AND o.subject_type = d.subject_type AND o.subject_id = d.subject_id AND o.id <> d.id
                      AND (o.position < d.position OR o.locked_until > now()))
 ORDER BY d.position LIMIT 1
"""
# A test message goes whatever the state, and beside the four.
_PING: Final = """
SELECT d.id, false FROM outbox_dispatch d
 WHERE d.subscription_id = %(subscription)s AND d.state = 'WAITING' AND d.subject_type = 'subscription'
   AND d.subject_id = %(subscription)s AND d.type = %(ping)s AND d.run_at <= now()
   AND (d.locked_until IS NULL OR d.locked_until <= now())
 ORDER BY d.position LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class Claim:
    """A message that this process may send now, for the so-manieth time, with all that the request needs."""

    dispatch: Dispatch
    attempt: int
    url: str
    secrets: tuple[str, ...]
    event_id: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an attempt; `error` empty where it was accepted."""

    claim: Claim
    started: datetime
    milliseconds: int
    status: int | None = None
    error: str = ""
    answer: bytes = b""
    retry_after: str = ""


def serve(organisation_id: int, subscription_id: int, *, go_on: Callable[[], bool] = lambda: True) -> int:
    """Deliver to this subscriber what is due, one message at a time, while its turn lasts and `go_on`; how many attempts."""
    lane = _Lane(system_scope_for(organisation_id, job="webhooks"), subscription_id)
    end = time.monotonic() + TURN
    sent = 0
    outcome: Outcome | None = None
    while True:
        claim = lane.step(outcome, go_on=time.monotonic() < end and go_on())
        if claim is None:
            return sent
        outcome = attempt(claim)
        SENT.labels(outcome.error.lower() or "done").inc()
        sent += 1


def attempt(claim: Claim) -> Outcome:
    """Send it, and say what came back; never raises for what the other side does."""
    started = timezone.now()
    clock = time.monotonic()
    headers = request_headers(claim, int(started.timestamp()))
    try:
        url = checked_url(claim.url)
        answer = exchange("POST", url, headers=headers, content=claim.body, connect=CONNECT, total=TOTAL)
    except (AddressRefused, ValueError):
        error = AttemptError.ADDRESS
    except httpx2.TimeoutException:
        error = AttemptError.TIMEOUT
    except httpx2.ConnectError:
        error = AttemptError.CONNECT
    except httpx2.HTTPError:
        error = AttemptError.BROKEN
    else:
        return Outcome(
            claim,
            started,
            answer.milliseconds,
            answer.status,
            _verdict(answer.status),
            answer.body[:KEPT],
            answer.headers.get("retry-after", ""),
        )
    return Outcome(claim, started, round((time.monotonic() - clock) * 1000), error=error)


def request_headers(claim: Claim, timestamp: int) -> dict[str, str]:
    """The headers of one attempt made at `timestamp` (Unix seconds)."""
    headers = {
        "content-type": MEDIA_TYPE,
        "user-agent": f"FreshPlan-CRM/{settings.VERSION}",
        "webhook-id": claim.event_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": signatures(
            claim.body, message_id=claim.event_id, timestamp=timestamp, secrets=claim.secrets
        ),
        "freshplan-attempt": str(claim.attempt),
    }
    replay_id = claim.dispatch.replay_id
    return headers | ({"freshplan-replay": str(replay_id)} if replay_id else {})


def _verdict(status: int) -> str:
    if 200 <= status < 300:
        return ""
    return AttemptError.REDIRECT if 300 <= status < 400 else AttemptError.STATUS


class _Lane:
    """One line of messages to one subscriber."""

    def __init__(self, scope: Scope, subscription_id: int) -> None:
        self.scope, self.subscription_id = scope, subscription_id
        self.person: Scope | None = None
        self.person_until = 0.0

    def step(self, outcome: Outcome | None, *, go_on: bool) -> Claim | None:
        """Note what came of the last attempt and claim the next message, in one transaction."""
        scope = replace(self.scope, now=timezone.now())
        with transaction.atomic(), activate(scope):
            paces = SubscriptionPace.objects.select_for_update(of=("self",)).select_related("subscription")
            pace = paces.filter(pk=self.subscription_id).first()
            if pace is None:
                return None
            subscription = pace.subscription
            if outcome is not None:
                noting.note(scope, subscription, pace, outcome)
            claim = self._claim(subscription, pace) if go_on else None
            if outcome is not None or claim is not None:
                pace.save()
            return claim

    def _claim(self, subscription: Subscription, pace: SubscriptionPace) -> Claim | None:
        now = timezone.now()
        if pace.next_at - now > timedelta(seconds=1):
            return None
        while (dispatch := self._next(subscription, pace)) is not None:
            if dispatch.attempts >= ATTEMPTS:  # sent again and again, and never came to its note
                noting.finish(dispatch, DispatchState.DEAD, now, AttemptError.LOST)
            elif self._may_be_told(subscription, dispatch, now):
                pace.next_at = max(pace.next_at, now) + timedelta(seconds=1 / subscription.max_per_second)
                return self._prepare(subscription, dispatch, now)
            elif subscription.state == SubscriptionState.DISABLED:
                return None
        return None

    def _next(self, subscription: Subscription, pace: SubscriptionPace) -> Dispatch | None:
        slowed = pace.failures >= PROBE_AFTER
        values: dict[str, Any] = {
            "subscription": subscription.pk,
            "ping": PING,
            "slowed": slowed,
            "most": 1 if slowed else AT_ONCE,
        }
        with connection.cursor() as cursor:
            cursor.execute(_PING, values)
            row = cursor.fetchone()
            if row is None and subscription.state in {SubscriptionState.ACTIVE, SubscriptionState.FAILING}:
                cursor.execute(_NEXT, values)
                row = cursor.fetchone()
        if row is None:
            return None
        dispatch = Dispatch.objects.select_related("event").get(pk=row[0])
        if dispatch.body is None:  # fixed now, for every attempt and replay to come
            dispatch.gap = row[1]
            dispatch.body = canonical(envelope(dispatch.event, gap=row[1]))
        return dispatch

    def _may_be_told(self, subscription: Subscription, dispatch: Dispatch, now: datetime) -> bool:
        """Whether the person it acts as may know of it; asked at sending, for rights change. What he may not is left out."""
        if dispatch.type == PING:
            return True
        if self.person is None or time.monotonic() >= self.person_until:
            self.person = scope_of_person(subscription.acts_as_id)
            self.person_until = time.monotonic() + SCOPE_FOR
        if self.person is None:
            noting.disable(subscription, SubscriptionReason.ACTS_AS, now)
            return False
        subject = (dispatch.subject_type, dispatch.subject_id)
        if subject in seen_subjects(self.person, [subject]):
            return True
        noting.finish(dispatch, DispatchState.HIDDEN, now)
        return False

    def _prepare(self, subscription: Subscription, dispatch: Dispatch, now: datetime) -> Claim:
        dispatch.attempts += 1
        dispatch.locked_until = now + timedelta(seconds=LEASE)
        dispatch.save(update_fields=["attempts", "locked_until", "gap", "body"])
        return Claim(
            dispatch=dispatch,
            attempt=dispatch.attempts,
            url=subscription.url,
            secrets=live_secrets(subscription.pk, now),
            event_id=str(dispatch.event.event_id),
            body=bytes(dispatch.body or b""),
        )
