"""A list page's state, and the addresses that lead on from it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Final, TypeVar
from urllib.parse import urlencode

from django.db.models import Model, QuerySet
from django.http import QueryDict
from django.utils.translation import gettext as _

from crm.core import filters
from crm.core.access import CrmRequest, Scope
from crm.core.errors import Invalid
from crm.core.filters import Chip, FilterField, Leaf, Node, Operator, Problem, conjuncts
from crm.core.listing.offered import Column, Listing
from crm.core.listing.reading import read_columns, read_density, read_search, read_size, read_sort
from crm.core.paging import DEFAULT_SIZE, END, Page, Sort, paginate

M = TypeVar("M", bound=Model)

HOLDS_WITHOUT_VALUE: Final = frozenset({Operator.NE, Operator.NOT_IN, Operator.EMPTY})


@dataclass(frozen=True, slots=True)
class Header:
    """A column's head. `direction` is aria-sort's word, "ascending" or "descending", "" where the list goes by another.

    `url` sorts by it, the other way where it already does; "" where it cannot be sorted by.
    """

    column: Column
    label: str
    url: str
    direction: str


@dataclass(frozen=True, slots=True)
class StateChip:
    """A part of the filter in words (see filters.Chip), and the list's address without it."""

    chip: Chip
    url: str

    @property
    def text(self) -> str:
        """All of it in one line."""
        return self.chip.text


