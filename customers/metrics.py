"""What /metrics tells of the hot projection."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from django.core.cache import cache
from django.db import connection

from crm.core.access import Scope
from crm.core.metrics import Figure, of_each_organisation

KEPT: Final = 60  # seconds that a count over all rows is told again
_STALENESS: Final = """
SELECT coalesce(sum(customers), 0)::float8, coalesce(sum(customers * (1 - share_under_900_s)), 0)::float8,
       coalesce(max(oldest_seconds), 0)::float8 FROM hot_projection_staleness
"""


def figures() -> Iterator[Figure]:
    """Rows, those projected longer than 900 s ago, and the oldest."""
    told = cache.get_or_set("metrics:projection", lambda: of_each_organisation(_staleness), KEPT)
    rows, late, oldest = ([*column] for column in zip(*told, strict=True)) if told else ([], [], [0])
    yield Figure("freshplan_projection_rows", "Rows of the hot projection.", sum(rows))
    yield Figure("freshplan_projection_late_rows", "Rows projected more than 900 s ago.", sum(late))
    yield Figure("freshplan_projection_oldest_seconds", "Age of the oldest row.", max(oldest))


def _staleness(_scope: Scope) -> list[float]:
    with connection.cursor() as cursor:
        cursor.execute(_STALENESS)
        return list(cursor.fetchone())
