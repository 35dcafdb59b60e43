"""What a list page offers: columns, filters, orders."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from crm.core.access import Scope
from crm.core.filters import FilterField, FilterRegistry
from crm.core.paging import DEFAULT_SIZE


@dataclass(frozen=True, slots=True, kw_only=True)
class _Options:
    sort: str = ""
    numeric: bool = False
    descending_first: bool = False
    shown: bool = True
    fixed: bool = False
    right: str = ""
    group: Any = ""
    edit: str = ""
    data: Any = None


@dataclass(frozen=True, slots=True)
class Column(_Options):
    """One column of a list.

    `key` names it in URLs and templates, `label` is its head. `sort` is the column of the list's model that orders it
    ("" for none). `numeric` aligns right; `descending_first` is the way of the first click. `shown` says whether it is
    there by default, `fixed` that it always is, first and not in the picker. `right` hides it from who lacks that.
    `group` sorts the picker, `data` is the app's own (a field definition, say). `edit` is where a row's value is edited,
    below the row's own address ("field/phone/"); the view there answers `?cell=1` with the field of `components.records`.
    """

    key: str
    label: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """What a list page offers; see `crm.core.listing`. `default_sort` is a column's key, "-key" for descending.

    `search_sort` is the order of what a search finds while the URL names none. It should have nothing to do with the
    words: names that begin with a frequent one stand together, far from the beginning, and the way there is long.
    For the same reason `together` names, by the column that is sorted by, filters whose rows stand together in its order
    (a town's in that of postcodes): these are gathered instead of walked to. `key` and `label` name the list
    where its state can be saved under a name (`crm.core.listing.saved`); the key is that of its area in the navigation.
    `groups` are the headings under which the filter builder shows the fields, by the fields' `group`, in that order.
    """

    path: str
    registry: FilterRegistry
    columns: tuple[Column, ...]
    default_sort: str
    search_sort: str = ""
    together: Mapping[str, frozenset[str]] = field(default_factory=dict)
    more_columns: Callable[[Mapping[str, FilterField]], Iterable[Column]] | None = None
    key: str = ""
    label: Any = ""
    groups: Mapping[str, Any] = field(default_factory=dict)
    size: int = DEFAULT_SIZE

    def columns_for(self, scope: Scope, fields: Mapping[str, FilterField]) -> dict[str, Column]:
        """The columns that exist for this scope, by key; those of the catalogue come from its filter fields."""
        every = (*self.columns, *(self.more_columns(fields) if self.more_columns else ()))
        return {column.key: column for column in every if not column.right or scope.allows(column.right)}

    @property
    def builder_path(self) -> str:
        """Where its filter is built (`crm.core.listing.builder`)."""
        return f"{self.path}filter/"

    def usual_sort(self, *, is_search: bool) -> str:
        """The order while the URL names none."""
        return self.search_sort if is_search and self.search_sort else self.default_sort
