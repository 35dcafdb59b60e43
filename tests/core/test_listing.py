"""The state of a list in its URL: what it keeps, what it drops, what it reports."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from django.db import connection
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext
from django.utils.translation import override

from crm.core import filters
from crm.core.access import Scope
from crm.core.errors import Invalid
from crm.core.filters import FilterField
from crm.core.listing import Column, Listing, ListState
from tests.core.probe import NOW, PROBE, ProbeRow

SCOPE = Scope(organisation_id=1, actor="user:5", role="REP", user_id=5, now=NOW)


def more(fields: Mapping[str, FilterField]) -> list[Column]:
    return [Column(key, field.label, shown=False) for key, field in fields.items() if key == "fields.tags"]


LISTING = Listing(
    path="/rows/",
    registry=PROBE,
    columns=(
        Column("kind", "Kind", sort="kind"),
        Column("name", "Name", sort="name", fixed=True),
        Column("amount", "Amount", sort="amount", numeric=True, descending_first=True),
        Column("price", "Price", sort="cents", right="money.read"),
        Column("day", "Day", sort="day", shown=False),
        Column("flag", "Flag"),
    ),
    default_sort="name",
    more_columns=more,
)


def read(query: str = "", scope: Scope = SCOPE, **values: Any) -> ListState:
    request: Any = RequestFactory().get(f"/rows/?{query}")
    request.scope = scope
    return ListState.read(request, LISTING, **values)


def parameters(url: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(url).query))


def test_a_bare_address_is_the_default_state() -> None:
    state = read()
    assert (state.problems, state.is_narrowed, state.search, state.size) == ([], False, "", 50)
    assert (state.sort.column, state.sort.descending) == ("name", False)
    assert [column.key for column in state.columns] == ["name", "kind", "amount", "flag"]
    assert state.url() == state.clear_url == "/rows/"


def test_links_keep_everything_else_and_begin_at_the_first_page() -> None:
    query = "q=m%C3%BCller&kind=A&sort=-amount&columns=day,flag&size=25&view=mine&after=x"
    state = read(query)
    kept = {"q": "müller", "kind": "A", "sort": "-amount", "columns": "day,flag", "size": "25", "view": "mine"}
    assert parameters(state.url()) == kept
    assert parameters(state.here_url) == kept | {"after": "x"}
    assert parameters(state.url(sort="name")) == {key: value for key, value in kept.items() if key != "sort"}
    assert parameters(state.url(size=100)) == kept | {"size": "100"}
    assert parameters(state.url(columns=("flag",))) == kept | {"columns": "flag"}
    assert parameters(state.last_url) == kept | {"before": "end"}
    assert parameters(state.clear_url) == {key: value for key, value in kept.items() if key not in {"q", "kind"}}
    assert dict(state.search_inputs) == {key: value for key, value in kept.items() if key != "q"}
    assert dict(state.column_inputs) == {key: value for key, value in kept.items() if key != "columns"}


def test_heads_sort_and_turn_round() -> None:
    heads = {head.column.key: head for head in read("sort=-amount&kind=A").headers}
    assert (heads["amount"].direction, parameters(heads["amount"].url)) == (
        "descending",
        {"kind": "A", "sort": "amount"},
    )
    assert (heads["name"].direction, parameters(heads["name"].url)) == ("", {"kind": "A"})
    assert heads["flag"].url == ""
    heads = {head.column.key: head for head in read().headers}
    assert (heads["name"].direction, parameters(heads["name"].url)) == ("ascending", {"sort": "-name"})
    assert parameters(heads["amount"].url) == {"sort": "-amount"}


def test_columns_by_commas_or_by_check_boxes_fixed_ones_first() -> None:
    for query in ("columns=flag,name,fields.tags", "columns=flag&columns=name&columns=fields.tags"):
        state = read(query)
        assert [column.key for column in state.columns] == ["name", "flag", "fields.tags"]
        assert not state.problems


def test_chips_lead_to_the_list_without_them() -> None:
    state = read("kind=A&flag=true&sort=-amount")
    with override("en"):
        assert {chip.text: parameters(chip.url) for chip in state.chips} == {
            "Kind is Alpha": {"flag": "true", "sort": "-amount"},
            "Flag is yes": {"kind": "A", "sort": "-amount"},
        }


def test_one_more_condition_replaces_its_like() -> None:
    state = read("kind=A&flag=true&after=x")
    assert parameters(state.with_filter("kind", "eq", "B")) == {"flag": "true", "kind": "B"}
    assert parameters(state.with_filter("owner", "empty")) == {"flag": "true", "kind": "A", "owner__empty": "1"}
    with pytest.raises(Invalid):
        state.with_filter("kind", "eq", "X")


@pytest.mark.parametrize(
    ("query", "place"),
    [
        ("colour=red", "colour"),
        ("kind=X", "kind"),
        ("sort=price", "sort"),  # hidden without the right, like an unknown one
        ("sort=flag", "sort"),
        ("sort=--name", "sort"),
        ("columns=price", "columns"),
        ("size=0", "size"),
        ("size=201", "size"),
        ("size=²", "size"),
        ("q=" + "x" * 201, "q"),
    ],
)
def test_faults_are_shown_and_stop_what_acts_on_all(query: str, place: str) -> None:
    state = read(query)
    assert [problem.place for problem in state.problems] == [place]
    with pytest.raises(Invalid) as refusal:
        state.require_sound()
    assert set(refusal.value.errors) == {place}


def test_a_page_may_have_parameters_of_its_own() -> None:
    assert read("preview=7", reserved=["preview"]).problems == []


def test_pages_narrow_sort_and_link_on(probe_scope: Scope) -> None:
    ProbeRow.objects.bulk_create(ProbeRow(id=number, kind="AB"[number % 2], amount=number) for number in range(1, 11))
    state = read("kind=A&sort=-amount&size=2")
    page = state.page(state.narrow(ProbeRow.objects.all()))
    assert [row.pk for row in page.rows] == [10, 8]
    assert state.previous_url == ""
    state = read(urlsplit(state.next_url).query)
    assert [row.pk for row in state.page(state.narrow(ProbeRow.objects.all())).rows] == [6, 4]
    state = read(urlsplit(state.previous_url).query)
    assert [row.pk for row in state.page(state.narrow(ProbeRow.objects.all())).rows] == [10, 8]
    state = read("before=end&size=4&sort=amount")
    assert [row.pk for row in state.page(state.narrow(ProbeRow.objects.all())).rows] == [7, 8, 9, 10]
    assert state.next_url == ""


def test_a_cursor_of_another_order_gives_the_first_page_and_says_so(probe_scope: Scope) -> None:
    ProbeRow.objects.bulk_create(ProbeRow(id=number, amount=number) for number in range(1, 4))
    state = read("sort=amount&size=1")
    state.page(ProbeRow.objects.all())
    other = read(f"sort=-amount&size=1&after={parameters(state.next_url)['after']}")
    assert [row.pk for row in other.page(ProbeRow.objects.all()).rows] == [3]
    assert [problem.place for problem in other.problems] == ["after"]
    assert filters.tree(other.node) == {}


def _rows(rows: list[dict[str, Any]]) -> None:
    ProbeRow.objects.bulk_create(ProbeRow(id=number, **row) for number, row in enumerate(rows, 1))


@pytest.mark.parametrize(
    ("query", "queries"),
    [
        ("sort=amount&amount=1..", 1),
        ("sort=amount&amount=1..&before=end", 1),
        ("sort=amount&amount__ne=1", 2),
        ("sort=amount&kind=A", 2),
    ],
)
def test_rows_without_a_value_are_not_looked_for_where_the_filter_wants_one(
    probe_scope: Scope, query: str, queries: int
) -> None:
    """A condition that none of them fulfils says so; one that holds for them too, or of another column, does not."""
    _rows([{"kind": "A", "amount": 1}, {"kind": "A", "amount": 2}, {"kind": "A", "amount": None}])
    with CaptureQueriesContext(connection) as asked:
        state = read(query, dataclasses.replace(probe_scope, owner_ids=None))
        state.page(state.narrow(ProbeRow.objects.all()))
    assert len(asked) == queries


def test_rows_that_stand_together_are_gathered(probe_scope: Scope, monkeypatch: pytest.MonkeyPatch) -> None:
    """Filtered by one and sorted by the other, for who sees all; the rows are the same either way. Not the other way round."""
    _rows([{"kind": kind, "amount": amount} for kind in "AB" for amount in (3, None, 1)])
    wide = dataclasses.replace(probe_scope, owner_ids=None)
    together = dataclasses.replace(LISTING, together={"amount": frozenset({"kind"})})
    found = {}
    for name, listing in (("walked", LISTING), ("gathered", together)):
        monkeypatch.setattr("tests.core.test_listing.LISTING", listing)
        with CaptureQueriesContext(connection) as asked:
            state = read("kind=A&sort=-amount", wide)
            rows = state.page(state.narrow(ProbeRow.objects.all())).rows
        found[name] = [row.amount for row in rows], "COALESCE" in asked[0]["sql"]
    assert found == {"walked": ([3, 1, None], False), "gathered": ([3, 1, None], True)}
    assert not read("amount=1&sort=kind", wide)._stands_together()
