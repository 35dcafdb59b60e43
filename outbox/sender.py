"""The senders: one process with many threads that deliver to subscribers what is due.

It keeps no state: leases, pace and order lie in the database, so a second one beside it is harmless, and one that is killed
is replaced. Redis only shortens the wait for new messages; without it deliveries go on, half a second later.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import redis
import structlog
from django.conf import settings
from django.db import Error, connection, transaction
from django.utils import timezone
from redis.backoff import NoBackoff
from redis.retry import Retry

from crm.core.access import activate, system_scope_for
from outbox.models import SubscriptionPace
from outbox.noting import look_after
from outbox.sending import AT_ONCE, serve
from outbox.services.events import beat
from outbox.wakeup import sender_key

log = structlog.get_logger(__name__)

NAME: Final = "sender"
THREADS: Final = 24
WAIT: Final = 0.5  # seconds asleep at most
REST: Final = 0.1  # seconds that a subscriber is left alone after a lane found nothing to send, doubled up to
LONGEST_REST: Final = 0.4
LOOK: Final = 30.0  # seconds between two looks at those that fail, and between two signs of life


class Sender:
    """One process of senders; `run` until `stop`."""

    def __init__(self) -> None:
        self.redis = redis.Redis.from_url(
            settings.REDIS_URL, socket_connect_timeout=1, socket_timeout=WAIT + 2, retry=Retry(NoBackoff(), 0)
        )
        self.pool = ThreadPoolExecutor(THREADS, thread_name_prefix="sender")
        self.lanes: Counter[int] = Counter()
        self.resting: dict[int, tuple[float, float]] = {}  # until when, and for how long
        self.lock = threading.Lock()
        self.stopping = False
        self.next_look = 0.0

    def stop(self, *_signal: Any) -> None:
        """Let `run` end after what is under way."""
        self.stopping = True

    def run(self) -> None:
        """Work until stopped; a database or Redis that is away is waited for."""
        while not self.stopping:
            try:
                self.round()
            except Error as error:
                log.warning("database away, trying again", error=type(error).__name__)
                connection.close()
                time.sleep(WAIT)
                continue
            self.wait()
        self.pool.shutdown(wait=True)

    def round(self) -> int:
        """Start lanes for the subscribers that have something due; how many lanes were started."""
        if time.monotonic() >= self.next_look:
            self.look()
            self.next_look = time.monotonic() + LOOK
        started = 0
        for organisation_id, subscription_id, messages in due():
            for _lane in range(self._room(subscription_id, messages)):
                with self.lock:
                    self.lanes[subscription_id] += 1
                self.pool.submit(self.work, organisation_id, subscription_id)
                started += 1
        return started

    def work(self, organisation_id: int, subscription_id: int) -> None:
        """One lane, in a thread of the pool; the thread keeps its connection for the next."""
        sent = 0
        try:
            connection.close_if_unusable_or_obsolete()
            sent = serve(organisation_id, subscription_id, go_on=lambda: not self.stopping)
        except Exception as error:  # noqa: BLE001 - the lease ends by itself and the message is sent again
            log.error("sending failed", subscription=subscription_id, error=type(error).__name__)
            connection.close()
        finally:
            with self.lock:
                self.lanes[subscription_id] -= 1
                self._rest(subscription_id, sent)

    def _room(self, subscription_id: int, messages: int) -> int:
        """How many more lanes a subscriber gets now: as many as messages are due, four at most, while threads are free."""
        with self.lock:
            if self.resting.get(subscription_id, (0.0, 0.0))[0] > time.monotonic():
                return 0
            free = THREADS - sum(self.lanes.values())
            return max(0, min(messages, AT_ONCE - self.lanes[subscription_id], free))

    def _rest(self, subscription_id: int, sent: int) -> None:
        """Who had nothing that could be sent now (its rate, its order, a pause behind a failure) is left alone for longer."""
        if sent:
            self.resting.pop(subscription_id, None)
            return
        _until, before = self.resting.get(subscription_id, (0.0, 0.0))
        pause = min(max(before * 2, REST), LONGEST_REST)
        self.resting[subscription_id] = (time.monotonic() + pause, pause)

    def look(self) -> None:
        """A sign of life; and who has been failing for long is told of, or ended."""
        beat(NAME)
        with connection.cursor() as cursor:
            cursor.execute("SELECT organisation_id, subscription_id FROM outbox_failing_subscriptions()")
            failing = cursor.fetchall()
        for organisation_id, subscription_id in failing:
            with transaction.atomic(), activate(system_scope_for(organisation_id, job="webhooks")):
                paces = SubscriptionPace.objects.select_for_update(of=("self",)).select_related("subscription")
                pace = paces.filter(pk=subscription_id).first()
                if pace is not None:
                    look_after(pace.subscription, pace, timezone.now())
                    pace.save(update_fields=["told_hours"])

    def wait(self) -> None:
        """Until somebody rings, or half a second is over."""
        try:
            if self.redis.blpop([sender_key()], timeout=WAIT):
                return
        except redis.TimeoutError:
            return
        except (redis.RedisError, OSError):
            time.sleep(WAIT)


def due() -> list[tuple[int, int, int]]:
    """(organisation, subscription, messages due, counted up to four); readable without a scope."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT organisation_id, subscription_id, messages FROM outbox_due_subscriptions()")
        return [(row[0], row[1], row[2]) for row in cursor.fetchall()]
