"""The relay: gives committed events their place in the feed, makes their deliveries to our own handlers and to
subscribers, hands what is due for handlers to the workers. Subscribers are served by the senders (`sender.py`).

It runs as the database role `<database>_relay` and keeps no state of its own: killed at any point it goes on where the
tables stand; a second one beside it is harmless. Redis only carries messages: what got lost there is handed over again.
"""

from __future__ import annotations

import time
from typing import Any, Final

import redis
import structlog
from celery import Celery
from django.conf import settings
from django.db import Error, connection, transaction
from kombu.exceptions import OperationalError as BrokerAway
from redis.backoff import NoBackoff
from redis.retry import Retry

from outbox.intake_due import due_tasks
from outbox.matching import PLACING_LOCK
from outbox.registry import subscriptions
from outbox.wakeup import wake_key, wake_senders

log = structlog.get_logger(__name__)

BATCH: Final = 1_000  # events placed in one transaction
IN_QUEUE: Final = 500  # messages that may wait in Redis at once: a backlog stays in PostgreSQL
QUEUED_SECONDS: Final = 15  # after so long without a worker a delivery is handed over again
WAIT: Final = 1.0  # seconds asleep at most, for retries come due and wake-ups get lost
GATHER: Final = 0.02  # seconds in which more may be committed after the first has rung
BEAT: Final = 5.0  # seconds between signs of life

_PLACE: Final = """
WITH batch AS (SELECT id, row_number() OVER (ORDER BY id) AS place FROM outbox_event WHERE position IS NULL
                ORDER BY id LIMIT %(batch)s),
     feed AS (SELECT coalesce(max(position), 0) AS top FROM outbox_event),
     placed AS (UPDATE outbox_event e SET position = feed.top + batch.place FROM batch, feed WHERE e.id = batch.id
                RETURNING e.id, e.organisation_id, e.type, e.subject_type, e.subject_id, e.position, e.change_set_id),
     sent AS (INSERT INTO outbox_dispatch (organisation_id, subscription_id, event_id, type, subject_type, subject_id,
                                           position, state, attempts, error, gap_told, before)
              SELECT p.organisation_id, s.id, p.id, p.type, p.subject_type, p.subject_id, p.position, 'WAITING', 0, '',
                     false, ''
                FROM placed p
                JOIN outbox_subscription s
                  ON s.organisation_id = p.organisation_id
                 AND CASE WHEN p.type = 'freshplan.ping' THEN p.subject_type = 'subscription' AND p.subject_id = s.id
                          ELSE s.proven_at IS NOT NULL AND s.state <> 'DISABLED'
                               AND outbox_hears(s.types, s.subject_kinds, p.type, p.subject_type) END
               ORDER BY p.position),
     made AS (INSERT INTO outbox_delivery (organisation_id, event_id, handler, subject_type, subject_id, position,
                                           state, attempts, error)
              SELECT p.organisation_id, p.id, s.handler, p.subject_type, p.subject_id, p.position, 'WAITING', 0, ''
                FROM placed p
                JOIN unnest(%(types)s::text[], %(handlers)s::text[], %(in_batches)s::boolean[])
                     AS s (type, handler, in_batches)
                  ON s.type = p.type AND (s.in_batches OR p.change_set_id IS NULL)
               ORDER BY p.position)
SELECT count(*) FROM placed
"""
# Only the oldest of each handler and subject: the worker that takes it goes on with the younger ones.
_HAND_OVER: Final = """
UPDATE outbox_delivery SET queued_until = now() + %(queued)s * interval '1 second'
 WHERE id IN (SELECT d.id FROM outbox_delivery d
               WHERE d.state = 'WAITING' AND d.run_at <= now()
                 AND (d.queued_until IS NULL OR d.queued_until <= now())
                 AND (d.locked_until IS NULL OR d.locked_until <= now())
                 AND NOT EXISTS (SELECT 1 FROM outbox_delivery o
                                  WHERE o.state = 'WAITING' AND o.handler = d.handler
                                    AND o.subject_type = d.subject_type AND o.subject_id = d.subject_id
                                    AND o.position < d.position)
               ORDER BY d.run_at, d.id LIMIT %(room)s
                 FOR UPDATE SKIP LOCKED)
RETURNING organisation_id, id
"""
_BEAT: Final = """
INSERT INTO outbox_heartbeat (name, beat_at, lag_seconds)
SELECT 'relay', now(), greatest(0, coalesce(extract(epoch FROM now() - least(
           (SELECT min(occurred_at) FROM outbox_event WHERE position IS NULL),
           (SELECT occurred_at FROM outbox_event WHERE id = (
               SELECT event_id FROM outbox_delivery WHERE id = (
                   SELECT min(id) FROM outbox_delivery WHERE state = 'WAITING'))))), 0))::int
ON CONFLICT (name) DO UPDATE SET beat_at = excluded.beat_at, lag_seconds = excluded.lag_seconds
"""


