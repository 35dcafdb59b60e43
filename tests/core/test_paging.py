"""Keyset paging: nothing twice, nothing lost, one index for both directions."""

from __future__ import annotations

import base64
import json
import re
from datetime import date, timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crm.core.access import Scope
from crm.core.errors import Invalid
from crm.core.paging import END, Sort, capped_count, paginate
from tests.core.probe import NOW, ProbeRow

SHARED = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)
COLUMNS = ["name", "kind", "amount", "day", "moment", "owner_id", "id"]

# Few values, so that ties and NULLs are frequent.
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "name": st.none() | st.sampled_from(["", "a", "Ä", "ab", "b'", "z\\", "😀"]),
            "kind": st.sampled_from("AB"),
            "amount": st.none() | st.sampled_from([-(2**63) + 1, -1, 0, 1, 2**63 - 1]),
            "day": st.none() | st.integers(0, 3).map(lambda days: date(2026, 1, 1) + timedelta(days=days)),
            "moment": st.none() | st.integers(0, 3).map(lambda ms: NOW + timedelta(microseconds=ms)),
            "owner_id": st.none() | st.integers(1, 3),
        }
    ),
    max_size=25,
)


def fill(rows: list[dict[str, Any]]) -> None:
    ProbeRow.objects.bulk_create(ProbeRow(id=number, **row) for number, row in enumerate(rows, 1))


def expected(column: str, descending: bool) -> list[int]:
    """The order as PostgreSQL says it for the whole table."""
    way = "DESC" if descending else "ASC"
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT id FROM probe_row ORDER BY {column} {way} NULLS LAST, id {way}")
        return [row[0] for row in cursor.fetchall()]


def walk(sort: Sort, size: int, *, forward: bool, gather: bool = False, by_source: bool = False) -> list[int]:
    ids: list[int] = []
    way: dict[str, Any] = {"gather": gather, "source": ProbeRow.objects.all() if by_source else None}
    page = paginate(ProbeRow.objects.all(), sort=sort, size=size, before="" if forward else END, **way)
    assert (page.previous_cursor if forward else page.next_cursor) == ""
    while True:
        found = [row.pk for row in page.rows]
        ids = ids + found if forward else found + ids
        cursor = page.next_cursor if forward else page.previous_cursor
        if not cursor:
            return ids
        assert len(found) == size
        page = paginate(
            ProbeRow.objects.all(), sort=sort, size=size, **{"after" if forward else "before": cursor}, **way
        )


@SHARED
@given(
    rows=ROWS,
    column=st.sampled_from(COLUMNS),
    descending=st.booleans(),
    size=st.integers(1, 6),
    gather=st.booleans(),
    by_source=st.booleans(),
)
def test_all_pages_together_are_the_whole_table_in_order(
    probe_scope: Scope,
    rows: list[dict[str, Any]],
    column: str,
    descending: bool,
    size: int,
    gather: bool,
    by_source: bool,
) -> None:
    sort = Sort(column, descending)
    with transaction.atomic():
        fill(rows)
        order = expected(column, descending)
        assert walk(sort, size, forward=True, gather=gather, by_source=by_source) == order
        assert walk(sort, size, forward=False, gather=gather, by_source=by_source) == order
        transaction.set_rollback(True)


@SHARED
@given(rows=ROWS, column=st.sampled_from(COLUMNS), descending=st.booleans(), size=st.integers(1, 6), data=st.data())
def test_one_page_on_and_one_back_is_where_it_began(
    probe_scope: Scope, rows: list[dict[str, Any]], column: str, descending: bool, size: int, data: st.DataObject
) -> None:
    sort, everything = Sort(column, descending), ProbeRow.objects.all()
    with transaction.atomic():
        fill(rows)
        page = paginate(everything, sort=sort, size=size)
        for _step in range(data.draw(st.integers(0, 5))):
            if not page.next_cursor:
                break
            further = paginate(everything, sort=sort, size=size, after=page.next_cursor)
            back = paginate(everything, sort=sort, size=size, before=further.previous_cursor)
            assert [row.pk for row in back.rows] == [row.pk for row in page.rows]
            assert bool(back.next_cursor)
            page = further
        transaction.set_rollback(True)


def test_rows_that_come_and_go_neither_double_nor_lose_others(probe_scope: Scope) -> None:
    fill([{"amount": number} for number in range(10)])
    first = paginate(ProbeRow.objects.all(), sort=Sort("amount"), size=4)
    ProbeRow.objects.filter(pk=first.rows[-1].pk).delete()
    ProbeRow.objects.create(id=100, amount=0)
    second = paginate(ProbeRow.objects.all(), sort=Sort("amount"), size=4, after=first.next_cursor)
    assert [row.pk for row in second.rows] == [5, 6, 7, 8]


