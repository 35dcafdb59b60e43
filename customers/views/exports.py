"""Customers into a file: the dialog that asks how, the page of files with their progress, the download."""

from __future__ import annotations

from typing import Any, Final

from django.contrib.auth.decorators import login_required
from django.http import FileResponse, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from crm.core.access import CrmRequest
from crm.core.listing import ListState
from customers import services
from customers.account_list import CUSTOMERS
from customers.choices import FileFormat, FilePurpose
from customers.exchange_forms import ExportForm
from customers.models import ExchangeFile
from customers.views.bulk import OWN, count_text, own_address, selection_of
from customers.views.refusals import answer_dialog, explains_refusal
from jobs import shown

SHOWN: Final = 50
CONTENT_TYPES: Final = {
    FileFormat.CSV: "text/csv; charset=utf-8",
    FileFormat.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


@login_required
@require_http_methods(["GET", "POST"])
@explains_refusal
def export(request: CrmRequest) -> HttpResponse:
    """How many are meant and in which form; agreed to, a worker writes and the page of files is next. At most 20 queries."""
    scope = request.scope
    scope.require("exports.run")
    state = ListState.read(request, CUSTOMERS, reserved=OWN)
    selection = selection_of(request, state)
    address = own_address(request, state)
    form = ExportForm(request.POST if request.method == "POST" else None, initial={"format": FileFormat.XLSX})

    def start(**cleaned: Any) -> Any:
        return services.start_export(scope=scope, selection=selection, listed=state.columns, **cleaned)

    done = form.submit(start)
    return answer_dialog(
        request,
        form,
        done=done,
        customer=None,
        title=_("%(action)s: %(count)s") % {"action": _("Export"), "count": count_text(selection.count(scope))},
        note=_(
            "The columns of the list and all that an import takes, as far as your rights reach. The file is kept for a week."
        ),
        submit=_("Export"),
        action=address,
        back=state.here_url,
        then=reverse("customers:exports"),
    )


@login_required
@require_safe
def exports(request: CrmRequest) -> HttpResponse:
    """The newest files: one's own; who supervises sees of all who took out what. While one is written the page asks again."""
    scope = request.scope
    scope.require("exports.run")
    visible = ExchangeFile.objects.visible_to(scope).filter(purpose=FilePurpose.EXPORT)
    found = list(visible.select_related("task", "user")[: SHOWN + 1])
    rows = [_line(request, file) for file in found[:SHOWN]]
    context = {"rows": rows, "more": len(found) > SHOWN, "live": any(row["live"] for row in rows)}
    return render(request, "customers/exports.html" + ("#live" if request.htmx else ""), context)


@login_required
@require_safe
def download(request: CrmRequest, pk: int) -> FileResponse:
    """The file, for who made it."""
    file, content = services.download(scope=request.scope, file_id=pk)
    answer = FileResponse(
        content, as_attachment=True, filename=file.name, content_type=CONTENT_TYPES[FileFormat(file.format)]
    )
    answer["X-Content-Type-Options"] = "nosniff"
    answer["Cache-Control"] = "no-store"
    return answer


def _line(request: CrmRequest, file: ExchangeFile) -> dict[str, Any]:
    task, is_mine = file.task, file.user_id == request.scope.user_id
    over = file.expires_at <= request.scope.now
    return {
        "file": file,
        "task": task,
        "who": file.user.name if file.user else "–",
        "live": bool(task and task.is_open),
        "error": shown.task_error(task) if task else "",
        "tone": shown.TONES[task.state] if task else "slate",
        "over": over,
        "is_mine": is_mine,
        "ready": is_mine and file.ready_at is not None and not over,
    }
