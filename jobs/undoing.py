"""The undo of a change set in one table, set-based: history's rows from before it are written back.

A row that something else has changed since keeps what it has, and is named. So is an inserted row that something refers to
by now. History, events and numbers given out stay: the undo is a change set of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from django.db import connection
from django.db.models import DO_NOTHING, Field, GeneratedField, Model

from crm.core.access import Scope
from crm.core.models import TrashableModel
from jobs.registry import Inserted, Undoable

KEPT_BY_TRIGGER: Final = {"version", "updated_at"}
# Who goes to the trash makes room for others, who comes out of it needs room: of what only one may have.
_TURNS: Final = (
    "h.deleted_at IS NOT NULL",
    "h.deleted_at IS NULL AND t.deleted_at IS NULL",
    "h.deleted_at IS NULL AND t.deleted_at IS NOT NULL",
)


class Skipped(StrEnum):
    """Why a row was left as it is."""

    CHANGED_SINCE = "CHANGED_SINCE"
    STILL_USED = "STILL_USED"
    HISTORY_GONE = "HISTORY_GONE"


@dataclass(frozen=True, slots=True)
class SkippedRow:
    """One row that the undo left alone."""

    model: str
    pk: int
    reason: Skipped


@dataclass(slots=True)
class TableUndo:
    """What the change set did to one table, and what was undone of it.

    `inserted` and `kept` are ids of rows it has made: those to remove, and those that somebody has changed since; `changed`
    and `deleted` are history ids of the rows to go back to.
    """

    entry: Undoable
    inserted: list[int] = field(default_factory=list)
    changed: list[int] = field(default_factory=list)
    deleted: list[int] = field(default_factory=list)
    kept: list[int] = field(default_factory=list)
    restored: int = 0
    removed: int = 0
    recreated: int = 0
    touched: list[int] = field(default_factory=list)
    skipped: list[SkippedRow] = field(default_factory=list)

    @property
    def size(self) -> int:
        """How many rows there are to undo."""
        return len(self.inserted) + len(self.changed) + len(self.deleted)

    @property
    def table(self) -> str:
        """The model's table."""
        return self.entry.model._meta.db_table

    @property
    def history(self) -> str:
        """Its history's table."""
        return str(self.entry.model.history.model._meta.db_table)  # type: ignore[attr-defined]

    def skip(self, pk: int, reason: Skipped) -> None:
        """Leave a row alone, and say so."""
        self.skipped.append(SkippedRow(self.entry.model._meta.label_lower, pk, reason))


def read_changes(entry: Undoable, change_set_id: int) -> TableUndo:
    """What the change set did in this table; rows changed since are skipped at once, unless they are again as it left them.

    Locks the rows before their history is read: a change under way is waited for and then counts as one since.
    """
    undo = TableUndo(entry)
    _rows(
        f"SELECT id FROM {undo.table} WHERE id IN (SELECT id FROM {undo.history} WHERE history_change_set_id = %s)"
        " ORDER BY id FOR UPDATE",
        [change_set_id],
    )
    columns = [column for column in _columns(undo.entry.model) if column not in KEPT_BY_TRIGGER]
    now, then = (", ".join(f"{row}.{column}" for column in columns) for row in ("t", "l"))
    rows = _rows(
        f"""
SELECT mine.id, mine.last < (SELECT max(h.history_id) FROM {undo.history} h WHERE h.id = mine.id)
                AND NOT EXISTS (SELECT 1 FROM {undo.history} l LEFT JOIN {undo.table} t ON t.id = l.id
                                 WHERE l.history_id = mine.last AND (t.id IS NULL) = (l.history_type = '-')
                                   AND (t.id IS NULL OR ROW({now}) IS NOT DISTINCT FROM ROW({then}))),
       (SELECT max(h.history_id) FROM {undo.history} h WHERE h.id = mine.id AND h.history_id < mine.first),
       (SELECT h.history_type FROM {undo.history} h WHERE h.history_id = mine.first),
       (SELECT h.history_type FROM {undo.history} h WHERE h.history_id = mine.last)
  FROM (SELECT id, min(history_id) AS first, max(history_id) AS last FROM {undo.history}
         WHERE history_change_set_id = %s GROUP BY id) AS mine
 ORDER BY mine.id
""",
        [change_set_id],
    )
    for pk, is_changed_since, before, first, last in rows:
        if is_changed_since:
            undo.skip(pk, Skipped.CHANGED_SINCE)
            if first == "+":
                undo.kept.append(pk)
        elif first == "+" and last != "-":
            undo.inserted.append(pk)
        elif first == "+":
            continue  # came and went within the change set
        elif before is None:
            undo.skip(pk, Skipped.HISTORY_GONE)
        else:
            (undo.deleted if last == "-" else undo.changed).append(before)
    return undo


