"""Customers from a file: upload, mapping of its columns, trial and import; the page of what was imported."""

from __future__ import annotations

from typing import Any, Final

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from crm.core.access import CrmRequest
from customers import services
from customers.choices import FilePurpose
from customers.exchange_forms import MappingForm, UploadForm
from customers.models import ExchangeFile
from customers.views.refusals import explains_refusal

SHOWN: Final = 20


@login_required
@require_http_methods(["GET", "POST"])
@explains_refusal
def imports(request: CrmRequest) -> HttpResponse:
    """The form of an upload, and one's last files with the notes on them. At most 12 queries."""
    scope = request.scope
    scope.require("customers.import")
    form = UploadForm(*((request.POST, request.FILES) if request.method == "POST" else ()))
    if request.method == "POST" and form.submit(
        lambda file: services.keep_upload(scope=scope, name=file.name, upload=file, size=file.size)
    ):
        return redirect("customers:mapping", file_id=form.result.pk)
    mine = ExchangeFile.objects.visible_to(scope).changeable_by(scope)
    files = mine.filter(purpose=FilePurpose.IMPORT).select_related("task")[:SHOWN]
    tasks = [file.task_id for file in files if file.task_id]
    reports = {one.task_id: one for one in mine.filter(purpose=FilePurpose.REPORT, task_id__in=tasks)}
    rows = [_line(request, file, reports.get(file.task_id)) for file in files]
    return render(request, "customers/imports.html", {"form": form, "rows": rows}, status=422 if form.errors else 200)


@login_required
@require_http_methods(["GET", "POST"])
@explains_refusal
def mapping(request: CrmRequest, file_id: int) -> HttpResponse:
    """Which column is what, with the first rows; a trial or the import begins, and its task's page is next. At most 15 queries."""
    scope = request.scope
    scope.require("customers.import")
    mine = ExchangeFile.objects.visible_to(scope).changeable_by(scope).filter(purpose=FilePurpose.IMPORT)
    file = mine.filter(expires_at__gt=scope.now).get_or_not_found(pk=file_id)
    form = MappingForm(
        request.POST if request.method == "POST" else None,
        headers=file.columns,
        fields=services.fields_to_map(scope),
        suggested=services.suggested(scope, file.columns),
    )

    def start(on_duplicate: str, dry_run: bool, **_chosen: Any) -> Any:
        return services.start_import(
            scope=scope, file_id=file_id, columns=form.columns(), on_duplicate=on_duplicate, dry_run=dry_run
        )

    if request.method == "POST" and form.submit(start):
        return redirect(reverse("jobs:task", args=[form.result.pk]))
    sample = file.asked["sample"]
    lines = [
        {
            "header": header,
            "control": control,
            "texts": [row[place] for row in sample if place < len(row) and row[place]],
        }
        for place, (header, control) in enumerate(zip(file.columns, form.controls(), strict=True))
    ]
    return render(
        request,
        "customers/import_mapping.html",
        {"form": form, "file": file, "lines": lines},
        status=422 if form.errors else 200,
    )


def _line(request: CrmRequest, file: ExchangeFile, report: ExchangeFile | None) -> dict[str, Any]:
    task = file.task
    return {
        "file": file,
        "task": task,
        "is_trial": bool(task and task.parameters.get("dry_run")),
        "notes": task.result.get("notes", 0) if task else 0,
        "report": report if report and report.ready_at and report.expires_at > request.scope.now else None,
        "open": file.expires_at > request.scope.now and not (task and task.is_open),
    }
