"""Figures of what came in, per connection: counted from rows, so that received = done + open + dead, always."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final, cast
from zoneinfo import ZoneInfo

from django.db.models import Count, F, Max, Q, Sum
from django.db.models.functions import Extract, TruncDate
from django.utils.translation import gettext as _

from crm.core.access import Scope
from outbox.call_figures import Percentile
from outbox.choices import OPEN, InboxState, Refusal
from outbox.models import InboxEvent, InboxRefusal, InboxRequest

PERIOD: Final = timedelta(days=30)
MOST_COUNTERS: Final = 200
_COLUMNS: Final = {
    "done": (InboxState.DONE,),
    "ignored": (InboxState.IGNORED,),
    "superseded": (InboxState.SUPERSEDED,),
    "waiting": (InboxState.WAITING,),
    "unfinished": (InboxState.NEW, InboxState.RUNNING, InboxState.RETRY),
    "dead": (InboxState.DEAD,),
}


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


@dataclass(frozen=True, slots=True)
class Counter:
    """Events of one type that came in on one day of the organisation: received = the sum of its states, always.

    `p50`, `p95`: seconds from receipt to done, of those that were not replayed.
    """

    day: date
    kind: str
    received: int
    repeats: int
    done: int
    ignored: int
    superseded: int
    waiting: int
    unfinished: int
    dead: int
    replayed: int
    p50: float | None
    p95: float | None

    @property
    def parts(self) -> list[tuple[str, int]]:
        """(label, number) of what became of them, where there is any; repeats and replays after it."""
        told = [
            (InboxState.DONE.label, self.done),
            (InboxState.IGNORED.label, self.ignored),
            (InboxState.SUPERSEDED.label, self.superseded),
            (InboxState.WAITING.label, self.waiting),
            (_("Not done yet"), self.unfinished),
            (InboxState.DEAD.label, self.dead),
            (_("Repeats"), self.repeats),
            (_("Applied again"), self.replayed),
        ]
        return [(str(label), number) for label, number in told if number]


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


def counters(scope: Scope, connection_id: int) -> list[Counter]:
    """The last 30 days of one connection by day and type, newest day first; at most MOST_COUNTERS of them.

    A request that was not taken apart yet has no type: `figures` counts it.
    """
    rows = InboxEvent.objects.visible_to(scope).filter(connection_id=connection_id, received_at__gte=scope.now - PERIOD)
    took = Extract(F("done_at") - F("received_at"), "epoch")
    replaced = Q(state=InboxState.SUPERSEDED, type="")  # stood for a request that was taken apart later
    is_timed = Q(state=InboxState.DONE, replays=0)
    by_day = rows.order_by().values(day=TruncDate("received_at", tzinfo=ZoneInfo(scope.zone)), kind=F("type"))
    told = by_day.annotate(
        received=Count("pk"),
        repeats=Sum(F("request__seen") - 1, filter=Q(n=0) & ~replaced, default=0),
        replayed=Sum("replays"),
        **{name: Count("pk", filter=Q(state__in=states)) for name, states in _COLUMNS.items()},
        p50=Percentile(took, 0.5, filter=is_timed),
        p95=Percentile(took, 0.95, filter=is_timed),
    ).order_by("-day", "kind")  # fmt: skip
    return [Counter(**row) for row in cast("Iterable[dict[str, Any]]", told[:MOST_COUNTERS])]


def refusals(scope: Scope, connection_id: int) -> list[tuple[date, str, int]]:
    """(day, why, how many) of what the door refused in the last 30 days, newest first."""
    rows = InboxRefusal.objects.visible_to(scope).filter(connection_id=connection_id, minute__gte=scope.now - PERIOD)
    by_day = rows.order_by().annotate(day=TruncDate("minute", tzinfo=ZoneInfo(scope.zone))).values_list("day", "kind")
    told = sorted(by_day.annotate(n=Sum("count")), key=lambda row: (-row[0].toordinal(), row[1]))
    return [(day, str(Refusal(kind).label), number) for day, kind, number in told]
