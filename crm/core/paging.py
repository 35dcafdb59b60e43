"""Pages by keyset: as fast on the last page as on the first, and no row twice or lost while others write.

    page = paginate(queryset, sort=Sort("name_key"), after=request.GET.get("after", ""), size=50)

A page begins behind (or ends before) a row, named by its sort value and primary key and compared as one row value,
`(name_key, id) > (…, …)`, which one index `(organisation, name_key, id)` serves in both directions. Rows without a
value come last in both directions and are walked as a range of their own, asked for only when the first is used up.
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.db.models import F, Field, Model, QuerySet
from django.db.models.fields.tuple_lookups import TupleGreaterThan, TupleLessThan
from django.utils.translation import gettext as _

from crm.core.errors import Invalid

M = TypeVar("M", bound=Model)

DEFAULT_SIZE: Final = 50
LARGEST_SIZE: Final = 200
COUNT_CAP: Final = 10_000
END: Final = "end"  # as `before`: the last page
_LONGEST_CURSOR: Final = 2_000
_LARGEST_ID: Final = 9_223_372_036_854_775_807


@dataclass(frozen=True, slots=True)
class Sort:
    """By which column of the list's own model, and which way. Ties go by primary key in the same direction."""

    column: str
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Page(Generic[M]):
    """Some rows in order, and the cursors of the pages beside them ("" where there is none)."""

    rows: list[M]
    next_cursor: str
    previous_cursor: str


@dataclass(frozen=True, slots=True)
class Count:
    """A number of rows; `is_capped` says that there are more."""

    number: int
    is_capped: bool


def capped_count(queryset: QuerySet[Any], cap: int = COUNT_CAP) -> Count:
    """How many rows there are, but counting no further than `cap`."""
    found = queryset.order_by().values("pk")[: cap + 1].count()
    return Count(min(found, cap), found > cap)


