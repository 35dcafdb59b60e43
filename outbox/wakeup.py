"""The wake-ups of relay and senders through Redis. They only shorten a wait: nothing rests on them."""

from __future__ import annotations

import time
from functools import cache

import redis
import structlog
from django.conf import settings
from django.db import connection
from redis.backoff import NoBackoff
from redis.retry import Retry

log = structlog.get_logger(__name__)

PAUSE = 2.0  # seconds without a try after Redis was found away, so that pages do not pay for it one by one


def wake_key() -> str:
    """The list that the relay waits on; it carries the database's name, for installations may share a Redis."""
    return f"outbox:wake:{connection.settings_dict['NAME']}"


def sender_key() -> str:
    """The list that senders wait on."""
    return f"outbox:send:{connection.settings_dict['NAME']}"


class _Bell:
    """Rings within 100 ms or not at all."""

    def __init__(self) -> None:
        self.client = redis.Redis.from_url(
            settings.REDIS_URL, socket_connect_timeout=0.04, socket_timeout=0.06, retry=Retry(NoBackoff(), 0)
        )
        self.quiet_until = 0.0

    def ring(self, key: str) -> None:
        if time.monotonic() < self.quiet_until:
            return
        try:
            with self.client.pipeline(transaction=False) as pipe:
                pipe.lpush(key, "1")
                pipe.ltrim(key, 0, 0)
                pipe.execute()
        except (redis.RedisError, OSError) as error:
            self.quiet_until = time.monotonic() + PAUSE
            log.warning("wake-up left out, what is due is found without it", error=type(error).__name__)


@cache
def _bell() -> _Bell:
    return _Bell()


def wake_relay() -> None:
    """Tell the relay that there is something to do; gives up after 100 ms and never raises."""
    _bell().ring(wake_key())


def wake_senders() -> None:
    """Tell the senders that messages to subscribers may be due; gives up after 100 ms and never raises."""
    _bell().ring(sender_key())
