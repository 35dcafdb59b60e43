"""The filter builder's draft: from a filter to inputs and back it stays the same, and what is wrong stands at its condition."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.http import QueryDict
from django.test import RequestFactory
from django.utils.translation import override

from crm.core import filters
from crm.core.access import Scope
from crm.core.listing import ListState
from crm.core.listing.builder import build_filter, judged
from crm.core.listing.draft import Group, Row, drafted, raw, read_draft
from tests.core.probe import NOW, PROBE
from tests.core.test_listing import LISTING

SCOPE = Scope(organisation_id=1, actor="user:5", role="REP", user_id=5, now=NOW)
FIELDS = PROBE.fields_for(SCOPE)


def state(query: str = "") -> ListState:
    request: Any = RequestFactory().get(f"/rows/filter/?{query}")
    request.scope = SCOPE
    return ListState.read(request, LISTING)


def sent(root: Group) -> QueryDict:
    """The form's data of a draft, as its template writes it."""
    params = QueryDict(mutable=True)

    def write(group: Group) -> None:
        params[f"g.{group.place}"] = group.kind
        for part in group.parts:
            if isinstance(part, Group):
                write(part)
                continue
            for letter, values in (
                ("f", [part.key]),
                ("p", [part.key]),
                ("o", [part.operator]),
                ("v", part.values),
                ("m", part.words),
            ):
                params.setlist(f"{letter}.{part.place}", values)

    write(root.numbered())
    return params


TREES: list[dict[str, Any]] = [
    {"field": "kind", "op": "eq", "value": "A"},
    {"field": "kind", "op": "not_in", "value": ["A", "B"]},
    {"field": "kind", "op": "ne", "value": "A"},
    {"field": "name", "op": "starts", "value": "mü"},
    {"field": "name", "op": "in", "value": ["a, b", "c"]},
    {"field": "amount", "op": "between", "value": [-5, 1200]},
    {"field": "day", "op": "within", "value": {"last_days": 30}},
    {"field": "day", "op": "within", "value": {"next_days": 90}},
    {"field": "day", "op": "within", "value": {"last": "quarter"}},
    {"field": "day", "op": "between", "value": [{"days": -90}, {"days": 0}]},
    {"field": "day", "op": "lt", "value": "2026-03-31"},
    {"field": "day", "op": "gte", "value": {"days": 14}},
    {"field": "day", "op": "empty"},
    {"field": "owner", "op": "eq", "value": "me"},
    {"field": "flag", "op": "is", "value": False},
    {"not": {"field": "day", "op": "empty"}},
    {
        "and": [
            {"or": [{"field": "flag", "op": "is", "value": True}, {"field": "day", "op": "not_empty"}]},
            {"not": {"or": [{"field": "name", "op": "eq", "value": "x"}, {"field": "amount", "op": "gt", "value": 7}]}},
            {
                "not": {
                    "and": [{"field": "name", "op": "eq", "value": "y"}, {"field": "amount", "op": "lt", "value": 7}]
                }
            },
        ]
    },
]


@pytest.mark.parametrize("language", ["de", "en"])
@pytest.mark.parametrize("tree", TREES, ids=str)
def test_a_filter_goes_through_the_form_unchanged(tree: dict[str, Any], language: str) -> None:
    with override(language):
        node = filters.parse(tree, FIELDS, SCOPE)
        again = read_draft(sent(drafted(node)), FIELDS)
        assert filters.parse(raw(again, FIELDS), FIELDS, SCOPE) == node


def test_a_text_keeps_the_one_operator_that_it_was_asked_with() -> None:
    (row,) = drafted(filters.parse({"field": "name", "op": "eq", "value": "a"}, FIELDS, SCOPE)).rows()
    assert (row.operator, row.values) == ("eq", ["a"])


def test_two_ways_to_say_not_are_one() -> None:
    leaf = {"field": "flag", "op": "is", "value": True}
    twice = filters.parse({"not": {"not": leaf}}, FIELDS, SCOPE)
    assert filters.parse(raw(drafted(twice), FIELDS), FIELDS, SCOPE) == filters.parse(leaf, FIELDS, SCOPE)


def test_numbers_are_typed_as_the_language_writes_them() -> None:
    row = Row("price", "between", ["1.200,50", "48.600"])
    with override("de"):
        scope = Scope(organisation_id=1, actor="user:5", role="M", user_id=5, now=NOW, rights=frozenset({"money.read"}))
        tree = raw(row, PROBE.fields_for(scope))
    assert tree == {"field": "price", "op": "between", "value": ["1200.50", "48600"]}


