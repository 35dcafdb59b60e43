"""What became of the writes: counted in the tables, as their owner."""

from __future__ import annotations

import time
from collections.abc import Container
from dataclasses import dataclass

import psycopg

from bench.faults.load import Write

_CUSTOMERS = """
SELECT c.company_name, count(DISTINCT c.id), count(e.id)
  FROM customers_customer c
  LEFT JOIN outbox_event e ON e.subject_type = 'customer' AND e.subject_id = c.id AND e.type = 'customer.created'
 WHERE starts_with(c.company_name, %s) GROUP BY 1
"""
# Two rows for one event and handler, or a place in the feed that is missing or given twice, cannot be explained away.
_DOUBLED = """
SELECT coalesce(sum(n - 1), 0) FROM (SELECT count(*) AS n FROM outbox_delivery GROUP BY event_id, handler) d WHERE n > 1
"""
_FEED = (
    "SELECT count(*) FILTER (WHERE position IS NULL), coalesce(max(position), 0) - count(position) FROM outbox_event"
)
_OPEN = """
SELECT (SELECT count(*) FROM outbox_event WHERE id <= %(mark)s AND position IS NULL)
     + (SELECT count(*) FROM outbox_delivery d JOIN outbox_event e ON e.id = d.event_id
         WHERE d.state = 'WAITING' AND e.id <= %(mark)s)
     + (SELECT count(*) FROM outbox_dispatch d JOIN outbox_event e ON e.id = d.event_id
         WHERE d.state = 'WAITING' AND e.id <= %(mark)s)
"""


_PROMISED = """
SELECT e.event_id::text FROM outbox_event e JOIN customers_customer c ON c.id = e.subject_id
 WHERE e.type = 'customer.created' AND c.company_name = ANY(%s)
"""


@dataclass(frozen=True, slots=True)
class Count:
    """What the tables say of the writes so far."""

    acknowledged: int
    lost: int  # acknowledged, and the customer or its event is not there
    doubled: int  # customers, events or deliveries that are there more often than once
    unplaced: int  # events without a position
    gaps: int  # positions that no event has


def count(owner: psycopg.Connection, writes: list[Write], mark: str, feed: bool) -> Count:
    """`feed`: with the load stopped, so that everything must have its place."""
    found = {name: (customers, events) for name, customers, events in owner.execute(_CUSTOMERS, [mark]).fetchall()}
    said_yes = [write.name for write in writes if write.acknowledged]
    lost = sum(1 for name in said_yes if found.get(name, (0, 0))[1] == 0)
    more = sum(customers - 1 + max(events - customers, 0) for customers, events in found.values())
    row = owner.execute(_DOUBLED).fetchone()
    unplaced, gaps = (owner.execute(_FEED).fetchone() or (0, 0)) if feed else (0, 0)
    return Count(len(said_yes), lost, more + int(row[0] if row else 0), unplaced, gaps)


def never_sent(owner: psycopg.Connection, writes: list[Write], accepted: Container[str]) -> int:
    """Events of acknowledged writes that the subscriber never accepted."""
    names = [write.name for write in writes if write.acknowledged]
    return sum(1 for (event_id,) in owner.execute(_PROMISED, [names]).fetchall() if event_id not in accepted)


def is_subscribed(url: str) -> bool:
    """Whether the one subscription has been proven by its test message."""
    with psycopg.connect(url, connect_timeout=5) as owner:
        return owner.execute("SELECT state FROM outbox_subscription").fetchall() == [("ACTIVE",)]


def last_event(url: str, seconds: float = 60.0) -> int:
    """The newest event's id, as soon as the database answers."""
    end = time.monotonic() + seconds
    while True:
        try:
            with psycopg.connect(url, connect_timeout=5) as owner:
                row = owner.execute("SELECT coalesce(max(id), 0) FROM outbox_event").fetchone()
                return int(row[0]) if row else 0
        except psycopg.Error:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)


def is_settled(url: str, mark: int) -> bool:
    """Whether there is a newer event, and it and every one before have their place and were handled by all that hear of them."""
    try:
        with psycopg.connect(url, connect_timeout=5) as owner:
            newer = owner.execute("SELECT min(id) FROM outbox_event WHERE id > %s", [mark]).fetchone()
            if newer is None or newer[0] is None:
                return False
            return owner.execute(_OPEN, {"mark": newer[0]}).fetchone() == (0,)
    except psycopg.Error:
        return False
