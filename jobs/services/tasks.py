"""Long tasks: starting, cancelling, resuming."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from crm.core.access import Scope
from crm.core.errors import Conflict, Forbidden, NotFound
from jobs.choices import TaskState
from jobs.events import TaskEnded, TaskQueued
from jobs.kinds import kind_named
from jobs.models import ChangeSet, LongTask
from outbox.services import publish

UNDO: Final = "jobs.undo"


@transaction.atomic
def start_task(
    *,
    scope: Scope,
    kind: str,
    parameters: Mapping[str, Any] | None = None,
    label: str = "",
    change_set_id: int | None = None,
    total: int | None = None,
) -> LongTask:
    """Queue work for a worker, in the caller's transaction. `label` is shown beside the kind's.

    Raises NotFound for an unknown kind, Forbidden without the kind's right, Conflict where one goes on for the change set.
    """
    found = kind_named(kind)
    if found is None:
        raise NotFound(_("Not found."))
    if found.right:
        scope.require(found.right)
    try:
        with transaction.atomic():
            task = LongTask.objects.create(
                organisation_id=scope.organisation_id,
                kind=kind,
                label=label[:200],
                parameters=dict(parameters or {}),
                change_set_id=change_set_id,
                actor=scope.actor,
                user_id=scope.user_id,
                request_id=scope.request_id,
                total=total,
                created_at=scope.now,
            )
    except IntegrityError:
        raise Conflict(_("This is going on already.")) from None
    publish(TaskQueued(task_id=task.pk, kind=task.kind, user_id=task.user_id))
    return task


@transaction.atomic
def start_by_hand(*, scope: Scope, kind: str) -> LongTask:
    """Queue a kind that the page of tasks offers; one that goes on is not doubled.

    Raises NotFound (unknown, or not offered), Forbidden, Conflict (it goes on already).
    """
    found = kind_named(kind)
    if found is None or not found.by_hand:
        raise NotFound(_("Not found."))
    if LongTask.objects.filter(organisation_id=scope.organisation_id, kind=kind, state__in=TaskState.open()).exists():
        raise Conflict(_("This is going on already."))
    return start_task(scope=scope, kind=kind)


@transaction.atomic
def cancel_task(*, scope: Scope, task_id: int) -> LongTask:
    """Ask for the end of a task: at once while it waits, else behind the batch that goes on. Done batches stay done.

    Raises NotFound, Forbidden (another one's), Conflict (it is over).
    """
    task = _locked(scope, task_id)
    if not task.is_open:
        raise Conflict(_("This task is over already."))
    if task.state == TaskState.QUEUED:
        task.state, task.finished_at = TaskState.CANCELLED, scope.now
        task.save(update_fields=["state", "finished_at"])
        publish(
            TaskEnded(
                task_id=task.pk,
                kind=task.kind,
                user_id=task.user_id,
                state=task.state,
                done=task.done,
                refused=task.refused,
            )
        )
    elif task.cancel_asked_at is None:
        task.cancel_asked_at = scope.now
        task.save(update_fields=["cancel_asked_at"])
    return task


@transaction.atomic
def resume_task(*, scope: Scope, task_id: int) -> LongTask:
    """Go on with a task that failed or was cancelled, behind its last batch.

    Raises NotFound, Forbidden (another one's), Conflict (it goes on, is done, or another one took its place).
    """
    task = _locked(scope, task_id)
    if task.state not in {TaskState.FAILED, TaskState.CANCELLED}:
        raise Conflict(_("Only what failed or was cancelled can go on."))
    if task.kind != UNDO and ChangeSet.objects.filter(tasks=task, undone_at__isnull=False).exists():
        raise Conflict(_("This batch has been undone already."))
    task.state, task.finished_at, task.cancel_asked_at = TaskState.QUEUED, None, None
    task.error, task.stalls, task.locked_until = "", 0, scope.now
    try:
        with transaction.atomic():
            task.save(update_fields=["state", "finished_at", "cancel_asked_at", "error", "stalls", "locked_until"])
    except IntegrityError:
        raise Conflict(_("This is going on already.")) from None
    publish(TaskQueued(task_id=task.pk, kind=task.kind, user_id=task.user_id))
    return task


def _locked(scope: Scope, task_id: int) -> LongTask:
    visible = LongTask.objects.visible_to(scope)
    task = visible.select_for_update(of=("self",)).get_or_not_found(pk=task_id)
    if not visible.changeable_by(scope).filter(pk=task_id).exists():
        raise Forbidden(_("Only who started a task, or who manages jobs, may do this."))
    return task
