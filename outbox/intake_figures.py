"""Figures of what came in, per connection: counted from rows, so that received = done + open + dead, always."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db.models import Avg, Count, F, Max, Q, Sum

from crm.core.access import Scope
from outbox.choices import OPEN, InboxState, Refusal
from outbox.models import CallLog, InboxEvent, InboxRefusal, InboxRequest

PERIOD: Final = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Figures:
    """What one connection brought in a period."""

    received: int
    repeats: int
    states: Mapping[str, int]
    refusals: Mapping[str, int]
    last_at: datetime | None

    @property
    def open(self) -> int:
        """Not yet at an end, what waits among them."""
        return sum(self.states.get(state, 0) for state in OPEN)

    @property
    def dead(self) -> int:
        """Given up."""
        return self.states.get(InboxState.DEAD, 0)

    @property
    def lines(self) -> list[tuple[str, int]]:
        """(label, number) of each state and kind of refusal that occurs."""
        states = [(str(InboxState(key).label), number) for key, number in self.states.items() if number]
        return states + [(str(Refusal(key).label), number) for key, number in self.refusals.items() if number]


def figures(scope: Scope, connection_id: int) -> Figures:
    """The last 30 days of one connection. A request that was not taken apart yet counts as one that is new."""
    since = scope.now - PERIOD
    events = InboxEvent.objects.visible_to(scope).filter(connection_id=connection_id, received_at__gte=since)
    states = dict(events.order_by().values_list("state").annotate(n=Count("pk")))
    requests = InboxRequest.objects.visible_to(scope).filter(connection_id=connection_id, received_at__gte=since)
    told = requests.aggregate(
        whole=Count("pk", filter=Q(split_at=None)),
        repeats=Sum(F("seen") - 1 + F("known_parts")),
        last=Max("received_at"),
    )
    if told["whole"]:
        states[InboxState.NEW] = states.get(InboxState.NEW, 0) + told["whole"]
    refused = InboxRefusal.objects.visible_to(scope).filter(connection_id=connection_id, minute__gte=since)
    refusals = dict(refused.order_by().values_list("kind").annotate(n=Sum("count")))
    return Figures(sum(states.values()), told["repeats"] or 0, states, refusals, told["last"])


def dead_and_open(scope: Scope) -> dict[int, tuple[int, int]]:
    """(open, dead) by connection, of those that have any."""
    rows = InboxEvent.objects.visible_to(scope).filter(state__in=[*OPEN, InboxState.DEAD])
    found = rows.order_by().values("connection_id").annotate(
        open=Count("pk", filter=~Q(state=InboxState.DEAD)), dead=Count("pk", filter=Q(state=InboxState.DEAD))
    )  # fmt: skip
    return {row["connection_id"]: (row["open"], row["dead"]) for row in found}


def call_figures(scope: Scope, connection_id: int) -> tuple[int, int, float | None]:
    """Calls of the last day: how many, how many failed, and their mean time in milliseconds."""
    rows = CallLog.objects.visible_to(scope).filter(connection_id=connection_id, at__gte=scope.now - timedelta(days=1))
    told = rows.aggregate(n=Count("pk"), failed=Count("pk", filter=~Q(error="")), mean=Avg("milliseconds"))
    return told["n"], told["failed"], told["mean"]
