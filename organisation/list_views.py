"""The saved views of a list as its page shows them: tabs, a menu by who shared, the one that is open and whether it was changed.

The address holds the whole state and carries the view as a mark alone (`view=12`): a colleague who follows it sees the same
filter by his own rights, also where the view is not his to see or was changed since.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Final
from urllib.parse import urlencode

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from crm.core.listing import ListState
from crm.core.listing.saved import is_refused, is_same, restored
from organisation.choices import Audience
from organisation.models import ListDefault, SavedView

WHOLE_LIST: Final = "all"
"""The mark of an address that means the list without a view, where a bare one opens the default."""


@dataclass(frozen=True)
class ViewLine:
    """One view with the address that opens it; `pin_position` stands at the row. `is_default`: the list opens with it."""

    row: Any
    state: ListState
    is_mine: bool
    is_default: bool

    @cached_property
    def is_refused(self) -> bool:
        """Whether it asks for something that is not there for this reader; it is then opened without any rows."""
        return is_refused(self.state)

    @property
    def url(self) -> str:
        """The list in this state; of a refused one the mark alone, which tells nothing of what it asks."""
        return f"{self.state.path}?{urlencode({'view': self.row.pk})}" if self.is_refused else self.state.url()

    @property
    def is_pinned(self) -> bool:
        """Whether it is a tab."""
        return self.row.pin_position is not None

    @property
    def lost_columns(self) -> int:
        """How many of its columns are not there for this reader."""
        return len(set(self.row.state["columns"]) - set(self.state.column_keys))

    @property
    def lost_order(self) -> bool:
        """Whether its order is by a column that is not there for this reader; the usual one holds then."""
        return any(problem.place == "sort" for problem in self.state.problems)


@dataclass(frozen=True)
class ListViews:
    """What a list's page says of its views."""

    state: ListState
    lines: list[ViewLine] = field(default_factory=list)

    @cached_property
    def active(self) -> ViewLine | None:
        """The view that the address carries as its mark, where the reader sees it."""
        return next((line for line in self.lines if str(line.row.pk) == self.state.view), None)

    @property
    def is_refused(self) -> bool:
        """Whether the list must stay empty: in this view it would show more rows than the view means."""
        return self.active is not None and self.active.is_refused

    @cached_property
    def is_changed(self) -> bool:
        """Whether the address says something else than the view that it carries."""
        return self.active is not None and not self.is_refused and not is_same(self.active.state, self.state)

    @property
    def default(self) -> ViewLine | None:
        """The view that a bare address opens."""
        return next((line for line in self.lines if line.is_default and not line.is_refused), None)

    @property
    def query(self) -> str:
        """The state as an address says it: what the forms that keep it send."""
        return urlencode(self.state.pairs(view=""))

    @property
    def whole_url(self) -> str:
        """The list without a view."""
        return f"{self.state.path}?view={WHOLE_LIST}" if self.default else self.state.path

    @property
    def pinned(self) -> list[ViewLine]:
        """The tabs, in one's own order."""
        return sorted((line for line in self.lines if line.is_pinned), key=lambda line: line.row.pin_position)

    @property
    def tabs(self) -> list[dict[str, Any]]:
        """As `{% view_tabs %}` takes them; the open view is there also where it is not pinned."""
        lines = self.pinned
        if self.active is not None and self.active not in lines:
            lines.append(self.active)
        return [
            {
                "label": line.row.name,
                "url": line.url,
                "icon": "" if line.row.audience == Audience.PRIVATE else "users",
                "current": line is self.active,
                "changed": line is self.active and self.is_changed,
            }
            for line in lines
        ]

    @property
    def groups(self) -> Iterable[tuple[str, list[ViewLine]]]:
        """All of them: one's own, then what colleagues share."""
        parts = (
            (_("My views"), [line for line in self.lines if line.is_mine]),
            (_("Shared with a team"), [line for line in self._shared if line.row.audience == Audience.TEAM]),
            (_("Shared with everybody"), [line for line in self._shared if line.row.audience == Audience.ORGANISATION]),
        )
        return [part for part in parts if part[1]]

    @property
    def _shared(self) -> list[ViewLine]:
        return [line for line in self.lines if not line.is_mine]


def list_views(state: ListState) -> ListViews:
    """The views of the state's list that its scope sees. One query.

    Its `state` is the one to go on with: where a bare address would open the default, it carries the mark of the whole list.
    """
    rows = list(_view_rows(state))
    first = _opened_first(rows)
    lines = [
        ViewLine(
            row,
            restored(row.state, state.scope, state.listing, view=str(row.pk), like=state),
            is_mine=row.owner_id == state.scope.user_id,
            is_default=row.pk == first,
        )
        for row in rows
    ]
    found = ListViews(state, lines)
    return replace(found, state=replace(state, view=state.view or WHOLE_LIST)) if found.default else found


def _view_rows(state: ListState) -> QuerySet[Any]:
    """The visible views of a list, by name, each with its place among the reader's tabs and, alike in all, what he and his
    role wish to open first (of oneself the role is "")."""
    scope, key = state.scope, state.listing.key
    wishes = ListDefault.objects.visible_to(scope).filter(list_key=key, role__in=["", scope.role])
    return (
        SavedView.objects.visible_to(scope)
        .with_pin_of(scope)
        .filter(list_key=key)
        .select_related("owner", "team")
        .only(*(field.name for field in SavedView._meta.concrete_fields), "owner__name", "team__name")
        .annotate(wishes=ArraySubquery(wishes.order_by("role").values("view_id")))
        .order_by("name", "pk")
    )


def _opened_first(rows: Sequence[Any]) -> int | None:
    """The view that a bare address opens: one's own wish, where it is still to be seen, goes before the role's."""
    seen = {row.pk for row in rows}
    wishes = rows[0].wishes if rows else ()
    return next((view_id for view_id in wishes if view_id is None or view_id in seen), None)