def test_parts_are_added_and_removed_where_they_stand() -> None:
    two = [Row("flag", "is", ["true"]), Row("flag", "is", ["true"])]
    params = sent(Group("any", [two[0], Group("none", [two[1]])]))
    params["act"] = "add:r.1"
    root = read_draft(params, FIELDS)
    inner = root.parts[1]
    assert isinstance(inner, Group)
    assert (root.kind, inner.kind, len(root.parts), len(inner.parts)) == ("any", "none", 2, 2)
    assert isinstance(inner.parts[1], Row)
    assert (inner.parts[1].key, inner.parts[1].is_new) == ("", True)
    params["act"] = "remove:r.1"
    assert len(read_draft(params, FIELDS).parts) == 1
    params["act"] = "group:r"
    assert isinstance(read_draft(params, FIELDS).parts[2], Group)
    for nonsense in ("remove:r", "remove:r.7", "add:r.0", "add", "apply", "x:y:z"):
        params["act"] = nonsense
        assert len(read_draft(params, FIELDS).parts) == 2


def test_more_than_ten_conditions_keep_their_order() -> None:
    names = [f"n{number}" for number in range(12)]
    root = read_draft(sent(Group("all", [Row("name", "eq", [name]) for name in names])), FIELDS)
    assert [row.values for row in root.rows()] == [[name] for name in names]


def test_another_field_begins_anew_and_another_operator_keeps_what_was_typed() -> None:
    params = sent(Group("all", [Row("name", "eq", ["Hof"])]))
    params["o.r.0"] = "starts"
    (row,) = read_draft(params, FIELDS).rows()
    assert (row.operator, row.values) == ("starts", ["Hof"])
    params["f.r.0"] = "day"
    (row,) = read_draft(params, FIELDS).rows()
    assert (row.key, row.operator, row.values) == ("day", "within", ["30"])


def test_what_is_wrong_stands_at_its_condition() -> None:
    root = Group(
        "all", [Row("amount", "gte", ["viel"]), Row("amount", "gte", ["5"]), Row("secret", "eq", ["x"]), Row()]
    )
    assert judged(root, state()) is None
    problems = [row.problem for row in root.rows()]
    assert problems[0]
    assert problems[1] == ""
    assert problems[2]
    assert problems[3] == ""  # not filled in at all: no condition, and no fault
    root.parts = [root.parts[1], root.parts[3]]
    assert judged(root, state()) == filters.parse({"field": "amount", "op": "gte", "value": 5}, FIELDS, SCOPE)


@pytest.mark.parametrize(
    "row", [Row("day", "within", ["", ""], ["last_days"]), Row("day", "lt", ["²"], ["ago"]), Row("kind", "in")]
)
def test_a_missing_or_odd_value_is_a_problem_not_an_error(row: Row) -> None:
    assert judged(Group("all", [row]), state()) is None
    assert row.problem


def test_too_deep_is_said_of_the_whole() -> None:
    root = Group("none", [Row("flag", "is", ["true"])])
    for _level in range(3):
        root = Group("none", [root, Row("flag", "is", ["true"])])
    assert judged(root, state()) is None
    assert root.problem


def test_a_draft_of_fifty_one_conditions_is_refused_whole() -> None:
    root = Group("any", [Row("amount", "eq", [str(number)]) for number in range(51)])
    assert judged(root, state()) is None
    assert root.problem


def test_the_draft_is_hostile_input() -> None:
    for query in ("g.r=zzz&f.r.0=", "g.r=all&g.r.0.0.0=all&f.r.0.0.0.0=name", "g.r=all&f.r.1=x&f.r.1.0=name&o.r.1=eq"):
        for act in ("", "&act=remove:r.0.0.0", "&act=add:r.1.0", "&act=remove:"):
            read_draft(QueryDict(query + act), FIELDS).numbered()
    assert not re.search("[<>]", str(raw(read_draft(QueryDict("g.r=all&f.r.0=<b>&o.r.0=eq"), FIELDS), FIELDS).keys()))


def test_apply_leads_to_the_list_with_all_the_rest_of_its_address() -> None:
    query = "q=hof&sort=-amount&g.r=all&f.r.0=kind&p.r.0=kind&o.r.0=in&v.r.0=A&act=apply"
    request: Any = RequestFactory().get(f"/rows/filter/?{query}")
    request.scope, request.htmx = SCOPE, False
    assert build_filter(request, LISTING).headers["Location"] == "/rows/?q=hof&kind=A&sort=-amount"
    request.htmx = True
    assert build_filter(request, LISTING).headers["HX-Redirect"] == "/rows/?q=hof&kind=A&sort=-amount"
