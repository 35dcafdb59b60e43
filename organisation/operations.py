"""Counts of critical operations, written beside the operations themselves, and the error budget that they make."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

import structlog
from django.db import DatabaseError, connection

from crm.core.access import Scope
from crm.core.operations import BUDGET, BUDGET_DAYS, Operation, all_operations
from organisation.models import OperationCount

log = structlog.get_logger(__name__)

CONNECT_SECONDS: Final = 2  # a failure is not counted where the database itself is away
_COUNT: Final = "SELECT organisation_count_operation(%s, %s, %s)"


def count_operation(key: str, organisation_id: int, failed: bool) -> None:
    """Count one operation: a success on the connection whose transaction is over, a failure on a connection of its own.

    A failed operation's transaction is being rolled back, so the count cannot be part of it. A count that cannot be
    written is logged and let go.
    """
    if not failed:
        with connection.cursor() as cursor:
            cursor.execute(_COUNT, [organisation_id, key, False])
        return
    beside = connection.copy()
    beside.settings_dict["OPTIONS"] = {**beside.settings_dict.get("OPTIONS", {}), "connect_timeout": CONNECT_SECONDS}
    try:
        with beside.cursor() as cursor:
            cursor.execute(_COUNT, [organisation_id, key, True])
    except DatabaseError as error:
        log.warning("failure not counted", operation=key, organisation=organisation_id, error=type(error).__name__)
    finally:
        beside.close()


@dataclass(frozen=True, slots=True)
class OperationDays:
    """One kind of operation over the days of the budget."""

    operation: Operation
    done: int
    failed: int


@dataclass(frozen=True, slots=True)
class ErrorBudget:
    """How many critical operations failed in the last seven days, today among them."""

    since: date
    operations: list[OperationDays]

    @property
    def done(self) -> int:
        """Operations that succeeded."""
        return sum(one.done for one in self.operations)

    @property
    def failed(self) -> int:
        """Operations that failed."""
        return sum(one.failed for one in self.operations)

    @property
    def share(self) -> float:
        """The share that failed; 0 where there was none."""
        return self.failed / (self.done + self.failed) if self.failed else 0.0

    @property
    def spent(self) -> bool:
        """Whether more failed than the budget allows (0.5 %)."""
        return self.share > BUDGET


def error_budget(scope: Scope) -> ErrorBudget:
    """The budget of the scope's organisation, by kind of operation. One query."""
    since = scope.today - timedelta(days=BUDGET_DAYS - 1)
    counted: dict[str, list[int]] = {}
    rows = OperationCount.objects.visible_to(scope).filter(day__gte=since)
    for key, done, failed in rows.values_list("operation", "done", "failed"):
        sums = counted.setdefault(key, [0, 0])
        sums[0] += done
        sums[1] += failed
    return ErrorBudget(since, [OperationDays(one, *counted.get(one.key, (0, 0))) for one in all_operations()])
