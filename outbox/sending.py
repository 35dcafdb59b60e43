"""Delivery to a subscriber: claim, send, note. Nothing is held while the other side thinks.

A claim is a lease under the lock of the subscriber's pace, and one process at a time has any, so all together keep to four
requests at once, the rate and the order per subject. The requests themselves run outside any transaction, in threads of their
own. What came back is noted in the transaction that makes the next claims, and from who answers quickly more is claimed than
is sent at once: under load one transaction serves many messages. A process killed in between leaves its leases behind, and the
messages are sent again with the same id and bytes.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Sequence
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

SUBSCRIBERS: Final = 24  # served at once by one process; with four requests each below addresses.MOST_AT_ONCE
AT_ONCE: Final = 4  # messages under way to one subscriber
AHEAD: Final = 28  # messages claimed beyond those, while it answers within
QUICK: Final = 500  # milliseconds
PROBE_AFTER: Final = 20  # failures in a row; from then on only the oldest message is tried
LEASE: Final = 30  # seconds; an attempt takes 15 at most
CONNECT, TOTAL = 5.0, 15.0  # seconds
KEPT: Final = 1_024  # bytes of the answer that stay with the attempt
TURN: Final = 20.0  # seconds that one subscriber is served before others get their turn
GATHER: Final = 0.25  # seconds between two notes: what comes due meanwhile is claimed with the note
BURST: Final = timedelta(seconds=1)  # a second's worth of messages may go at once
SCOPE_FOR: Final = 1.0  # seconds that a person's scope is used for
WIDE: Final = 500  # messages looked at next where the person may know of none of the oldest ones
LOOKS: Final = 5  # at messages in one transaction: it holds the subscriber's pace, for which pages wait

# The oldest due messages, one of each subject that none is under way to and no older one waits for, as long as nobody else has a
# lease; while the subscriber is slowed, only the oldest of all. With it, whether an earlier message of its subject was given up and
# no later one has told the reader yet. Walked along the index of what waits, in its order, to the first that fit.
_NEXT: Final = """
SELECT d.id, EXISTS (SELECT 1 FROM outbox_dispatch g
                      WHERE g.subscription_id = d.subscription_id AND g.subject_type = d.subject_type
                        AND g.subject_id = d.subject_id AND g.position < d.position AND g.state = 'DEAD' AND NOT g.gap_told
                        AND g.type <> %(ping)s)
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
   AND %(own)s >= (SELECT count(*) FROM outbox_dispatch b
                    WHERE b.subscription_id = %(subscription)s AND b.state = 'WAITING' AND b.locked_until > now())
 ORDER BY d.position
 LIMIT %(limit)s
