"""The senders: one process that delivers to subscribers what is due, each subscriber in a thread.

It keeps no state: leases, pace and order lie in the database, so a second one beside it is harmless, and one that is killed
is replaced. Redis only shortens the wait for new messages; without it deliveries go on, half a second later.
"""

from __future__ import annotations

import threading
import time
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
from outbox.noting import look_after
from outbox.sending import SUBSCRIBERS, locked_pace, serve
from outbox.services.events import beat
from outbox.wakeup import sender_key

log = structlog.get_logger(__name__)

NAME: Final = "sender"
WAIT: Final = 0.5  # seconds asleep at most
REST: Final = 0.1  # seconds that a subscriber is left alone after nothing could be sent to it, doubled up to
LONGEST_REST: Final = 0.4
FAILED_REST: Final = 10.0  # seconds after an error of ours
LOOK: Final = 30.0  # seconds between two looks at those that fail, and between two signs of life


class Sender:
    """One process of senders; `run` until `stop`."""

    def __init__(self) -> None:
        self.redis = redis.Redis.from_url(
            settings.REDIS_URL, socket_connect_timeout=1, socket_timeout=WAIT + 2, retry=Retry(NoBackoff(), 0)
        )
        self.pool = ThreadPoolExecutor(SUBSCRIBERS, thread_name_prefix="sender")
        self.served: set[int] = set()
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
        """Serve the subscribers that have something due, each in a thread; how many were begun with."""
        if time.monotonic() >= self.next_look:
            self.look()
            self.next_look = time.monotonic() + LOOK
        begun = 0
        for organisation_id, subscription_id in due():
            if not self._take(subscription_id):
                continue
            self.pool.submit(self.work, organisation_id, subscription_id)
            begun += 1
        return begun

    def work(self, organisation_id: int, subscription_id: int) -> None:
        """Serve one subscriber, in a thread of the pool; the thread keeps its connection for the next."""
        rest: float | None = FAILED_REST
        try:
            connection.close_if_unusable_or_obsolete()
            sent = serve(organisation_id, subscription_id, go_on=lambda: not self.stopping)
            rest = 0.0 if sent else None
        except Exception as error:  # noqa: BLE001 - the leases end by themselves and the messages are sent again
            log.error("sending failed", subscription=subscription_id, error=type(error).__name__)
            connection.close()
        finally:
            self._leave(subscription_id, rest)

    def _take(self, subscription_id: int) -> bool:
        """Whether to serve it now: nobody of this process is at it, it is not resting, and a thread is free."""
        with self.lock:
            resting_until, _pause = self.resting.get(subscription_id, (0.0, 0.0))
            if subscription_id in self.served or resting_until > time.monotonic() or len(self.served) >= SUBSCRIBERS:
                return False
            self.served.add(subscription_id)
            return True

    def _leave(self, subscription_id: int, rest: float | None) -> None:
        """Leave it alone for so many seconds; None where nothing could be sent now (its rate, its order, a pause behind a
        failure): for longer each time."""
        with self.lock:
            self.served.discard(subscription_id)
            _until, before = self.resting.pop(subscription_id, (0.0, 0.0))
            if rest is None:
                rest = min(max(before * 2, REST), LONGEST_REST)
            if rest:
                self.resting[subscription_id] = (time.monotonic() + rest, rest)

    def look(self) -> None:
        """A sign of life; and who has been failing for long is told of, or ended."""
        beat(NAME)
        with self.lock:  # those that are gone would stay for ever
            now = time.monotonic()
            self.resting = {key: value for key, value in self.resting.items() if value[0] > now}
        with connection.cursor() as cursor:
            cursor.execute("SELECT organisation_id, subscription_id FROM outbox_failing_subscriptions()")
            failing = cursor.fetchall()
        for organisation_id, subscription_id in failing:
            with transaction.atomic(), activate(system_scope_for(organisation_id, job="webhooks")):
                pace = locked_pace(subscription_id)
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


def due() -> list[tuple[int, int]]:
    """(organisation, subscription) of those that have a message due; readable without a scope."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT organisation_id, subscription_id FROM outbox_due_subscriptions()")
        return [(row[0], row[1]) for row in cursor.fetchall()]