class Relay:
    """One relay process; `run` until `stop`."""

    def __init__(self) -> None:
        self.celery = Celery("relay", set_as_current=False)
        self.celery.config_from_object("django.conf:settings", namespace="CELERY")
        self.redis = redis.Redis.from_url(
            settings.REDIS_URL, socket_connect_timeout=1, socket_timeout=WAIT + 2, retry=Retry(NoBackoff(), 0)
        )
        self.stopping = False
        self.next_beat = 0.0

    def stop(self, *_signal: Any) -> None:
        """Let `run` end after the present round."""
        self.stopping = True

    def run(self) -> None:
        """Work until stopped; a database or Redis that is away is waited for."""
        while not self.stopping:
            try:
                busy = self.round()
            except Error as error:
                log.warning("database away, trying again", error=type(error).__name__)
                connection.close()
                time.sleep(WAIT)
                continue
            if not busy and not self.stopping:
                self.wait()

    def round(self) -> bool:
        """Place, hand over, give a sign of life; whether there is more to do at once."""
        placed = place()
        if placed:
            wake_senders()
        handed = self.hand_over()
        if time.monotonic() >= self.next_beat:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(_BEAT)
            self.next_beat = time.monotonic() + BEAT
        return placed == BATCH or handed >= IN_QUEUE

    def hand_over(self) -> int:
        """Send the workers what is due, as far as the queue has room; how many. 0 while Redis is away."""
        try:
            room = IN_QUEUE - int(self.redis.llen(self.celery.conf.task_default_queue))
        except redis.RedisError:
            return 0
        if room <= 0:
            return 0
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(_HAND_OVER, {"queued": QUEUED_SECONDS, "room": room})
            due = cursor.fetchall()
        tasks = [("outbox.tasks.deliver", row) for row in due] + due_tasks()
        if not tasks:
            return 0
        try:
            with self.celery.producer_pool.acquire(block=True, timeout=1) as producer:
                for name, arguments in tasks:
                    self.celery.send_task(name, args=list(arguments), producer=producer, retry=False)
        except (BrokerAway, redis.RedisError, OSError) as error:
            log.warning("broker away, handing over again later", error=type(error).__name__)
            return 0
        return len(due)

    def wait(self) -> None:
        """Until somebody rings, or a second is over."""
        try:
            if self.redis.blpop([wake_key()], timeout=WAIT):
                time.sleep(GATHER)
        except redis.TimeoutError:
            return
        except (redis.RedisError, OSError):
            time.sleep(WAIT / 2)


def place() -> int:
    """Give positions to committed events that have none, without gaps, and make their deliveries; how many events.

    Under a lock, for two relays at once would give one position twice; 0 where another one holds it.
    """
    types, handlers, in_batches = ([list(column) for column in zip(*subscriptions(), strict=True)]) or ([], [], [])
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [PLACING_LOCK])
        if not cursor.fetchone()[0]:
            return 0
        values: dict[str, Any] = {"batch": BATCH, "types": types, "handlers": handlers, "in_batches": in_batches}
        cursor.execute(_PLACE, values)
        (placed,) = cursor.fetchone()
    return int(placed)
