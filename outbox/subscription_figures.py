"""How subscribers fare: what waits, since when, how much is accepted and how fast; counted from rows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import connection

from crm.core.access import Scope
from outbox.envelope import PING
from outbox.models import Subscription

PERIOD: Final = timedelta(hours=24)

_FIGURES: Final = """
SELECT s.id, waiting.messages, waiting.oldest, dead.messages, tried.attempts, tried.accepted, tried.p95
  FROM unnest(%(ids)s::bigint[]) AS s (id),
       LATERAL (SELECT count(*) AS messages,
                       (SELECT e.occurred_at FROM outbox_dispatch o JOIN outbox_event e ON e.id = o.event_id
                         WHERE o.subscription_id = s.id AND o.state = 'WAITING' ORDER BY o.position LIMIT 1) AS oldest
                  FROM outbox_dispatch w WHERE w.subscription_id = s.id AND w.state = 'WAITING') AS waiting,
       LATERAL (SELECT count(*) AS messages FROM outbox_dispatch d
                 WHERE d.subscription_id = s.id AND d.state = 'DEAD' AND d.type <> %(ping)s) AS dead,
       LATERAL (SELECT count(*) AS attempts, count(*) FILTER (WHERE a.error = '') AS accepted,
                       percentile_disc(0.95) WITHIN GROUP (ORDER BY a.milliseconds) FILTER (WHERE a.error = '') AS p95
                  FROM outbox_attempt a WHERE a.subscription_id = s.id AND a.at >= %(since)s) AS tried
"""


@dataclass(frozen=True, slots=True)
class Figures:
    """One subscriber: messages waiting and since when, given up; of the last 24 hours the share accepted and p95 (ms).

    A test message is tried once, by whoever looks at what comes back: it is none of those given up.
    """

    waiting: int = 0
    oldest: datetime | None = None
    dead: int = 0
    attempts: int = 0
    accepted: int = 0
    p95: int | None = None

    @property
    def share(self) -> float | None:
        """Accepted attempts of all, in per cent; None where there was none."""
        return 100 * self.accepted / self.attempts if self.attempts else None


@dataclass(frozen=True, slots=True)
class Line:
    """A subscription with its figures."""

    subscription: Subscription
    figures: Figures


def overview(scope: Scope) -> list[Line]:
    """All subscriptions that `scope` sees, by name."""
    found = list(Subscription.objects.visible_to(scope).select_related("owner", "acts_as").order_by("name"))
    figures = figures_of(scope, [one.pk for one in found])
    return [Line(one, figures[one.pk]) for one in found]


def figures_of(scope: Scope, ids: list[int]) -> dict[int, Figures]:
    """The figures of these subscriptions; the database shows only what the scope sees."""
    values: dict[str, Any] = {"ids": ids, "since": scope.now - PERIOD, "ping": PING}
    with connection.cursor() as cursor:
        cursor.execute(_FIGURES, values)
        return {row[0]: Figures(*row[1:]) for row in cursor.fetchall()}
