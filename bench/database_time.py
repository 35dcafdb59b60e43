"""The page's own queries, measured inside this process as the unprivileged role, beside SQL written by hand as the owner."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import psycopg

from bench.base import Asker
from bench.filters import Filter

LEAST = 2.0  # milliseconds that either side counts at least


@dataclass(frozen=True, slots=True)
class Seen:
    """What one page asked: how many queries (savepoints not counted), milliseconds of all, and of those that found and read the rows."""

    count: int
    all_ms: float
    rows_ms: float


def watch(asker: Asker, path: str) -> Seen:
    """One page through all middleware, warm."""
    from django.db import connection
    from django.test import Client

    client = Client(HTTP_HOST="127.0.0.1")
    client.cookies["session"] = asker.session
    seen: list[tuple[float, str]] = []

    def note(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
        start = time.perf_counter()
        try:
            return execute(sql, params, many, context)
        finally:
            seen.append(((time.perf_counter() - start) * 1000, sql))

    best = Seen(0, 0, 0)
    for attempt in range(3):
        seen.clear()
        with connection.execute_wrapper(note):
            answer = client.get(path)
        if answer.status_code != 200:
            raise RuntimeError(f"{path} answered {answer.status_code} to the {asker.role}")
        rows = sum(took for took, sql in seen if '"customers_customerhot"' in sql and "COUNT(" not in sql)
        now = Seen(sum("SAVEPOINT" not in sql for _, sql in seen), sum(took for took, _ in seen), rows)
        if attempt == 1 or (attempt and now.rows_ms < best.rows_ms):
            best = now
    return best


def by_hand(connection: psycopg.Connection, asker: Asker, wanted: Filter, column: str, descending: bool) -> float:
    """Milliseconds of the same first page in one statement, with the tables' indexes and no policy."""
    way = "DESC" if descending else "ASC"
    where = f"h.organisation_id = 1 AND {asker.rows} AND {wanted.sql}"

    def part(condition: str, order: str) -> str:
        return (
            "(SELECT h.*, c.company_name, c.seasonal_months, u.name FROM customers_customerhot h"
            " JOIN customers_customer c ON c.id = h.customer_id LEFT JOIN organisation_user u ON u.id = h.owner_id"
            f" WHERE {where} AND {condition} ORDER BY {order} LIMIT 51)"
        )

    first = part(f"h.{column} IS NOT NULL", f"h.{column} {way}, h.customer_id {way}")
    statement = f"{first} UNION ALL {part(f'h.{column} IS NULL', f'h.customer_id {way}')} LIMIT 51"
    times = []
    for _ in range(3):
        start = time.perf_counter()
        connection.execute(statement).fetchall()  # type: ignore[call-overload] # built from this package's own words
        times.append((time.perf_counter() - start) * 1000)
    return min(times)


def ratio(ours: float, hand: float) -> float:
    """How many times the hand-written one, both counted as 2 ms at least."""
    return max(ours, LEAST) / max(hand, LEAST)


def deep_place(
    connection: psycopg.Connection, asker: Asker, wanted: Filter, column: str, descending: bool, behind: int
) -> tuple[Any, int] | None:
    """Sort value and id of the row number `behind`, or None where there are not as many."""
    way = "DESC" if descending else "ASC"
    return connection.execute(  # type: ignore[call-overload, no-any-return] # built from this package's own words
        f"SELECT h.{column}, h.customer_id FROM customers_customerhot h WHERE h.organisation_id = 1 AND {asker.rows}"
        f" AND {wanted.sql} ORDER BY h.{column} {way} NULLS LAST, h.customer_id {way} OFFSET {behind - 1} LIMIT 1"
    ).fetchone()