def paginate(
    queryset: QuerySet[M], *, sort: Sort, after: str = "", before: str = "", size: int = DEFAULT_SIZE
) -> Page[M]:
    """One page of `queryset` in the order of `sort`, NULLs last both ways.

    `after` and `before` are cursors of this function (`before="end"` gives the last page); without, the first page.
    `size` is held between 1 and 200. One query, a second only where the page reaches into the rows without a value.
    Raises Invalid (field "after" or "before") for a cursor that is damaged or belongs to another order.
    """
    walk = _Walk(queryset, sort, min(max(size, 1), LARGEST_SIZE))
    if before:
        place = None if before == END else walk.read(before, "before")
        rows, has_more = walk.backward(place)
        return Page(
            rows,
            next_cursor=walk.cursor(rows[-1]) if rows and place else "",
            previous_cursor=walk.cursor(rows[0]) if has_more else "",
        )
    place = walk.read(after, "after") if after else None
    rows, has_more = walk.forward(place)
    # Behind a row that was the last, or is gone: the way back is the last page.
    back = (walk.cursor(rows[0]) if rows else END) if place else ""
    return Page(rows, next_cursor=walk.cursor(rows[-1]) if has_more else "", previous_cursor=back)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a row stands in the order."""

    value: Any
    pk: int


class _Walk(Generic[M]):
    """The two ranges of one order, rows with a value and rows without, walked in either direction."""

    def __init__(self, queryset: QuerySet[M], sort: Sort, size: int) -> None:
        self.queryset, self.sort, self.size = queryset, sort, size
        meta = queryset.model._meta
        self.pk: Field[Any, Any] = meta.pk
        self.field: Field[Any, Any] = _concrete_field(queryset.model, sort.column)
        self.by_pk = self.field is self.pk

    def forward(self, place: _Place | None) -> tuple[list[M], bool]:
        """The rows behind `place`, and whether there are more."""
        rows = [] if place and place.value is None else self._valued(place, self.sort.descending)
        if self.field.null and len(rows) <= self.size:
            inside = place if place and place.value is None else None
            rows += self._empty(inside, self.sort.descending, self.size + 1 - len(rows))
        return rows[: self.size], len(rows) > self.size

    def backward(self, place: _Place | None) -> tuple[list[M], bool]:
        """The rows before `place`, or the last ones, and whether there are more."""
        reverse = not self.sort.descending
        rows: list[M] = []
        if self.field.null and (place is None or place.value is None):
            rows = self._empty(place, reverse, self.size + 1)
        if len(rows) <= self.size:
            inside = place if place and place.value is not None else None
            rows += self._valued(inside, reverse)[: self.size + 1 - len(rows)]
        return rows[: self.size][::-1], len(rows) > self.size

    def _valued(self, place: _Place | None, descending: bool) -> list[M]:
        """At most size + 1 rows with a value, from `place` on in that direction."""
        rows, names = self.queryset, [self.pk.attname] if self.by_pk else [self.field.attname, self.pk.attname]
        if self.field.null:
            # Said beside the row comparison too: partial indexes are used only then.
            rows = rows.filter(**{f"{self.field.attname}__isnull": False})
        if place and self.by_pk:
            rows = rows.filter(**{f"{self.pk.attname}__{'lt' if descending else 'gt'}": place.pk})
        elif place:
            compare = TupleLessThan if descending else TupleGreaterThan
            rows = rows.filter(compare(tuple(F(name) for name in names), (place.value, place.pk)))
        return list(rows.order_by(*_ordering(names, descending))[: self.size + 1])

    def _empty(self, place: _Place | None, descending: bool, most: int) -> list[M]:
        """At most `most` rows without a value, from `place` on in that direction."""
        rows = self.queryset.filter(**{f"{self.field.attname}__isnull": True})
        if place:
            rows = rows.filter(**{f"{self.pk.attname}__{'lt' if descending else 'gt'}": place.pk})
        return list(rows.order_by(*_ordering([self.pk.attname], descending))[:most])

    def cursor(self, row: M) -> str:
        """The opaque name of a row's place in this order."""
        value = None if self.by_pk else getattr(row, self.field.attname)
        text = None if value is None else self.field.value_to_string(row)
        content = json.dumps([self.sort.column, int(self.sort.descending), text, row.pk], separators=(",", ":"))
        return base64.urlsafe_b64encode(content.encode()).decode().rstrip("=")

    def read(self, cursor: str, name: str) -> _Place:
        """The place that a cursor names; raises Invalid."""
        if len(cursor) <= _LONGEST_CURSOR:
            try:
                content = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
                place = self._place(content)
            except (binascii.Error, ValueError, TypeError, RecursionError, ValidationError):
                place = None
            if place:
                return place
        raise Invalid(_("This page of the list is no longer valid."), field=name)

    def _place(self, content: Any) -> _Place | None:
        column, descending, text, pk = content  # raises where it is no list of four
        is_id = isinstance(pk, int) and not isinstance(pk, bool) and 0 < pk <= _LARGEST_ID
        if not is_id or [column, descending] != [self.sort.column, int(self.sort.descending)]:
            return None
        if self.by_pk:
            return _Place(pk, pk) if text is None else None
        if text is None:
            return _Place(None, pk) if self.field.null else None
        value = self._value(text)
        return None if value is None else _Place(value, pk)

    def _value(self, text: object) -> Any:
        if not isinstance(text, str) or "\0" in text:
            return None
        text.encode()  # a lone surrogate raises
        value = self.field.to_python(text)
        return None if isinstance(value, int) and abs(value) > _LARGEST_ID else value


def _ordering(names: list[str], descending: bool) -> list[str]:
    return [f"-{name}" if descending else name for name in names]


def _concrete_field(model: type[Model], column: str) -> Field[Any, Any]:
    """The model's own column of that name; ValueError for anything else, which no single index could serve."""
    try:
        field = model._meta.get_field(column)
    except FieldDoesNotExist:
        field = None
    if not isinstance(field, Field) or not field.concrete:
        raise ValueError(f"{model.__name__} has no column {column!r} to sort by")
    return field
