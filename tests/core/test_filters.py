"""The filter language: its meaning against a plain reading in Python, its limits, its URL form, what it hides."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import pytest
from django.db import connection, transaction
from django.db.models import Q
from django.http import QueryDict
from django.utils.translation import override
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crm.core import filters
from crm.core.access import Scope
from crm.core.errors import Invalid
from crm.core.filters import FieldType, FilterField, FilterRegistry, Operator, column
from crm.core.folding import fold
from tests.core.probe import KINDS, NOW, PROBE, ProbeRow, ProbeValue

SHARED = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=120)
BERLIN = ZoneInfo("Europe/Berlin")
TODAY = date(2026, 3, 28)
SCOPE = Scope(organisation_id=1, actor="user:5", role="REP", user_id=5, now=NOW, rights=frozenset({"money.read"}))
MANAGER = Scope(
    organisation_id=1, actor="user:6", role="MANAGER", user_id=6, now=NOW, rights=frozenset({"fields.read_restricted"})
)

# One row per interesting value of each column, in combinations that a single filter tells apart.
NAMES = [None, "muller", "mullerei", "meier", "strasse", "z"]
MOMENTS = [
    None,
    datetime(2026, 3, 27, 22, 59, 59, 999999, tzinfo=UTC),  # last instant of the 27th in Berlin
    datetime(2026, 3, 27, 23, tzinfo=UTC),  # the 28th begins
    datetime(2026, 3, 28, 23, tzinfo=UTC),  # the 29th begins, a day of 23 hours
    datetime(2026, 3, 29, 22, tzinfo=UTC),  # the 30th begins
    datetime(2025, 12, 31, 23, tzinfo=UTC),
]
ROWS = [
    {
        "id": number,
        "name": NAMES[number % 6],
        "kind": "ABC"[number % 3],
        "amount": [None, -10, 0, 5, 10][number % 5],
        "cents": [None, 0, 1050, 100_000][number % 4],
        "day": [
            None,
            TODAY,
            TODAY - timedelta(days=30),
            TODAY + timedelta(days=90),
            date(2026, 1, 1),
            date(2025, 12, 31),
        ][number % 6],
        "moment": MOMENTS[number * 5 % 6],
        "flag": [None, True, False][number // 2 % 3],
        "owner_id": [None, 5, 6][number // 3 % 3],
        "tags": [set(), {"A"}, {"A", "B"}, {"C"}][number // 4 % 4],
    }
    for number in range(1, 61)
]


@pytest.fixture
def rows(probe_scope: Scope) -> None:
    ProbeRow.objects.bulk_create(
        ProbeRow(**{key: value for key, value in row.items() if key != "tags"}) for row in ROWS
    )
    ProbeValue.objects.bulk_create(ProbeValue(row_id=row["id"], choice=tag) for row in ROWS for tag in row["tags"])


# A plain reading of the language, to hold the SQL against.

SPANS: dict[str, tuple[date, date]] = {
    '{"last_days": 30}': (date(2026, 2, 26), TODAY),
    '{"next_days": 90}': (TODAY, date(2026, 6, 26)),
    '{"this": "week"}': (date(2026, 3, 23), date(2026, 3, 29)),
    '{"next": "month"}': (date(2026, 4, 1), date(2026, 4, 30)),
    '{"this": "quarter"}': (date(2026, 1, 1), date(2026, 3, 31)),
    '{"last": "year"}': (date(2025, 1, 1), date(2025, 12, 31)),
}
PATHS = {
    "name": "name", "dish": "name", "kind": "kind", "amount": "amount", "tenths": "amount", "price": "cents",
    "day": "day", "moment": "moment", "flag": "flag", "owner": "owner_id", "number": "id", "fields.tags": "tags",
}  # fmt: skip


def day_of(value: Any) -> date:
    if value == "today":
        return TODAY
    if isinstance(value, dict):
        return TODAY + timedelta(days=value["days"])
    return date.fromisoformat(value)


def operand(key: str, value: Any) -> Any:
    """What a JSON value means for the column."""
    convert: dict[str, Callable[[Any], Any]] = {
        "name": fold, "dish": fold, "tenths": lambda n: round(float(n) * 10), "price": lambda n: round(float(n) * 100),
        "day": day_of, "moment": day_of, "owner": lambda who: 5 if who == "me" else who,
    }  # fmt: skip
    return convert.get(key, lambda same: same)(value)


def holds(tree: dict[str, Any], row: dict[str, Any]) -> bool:
    if "and" in tree:
        return all(holds(part, row) for part in tree["and"])
    if "or" in tree:
        return any(holds(part, row) for part in tree["or"])
    return not holds(tree["not"], row) if "not" in tree else holds_leaf(tree, row)


def holds_leaf(tree: dict[str, Any], row: dict[str, Any]) -> bool:
    key, op, value = tree["field"], tree["op"], tree.get("value")
    opposite = {"ne": "eq", "not_in": "in", "not_empty": "empty"}
    if op in opposite:
        return not holds_leaf(tree | {"op": opposite[op]}, row)
    found = row[PATHS[key]]
    if op == "empty":
        return found is None or found == set()
    if found is None:
        return False
    if key == "moment":
        found = found.astimezone(BERLIN).date()
    if op == "within":
        return SPANS[json.dumps(value)][0] <= found <= SPANS[json.dumps(value)][1]
    wanted = [operand(key, each) for each in value] if isinstance(value, list) else operand(key, value)
    return (ROWS_MEAN if key == "fields.tags" else OPERATORS_MEAN)[op](found, wanted)


OPERATORS_MEAN: dict[str, Callable[[Any, Any], bool]] = {
    "eq": lambda found, wanted: found == wanted, "is": lambda found, wanted: found is wanted,
    "in": lambda found, wanted: found in wanted, "starts": lambda found, wanted: found.startswith(wanted),
    "lt": lambda found, wanted: found < wanted, "lte": lambda found, wanted: found <= wanted,
    "gt": lambda found, wanted: found > wanted, "gte": lambda found, wanted: found >= wanted,
    "between": lambda found, wanted: wanted[0] <= found <= wanted[1],
}  # fmt: skip
ROWS_MEAN: dict[str, Callable[[Any, Any], bool]] = {
    "eq": lambda found, wanted: wanted in found,
    "in": lambda found, wanted: bool(found & set(wanted)),
    "all": lambda found, wanted: set(wanted) <= found,
}


# Random trees over all fields and operators.

VALUES: dict[str, st.SearchStrategy[Any]] = {
    "name": st.sampled_from(["Müller", "MUELLER", "m", "Meier", "Straße", "unknown", "Mueller'; --", "%"]),
    "dish": st.sampled_from(["MÜLLER", "Straße", "Z"]),
    "kind": st.sampled_from("ABC"),
    "amount": st.sampled_from([-10, -1, 0, 5, 10, 11]),
    "tenths": st.sampled_from([-1, "-1.0", 0, "0.5", 0.5, 1]),
    "price": st.sampled_from([0, "10.50", 10.5, 1000, "0.01"]),
    "day": st.sampled_from(["today", "2026-01-01", "2025-12-31", {"days": -30}, {"days": 90}]),
    "moment": st.sampled_from(["today", "2026-03-27", "2026-03-29", "2026-03-30", {"days": 1}, {"days": -1}]),
    "flag": st.booleans(),
    "owner": st.sampled_from(["me", 5, 6, 7]),
    "number": st.integers(1, 61),
    "fields.tags": st.sampled_from("ABC"),
}
FIELDS = PROBE.fields_for(SCOPE)


@st.composite
def leaf(draw: st.DrawFn) -> dict[str, Any]:
    field = FIELDS[draw(st.sampled_from(sorted(PATHS)))]
    operator = draw(st.sampled_from(field.operators))
    made = {"field": field.key, "op": operator.value}
    if operator in {Operator.EMPTY, Operator.NOT_EMPTY}:
        return made
    values = VALUES[field.key]
    if operator is Operator.WITHIN:
        return made | {"value": json.loads(draw(st.sampled_from(sorted(SPANS))))}
    if operator is Operator.BETWEEN:
        return made | {"value": [draw(values), draw(values)]}
    if operator in {Operator.IN, Operator.NOT_IN, Operator.ALL}:
        return made | {"value": draw(st.lists(values, min_size=1, max_size=3))}
    return made | {"value": draw(values)}


def groups(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    several = st.lists(inner, min_size=1, max_size=3)
    return st.one_of(
        several.map(lambda parts: {"and": parts}),
        several.map(lambda parts: {"or": parts}),
        inner.map(lambda part: {"not": part}),
    )


TREES = st.one_of(leaf(), groups(leaf()), groups(groups(leaf())), groups(groups(groups(leaf()))))


def ids(node: filters.Node, scope: Scope = SCOPE) -> set[int]:
    return set(ProbeRow.objects.filter(filters.compile(node, scope)).values_list("pk", flat=True))


@SHARED
@given(trees=st.lists(TREES, min_size=5, max_size=5))
def test_sql_means_what_a_plain_reading_means(rows: None, trees: list[dict[str, Any]]) -> None:
    """Also for NULL: ne, not_in and not hold for rows without a value, however deep they stand."""
    for tree in trees:
        assert ids(filters.parse(tree, FIELDS, SCOPE)) == {row["id"] for row in ROWS if holds(tree, row)}, tree


@SHARED
@given(tree=TREES)
def test_url_and_json_say_the_same_again(rows: None, tree: dict[str, Any]) -> None:
    node = filters.parse(tree, FIELDS, SCOPE)
    assert filters.parse(json.loads(json.dumps(filters.tree(node))), FIELDS, SCOPE) == node
    query = filters.to_query(node)
    read = filters.from_query(QueryDict(query), FIELDS, SCOPE)
    assert not read.problems
    assert filters.to_query(read.node) == query
    assert ids(read.node) == ids(node)


@SHARED
@given(parts=st.lists(TREES, min_size=1, max_size=4))
def test_chips_are_the_parts_and_each_can_be_taken_away(rows: None, parts: list[dict[str, Any]]) -> None:
    node = filters.parse({"and": parts}, FIELDS, SCOPE)
    chips = filters.describe(node, SCOPE)
    assert len(chips) == len(filters.conjuncts(node))
    for chip in chips:
        assert chip.text
        assert ids(filters.join(chip.rest, chip.node)) == ids(node)
        assert filters.to_query(filters.from_query(QueryDict(chip.query), FIELDS, SCOPE).node) == chip.query


ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["today", "me", "eq", "in", "day", "flag"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["and", "or", "not", "field", "op", "value", "days", "this", "last_days", "x"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=15,
)


@SHARED
@given(tree=st.one_of(ANYTHING, leaf().flatmap(lambda good: ANYTHING.map(lambda value: good | {"value": value}))))
def test_whatever_is_sent_is_read_or_refused(rows: None, tree: Any) -> None:
    with contextlib.suppress(Invalid):
        ids(filters.parse(tree, FIELDS, SCOPE))


@SHARED
@given(
    pairs=st.lists(
        st.tuples(
            st.sampled_from([*FIELDS, "day__within", "moment__lt", "name__starts", "amount__between", "filter", "q"]),
            st.text(max_size=30)
            | st.sampled_from(["..", "1..", "..today", "1..2..3", "{", "[]", "null", "NaN", "me", "last_0_days"]),
        ),
        max_size=5,
    )
)
def test_whatever_a_url_says_is_read_or_a_problem(rows: None, pairs: list[tuple[str, str]]) -> None:
    encodable = [(name, text.encode("utf-8", "ignore").decode()) for name, text in pairs]
    ids(filters.from_query(QueryDict(urlencode(encodable)), FIELDS, SCOPE).node)


# Faults and limits

EQ = {"field": "amount", "op": "eq", "value": 1}


def nested(levels: int) -> dict[str, Any]:
    return EQ if levels == 0 else {"not": nested(levels - 1)}


@pytest.mark.parametrize(
    ("tree", "place", "words"),
    [
        (7, "", "and, or, not"),
        ({"and": [EQ], "or": [EQ]}, "", "and, or, not"),
        ({"xor": [EQ]}, "", "and, or, not"),
        ({"and": []}, "/and", "at least one part"),
        (
            {"and": [EQ, {"or": [EQ, {"field": "nothing", "op": "eq", "value": 1}]}]},
            "/and/1/or/1/field",
            "no filter field “nothing”",
        ),
        ({"not": {"field": "amount", "op": "in", "value": [1]}}, "/not/op", "no operator “in”"),
        ({"field": "amount", "op": "eq"}, "", "missing"),
        ({"field": "amount", "op": "eq", "value": 1, "boost": 2}, "", "no part “boost”"),
        ({"field": "amount", "op": "empty", "value": 1}, "/value", "no value"),
        ({"field": "amount", "op": "eq", "value": True}, "/value", "number"),
        ({"field": "amount", "op": "eq", "value": "1.5"}, "/value", "whole number"),
        ({"field": "amount", "op": "eq", "value": float("nan")}, "/value", "number"),
        ({"field": "amount", "op": "eq", "value": 2**63}, "/value", "too large"),
        ({"field": "amount", "op": "eq", "value": "1e9"}, "/value", "number"),
        ({"field": "price", "op": "eq", "value": "1.005"}, "/value", "2 decimal places"),
        ({"field": "amount", "op": "between", "value": [1]}, "/value", "two values"),
        ({"field": "kind", "op": "in", "value": ["A", "X"]}, "/value/1", "none of the choices"),
        ({"field": "kind", "op": "in", "value": []}, "/value", "at least one value"),
        ({"field": "kind", "op": "empty"}, "/op", "no operator “empty”"),
        ({"field": "name", "op": "eq", "value": "x" * 201}, "/value", "200 characters"),
        ({"field": "name", "op": "eq", "value": "a\0b"}, "/value", "cannot be stored"),
        ({"field": "name", "op": "eq", "value": "\ud800"}, "/value", "cannot be stored"),
        ({"field": "name", "op": "eq", "value": " "}, "/value", "empty"),
        ({"field": "day", "op": "eq", "value": "2026-02-30"}, "/value", "date"),
        ({"field": "day", "op": "eq", "value": "2026-03-28T10:00:00Z"}, "/value", "date"),
        ({"field": "day", "op": "eq", "value": {"last_days": 3}}, "/value", "date"),
        ({"field": "day", "op": "within", "value": "today"}, "/value", "span"),
        ({"field": "day", "op": "within", "value": {"last_days": 0}}, "/value", "span"),
        ({"field": "flag", "op": "is", "value": 1}, "/value", "true or false"),
        ({"field": "owner", "op": "eq", "value": 0}, "/value", "number of a record"),
        ({"field": ["amount"], "op": "eq", "value": 0}, "/field", "no filter field"),
        (nested(6), "/not/not/not/not/not", "5 levels"),
        ({"and": [EQ] * 51}, "/and", "50 conditions"),
        ({"and": [{"or": [EQ] * 30}, {"or": [EQ] * 21}]}, "/and/1/or/20", "50 conditions"),
        ({"field": "number", "op": "in", "value": list(range(1, 202))}, "/value", "200 values"),
    ],
)
def test_a_fault_is_named_with_its_place(tree: Any, place: str, words: str) -> None:
    with override("en"), pytest.raises(Invalid) as refusal:
        filters.parse(tree, PROBE, SCOPE)
    assert words in refusal.value.errors[place]


def test_all_faults_are_named_at_once() -> None:
    with override("en"), pytest.raises(Invalid) as refusal:
        filters.parse({"or": [{"field": "a", "op": "eq"}, {"not": {"field": "b", "op": "eq"}}, EQ]}, PROBE, SCOPE)
    assert list(refusal.value.errors) == ["/or/0/field", "/or/1/not/field"]


def test_what_lies_within_the_limits_is_read() -> None:
    assert len(list(filters.leaves(filters.parse({"or": [EQ] * 50}, PROBE, SCOPE)))) == 50
    assert filters.parse(nested(5), PROBE, SCOPE)
    assert filters.parse({}, PROBE, SCOPE) == filters.parse(None, PROBE, SCOPE) == filters.EVERYTHING


def test_hidden_fields_are_refused_exactly_like_unknown_ones() -> None:
    def refusal(key: str, scope: Scope) -> dict[str, str]:
        with override("en"), pytest.raises(Invalid) as caught:
            filters.parse({"field": key, "op": "eq", "value": 1}, PROBE, scope)
        return {place: message.replace(key, "KEY") for place, message in caught.value.errors.items()}

    assert refusal("fields.secret", SCOPE) == refusal("unknown", SCOPE)
    assert refusal("price", MANAGER) == refusal("unknown", MANAGER)
    assert filters.parse({"field": "fields.secret", "op": "eq", "value": 1}, PROBE, MANAGER)
    assert "Secret" not in json.dumps(filters.schema(PROBE, SCOPE))
    assert "Secret" in json.dumps(filters.schema(PROBE, MANAGER))
    read = filters.from_query(QueryDict("fields.secret=1&fields.secret__gt=1"), PROBE, SCOPE)
    assert [problem.place for problem in read.problems] == ["fields.secret", "fields.secret__gt"]


# SQL


def sql(q: Q) -> str:
    return str(ProbeRow.objects.filter(q).query).split(" WHERE ")[1].replace('"probe_row".', "").replace('"', "")


@pytest.mark.parametrize(
    ("tree", "where"),
    [
        ({"field": "amount", "op": "ne", "value": 3}, "NOT (amount = 3 AND amount IS NOT NULL)"),
        ({"field": "kind", "op": "not_in", "value": ["A", "B"]}, "NOT (kind IN (A, B))"),
        ({"not": {"field": "day", "op": "lt", "value": "today"}}, "NOT (day < 2026-03-28 AND day IS NOT NULL)"),
        ({"field": "name", "op": "starts", "value": "Mü"}, "(name >= mu AND name < mu\U0010ffff)"),
        ({"field": "price", "op": "between", "value": [10, "12.5"]}, "(cents >= 1000 AND cents <= 1250)"),
        (
            {"field": "moment", "op": "eq", "value": "2026-03-29"},
            "(moment >= 2026-03-29 00:00:00+01:00 AND moment < 2026-03-30 00:00:00+02:00)",
        ),
    ],
)  # fmt: skip
def test_sql_of_a_condition(tree: dict[str, Any], where: str) -> None:
    assert sql(filters.compile(filters.parse(tree, PROBE, SCOPE), SCOPE)) == where


def test_operators_that_lists_use_are_leakproof(db: None) -> None:
    """Others would not use an index under row-level security. Numbers arrive as integer literals of any width."""
    pairs = [
        ("int8", "int8"),
        ("int8", "int4"),
        ("int8", "int2"),
        ("text", "text"),
        ("date", "date"),
        ("timestamptz", "timestamptz"),
        ("bool", "bool"),
    ]
    with connection.cursor() as cursor:
        for left, right in pairs:
            cursor.execute(
                "SELECT bool_and(p.proleakproof), count(*) FROM pg_operator o JOIN pg_proc p ON p.oid = o.oprcode"
                " WHERE o.oprname IN ('=', '<', '<=', '>', '>=')"
                " AND o.oprleft = %s::regtype AND o.oprright = %s::regtype",
                [left, right],
            )
            assert cursor.fetchone() == (True, 5), (left, right)


def test_a_condition_uses_the_index_under_the_policy(probe_scope: Scope) -> None:
    tree = {"and": [{"field": "name", "op": "starts", "value": "Mü"}]}
    rows = ProbeRow.objects.filter(
        filters.compile(filters.parse(tree, PROBE, probe_scope), probe_scope), organisation_id=1
    )
    with connection.cursor() as cursor:
        for other in ("seqscan", "bitmapscan", "sort"):
            cursor.execute(f"SET LOCAL enable_{other} = off")
    plan = rows.order_by("name", "id").explain()
    assert "Index Cond: ((organisation_id = 1) AND (name >= 'mu'::text) AND (name < 'mu\U0010ffff'::text))" in plan


# The short form


@pytest.mark.parametrize(
    ("query", "tree"),
    [
        ("kind=A", {"field": "kind", "op": "eq", "value": "A"}),
        ("kind=A&kind=B", {"field": "kind", "op": "in", "value": ["A", "B"]}),
        ("kind__not_in=A", {"field": "kind", "op": "not_in", "value": ["A"]}),
        ("owner=me&owner=7", {"field": "owner", "op": "in", "value": ["me", 7]}),
        ("owner__empty=1", {"field": "owner", "op": "empty"}),
        ("amount=5", {"field": "amount", "op": "eq", "value": 5}),
        ("amount=-5..7", {"field": "amount", "op": "between", "value": [-5, 7]}),
        ("price=10.5..", {"field": "price", "op": "gte", "value": "10.5"}),
        ("price=..1000", {"field": "price", "op": "lte", "value": 1000}),
        ("amount__gt=5", {"field": "amount", "op": "gt", "value": 5}),
        ("day=2026-01-01..2026-03-31", {"field": "day", "op": "between", "value": ["2026-01-01", "2026-03-31"]}),
        ("day=..-90d", {"field": "day", "op": "lte", "value": {"days": -90}}),
        ("day=+30d", {"field": "day", "op": "eq", "value": {"days": 30}}),
        ("day__lt=today", {"field": "day", "op": "lt", "value": {"days": 0}}),
        ("day=next_90_days", {"field": "day", "op": "within", "value": {"next_days": 90}}),
        ("moment=this_month", {"field": "moment", "op": "within", "value": {"this": "month"}}),
        ("moment__gt=2026-03-28T10:00:00Z", {"field": "moment", "op": "gt", "value": "2026-03-28T10:00:00+00:00"}),
        ("flag=false", {"field": "flag", "op": "is", "value": False}),
        ("name__starts=M%C3%BC", {"field": "name", "op": "starts", "value": "Mü"}),
        ("fields.tags__all=A&fields.tags__all=B", {"field": "fields.tags", "op": "all", "value": ["A", "B"]}),
        ("kind=&owner=&q=x&sort=name&after=1&before=2&columns=a&size=3&view=4", {}),
        (
            'kind=A&filter={"or":[{"field":"amount","op":"lt","value":1},{"field":"amount","op":"empty"}]}',
            {"and": [
                {"field": "kind", "op": "eq", "value": "A"},
                {"or": [{"field": "amount", "op": "lt", "value": 1}, {"field": "amount", "op": "empty"}]},
            ]},
        ),
    ],
)  # fmt: skip
def test_short_form(query: str, tree: dict[str, Any]) -> None:
    read = filters.from_query(QueryDict(query), PROBE, SCOPE)
    assert not read.problems
    assert filters.tree(read.node) == tree
    assert filters.from_query(QueryDict(filters.to_query(read.node)), PROBE, SCOPE).node == read.node


@pytest.mark.parametrize(
    ("query", "places"),
    [
        ("colour=red&kind=A", ["colour"]),
        ("kind__like=A", ["kind__like"]),
        ("kind=A&kind=X", ["kind"]),
        ("amount=1&amount=2", ["amount"]),
        ("amount=..", ["amount"]),
        ("filter={", ["filter"]),
        ("filter={\"and\":[1]}", ["filter/and/0"]),
        ("filter=NaN", ["filter"]),
        ("filter=" + "[" * 40_000, ["filter"]),
        ("filter=" + "[" * 60_000, ["filter"]),
        ("filter=" + json.dumps({"or": [EQ] * 50}) + "&kind=A", ["filter"]),
    ],
)  # fmt: skip
def test_faults_of_a_url_are_a_list_for_the_page(query: str, places: list[str]) -> None:
    assert [problem.place for problem in filters.from_query(QueryDict(query), PROBE, SCOPE).problems] == places


def test_a_group_with_a_fault_is_left_out_whole() -> None:
    query = 'kind=B&filter={"or":[{"field":"kind","op":"eq","value":"A"},{"field":"nothing","op":"eq","value":"A"}]}'
    assert filters.to_query(filters.from_query(QueryDict(query), PROBE, SCOPE).node) == "kind=B"


def test_the_same_field_twice_survives_the_url() -> None:
    node = filters.parse({"and": [{"field": "kind", "op": "ne", "value": kind} for kind in "AB"]}, PROBE, SCOPE)
    assert filters.from_query(QueryDict(filters.to_query(node)), PROBE, SCOPE).node == node


# In words


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("kind=A&kind=B", "Kind is one of Alpha, Beta"),
        ("owner=me&owner=7&owner=700", "Owner is one of me, User 7, #700"),
        ("price=1000..1234.5", "Price between €1,000 and €1,234.50"),
        ("tenths__gt=1234.5", "Tenths more than 1,234.5"),
        ("day=..2026-03-31", "Day until 31 Mar 2026"),
        ("day__lt=-90d", "Day before 90 days ago"),
        ("moment=last_30_days", "Moment in the last 30 days"),
        ("moment__gt=2026-03-28T11:00:00Z", "Moment after 28/03/2026, 12:00"),
        ("flag=true", "Flag is yes"),
        ("owner__empty=1", "Owner is empty"),
        ("fields.tags__not_in=A", "Tags has none of Alpha"),
        ("number=1&number=2&number=3&number=4&number=5", "Number is one of #1, #2, #3 and 2 more"),
        ('filter={"or":[{"field":"kind","op":"eq","value":"A"},{"not":{"and":[{"field":"flag","op":"empty"},{"field":"amount","op":"eq","value":1}]}}]}',
         "Kind is Alpha or not (Flag is empty and Amount is 1)"),
    ],
)  # fmt: skip
def test_chips_in_words(query: str, text: str) -> None:
    with override("en"):
        (chip,) = filters.describe(filters.from_query(QueryDict(query), PROBE, SCOPE).node, SCOPE)
    assert chip.text == text
    assert chip.query == ""


def test_numbers_and_days_in_german() -> None:
    with override("de"):
        chips = filters.describe(filters.from_query(QueryDict("price=1234.5&day=2026-03-31"), PROBE, SCOPE).node, SCOPE)
    assert [chip.value for chip in chips] == ["1.234,50\N{NO-BREAK SPACE}€", "31.03.2026"]


# The registry


def field(key: str, **values: Any) -> FilterField:
    return FilterField(key=key, label=key, **({"type": FieldType.NUMBER, "build": column("amount")} | values))


@pytest.mark.parametrize("key", ["q", "filter", "a.b"])
def test_keys_that_pages_need_cannot_be_fields(key: str) -> None:
    with pytest.raises(ValueError, match="cannot be the key"):
        FilterRegistry("x", [field(key)])


def test_keys_are_unique_and_added_ones_have_a_prefix() -> None:
    with pytest.raises(ValueError, match="cannot be the key"):
        FilterRegistry("x", [field("a"), field("a")])
    with pytest.raises(ValueError, match="prefix"):
        FilterRegistry("x", [], lambda _scope: [field("a")]).fields_for(SCOPE)
    with pytest.raises(ValueError, match="no key"):
        field("A")
    with pytest.raises(ValueError, match="operator"):
        field("a", operators=(Operator.STARTS,))


def test_columns_of_another_type_are_found() -> None:
    assert PROBE.mismatches(ProbeRow) == []
    wrong = [
        field("a", type=FieldType.DATE, build=column("moment")),
        field("b", build=column("nothing")),
        field("c", nullable=False),
        field("d", type=FieldType.TEXT),
    ]
    assert [text[0] for text in FilterRegistry("x", wrong).mismatches(ProbeRow)] == ["a", "b", "c", "d"]


def test_schema_names_version_limits_fields_and_each_condition() -> None:
    schema = filters.schema(PROBE, SCOPE)
    assert schema["version"] == 1
    assert schema["limits"] == {"levels": 5, "leaves": 50, "values": 200, "letters": 200}
    kind = next(each for each in schema["fields"] if each["key"] == "kind")
    assert [each["op"] for each in kind["operators"]] == ["eq", "ne", "in", "not_in"]
    assert kind["choices"] == [{"value": value, "label": label} for value, label in KINDS]
    conditions = [each for each in schema["$defs"]["node"]["anyOf"] if "field" in each["properties"]]
    assert len(conditions) == sum(len(each.operators) for each in FIELDS.values())
    assert {"field": {"const": "kind"}, "op": {"const": "eq"}, "value": {"enum": ["A", "B", "C"]}} in [
        each["properties"] for each in conditions
    ]


def test_a_job_is_nobody(rows: None) -> None:
    job = Scope(organisation_id=1, actor="job:x", role="SYSTEM", now=NOW)
    assert ids(filters.parse({"field": "owner", "op": "eq", "value": "me"}, PROBE, job), job) == set()
    with transaction.atomic():
        assert len(ids(filters.parse({"field": "owner", "op": "ne", "value": "me"}, PROBE, job), job)) == len(ROWS)


@pytest.mark.parametrize(
    ("now", "span", "first", "last"),
    [
        ("2026-01-01T00:30:00+01:00", "last_month", "2025-12-01", "2025-12-31"),
        ("2026-01-31T12:00:00+01:00", "next_month", "2026-02-01", "2026-02-28"),
        ("2028-02-29T12:00:00+01:00", "this_month", "2028-02-01", "2028-02-29"),
        ("2026-12-31T23:30:00+01:00", "next_quarter", "2027-01-01", "2027-03-31"),
        ("2026-02-01T12:00:00+01:00", "last_quarter", "2025-10-01", "2025-12-31"),
        ("2026-11-22T12:00:00+01:00", "this_week", "2026-11-16", "2026-11-22"),
        ("2026-11-23T00:00:00+01:00", "last_week", "2026-11-16", "2026-11-22"),
        ("2028-12-31T23:59:59+01:00", "next_year", "2029-01-01", "2029-12-31"),
        ("2026-03-01T00:30:00+01:00", "last_1_days", "2026-02-28", "2026-03-01"),
    ],
)
def test_spans_are_of_the_wall_clock(now: str, span: str, first: str, last: str) -> None:
    scope = Scope(organisation_id=1, actor="user:5", role="REP", now=datetime.fromisoformat(now).astimezone(UTC))
    node = filters.from_query(QueryDict(f"day={span}"), PROBE, scope).node
    assert sql(filters.compile(node, scope)) == f"(day >= {first} AND day <= {last})"
