"""Delivery to a subscriber: claim, send, note. Nothing is held while the other side thinks.

A claim is a lease under the lock of the subscriber's pace, so all processes together keep to four at once, the rate and the
order per subject. The requests themselves run outside any transaction, in threads of their own. What came back is noted in the
transaction that makes the next claims: under load one transaction serves several messages. A process killed in between leaves
its leases behind, and the messages are sent again with the same id and bytes.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache
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
TURN: Final = 20.0  # seconds that one subscriber is served before others get their turn
LOOK_AGAIN: Final = 0.2  # seconds until free lines are filled again while others still wait for their answer
GATHER: Final = 0.003  # seconds in which more answers may come before a note is written
BURST: Final = timedelta(seconds=1)  # a second's worth of messages may go at once
SCOPE_FOR: Final = 1.0  # seconds that a person's scope is used for

# The oldest due messages, one of each subject that none is under way to and no older one waits for, as far as lines are free;
# while the subscriber is slowed, only the oldest of all. With it, whether an earlier message of its subject was given up and no later
# one has told the reader yet. Walked along the index of what waits, in its order, to the first that fit.
_NEXT: Final = """
SELECT d.id, EXISTS (SELECT 1 FROM outbox_dispatch g
                      WHERE g.subscription_id = d.subscription_id AND g.subject_type = d.subject_type
                        AND g.subject_id = d.subject_id AND g.position < d.position AND g.state = 'DEAD' AND NOT g.gap_told)
  FROM outbox_dispatch d
 WHERE d.subscription_id = %(subscription)s AND d.state = 'WAITING' AND d.run_at <= now() AND d.type <> %(ping)s
   AND (d.locked_until IS NULL OR d.locked_until <= now())
   AND (NOT %(slowed)s OR d.position = (SELECT min(w.position) FROM outbox_dispatch w
                                         WHERE w.subscription_id = %(subscription)s AND w.state = 'WAITING'
                                           AND w.type <> %(ping)s))
   AND NOT EXISTS (SELECT 1 FROM outbox_dispatch o
                    WHERE o.subscription_id = d.subscription_id AND o.state = 'WAITING'
                      AND o.subject_type = d.subject_type AND o.subject_id = d.subject_id AND o.id <> d.id
                      AND (o.position < d.position OR o.locked_until > now()))
 ORDER BY d.position
 LIMIT greatest(0, least(%(room)s, %(most)s - (SELECT count(*) FROM outbox_dispatch b
                                                WHERE b.subscription_id = %(subscription)s AND b.state = 'WAITING'
                                                  AND b.locked_until > now())))
"""
# A test message goes whatever the state, and beside the four.
_PING: Final = """
SELECT d.id, false FROM outbox_dispatch d
 WHERE d.subscription_id = %(subscription)s AND d.state = 'WAITING' AND d.subject_type = 'subscription'
   AND d.subject_id = %(subscription)s AND d.type = %(ping)s AND d.run_at <= now()
   AND (d.locked_until IS NULL OR d.locked_until <= now())
 ORDER BY d.position LIMIT 1
"""
_LEASE: Final = """
UPDATE outbox_dispatch d SET attempts = d.attempts + 1, locked_until = %(until)s, gap = n.gap, body = n.body
  FROM unnest(%(ids)s::bigint[], %(gaps)s::boolean[], %(bodies)s::bytea[]) AS n (id, gap, body) WHERE d.id = n.id
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
    """Deliver to this subscriber what is due, four messages at once, while its turn lasts and `go_on`; how many attempts."""
    line = _Line(system_scope_for(organisation_id, job="webhooks"), subscription_id)
    end = time.monotonic() + TURN
    sent = 0
    outcomes: list[Outcome] = []
    under_way: set[Future[Outcome]] = set()
    while True:
        room = AT_ONCE - len(under_way) if time.monotonic() < end and go_on() else 0
        under_way |= {_threads().submit(attempt, claim) for claim in line.step(outcomes, room)}
        if not under_way:
            return sent
        if wait(under_way, timeout=LOOK_AGAIN, return_when=FIRST_COMPLETED).done:
            time.sleep(GATHER)
        done = {future for future in under_way if future.done()}
        under_way -= done
        outcomes = [future.result() for future in done]
        for outcome in outcomes:
            SENT.labels(outcome.error.lower() or "done").inc()
        sent += len(outcomes)


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