def test_behind_a_last_row_that_is_gone_the_way_back_is_the_last_page(probe_scope: Scope) -> None:
    fill([{"amount": number} for number in range(5)])
    page = paginate(ProbeRow.objects.all(), sort=Sort("amount"), size=3)
    ProbeRow.objects.filter(pk__gt=3).delete()
    empty = paginate(ProbeRow.objects.all(), sort=Sort("amount"), size=3, after=page.next_cursor)
    assert (empty.rows, empty.next_cursor, empty.previous_cursor) == ([], "", END)


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize(("column", "value"), [("name", "m"), ("day", date(2026, 1, 2))])
def test_a_page_is_one_row_comparison_on_the_index(
    probe_scope: Scope, column: str, value: Any, descending: bool
) -> None:
    """As the unprivileged role under a policy; in either direction without a sort."""
    fill([{column: value}, {column: value}, {}])
    first = paginate(ProbeRow.objects.filter(organisation_id=1), sort=Sort(column, descending), size=1)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
    with CaptureQueriesContext(connection) as queries:
        paginate(
            ProbeRow.objects.filter(organisation_id=1), sort=Sort(column, descending), size=1, after=first.next_cursor
        )
    (sql,) = [query["sql"] for query in queries][:1]
    sign = "<" if descending else ">"
    assert f'("probe_row"."{column}", "probe_row"."id") {sign} (' in sql
    assert " OR " not in sql
    with connection.cursor() as cursor:
        cursor.execute("EXPLAIN " + sql)
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert re.search(rf"Index Cond: .*ROW\({column}, id\) {sign} ROW\(", plan)
    assert "Sort" not in plan


def test_rows_without_a_value_are_asked_for_only_when_needed(probe_scope: Scope) -> None:
    fill([{"amount": 1}, {"amount": 2}, {"amount": 3}, {"amount": None}])
    with CaptureQueriesContext(connection) as queries:
        paginate(ProbeRow.objects.all(), sort=Sort("amount"), size=2)
    assert len(queries) == 1
    with CaptureQueriesContext(connection) as queries:
        paginate(ProbeRow.objects.all(), sort=Sort("amount"), size=3)
    assert len(queries) == 2
    with CaptureQueriesContext(connection) as queries:
        paginate(ProbeRow.objects.all(), sort=Sort("kind"), size=200)
    assert len(queries) == 1


def forged(*content: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "cursor",
    [
        "?", "é", "x" * 5000, forged(), forged(1), forged("amount", 0, "1"), forged("amount", 0, "1", "1"),
        forged("amount", 0, "1", True), forged("amount", 0, "1", 2**63), forged("amount", 0, "1", -1),
        forged("amount", 0, "x", 1),
        forged("amount", 0, str(2**63), 1), forged("amount", 0, 1, 1), forged("amount", 1, "1", 1),
        forged("name", 0, "1", 1),
        base64.urlsafe_b64encode(b"[" * 1400).decode(), base64.urlsafe_b64encode(b"\xff\xfe").decode(),
    ],
)  # fmt: skip
def test_a_damaged_or_foreign_cursor_is_refused(probe_scope: Scope, cursor: str) -> None:
    for place in ("after", "before"):
        with pytest.raises(Invalid) as refusal:
            paginate(ProbeRow.objects.all(), sort=Sort("amount"), **{place: cursor})
        assert refusal.value.field == place


@pytest.mark.parametrize(
    ("column", "text"),
    [("name", "\0"), ("name", "\ud800"), ("day", "31.12.2026"), ("moment", "noon"), ("kind", None), ("id", "1")],
)
def test_a_cursor_with_a_value_that_is_none_is_refused(probe_scope: Scope, column: str, text: str | None) -> None:
    with pytest.raises(Invalid):
        paginate(ProbeRow.objects.all(), sort=Sort(column), after=forged(column, 0, text, 1))


def test_sorting_by_what_is_no_column_is_a_programming_error(probe_scope: Scope) -> None:
    for column in ("nothing", "owner__name"):
        with pytest.raises(ValueError, match="no column"):
            paginate(ProbeRow.objects.all(), sort=Sort(column))


def test_size_is_held_between_1_and_200(probe_scope: Scope) -> None:
    fill([{}] * 201)
    assert len(paginate(ProbeRow.objects.all(), sort=Sort("id"), size=10_000).rows) == 200
    assert len(paginate(ProbeRow.objects.all(), sort=Sort("id"), size=-1).rows) == 1


def test_counting_stops_at_the_cap(probe_scope: Scope) -> None:
    fill([{}] * 5)
    assert (
        capped_count(ProbeRow.objects.all(), cap=5).number,
        capped_count(ProbeRow.objects.all(), cap=5).is_capped,
    ) == (5, False)
    with CaptureQueriesContext(connection) as queries:
        count = capped_count(ProbeRow.objects.order_by("name"), cap=4)
    assert (count.number, count.is_capped) == (4, True)
    assert "LIMIT 5) subquery" in queries[0]["sql"]
    assert "ORDER BY" not in queries[0]["sql"]