"""
# A test message goes whatever the state, and whoever has leases.
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
    """A message that this process may send now, as its `attempt`-th try, with all that the request needs."""

    dispatch: Dispatch
    attempt: int
    url: str
    secrets: tuple[str, ...]
    body: bytes
    send_until: float  # of the monotonic clock: an attempt that begins later could outlast the lease


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
    sent, most = 0, AT_ONCE
    outcomes: list[Outcome] = []
    while True:
        lasts = go_on()
        room = most - line.held if lasts and time.monotonic() < end else 0
        begun, left_out = time.monotonic(), line.left_out
        claims = line.step(outcomes, room, put_back=line.overdue(begun if lasts else math.inf))
        if not line.held and line.left_out == left_out:
            return sent
        outcomes = line.send(until=begun + GATHER)
        if len(claims) < room:  # no more was due: what comes meanwhile goes with the note
            time.sleep(max(begun + GATHER - time.monotonic(), 0))
        for outcome in outcomes:
            SENT.labels(outcome.error.lower() or "done").inc()
        sent += len(outcomes)
        if outcomes:
            is_quick = all(not outcome.error and outcome.milliseconds <= QUICK for outcome in outcomes)
            most = AT_ONCE + AHEAD if is_quick else AT_ONCE


def attempt(claim: Claim) -> Outcome:
    """Send it, and say what came back; never raises for what the other side does."""
    started = timezone.now()
    clock = time.monotonic()
    headers = request_headers(
        claim.dispatch,
        attempt=claim.attempt,
        body=claim.body,
        secrets=claim.secrets,
        timestamp=int(started.timestamp()),
    )
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


def request_headers(
    dispatch: Dispatch, *, attempt: int, body: bytes, secrets: Sequence[str], timestamp: int
) -> dict[str, str]:
    """The headers of one attempt made at `timestamp` (Unix seconds)."""
    message_id = str(dispatch.event.event_id)
    headers = {
        "content-type": MEDIA_TYPE,
        "user-agent": f"FreshPlan-CRM/{settings.VERSION}",
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": signatures(body, message_id=message_id, timestamp=timestamp, secrets=secrets),
        "freshplan-attempt": str(attempt),
    }
    return headers | ({"freshplan-replay": str(dispatch.replay_id)} if dispatch.replay_id else {})


def _verdict(status: int) -> str:
    if 200 <= status < 300:
        return ""
    return AttemptError.REDIRECT if 300 <= status < 400 else AttemptError.STATUS


class _Line:
    """What one process does for one subscriber."""

    def __init__(self, scope: Scope, subscription_id: int) -> None:
        self.scope, self.subscription_id = scope, subscription_id
        self.left_out = 0  # messages that the person may not know of, so far
        self.ready: deque[Claim] = deque()
        self.under_way: set[Future[Outcome]] = set()
        self.person: Scope | None = None
        self.person_until = 0.0

    @property
    def held(self) -> int:
        """Messages that this process has claimed and not noted."""
        return len(self.ready) + len(self.under_way)

    def overdue(self, now: float) -> list[Claim]:
        """Take out of the claims those that may not be sent any more."""
        found = [claim for claim in self.ready if claim.send_until <= now]
        self.ready = deque(claim for claim in self.ready if claim.send_until > now)
        return found

    def send(self, until: float) -> list[Outcome]:
        """Keep four requests going until all claims are sent, or `until` is over; what came of them."""
        outcomes: list[Outcome] = []
        while self.held:
            while self.ready and len(self.under_way) < AT_ONCE:
                self.under_way.add(_threads().submit(attempt, self.ready.popleft()))
            left = max(until - time.monotonic(), 0)
            done = wait(self.under_way, timeout=left, return_when=FIRST_COMPLETED).done
            self.under_way -= done
            outcomes += [future.result() for future in done]
            if time.monotonic() >= until:
                break
        return outcomes

    def step(self, outcomes: list[Outcome], room: int, *, put_back: list[Claim]) -> list[Claim]:
        """Note what came of attempts, give claims back and make the next, at most `room`, in one transaction.

        Where it fails, what came of attempts is noted all the same, else they would be made again.
        """
        try:
            claims = self._step(outcomes, room, put_back)
        except Exception:
            wait(self.under_way)
            outcomes = [*outcomes, *(future.result() for future in self.under_way)]
            self._step(outcomes, 0, [*put_back, *self.ready])
            raise
        self.ready.extend(claims)
        return claims

    def _step(self, outcomes: list[Outcome], room: int, put_back: list[Claim]) -> list[Claim]:
        if not (outcomes or room or put_back):
            return []  # all lines wait for an answer
        scope = replace(self.scope, now=timezone.now())
        with transaction.atomic(), activate(scope, to_the_end=True):
            pace = locked_pace(self.subscription_id)
            if pace is None:
                return []
            if outcomes:
                noting.note(scope, pace.subscription, pace, outcomes)
            noting.put_back([claim.dispatch for claim in put_back])
            claims = self._claim(pace.subscription, pace, room) if room else []
            if outcomes or claims:
                pace.save()
            return claims

    def _claim(self, subscription: Subscription, pace: SubscriptionPace, room: int) -> list[Claim]:
        now = timezone.now()
        step = timedelta(seconds=1 / subscription.max_per_second)
        start = max(pace.next_at, now)
        room = min(room, int((now + BURST - start) / step) + 1) if start <= now + BURST else 0
        limit = room
        for _look in range(LOOKS):
            found = self._next(subscription, pace, limit) if limit else []
            if not found:
                return []
            taken = self._to_be_sent(subscription, found, now)[:room]
            if taken:
                pace.next_at = start + len(taken) * step
                return self._lease(subscription, taken, now)
            if subscription.state == SubscriptionState.DISABLED:
                return []
            limit = WIDE
        return []

    def _next(self, subscription: Subscription, pace: SubscriptionPace, limit: int) -> list[Dispatch]:
        """The messages that may go now, oldest first."""
        values: dict[str, Any] = {
            "subscription": subscription.pk,
            "ping": PING,
            "slowed": pace.failures >= PROBE_AFTER,
            "own": self.held,
            "limit": limit,
        }
        with connection.cursor() as cursor:
            cursor.execute(_PING, values)
            gaps = dict(cursor.fetchall())
            if not gaps and subscription.state in noting.LIVE:
                cursor.execute(_NEXT, values)
                gaps = dict(cursor.fetchall())
        found = list(Dispatch.objects.filter(pk__in=gaps).select_related("event").order_by("position")) if gaps else []
        for dispatch in found:
            dispatch.gap = gaps[dispatch.pk] if dispatch.body is None else dispatch.gap
        return found

    def _to_be_sent(self, subscription: Subscription, found: list[Dispatch], now: datetime) -> list[Dispatch]:
        """Those that meet its condition and the person it acts as may know of; asked at sending, for rights change."""
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
        subjects = [(one.subject_type, one.subject_id) for one in found]
        seen = seen_subjects(self.person, subjects, where=subscription.where)
        told: list[Dispatch] = []
        hidden: list[Dispatch] = []
        for dispatch in found:
            (told if (dispatch.subject_type, dispatch.subject_id) in seen else hidden).append(dispatch)
        noting.finish_all(hidden, DispatchState.HIDDEN, now)
        self.left_out += len(hidden)
        return told

    def _lease(self, subscription: Subscription, taken: list[Dispatch], now: datetime) -> list[Claim]:
        for dispatch in taken:
            if dispatch.body is None:  # fixed now, for every attempt and replay to come
                dispatch.body = canonical(envelope(dispatch.event, gap=bool(dispatch.gap)))
        values: dict[str, Any] = {
            "until": now + timedelta(seconds=LEASE),
            "ids": [one.pk for one in taken],
            "gaps": [one.gap for one in taken],
            "bodies": [bytes(one.body or b"") for one in taken],
        }
        with connection.cursor() as cursor:
            cursor.execute(_LEASE, values)
        secrets = live_secrets(subscription.pk, now)
        send_until = time.monotonic() + LEASE - TOTAL - 1
        claims = []
        for dispatch in taken:
            dispatch.attempts += 1
            claims.append(
                Claim(
                    dispatch=dispatch,
                    attempt=dispatch.attempts,
                    url=subscription.url,
                    secrets=secrets,
                    body=bytes(dispatch.body or b""),
                    send_until=send_until,
                )
            )
        return claims


def locked_pace(subscription_id: int) -> SubscriptionPace | None:
    """Pace and subscription as they stand once both are ours; None where they are gone. Under the active scope.

    Both are locked, the pace first as services do: of a row that is only joined, who waited would see the state before.
    """
    paces = SubscriptionPace.objects.select_for_update(of=("self", "subscription"), no_key=True)
    return paces.select_related("subscription").filter(pk=subscription_id).first()


@cache
def _threads() -> ThreadPoolExecutor:
    """For the requests alone: what waits here holds no connection to the database."""
    return ThreadPoolExecutor(SUBSCRIBERS * AT_ONCE, thread_name_prefix="request")
