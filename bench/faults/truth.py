"""What became of the writes: counted in the tables, as their owner."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from typing import Any

import psycopg

from bench.faults.load import Write

SUBSCRIBER = "Subscriber"  # name of the subscription that each round waits for

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
          JOIN outbox_subscription s ON s.id = d.subscription_id AND s.name = %(subscriber)s
         WHERE d.state = 'WAITING' AND e.id <= %(mark)s)
"""
_WAITING = """
SELECT EXISTS (SELECT FROM outbox_event WHERE position IS NULL) OR EXISTS (SELECT FROM outbox_dispatch WHERE state = 'WAITING')
    OR EXISTS (SELECT FROM outbox_inboxrequest WHERE split_at IS NULL)
    OR EXISTS (SELECT FROM outbox_inboxevent WHERE state IN ('NEW', 'RUNNING', 'WAITING', 'RETRY'))
"""
_PROMISED = """
SELECT e.event_id::text, (SELECT count(*) FROM outbox_remoteevent r WHERE r.event_id = e.event_id::text)
  FROM outbox_event e JOIN customers_customer c ON c.id = e.subject_id
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


@dataclass(frozen=True, slots=True)
class Ends:
    """What became of the events of acknowledged writes at those who hear of them."""

    never_sent: int  # that the subscriber did not get
    sent_again: int  # that it got more than once, each under its one id: allowed
    disorder: int  # messages that came behind a younger one of their record
    never_taken_in: int  # that our own door's worker did not take in
    taken_in_again: int  # of which it kept more than one


def ends(owner: psycopg.Connection, writes: list[Write], log: list[dict[str, Any]], disorder: int) -> Ends:
    """`log` and `disorder` as the simulated subscriber tells them."""
    taken = Counter(
        one["headers"]["webhook-id"]
        for one in log
        if one["verdict"] == "ok" and one["status"] == 204 and not one["cut"]
    )
    names = [write.name for write in writes if write.acknowledged]
    promised = owner.execute(_PROMISED, [names]).fetchall()
    return Ends(
        never_sent=sum(event_id not in taken for event_id, _effects in promised),
        sent_again=sum(times - 1 for times in taken.values()),
        disorder=disorder,
        never_taken_in=sum(not effects for _event_id, effects in promised),
        taken_in_again=sum(effects > 1 for _event_id, effects in promised),
    )


def are_subscribed(url: str, number: int) -> bool:
    """Whether so many subscriptions have been proven by their test messages."""
    with psycopg.connect(url, connect_timeout=5) as owner:
        return owner.execute("SELECT state FROM outbox_subscription").fetchall() == [("ACTIVE",)] * number


def is_over(url: str) -> bool:
    """Whether nothing waits any more: no event for its place, no message to be sent, none to be taken in."""
    with psycopg.connect(url, connect_timeout=5) as owner:
        return owner.execute(_WAITING).fetchone() == (False,)


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
            return owner.execute(_OPEN, {"mark": newer[0], "subscriber": SUBSCRIBER}).fetchone() == (0,)
    except psycopg.Error:
        return False
