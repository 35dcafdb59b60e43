"""What apps above tell the jobs: whose rows a change set can undo, and who empties the trash."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from crm.core.models import TrashableModel

if TYPE_CHECKING:
    from django.db.models import Model

    from crm.core.access import Scope

AfterUndo = Callable[["Scope", Sequence[int]], None]
Eraser = Callable[["Scope", datetime], int]


class Inserted(StrEnum):
    """What an undo does with rows that the change set has inserted."""

    TRASH = "TRASH"
    DELETE = "DELETE"


@dataclass(frozen=True, slots=True)
class Undoable:
    """A model with history whose rows an undo writes back. `parent` is its field for the row that it hangs on.

    `page` tells the address of a row's page, where rows have one.
    """

    model: type[Model]
    order: int
    inserted: Inserted
    parent: str
    after: AfterUndo | None
    page: Callable[[int], str] | None = None


_undoable: dict[type[Model], Undoable] = {}
_undone_within: dict[str, timedelta] = {}
_erasers: dict[str, Eraser] = {}


def undoable(
    model: type[Model],
    *,
    order: int,
    inserted: Inserted | None = None,
    parent: str = "",
    after: AfterUndo | None = None,
    page: Callable[[int], str] | None = None,
) -> None:
    """Let change sets undo what they did to `model`, which must have history (`history = …`, `keep_history`).

    `order`: parents before children. Inserted rows go to the trash where the model has one, else they are deleted, unless
    `inserted` says otherwise; those whose `parent` (a field such as "customer") goes to the trash with the same undo
    stay with it. `after(scope, ids)` is told which rows were written, in the same transaction: to publish their events.
    `page(id)` is the address of a row's page. Raises ValueError for a model without history or registered already.
    """
    if not hasattr(model, "history"):
        raise ValueError(f"{model.__name__} keeps no history.")
    if model in _undoable:
        raise ValueError(f"{model.__name__} is registered already.")
    chosen = inserted or (Inserted.TRASH if issubclass(model, TrashableModel) else Inserted.DELETE)
    _undoable[model] = Undoable(model, order, chosen, parent, after, page)


def undone_within(kind: str, *, days: int) -> None:
    """Let change sets of a kind be undone for so many days only; others have no end."""
    _undone_within[kind] = timedelta(days=days)


def is_too_old(kind: str, created_at: datetime, now: datetime) -> bool:
    """Whether the days are over in which a change set of this kind can be undone."""
    return kind in _undone_within and now - created_at > _undone_within[kind]


def undoables() -> list[Undoable]:
    """All of them, parents before children."""
    return sorted(_undoable.values(), key=lambda one: (one.order, one.model._meta.db_table))


def trash_eraser(name: str) -> Callable[[Eraser], Eraser]:
    """Register a function `(scope, before)` that erases what lies in the trash since before that instant; how many rows.

    Erasers run in the order of their names, so children first: "customers.1_contacts", "customers.2_accounts".
    """

    def register(call: Eraser) -> Eraser:
        if name in _erasers:
            raise ValueError(f"The eraser name {name!r} is taken.")
        _erasers[name] = call
        return call

    return register


def erasers() -> list[Eraser]:
    """All of them, in the order of their names."""
    return [_erasers[name] for name in sorted(_erasers)]
