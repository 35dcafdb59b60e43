"""When a failed delivery is tried again (`standard_webhooks.md`, Delivery)."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

_MINUTE, _HOUR = 60, 3_600
# Seconds between the attempts, from the first failure: ten attempts over 75 h 35 min, then it is given up.
AFTER: Final = (
    5, 5 * _MINUTE, 30 * _MINUTE, 2 * _HOUR, 5 * _HOUR, 10 * _HOUR, 14 * _HOUR, 20 * _HOUR, 24 * _HOUR,
)  # fmt: skip
ATTEMPTS: Final = len(AFTER) + 1
JITTER: Final = 0.1
LONGEST_WISH: Final = timedelta(hours=24)
WISHES: Final = frozenset({429, 502, 503, 504})  # statuses whose Retry-After is honoured


def next_attempt(
    failed: int, now: datetime, *, not_before: datetime | None = None, chance: Callable[[], float] = random.random
) -> datetime | None:
    """When to try again after so many failed attempts; None when that was the last. `chance` gives 0 … 1."""
    if failed >= ATTEMPTS:
        return None
    due = now + timedelta(seconds=AFTER[failed - 1] * (1 + JITTER * (2 * chance() - 1)))
    return max(due, not_before) if not_before else due


def wished(status: int, retry_after: str, now: datetime) -> datetime | None:
    """The instant that an answer's `Retry-After` names (seconds or a date), at most a day ahead; None without one."""
    if status not in WISHES or not retry_after:
        return None
    given = retry_after.strip()
    if given.isascii() and given.isdigit():
        return now + min(timedelta(seconds=int(given[:9])), LONGEST_WISH)
    try:
        named = parsedate_to_datetime(given)
    except ValueError:
        return None
    named = named if named.tzinfo else named.replace(tzinfo=UTC)
    return min(max(named, now), now + LONGEST_WISH)
