"""What keeps one slow or failing system from taking ours with it: breaker, bulkhead and rate, per connection.

Their state lies in Redis, so that all processes know it; while Redis is away each process keeps its own, and closed.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any, Final, TypeVar

import pybreaker
import redis
import structlog
from django.conf import settings
from django.db import connection
from redis.backoff import NoBackoff
from redis.retry import Retry

log = structlog.get_logger(__name__)
T = TypeVar("T")

FAILURES: Final = 5  # in a row, then it opens
SUCCESSES: Final = 2  # until it closes
OPEN_SECONDS, OPEN_LONGEST = 30.0, 300.0  # doubling each time that the probe fails
AT_ONCE: Final = 8  # calls of one connection
CALL_LONGEST: Final = 60.0  # seconds after which a call that nobody ended no longer counts
PROBE_LONGEST: Final = 60  # the same for the one call that a half-open breaker lets through
PROCESSES: Final = 4  # that share a rate while Redis is away
_QUIET: Final = 2.0  # seconds without a try after Redis was found away
_KEPT: Final = 86_400  # seconds

# KEYS: set of running calls; ARGV: now, end, most, id
_ENTER: Final = """
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ARGV[1])
if redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[3]) then return 0 end
redis.call('ZADD', KEYS[1], ARGV[2], ARGV[4]); redis.call('EXPIRE', KEYS[1], 300)
return 1
"""
# KEYS: bucket; ARGV: now, tokens a second, size. Answers the seconds to wait, as text.
_TAKE: Final = """
local kept = redis.call('HMGET', KEYS[1], 'tokens', 'at')
local now, rate, size = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local tokens = math.min(size, (tonumber(kept[1]) or size) + math.max(0, now - (tonumber(kept[2]) or now)) * rate)
local wait = 0
if tokens >= 1 then tokens = tokens - 1
else wait = (1 - tokens) / rate + math.max(0, (tonumber(kept[2]) or now) - now) end
redis.call('HSET', KEYS[1], 'tokens', tostring(tokens), 'at', tostring(math.max(now, tonumber(kept[2]) or now)))
redis.call('EXPIRE', KEYS[1], 3600)
return tostring(wait)
"""
# KEYS: breaker; ARGV: now, seconds to keep. Calls that were under way when it opened fail after it, and open it no further.
_OPEN: Final = """
if redis.call('HGET', KEYS[1], 'state') == 'open' then return 0 end
redis.call('HSET', KEYS[1], 'state', 'open', 'opened_at', ARGV[1]); redis.call('HINCRBY', KEYS[1], 'opens', 1)
redis.call('EXPIRE', KEYS[1], ARGV[2])
return 1
"""
# KEYS: probe; ARGV: id
_LEAVE: Final = "if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end return 1"


class Full(Exception):
    """As many calls of this connection run as may."""


class Shut(Exception):
    """The breaker lets nobody through; `seconds` until it is worth asking again."""

    def __init__(self, seconds: float) -> None:
        super().__init__("breaker")
        self.seconds = seconds


class TooFast(Exception):
    """The rate is spent; `seconds` until there is room."""

    def __init__(self, seconds: float) -> None:
        super().__init__("rate")
        self.seconds = seconds


class _Store:
    """Redis within 300 ms, or None: then each process helps itself."""

    def __init__(self) -> None:
        self.client = redis.Redis.from_url(
            settings.REDIS_URL,
            decode_responses=True,
            socket_connect_timeout=0.3,
            socket_timeout=0.3,
            retry=Retry(NoBackoff(), 0),
        )
        self.quiet_until = 0.0
        self.local: dict[str, dict[str, str]] = {}
        self.lock = threading.Lock()

    def ask(self, call: Callable[[redis.Redis], T]) -> T | None:
        if time.monotonic() < self.quiet_until:
            return None
        try:
            return call(self.client)
        except (redis.RedisError, OSError) as error:
            self.quiet_until = time.monotonic() + _QUIET
            log.warning("guards are kept by this process alone", error=type(error).__name__)
            return None


@cache
def store() -> _Store:
    """The one of this process."""
    return _Store()


class _Storage(pybreaker.CircuitBreakerStorage):
    """A breaker's state as one hash, in Redis or in this process; it counts how often it opened in a row."""

    def __init__(self, key: str) -> None:
        super().__init__("shared")
        self.key = key

    def read(self) -> dict[str, str]:
        """All of it, in one go."""
        found = store().ask(lambda client: client.hgetall(self.key))
        return store().local.get(self.key, {}) if found is None else _texts(found)

    def _write(self, **values: object) -> None:
        texts = {name: str(value) for name, value in values.items()}
        items = [text for pair in texts.items() for text in pair]

        def write(client: redis.Redis) -> bool:
            with client.pipeline(transaction=False) as pipe:
                pipe.hset(self.key, items=items)
                pipe.expire(self.key, _KEPT)
                pipe.execute()
            return True

        if store().ask(write) is None:
            with store().lock:
                store().local.setdefault(self.key, {}).update(texts)

    def _add(self, name: str) -> None:
        if store().ask(lambda client: client.hincrby(self.key, name, 1)) is None:
            with store().lock:
                kept = store().local.setdefault(self.key, {})
                kept[name] = str(int(kept.get(name, 0)) + 1)

    def _number(self, name: str) -> int:
        return int(self.read().get(name, 0))

    @property
    def state(self) -> str:
        """closed, open or half-open."""
        return self.read().get("state", pybreaker.STATE_CLOSED)

    @state.setter
    def state(self, state: str) -> None:
        if state == pybreaker.STATE_CLOSED:
            self._write(state=state, opens=0)
        else:
            self._write(state=state)

    @property
    def opened_at(self) -> datetime | None:
        """When it opened last."""
        text = self.read().get("opened_at")
        return datetime.fromtimestamp(float(text), UTC) if text else None

    @opened_at.setter
    def opened_at(self, instant: datetime) -> None:
        at = repr(instant.timestamp())
        if store().ask(lambda client: client.eval(_OPEN, 1, self.key, at, _KEPT)) is None:
            with store().lock:
                kept = store().local.setdefault(self.key, {})
                if kept.get("state") != pybreaker.STATE_OPEN:
                    opens = int(kept.get("opens", 0)) + 1
                    kept |= {"state": pybreaker.STATE_OPEN, "opened_at": at, "opens": str(opens)}

    @property
    def counter(self) -> int:
        """Failures in a row."""
        return self._number("failures")

    def increment_counter(self) -> None:
        """One more failure."""
        self._add("failures")

    def reset_counter(self) -> None:
        """No failures."""
        self._write(failures=0)

    @property
    def success_counter(self) -> int:
        """Successes in a row since the probe."""
        return self._number("successes")

    def increment_success_counter(self) -> None:
        """One more success."""
        self._add("successes")

    def reset_success_counter(self) -> None:
        """No successes."""
        self._write(successes=0)


