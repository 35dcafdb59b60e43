"""Change sets: opening and undoing them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from django.db import IntegrityError, connection, transaction
from django.utils.translation import gettext as _

from crm.core.access import Scope, activate
from crm.core.errors import Conflict, Forbidden
from jobs.choices import TaskState
from jobs.events import ChangeSetUndone
from jobs.models import ChangeSet, LongTask
from jobs.registry import Inserted, is_too_old, undoables
from jobs.services.tasks import UNDO, start_task
from jobs.undoing import SkippedRow, TableUndo, create_again, keep_used, read_changes, remove_inserted, write_back
from outbox.services import publish

Tell = Callable[[int, int], None]


class Contradicted(Conflict):
    """The state before the batch breaks a rule with what was entered since."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UndoResult:
    """What an undo did: rows written back, inserted rows removed, deleted rows created again, rows left alone and why.

    `change_set_id` is the undo's own; None where every row was left alone.
    """

    change_set_id: int | None
    restored: int
    removed: int
    recreated: int
    skipped: list[SkippedRow]

    @property
    def rows(self) -> int:
        """How many rows are as they were before."""
        return self.restored + self.removed + self.recreated


@transaction.atomic
def open_change_set(*, scope: Scope, kind: str, label: str) -> Scope:
    """Begin a batch: the scope to activate for it. History rows and events written under it carry its id."""
    return scope.with_change_set(_created(scope, kind, label, undoes=None).pk)


@transaction.atomic
def go_on_with(*, scope: Scope, change_set_id: int) -> Scope:
    """Add to a batch that was opened before: the scope to activate. Its undo waits for the end of the transaction.

    Raises NotFound, Conflict where it was undone meanwhile.
    """
    change_set = ChangeSet.objects.visible_to(scope).select_for_update(of=("self",)).get_or_not_found(pk=change_set_id)
    if change_set.undone_at is not None:
        raise Conflict(_("This batch has been undone already."))
    return scope.with_change_set(change_set.pk)


@transaction.atomic
def count_rows(*, scope: Scope, change_set_id: int, rows: int) -> None:
    """Note how many rows a batch has written in all."""
    ChangeSet.objects.visible_to(scope).filter(pk=change_set_id).update(rows=rows)


@transaction.atomic
def ask_undo(*, scope: Scope, change_set_id: int) -> LongTask:
    """Let a worker undo a change set; raises as `undo_change_set` does for what is known before."""
    change_set = _undoable(scope, change_set_id)
    return start_task(scope=scope, kind=UNDO, label=change_set.label, change_set_id=change_set.pk)


@transaction.atomic
def undo_change_set(*, scope: Scope, change_set_id: int, tell: Tell | None = None) -> UndoResult:
    """Write back what the rows were before the change set, wherever nobody has changed them since; list the others.

    Sees and writes all rows of the organisation, for batches move rows out of their actor's sight. `tell(done, total)` is
    called after each table. Where every row was changed since, the batch counts as not undone and may be tried again.
    Raises NotFound, Forbidden (seen, but another one's), Conflict (undone already), Contradicted (a rule of today forbids
    the old state).
    """
    change_set = _undoable(scope, change_set_id)
    undo = _created(scope, "undo", change_set.label, undoes=change_set)
    wide = scope.widened(f"Undo of change set {change_set.pk}").with_change_set(undo.pk)
    try:
        with activate(wide), transaction.atomic():
            tables = _undo_tables(wide, change_set.pk, tell or (lambda _done, _total: None))
            with connection.cursor() as cursor:
                cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
                cursor.execute("SET CONSTRAINTS ALL DEFERRED")
    except IntegrityError:
        raise Contradicted(_("The state before this batch contradicts what was entered since.")) from None
    result = UndoResult(
        change_set_id=undo.pk,
        restored=sum(table.restored for table in tables),
        removed=sum(table.removed for table in tables),
        recreated=sum(table.recreated for table in tables),
        skipped=[row for table in tables for row in table.skipped],
    )
    if result.skipped and not result.rows:
        undo.delete()
        return replace(result, change_set_id=None)
    ChangeSet.objects.filter(pk=undo.pk).update(rows=result.rows)
    change_set.undone_at, change_set.undone_by_id = scope.now, scope.user_id
    change_set.save(update_fields=["undone_at", "undone_by"])
    publish(
        ChangeSetUndone(
            change_set_id=change_set.pk,
            made_by=_user_of(change_set),
            restored=result.restored,
            removed=result.removed,
            recreated=result.recreated,
            skipped=len(result.skipped),
        )
    )
    return result


def _undoable(scope: Scope, change_set_id: int) -> ChangeSet:
    change_set = ChangeSet.objects.visible_to(scope).select_for_update(of=("self",)).get_or_not_found(pk=change_set_id)
    if not ChangeSet.objects.visible_to(scope).changeable_by(scope).filter(pk=change_set.pk).exists():
        raise Forbidden(_("Only who made a batch, or a manager, may undo it."))
    if change_set.undone_at is not None:
        raise Conflict(_("This batch has been undone already."))
    if is_too_old(change_set.kind, change_set.created_at, scope.now):
        raise Conflict(_("The days in which this could be undone are over."))
    going = LongTask.objects.filter(change_set=change_set, state__in=TaskState.open()).exclude(kind=UNDO)
    if going.exists():
        raise Conflict(_("This batch still goes on. It can be undone once it is over, or cancelled."))
    return change_set


def _user_of(change_set: ChangeSet) -> int | None:
    """The user whose batch it is; None for a job's."""
    kind, _colon, number = change_set.actor.partition(":")
    return int(number) if kind == "user" else None


def _created(scope: Scope, kind: str, label: str, undoes: ChangeSet | None) -> ChangeSet:
    return ChangeSet.objects.create(
        organisation_id=scope.organisation_id,
        kind=kind,
        label=label[:200],
        actor=scope.actor,
        source=scope.source,
        created_at=scope.now,
        undoes=undoes,
    )


def _undo_tables(scope: Scope, change_set_id: int, tell: Tell) -> list[TableUndo]:
    """Parents come back before their children; children go before their parents."""
    tables = [read_changes(entry, change_set_id) for entry in undoables()]
    total, done = sum(table.size for table in tables), 0
    tell(done, total)
    for table in tables:
        create_again(table)
        write_back(table)
        done += len(table.changed) + len(table.deleted)
        tell(done, total)
    # What hangs on a row stays with it, whether it goes to the trash or is kept: changed since, or still used.
    parents = {
        table.entry.model: table.kept + (table.inserted if table.entry.inserted is Inserted.TRASH else [])
        for table in tables
    }
    for table in tables:
        keep_used(table)
    for table in reversed(tables):
        size = len(table.inserted)
        remove_inserted(table, scope, parents)
        done += size
        tell(done, total)
    for table in tables:
        if table.entry.after is not None and table.touched:
            table.entry.after(scope, table.touched)
    return tables