class _Line:
    """What one process does for one subscriber."""

    def __init__(self, scope: Scope, subscription_id: int) -> None:
        self.scope, self.subscription_id = scope, subscription_id
        self.person: Scope | None = None
        self.person_until = 0.0

    def step(self, outcomes: list[Outcome], room: int) -> list[Claim]:
        """Note what came of attempts and claim the next messages, at most `room`, in one transaction."""
        scope = replace(self.scope, now=timezone.now())
        with transaction.atomic(), activate(scope):
            paces = SubscriptionPace.objects.select_for_update(of=("self",)).select_related("subscription")
            pace = paces.filter(pk=self.subscription_id).first()
            if pace is None:
                return []
            if outcomes:
                noting.note(scope, pace.subscription, pace, outcomes)
            claims = self._claim(pace.subscription, pace, room) if room else []
            if outcomes or claims:
                pace.save()
            return claims

    def _claim(self, subscription: Subscription, pace: SubscriptionPace, room: int) -> list[Claim]:
        now = timezone.now()
        step = timedelta(seconds=1 / subscription.max_per_second)
        start = max(pace.next_at, now)
        room = min(room, int((now + BURST - start) / step) + 1) if start <= now + BURST else 0
        while room and (found := self._next(subscription, pace, room)):
            taken = self._to_be_sent(subscription, found, now)
            if taken:
                pace.next_at = start + len(taken) * step
                return self._lease(subscription, taken, now)
            if subscription.state == SubscriptionState.DISABLED:
                return []
        return []

    def _next(self, subscription: Subscription, pace: SubscriptionPace, room: int) -> list[Dispatch]:
        slowed = pace.failures >= PROBE_AFTER
        values: dict[str, Any] = {
            "subscription": subscription.pk,
            "ping": PING,
            "slowed": slowed,
            "most": 1 if slowed else AT_ONCE,
            "room": room,
        }
        with connection.cursor() as cursor:
            cursor.execute(_PING, values)
            gaps = dict(cursor.fetchall())
            if not gaps and subscription.state in {SubscriptionState.ACTIVE, SubscriptionState.FAILING}:
                cursor.execute(_NEXT, values)
                gaps = dict(cursor.fetchall())
        if not gaps:
            return []
        found = list(Dispatch.objects.filter(pk__in=gaps).select_related("event").order_by("position"))
        for dispatch in found:
            if dispatch.body is None:  # fixed now, for every attempt and replay to come
                dispatch.gap = gaps[dispatch.pk]
                dispatch.body = canonical(envelope(dispatch.event, gap=gaps[dispatch.pk]))
        return found

    def _to_be_sent(self, subscription: Subscription, found: list[Dispatch], now: datetime) -> list[Dispatch]:
        """Those that the person it acts as may know of; asked at sending, for rights change. The others are left out."""
        lost = [one for one in found if one.attempts >= ATTEMPTS]  # sent again and again, and never came to their note
        for dispatch in lost:
            noting.finish(dispatch, DispatchState.DEAD, now, AttemptError.LOST)
        found = [one for one in found if one not in lost]
        if all(one.type == PING for one in found):
            return found
        if self.person is None or time.monotonic() >= self.person_until:
            self.person = scope_of_person(subscription.acts_as_id)
            self.person_until = time.monotonic() + SCOPE_FOR
        if self.person is None:
            noting.disable(subscription, SubscriptionReason.ACTS_AS, now)
            return []
        seen = seen_subjects(self.person, [(one.subject_type, one.subject_id) for one in found])
        told = [one for one in found if (one.subject_type, one.subject_id) in seen]
        for dispatch in found:
            if dispatch not in told:
                noting.finish(dispatch, DispatchState.HIDDEN, now)
        return told

    def _lease(self, subscription: Subscription, taken: list[Dispatch], now: datetime) -> list[Claim]:
        values: dict[str, Any] = {
            "until": now + timedelta(seconds=LEASE),
            "ids": [one.pk for one in taken],
            "gaps": [one.gap for one in taken],
            "bodies": [bytes(one.body or b"") for one in taken],
        }
        with connection.cursor() as cursor:
            cursor.execute(_LEASE, values)
        secrets = live_secrets(subscription.pk, now)
        claims = []
        for dispatch in taken:
            dispatch.attempts += 1
            claims.append(
                Claim(
                    dispatch=dispatch,
                    attempt=dispatch.attempts,
                    url=subscription.url,
                    secrets=secrets,
                    event_id=str(dispatch.event.event_id),
                    body=bytes(dispatch.body or b""),
                )
            )
        return claims


@cache
def _threads() -> ThreadPoolExecutor:
    """For the requests alone: what waits here holds no connection to the database."""
    return ThreadPoolExecutor(64, thread_name_prefix="request")