def write_back(undo: TableUndo) -> None:
    """Changed rows get their old values."""
    if not undo.changed:
        return
    columns = [column for column in _columns(undo.entry.model) if column not in KEPT_BY_TRIGGER | {"id"}]
    old = ", ".join(f"h.{column}" for column in columns)
    for rows in _TURNS if issubclass(undo.entry.model, TrashableModel) else ("true",):
        done = _rows(
            f"UPDATE {undo.table} t SET ({', '.join(columns)}) = ROW({old}) FROM {undo.history} h"
            f" WHERE h.history_id = ANY(%s) AND t.id = h.id AND {rows} RETURNING t.id",
            [undo.changed],
        )
        undo.restored += len(done)
        undo.touched += [pk for (pk,) in done]


def create_again(undo: TableUndo) -> None:
    """Deleted rows come back under their old ids."""
    if not undo.deleted:
        return
    columns = ", ".join(_columns(undo.entry.model))
    done = _rows(
        f"INSERT INTO {undo.table} ({columns}) SELECT {columns} FROM {undo.history} WHERE history_id = ANY(%s)"
        " ORDER BY history_id RETURNING id",
        [undo.deleted],
    )
    undo.recreated = len(done)
    undo.touched += [pk for (pk,) in done]


def keep_used(undo: TableUndo) -> None:
    """Of the inserted rows for the trash, those under which a row of this table stays that is not among them: kept, named.

    A CHAIN is kept by a LOCATION that somebody else put under it, or that was changed since. Call after `write_back`.
    """
    while undo.inserted and undo.entry.inserted is Inserted.TRASH:
        own = [column for table, column in _references(undo.entry.model) if table == undo.table]
        used = [
            pk
            for column in own
            for (pk,) in _rows(
                f"SELECT DISTINCT {column} FROM {undo.table} WHERE {column} = ANY(%s) AND deleted_at IS NULL"
                " AND NOT id = ANY(%s)",
                [undo.inserted, undo.inserted],
            )
        ]
        if not used:
            return
        kept = set(used)
        undo.inserted = [pk for pk in undo.inserted if pk not in kept]
        for pk in sorted(kept):
            undo.skip(pk, Skipped.STILL_USED)


def remove_inserted(undo: TableUndo, scope: Scope, parents: Mapping[type[Model], list[int]]) -> None:
    """Inserted rows go to the trash or are deleted; those that hang on one of `parents` stay with it."""
    ids, parent = undo.inserted, _parent(undo.entry)
    if ids and parent is not None and parents.get(parent[0]):
        staying = _rows(
            f"SELECT id FROM {undo.table} WHERE id = ANY(%s) AND {parent[1]} = ANY(%s)", [ids, parents[parent[0]]]
        )
        kept = {pk for (pk,) in staying}
        ids = [pk for pk in ids if pk not in kept]
    if not ids:
        return
    if undo.entry.inserted is Inserted.TRASH:
        done = _rows(
            f"UPDATE {undo.table} SET deleted_at = %s, deleted_by_id = %s WHERE id = ANY(%s) AND deleted_at IS NULL"
            " RETURNING id",
            [scope.now, scope.user_id, ids],
        )
    else:
        done = _rows(
            f"DELETE FROM {undo.table} t WHERE t.id = ANY(%s){_unused(undo.entry.model)} RETURNING t.id", [ids]
        )
        for pk in sorted(set(ids) - {row[0] for row in done}):
            undo.skip(pk, Skipped.STILL_USED)
    undo.removed = len(done)
    undo.touched += [pk for (pk,) in done]


def _columns(model: type[Model]) -> list[str]:
    """The columns that row and history share."""
    kept = {one.column for one in model.history.model._meta.concrete_fields}  # type: ignore[attr-defined]
    own: Sequence[Field[Any, Any]] = model._meta.concrete_fields
    return [str(one.column) for one in own if one.column in kept and not isinstance(one, GeneratedField)]


def _parent(entry: Undoable) -> tuple[type[Model], str] | None:
    """The model of the row that this one hangs on, and the column that names it."""
    if not entry.parent:
        return None
    one: Any = entry.model._meta.get_field(entry.parent)
    return one.related_model, str(one.column)


def _unused(model: type[Model]) -> str:
    """No row of another table refers to it."""
    return "".join(
        f" AND NOT EXISTS (SELECT 1 FROM {table} u WHERE u.{column} = t.id)" for table, column in _references(model)
    )


def _references(model: type[Model]) -> list[tuple[str, str]]:
    """The tables and columns that refer to it; histories refer to rows that need not be there, and what a trigger has derived
    from the row goes with it."""
    relations: Any = model._meta.get_fields(include_hidden=True)
    return sorted(
        {
            (relation.related_model._meta.db_table, relation.field.column)
            for relation in relations
            if relation.auto_created and relation.is_relation and not relation.concrete and not relation.many_to_many
            if relation.field.db_constraint and relation.on_delete is not DO_NOTHING
        }
    )


def _rows(statement: str, params: list[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, params)
        return list(cursor.fetchall())