@dataclass(frozen=True, kw_only=True)
class ListState:
    """What one URL of a list says. Made by `read`; `url` makes the others."""

    listing: Listing
    scope: Scope
    fields: Mapping[str, FilterField]
    available: Mapping[str, Column]
    search: str = ""
    node: Node = filters.EVERYTHING
    sort_key: str = ""
    column_keys: tuple[str, ...] = ()
    after: str = ""
    before: str = ""
    size: int = DEFAULT_SIZE
    density: str = ""
    view: str = ""
    path: str = ""
    problems: list[Problem] = field(default_factory=list)
    cursors: dict[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, request: CrmRequest, listing: Listing, *, reserved: Iterable[str] = ()) -> ListState:
        """The state in a request's query string. `reserved` are parameters that the page reads itself."""
        return cls.of(request.GET, request.scope, listing, reserved=reserved)

    @classmethod
    def of(
        cls,
        params: QueryDict,
        scope: Scope,
        listing: Listing,
        *,
        reserved: Iterable[str] = (),
        like: ListState | None = None,
    ) -> ListState:
        """The state that `params` say, as `scope` may have it. `like` is another of the same list and scope, where there is one."""
        fields = like.fields if like else listing.registry.fields_for(scope)
        available = like.available if like else listing.columns_for(scope, fields)
        found = filters.from_query(params, fields, scope, reserved=tuple(reserved))
        problems = list(found.problems)
        return cls(
            listing=listing,
            scope=scope,
            fields=fields,
            available=available,
            node=found.node,
            search=read_search(params.get("q", ""), problems),
            sort_key=read_sort(
                params.get("sort", ""), listing, available, problems, is_search=bool(params.get("q", "").strip())
            ),
            column_keys=read_columns(params.getlist("columns"), available, problems),
            after=params.get("after", ""),
            before=params.get("before", ""),
            size=read_size(params.get("size", ""), listing, problems),
            density=read_density(params.get("density", ""), problems),
            view=params.get("view", "")[:64],
            path=listing.path,
            problems=problems,
        )

    # Rows

    def narrow(self, queryset: QuerySet[M]) -> QuerySet[M]:
        """The rows that the filter lets pass. Search is the app's own: it reads `state.search`."""
        return queryset.filter(filters.compile(self.node, self.scope))

    def page(self, queryset: QuerySet[M], source: QuerySet[M] | None = None) -> Page[M]:
        """The page that the URL names, in the state's order; a cursor no longer valid gives the first and a problem.

        With `source` the page is found by primary keys and its rows come from there (see `paginate`).
        """
        gather = not self.scope.sees_all or self._stands_together()
        valued = any(leaf.key == self._sorted_by for leaf in self._valued())
        try:
            page = paginate(
                queryset,
                sort=self.sort,
                after=self.after,
                before=self.before,
                size=self.size,
                source=source,
                gather=gather,
                valued=valued,
            )
        except Invalid as invalid:
            self.problems.append(Problem(invalid.field or "after", invalid.message))
            page = paginate(queryset, sort=self.sort, size=self.size, source=source, gather=gather, valued=valued)
        self.cursors.update(next=page.next_cursor, previous=page.previous_cursor)
        return page

    def _valued(self) -> Iterator[Leaf]:
        """The conditions that every row fulfils, and none without a value does."""
        return (
            node for node in conjuncts(self.node) if isinstance(node, Leaf) and node.operator not in HOLDS_WITHOUT_VALUE
        )

    def _stands_together(self) -> bool:
        """Whether the filter's rows lie side by side in the list's order, maybe far from its beginning."""
        keys = self.listing.together.get(self._sorted_by, frozenset())
        return any(leaf.key in keys for leaf in self._valued())

    def require_sound(self) -> None:
        """Raise Invalid where the URL had faults: for whatever acts on all rows of the list."""
        if self.problems:
            raise Invalid(_("The filter has faults."), errors={each.place: each.message for each in self.problems})

    @property
    def usual_sort(self) -> str:
        """The order while the URL names none."""
        return self.listing.usual_sort(is_search=bool(self.search))

    @property
    def sort(self) -> Sort:
        """The order as paging takes it."""
        return Sort(self.available[self._sorted_by].sort, self.sort_key.startswith("-"))

    @property
    def _sorted_by(self) -> str:
        return self.sort_key.lstrip("-")

    # Columns

    @property
    def columns(self) -> list[Column]:
        """The columns to show: fixed ones first, then the chosen ones in their order, or the default ones."""
        fixed = [column for column in self.available.values() if column.fixed]
        if self.column_keys:
            return fixed + [self.available[key] for key in self.column_keys if not self.available[key].fixed]
        return fixed + [column for column in self.available.values() if column.shown and not column.fixed]

    @cached_property
    def headers(self) -> list[Header]:
        """The heads of the columns to show."""
        return [self._header(column) for column in self.columns]

    def _header(self, column: Column) -> Header:
        if not column.sort:
            return Header(column, str(column.label), "", "")
        if self._sorted_by == column.key:
            is_descending = self.sort_key.startswith("-")
            other = column.key if is_descending else f"-{column.key}"
            direction = "descending" if is_descending else "ascending"
            return Header(column, str(column.label), self.url(sort=other), direction)
        first = f"-{column.key}" if column.descending_first else column.key
        return Header(column, str(column.label), self.url(sort=first), "")

    # Links

    @cached_property
    def chips(self) -> list[StateChip]:
        """The filter in words, each part with the address of the list without it."""
        return [StateChip(chip, self.url(node=chip.rest)) for chip in filters.describe(self.node, self.scope)]

    @property
    def first_url(self) -> str:
        """The first page."""
        return self.url()

    @property
    def last_url(self) -> str:
        """The last page."""
        return self.url(before=END)

    @property
    def next_url(self) -> str:
        """The next page, or "" on the last; known once `page` was asked."""
        return self.url(after=self.cursors["next"]) if self.cursors.get("next") else ""

    @property
    def previous_url(self) -> str:
        """The page before, or "" on the first; known once `page` was asked."""
        return self.url(before=self.cursors["previous"]) if self.cursors.get("previous") else ""

    @property
    def builder_url(self) -> str:
        """Where this filter is built on."""
        pairs = self.pairs()
        return f"{self.listing.builder_path}?{urlencode(pairs)}" if pairs else self.listing.builder_path

    @property
    def clear_url(self) -> str:
        """The list without search and filter, in the same order and columns."""
        return self.url(search="", node=filters.EVERYTHING)

    @property
    def here_url(self) -> str:
        """This very page, to share or come back to."""
        return self.url(after=self.after, before=self.before)

    @property
    def is_narrowed(self) -> bool:
        """Whether search or filter leave rows out."""
        return bool(self.search) or self.node != filters.EVERYTHING

    def with_filter(self, key: str, operator: str, value: object = None) -> str:
        """The address with one more condition (JSON value); one on the same field and operator is replaced.

        Raises Invalid for a condition that is not valid.
        """
        raw = {"field": key, "op": operator} | ({} if value is None else {"value": value})
        added = filters.parse(raw, self.fields, self.scope)
        kept = [part for part in filters.conjuncts(self.node) if not _same_place(part, added)]
        return self.url(node=filters.join(*kept, added))

    def url(self, **changes: Any) -> str:
        """The address with `changes` to search, node, sort, columns, density, after, before, size, view; all else stays.

        Without a place (`after`, `before`) among the changes it is the first page.
        """
        pairs = self.pairs(**changes)
        return f"{self.path}?{urlencode(pairs)}" if pairs else self.path

    def pairs(self, **changes: Any) -> list[tuple[str, str]]:
        """The parameters of `url` as names and values; defaults are left out."""
        renamed = {"sort": "sort_key", "columns": "column_keys"}
        values = {"after": "", "before": ""} | {renamed.get(name, name): value for name, value in changes.items()}
        if "search" in values and self.sort_key == self.usual_sort:
            values.setdefault("sort_key", self.listing.usual_sort(is_search=bool(values["search"])))
        state = replace(self, **values)
        default_size = state.listing.size
        written = [
            ("q", state.search),
            *filters.to_pairs(state.node),
            ("sort", "" if state.sort_key == state.usual_sort else state.sort_key),
            ("columns", ",".join(state.column_keys)),
            ("density", state.density),
            ("size", "" if state.size == default_size else str(state.size)),
            ("view", state.view),
            ("after", state.after),
            ("before", state.before),
        ]
        return [(name, value) for name, value in written if value]

    def hidden_inputs(self, *without: str) -> list[tuple[str, str]]:
        """Names and values that a GET form carries on, without those that it has inputs for (and without the place)."""
        return filters.hidden_pairs(self.pairs(), without=without)

    @property
    def search_inputs(self) -> list[tuple[str, str]]:
        """The hidden inputs of the search form."""
        return self.hidden_inputs("q")

    @property
    def column_inputs(self) -> list[tuple[str, str]]:
        """The hidden inputs of the column picker's form, whose own inputs are named `columns` and `density`."""
        return self.hidden_inputs("columns", "density")


def _same_place(part: Node, added: Node) -> bool:
    if not isinstance(part, filters.Leaf) or not isinstance(added, filters.Leaf):
        return False
    return (part.key, part.operator) == (added.key, added.operator)
