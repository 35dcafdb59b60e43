"""Change sets: what was done in one go, and its undo."""

from __future__ import annotations

from typing import Any, Final

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from crm.core.access import CrmRequest
from crm.core.errors import Conflict, Invalid
from crm.core.paging import Sort, paginate
from jobs import shown
from jobs.models import ChangeSet, LongTask
from jobs.overview import changes_of, records_of
from jobs.registry import is_too_old
from jobs.services import ask_undo

NEWEST: Final = Sort("id", descending=True)


@login_required
@require_GET
def change_sets(request: CrmRequest) -> HttpResponse:
    """Batches, the newest first: one's own, for who sees all everybody's."""
    rows = ChangeSet.objects.visible_to(request.scope)
    try:
        page = paginate(rows, sort=NEWEST, after=request.GET.get("after", ""), before=request.GET.get("before", ""))
    except Invalid:
        page = paginate(rows, sort=NEWEST)
    names = shown.names_of(request.scope, [one.actor for one in page.rows])
    context: dict[str, Any] = {
        "page": page,
        "rows": [{"one": one, "kind": shown.kind_label(one), "who": names[one.actor]} for one in page.rows],
        "tab": "changes",
    }
    return render(request, "jobs/change_sets.html", context)


@login_required
@require_GET
def change_set(request: CrmRequest, pk: int) -> HttpResponse:
    """One batch: what it changed in which tables, the records it touched, and the way back."""
    scope = request.scope
    visible = ChangeSet.objects.visible_to(scope)
    found = visible.select_related("undone_by", "undoes").get_or_not_found(pk=pk)
    tasks = LongTask.objects.visible_to(scope).filter(change_set=found)
    context = {
        "one": found,
        "kind": shown.kind_label(found),
        "who": shown.names_of(scope, [found.actor])[found.actor],
        "tables": changes_of(found.pk),
        "records": records_of(scope, found.pk),
        "tasks": [
            {"task": task, "label": shown.task_label(task), "tone": shown.TONES[task.state]} for task in tasks[:10]
        ],
        "too_old": is_too_old(found.kind, found.created_at, scope.now),
        "may": visible.changeable_by(scope).filter(pk=pk).exists(),
        "goes_on": any(task.is_open for task in tasks[:10]),
        "tab": "changes",
    }
    return render(request, "jobs/change_set.html", context)


@login_required
@require_POST
def undo(request: CrmRequest, pk: int) -> HttpResponse:
    """Let a worker undo it; the task's page shows how far it is, and what was left alone."""
    try:
        task = ask_undo(scope=request.scope, change_set_id=pk)
    except Conflict as refused:
        messages.error(request, refused.message)
        return redirect("jobs:change_set", pk=pk)
    messages.success(request, _("The undo begins in a moment."))
    return redirect("jobs:task", pk=task.pk)
