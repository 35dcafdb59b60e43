"""Figures of calls out, read from the call log: how many, how many failed, how long, and when a breaker changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.db.models import Aggregate, CharField, Count, F, FloatField, Q, QuerySet, Value, Window
from django.db.models.functions import Lag, TruncHour

from crm.core.access import Scope
from outbox.models import CallLog

DAY: Final = timedelta(days=1)
HISTORY: Final = timedelta(days=7)  # of a breaker
MOST_CHANGES: Final = 20


class Percentile(Aggregate):
    """The value that so large a share of all values does not pass: `Percentile("milliseconds", 0.95)`."""

    function = "percentile_cont"
    template = "%(function)s(%(share)s) WITHIN GROUP (ORDER BY %(expressions)s)"

    def __init__(self, expression: Any, share: float, **extra: Any) -> None:
        super().__init__(expression, share=share, **{"output_field": FloatField(), **extra})


@dataclass(frozen=True, slots=True)
class Calls:
    """Attempts in a time: how many, how many of them failed, and milliseconds that half and 95 % of them did not pass."""

    number: int
    failed: int
    p50: float | None
    p95: float | None


@dataclass(frozen=True, slots=True)
class Change:
    """A breaker that is closed, open or half-open from `at` on; `error` is what the attempt there ended with."""

    at: datetime
    state: str
    error: str


def calls_by_connection(scope: Scope, connection_ids: Sequence[int]) -> dict[int, Calls]:
    """The last day of each connection that was called in it."""
    rows = _of_a_day(scope).filter(connection_id__in=connection_ids)
    return dict(_grouped(rows, "connection_id"))


def calls_by_hour(scope: Scope, connection_id: int) -> list[tuple[datetime, Calls]]:
    """The last day of one connection, newest hour first; hours without a call are left out."""
    rows = _of_a_day(scope).filter(connection_id=connection_id).annotate(hour=TruncHour("at"))
    return sorted(_grouped(rows, "hour"), reverse=True, key=lambda pair: pair[0])


def breaker_changes(scope: Scope, connection_id: int) -> list[Change]:
    """When the breaker of a connection changed in the last days, newest first. Each attempt notes its state after it."""
    before = Window(Lag("breaker", default=Value("closed")), order_by=F("pk").asc(), output_field=CharField())
    rows = CallLog.objects.visible_to(scope).filter(connection_id=connection_id, at__gte=scope.now - HISTORY)
    changed = rows.annotate(before=before).exclude(breaker=F("before")).order_by("-pk")
    return [Change(*found) for found in changed.values_list("at", "breaker", "error")[:MOST_CHANGES]]


def _of_a_day(scope: Scope) -> QuerySet[CallLog]:
    """Attempts that reached out: where the breaker shut between two of one call, nothing went out."""
    return CallLog.objects.visible_to(scope).filter(at__gte=scope.now - DAY).exclude(error="breaker")


def _grouped(rows: QuerySet[CallLog], key: str) -> list[tuple[Any, Calls]]:
    told = rows.order_by().values(key).annotate(
        number=Count("pk"),
        failed=Count("pk", filter=~Q(error="")),
        p50=Percentile("milliseconds", 0.5),
        p95=Percentile("milliseconds", 0.95),
    )  # fmt: skip
    return [(row.pop(key), Calls(**row)) for row in told]
