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
from django.db.models import F, Field, Model, OrderBy, Q, QuerySet
from django.db.models.fields.tuple_lookups import TupleGreaterThan, TupleLessThan
from django.db.models.functions import Coalesce
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
    queryset: QuerySet[M],
    *,
    sort: Sort,
    after: str = "",
    before: str = "",
    size: int = DEFAULT_SIZE,
    source: QuerySet[M] | None = None,
    gather: bool = False,
    valued: bool = False,
) -> Page[M]:
    """One page of `queryset` in the order of `sort`, NULLs last both ways.

    With `source` the page is found as primary keys alone, which an index can hold, and its rows are taken from `source`,
    with whatever that joins, in the same query. `gather` is for a queryset that its own conditions hold small (a rep's
    customers): they are gathered and sorted, instead of walking everybody's rows until enough of them have come by.
    `valued` says that its conditions let only rows with a value in that column pass: no other is looked for.

    `after` and `before` are cursors of this function (`before="end"` gives the last page); without, the first page.
    `size` is held between 1 and 200. One query, a second only where the page reaches into the rows without a value.
    Raises Invalid (field "after" or "before") for a cursor that is damaged or belongs to another order.
    """
    walk = _Walk(queryset, sort, min(max(size, 1), LARGEST_SIZE), source, gather=gather, valued=valued)
    if before:
        place = None if before == END else walk.read(before, "before")
        rows, has_more = walk.backward(place)
        return Page(
            rows,
            next_cursor=walk.cursor(rows[-1]) if rows and place else "",
            previous_cursor=walk.cursor(rows[0]) if rows and has_more else "",
        )
    place = walk.read(after, "after") if after else None
    rows, has_more = walk.forward(place)
    # Behind a row that was the last, or is gone: the way back is the last page.
    back = (walk.cursor(rows[0]) if rows else END) if place else ""
    return Page(rows, next_cursor=walk.cursor(rows[-1]) if rows and has_more else "", previous_cursor=back)


def cursor_of(row: M, sort: Sort) -> str:
    """The cursor that names a row's place in an order, as `after` and `before` take it."""
    return _Walk(type(row)._default_manager.all(), sort, DEFAULT_SIZE, None).cursor(row)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a row stands in the order."""

    value: Any
    pk: int


class _Walk(Generic[M]):
    """The two ranges of one order, rows with a value and rows without, walked in either direction."""

    def __init__(
        self,
        queryset: QuerySet[M],
        sort: Sort,
        size: int,
        source: QuerySet[M] | None,
        *,
        gather: bool = False,
        valued: bool = False,
    ) -> None:
        self.queryset, self.sort, self.size, self.source, self.gather = queryset, sort, size, source, gather
        meta = queryset.model._meta
        self.pk: Field[Any, Any] = meta.pk
        self.field: Field[Any, Any] = _concrete_field(queryset.model, sort.column)
        self.by_pk = self.field is self.pk
        self.has_empty = self.field.null and not valued

    def forward(self, place: _Place | None) -> tuple[list[M], bool]:
        """The rows behind `place`, and whether there are more."""
        descending = self.sort.descending
        if self.gather and self.field.null:
            found = self._gathered(place, descending, backward=False)
            return found[: self.size], len(found) > self.size
        found = [] if place and place.value is None else self._valued(place, descending)
        if self.has_empty and len(found) <= self.size:
            inside = place if place and place.value is None else None
            found += self._empty(inside, descending, self.size + 1 - len(found))
        return found[: self.size], len(found) > self.size

    def backward(self, place: _Place | None) -> tuple[list[M], bool]:
        """The rows before `place`, or the last ones, and whether there are more."""
        reverse = not self.sort.descending
        found: list[M] = []
        if self.gather and self.field.null:
            found = self._gathered(place, reverse, backward=True)
            return found[: self.size][::-1], len(found) > self.size
        if self.has_empty and (place is None or place.value is None):
            found = self._empty(place, reverse, self.size + 1)
        if len(found) <= self.size:
            inside = place if place and place.value is not None else None
            found += self._valued(inside, reverse)[: self.size + 1 - len(found)]
        return found[: self.size][::-1], len(found) > self.size

    def _valued(self, place: _Place | None, descending: bool) -> list[M]:
        """At most size + 1 with a value, from `place` on in that direction."""
        rows, names = self.queryset, [self.pk.attname] if self.by_pk else [self.field.attname, self.pk.attname]
        if self.field.null:
            # Said beside the row comparison too: partial indexes are used only then.
            rows = rows.filter(**{f"{self.field.attname}__isnull": False})
        if place:
            rows = rows.filter(self._behind(place, descending))
        return self._take(rows, names, descending, self.size + 1)

    def _empty(self, place: _Place | None, descending: bool, most: int) -> list[M]:
        """At most `most` without a value, from `place` on in that direction."""
        rows = self.queryset.filter(**{f"{self.field.attname}__isnull": True})
        if place:
            rows = rows.filter(**{f"{self.pk.attname}__{'lt' if descending else 'gt'}": place.pk})
        return self._take(rows, [self.pk.attname], descending, most)

    def _gathered(self, place: _Place | None, descending: bool, *, backward: bool) -> list[M]:
        """Both ranges at once, since all rows are looked at anyway; those without a value are first on the way back."""
        empty = Q(**{f"{self.field.attname}__isnull": True})
        rows = self.queryset
        if place and place.value is None:
            behind = empty & Q(**{f"{self.pk.attname}__{'lt' if descending else 'gt'}": place.pk})
            rows = rows.filter(behind | ~empty if backward else behind)
        elif place:
            rows = rows.filter(
                Q(self._behind(place, descending)) if backward else Q(self._behind(place, descending)) | empty
            )
        return self._take(rows, [self.field.attname, self.pk.attname], descending, self.size + 1, empty_first=backward)

    def _behind(self, place: _Place, descending: bool) -> Any:
        """The condition of rows with a value that stand behind `place` in that direction."""
        if self.by_pk:
            return Q(**{f"{self.pk.attname}__{'lt' if descending else 'gt'}": place.pk})
        compare = TupleLessThan if descending else TupleGreaterThan
        return compare((F(self.field.attname), F(self.pk.attname)), (place.value, place.pk))

    def _take(
        self, rows: QuerySet[M], names: list[str], descending: bool, most: int, *, empty_first: bool = False
    ) -> list[M]:
        order: list[Any] = [f"-{name}" if descending else name for name in names]
        if self.gather:
            order = [_gathered_by(name, descending, empty_first) for name in names]
        found = rows.order_by(*order)
        if self.source is not None:
            keys = found.values(self.pk.attname)[:most]
            found = self.source.filter(pk__in=keys).order_by(*order)
        return list(found[:most])

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


def _gathered_by(name: str, descending: bool, empty_first: bool) -> OrderBy:
    """An order that no index gives: the planner sees an expression, so it gathers the rows by their conditions."""
    expression = Coalesce(F(name), F(name))
    if empty_first:
        return expression.desc(nulls_first=True) if descending else expression.asc(nulls_first=True)
    return expression.desc(nulls_last=True) if descending else expression.asc(nulls_last=True)


def _concrete_field(model: type[Model], column: str) -> Field[Any, Any]:
    """The model's own column of that name; ValueError for anything else, which no single index could serve."""
    try:
        field = model._meta.get_field(column)
    except FieldDoesNotExist:
        field = None
    if not isinstance(field, Field) or not field.concrete:
        raise ValueError(f"{model.__name__} has no column {column!r} to sort by")
    return field
