"""The schedule: every job with its last run and its next one, and a run by hand."""

from __future__ import annotations

from typing import Any, Final

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from crm.core.access import CrmRequest
from crm.core.errors import Conflict, NotFound
from jobs import shown
from jobs.choices import RunState
from jobs.models import JobRun
from jobs.overview import JobLine, schedule_lines, silent_since
from jobs.schedule import job_named
from jobs.services import run_now

RUNS: Final = 50  # that a job's page lists


@login_required
@require_GET
def schedule(request: CrmRequest) -> HttpResponse:
    """Every job. While one runs or waits the table asks again every few seconds."""
    request.scope.require("jobs.manage")
    lines = [_line(line) for line in schedule_lines(request.scope)]
    context = {
        "lines": lines,
        "live": any(line["line"].is_running or line["line"].is_queued for line in lines),
        "silent_since": silent_since(request.scope),
        "tab": "schedule",
    }
    return render(request, "jobs/schedule.html" + ("#live" if request.htmx else ""), context)


@login_required
@require_GET
def job(request: CrmRequest, name: str) -> HttpResponse:
    """One job with its last fifty runs."""
    request.scope.require("jobs.manage")
    found = job_named(name)
    if found is None:
        raise NotFound(_("Not found."))
    (line,) = schedule_lines(request.scope, [found])
    runs = JobRun.objects.visible_to(request.scope).filter(job=name).select_related("asked_by").order_by("-started_at")
    context = {
        "one": _line(line),
        "runs": [_run(run) for run in runs[:RUNS]],
        "live": line.is_running or line.is_queued,
        "tab": "schedule",
    }
    return render(request, "jobs/job.html" + ("#live" if request.htmx else ""), context)


@login_required
@require_POST
def start(request: CrmRequest, name: str) -> HttpResponse:
    """A run by hand."""
    try:
        run_now(scope=request.scope, job=name)
    except Conflict as refused:
        messages.error(request, refused.message)
    else:
        messages.success(request, _("The run begins in a moment."))
    return redirect("jobs:job", name=name)


def _line(line: JobLine) -> dict[str, Any]:
    return {"line": line, "job": line.job, "run": _run(line.last) if line.last else None}


def _run(run: JobRun) -> dict[str, Any]:
    return {
        "run": run,
        "tone": shown.TONES[run.state],
        "icon": shown.ICONS[run.state],
        "duration": shown.duration(run.started_at, run.finished_at) if run.state != RunState.QUEUED else "",
        "result": shown.run_result(run),
        "notes": list(shown.run_notes(run)),
    }