class Guards:
    """Those of one connection, with so many calls a minute."""

    def __init__(self, connection_id: int, *, calls_per_minute: int) -> None:
        self._name = _name_of(connection_id)
        self._storage = _Storage(f"{self._name}:breaker")
        self._rate, self.size = calls_per_minute / 60, max(1, calls_per_minute // 6)

    def state(self) -> str:
        """closed, open or half-open."""
        return self._storage.state

    def closed_for(self) -> float:
        """Seconds until a call may be let through; 0 where one may try. One read, so that a refusal costs no time."""
        return _left(self._storage.read())

    @contextlib.contextmanager
    def let_in(self) -> Iterator[None]:
        """Past the breaker: freely while it is closed, then one at a time, to see whether the other side is back.

        Raises Shut.
        """
        kept = self._storage.read()
        if (seconds := _left(kept)) > 0:
            raise Shut(seconds)
        if kept.get("state", pybreaker.STATE_CLOSED) == pybreaker.STATE_CLOSED:
            yield
            return
        key, mine = f"{self._name}:probe", uuid.uuid4().hex
        taken = store().ask(lambda client: bool(client.set(key, mine, nx=True, ex=PROBE_LONGEST)))
        if taken is False:
            raise Shut(1.0)
        try:
            yield
        finally:
            store().ask(lambda client: client.eval(_LEAVE, 1, key, mine))

    def through_breaker(self, call: Callable[[], T], *, counts: type[Exception]) -> T:
        """Run `call`; only an exception of `counts` counts as its failure. Raises what it raises, or CircuitBreakerError."""
        breaker = pybreaker.CircuitBreaker(
            fail_max=FAILURES,
            reset_timeout=_open_seconds(self._storage.read()),
            success_threshold=SUCCESSES,
            exclude=[lambda error: not isinstance(error, counts)],
            state_storage=self._storage,
            throw_new_error_on_trip=False,
        )
        return breaker.call(call)

    @contextlib.contextmanager
    def place(self) -> Iterator[None]:
        """One of the places that calls have at once. Raises Full."""
        key, mine = f"{self._name}:running", f"{os.getpid()}:{uuid.uuid4().hex}"
        now = time.time()
        entered = store().ask(lambda client: client.eval(_ENTER, 1, key, now, now + CALL_LONGEST, AT_ONCE, mine))
        room = _room(self._name) if entered is None else None
        if entered == 0 or (room is not None and not room.acquire(blocking=False)):
            raise Full
        try:
            yield
        finally:
            if room is not None:
                room.release()
            else:
                store().ask(lambda client: client.zrem(key, mine))

    def take_token(self) -> None:
        """Count one call against the rate. Raises TooFast."""
        key, now = f"{self._name}:bucket", time.time()
        wait = store().ask(lambda client: float(client.eval(_TAKE, 1, key, now, self._rate, self.size)))
        if wait is None:
            wait = _take_here(key, now, self._rate / PROCESSES)
        if wait > 0:
            raise TooFast(wait)

    def empty_bucket(self, seconds: float) -> None:
        """The other side said that it is too much: nothing more for so many seconds."""
        key, until = f"{self._name}:bucket", time.time() + seconds
        values = {"tokens": "0", "at": str(until)}

        def write(client: redis.Redis) -> bool:
            client.hset(key, items=[text for pair in values.items() for text in pair])
            return True

        if store().ask(write) is None:
            with store().lock:
                store().local[key] = values

    def rate_left(self) -> float:
        """Calls that could go out at once now, of `size`."""
        key = f"{self._name}:bucket"
        found = store().ask(lambda client: client.hgetall(key))
        kept = store().local.get(key, {}) if found is None else _texts(found)
        passed = max(0.0, time.time() - float(kept.get("at", 0)))
        return min(float(self.size), float(kept.get("tokens", self.size)) + passed * self._rate)


def breaker_states(connection_ids: Sequence[int]) -> dict[int, str]:
    """closed, open or half-open, of many connections in one go."""
    keys = {pk: f"{_name_of(pk)}:breaker" for pk in connection_ids}

    def read(client: redis.Redis) -> list[Any]:
        with client.pipeline(transaction=False) as pipe:
            for key in keys.values():
                pipe.hget(key, "state")
            return pipe.execute()

    found = store().ask(read) if keys else []
    if found is None:
        found = [store().local.get(key, {}).get("state") for key in keys.values()]
    return {pk: str(state or pybreaker.STATE_CLOSED) for pk, state in zip(keys, found, strict=True)}


def _name_of(connection_id: int) -> str:
    return f"call:{connection.settings_dict['NAME']}:{connection_id}"


def _left(kept: Mapping[str, str]) -> float:
    """Seconds that a breaker stays open from now; 0 where a call may try."""
    if kept.get("state", pybreaker.STATE_CLOSED) != pybreaker.STATE_OPEN:
        return 0.0
    return max(0.0, float(kept.get("opened_at", 0)) + _open_seconds(kept) - time.time())


def _texts(found: Mapping[Any, Any]) -> dict[str, str]:
    return {str(name): str(value) for name, value in found.items()}


def _open_seconds(kept: Mapping[str, str]) -> float:
    opens = max(1, int(kept.get("opens", 1)))
    return float(min(OPEN_SECONDS * 2 ** (opens - 1), OPEN_LONGEST))


@cache
def _room(_name: str) -> threading.Semaphore:
    return threading.Semaphore(AT_ONCE)


def _take_here(key: str, now: float, rate: float) -> float:
    with store().lock:
        kept: dict[str, Any] = store().local.setdefault(key, {"tokens": "1", "at": str(now)})
        tokens = min(1.0, float(kept["tokens"]) + max(0.0, now - float(kept["at"])) * rate)
        wait = 0.0 if tokens >= 1 else (1 - tokens) / rate + max(0.0, float(kept["at"]) - now)
        kept |= {"tokens": str(tokens - 1 if tokens >= 1 else tokens), "at": str(max(now, float(kept["at"])))}
        return wait
