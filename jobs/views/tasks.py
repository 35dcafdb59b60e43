"""Long tasks: list, progress, cancelling, resuming."""

from __future__ import annotations

from typing import Any, Final

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from crm.core.access import CrmRequest, Scope
from crm.core.errors import Conflict, Invalid
from crm.core.paging import Sort, paginate
from jobs import shown
from jobs.choices import TaskState
from jobs.kinds import kind_named, kinds_by_hand
from jobs.models import ChangeSet, LongTask
from jobs.overview import linked_rows
from jobs.services import UNDO, cancel_task, resume_task, start_by_hand

NEWEST: Final = Sort("id", descending=True)
LISTED: Final = 500  # rows left alone that the page shows


@login_required
@require_GET
def tasks(request: CrmRequest) -> HttpResponse:
    """Long tasks, the newest first: one's own, or all that one may see. While one goes on the list asks again."""
    scope = request.scope
    rows = LongTask.objects.visible_to(scope).select_related("user")
    only_own = scope.sees_all and request.GET.get("show") == "own"
    if only_own:
        rows = rows.filter(actor=scope.actor)
    try:
        page = paginate(rows, sort=NEWEST, after=request.GET.get("after", ""), before=request.GET.get("before", ""))
    except Invalid:
        page = paginate(rows, sort=NEWEST)
    context = {
        "page": page,
        "rows": [_task(task) for task in page.rows],
        "live": any(task.is_open for task in page.rows),
        "only_own": only_own,
        "offered": [kind for kind in kinds_by_hand() if scope.allows(kind.right)],
        "tab": "tasks",
    }
    return render(request, "jobs/tasks.html" + ("#live" if request.htmx else ""), context)


@login_required
@require_GET
def task(request: CrmRequest, pk: int) -> HttpResponse:
    """One task: how far it is, what came of it, what it left alone. While it goes on the page asks again."""
    scope = request.scope
    visible = LongTask.objects.visible_to(scope)
    found = visible.select_related("user", "change_set").get_or_not_found(pk=pk)
    kind = kind_named(found.kind)
    left = linked_rows(scope, found.result.get("rows", [])[:LISTED])
    context = {
        **_task(found),
        "description": kind.description if kind else "",
        "figures": shown.task_figures(found),
        "error": shown.task_error(found),
        "left": [{**row, "reason": shown.reason(found, row["reason"])} for row in left],
        "reasons": shown.task_reasons(found),
        "left_more": max(0, found.result.get("skipped", 0) - len(left)),
        "may": visible.changeable_by(scope).filter(pk=pk).exists(),
        "may_undo": _may_undo(scope, found),
        "live": found.is_open,
        "tab": "tasks",
    }
    return render(request, "jobs/task.html" + ("#live" if request.htmx else ""), context)


@login_required
@require_POST
def cancel(request: CrmRequest, pk: int) -> HttpResponse:
    """Ask for the end of a task."""
    try:
        found = cancel_task(scope=request.scope, task_id=pk)
    except Conflict as refused:
        messages.error(request, refused.message)
    else:
        is_over = found.state == TaskState.CANCELLED
        messages.success(request, _("Task cancelled.") if is_over else _("The task ends behind the present batch."))
    return redirect("jobs:task", pk=pk)


@login_required
@require_POST
def resume(request: CrmRequest, pk: int) -> HttpResponse:
    """Let a task go on."""
    try:
        resume_task(scope=request.scope, task_id=pk)
    except Conflict as refused:
        messages.error(request, refused.message)
    else:
        messages.success(request, _("The task goes on."))
    return redirect("jobs:task", pk=pk)


@login_required
@require_POST
def start(request: CrmRequest, kind: str) -> HttpResponse:
    """Start a task that the page offers."""
    try:
        started = start_by_hand(scope=request.scope, kind=kind)
    except Conflict as refused:
        messages.error(request, refused.message)
        return redirect("jobs:tasks")
    return redirect("jobs:task", pk=started.pk)


def _may_undo(scope: Scope, found: LongTask) -> bool:
    """Whether the batch that the task made is there to be taken back, and this person may."""
    if found.is_open or found.kind == UNDO or found.change_set is None or found.change_set.undone_at is not None:
        return False
    changeable = ChangeSet.objects.visible_to(scope).changeable_by(scope)
    return bool(found.result.get("changed")) and changeable.filter(pk=found.change_set.pk).exists()


def _task(found: LongTask) -> dict[str, Any]:
    return {
        "task": found,
        "label": shown.task_label(found),
        "tone": shown.TONES[found.state],
        "icon": shown.ICONS[found.state],
        "duration": shown.duration(found.started_at, found.finished_at),
        "who": found.user.name if found.user else _("FreshPlan"),
    }
