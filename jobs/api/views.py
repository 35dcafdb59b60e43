"""Jobs, long tasks and change sets: reading, starting, cancelling, resuming, undoing."""

from __future__ import annotations

from typing import Any, Final

from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from crm.core.api.lists import CURSORS, page_body
from crm.core.api.problems import InvalidQuery
from crm.core.api.serializers import example, read_body
from crm.core.api.views import ApiView
from crm.core.paging import Sort
from jobs import services
from jobs.api.serializers import (
    ChangeSetListSerializer,
    ChangeSetSerializer,
    JobListSerializer,
    NewRunSerializer,
    NewTaskSerializer,
    RunListSerializer,
    RunSerializer,
    TaskListSerializer,
    TaskSerializer,
    WholeChangeSetSerializer,
)
from jobs.models import ChangeSet, JobRun, LongTask
from jobs.overview import JobLine, schedule_lines
from jobs.schedule import job_named

AREA: Final = "jobs"
NEWEST: Final = Sort("id", descending=True)
# A fresh organisation has no batch that a collection of requests could ask for.
NEEDS_DATA: Final = {"x-needs-data": True}


class JobsView(ApiView):
    """The schedule."""

    area = AREA

    @extend_schema(operation_id="jobs_list", summary="List periodic jobs", responses=JobListSerializer)
    def get(self, request: Request) -> Response:
        """Every job with its last run and its next one; for who manages jobs."""
        self.scope.require("jobs.manage")
        _refuse_parameters(request)
        return Response(JobListSerializer({"results": [_job(line) for line in schedule_lines(self.scope)]}).data)


class RunsView(ApiView):
    """The runs of periodic jobs."""

    area = AREA

    @extend_schema(
        operation_id="runs_list",
        summary="List runs of jobs",
        parameters=[OpenApiParameter("job", str, description="The name of a job."), *CURSORS],
        responses=RunListSerializer,
    )
    def get(self, request: Request) -> Response:
        """The newest first."""
        self.scope.require("jobs.manage")
        rows = JobRun.objects.visible_to(self.scope)
        if name := request.query_params.get("job"):
            if job_named(name) is None:
                raise InvalidQuery(_("The filter has faults."), errors={"job": _("There is no such job.")})
            rows = rows.filter(job=name)
        return Response(
            page_body(
                request,
                rows,
                sort=NEWEST,
                shown=lambda page: RunSerializer(page, many=True).data,
                reserved=("job",),
            )
        )

    @extend_schema(
        operation_id="runs_create",
        summary="Run a job now",
        request=NewRunSerializer,
        responses={201: RunSerializer},
        examples=example({"job": "jobs.trim_deliveries"}),
    )
    def post(self, request: Request) -> Response:
        """A run of its own, which begins once no other run of the job goes on; 409 where one is waiting already."""
        body = read_body(NewRunSerializer(data=request.data))
        return Response(RunSerializer(services.run_now(scope=self.scope, job=body["job"])).data, status=201)


class TasksView(ApiView):
    """Long tasks."""

    area = AREA

    @extend_schema(
        operation_id="tasks_list", summary="List long tasks", parameters=CURSORS, responses=TaskListSerializer
    )
    def get(self, request: Request) -> Response:
        """One's own, the newest first; for who sees all, everybody's."""
        rows = LongTask.objects.visible_to(self.scope)
        return Response(page_body(request, rows, sort=NEWEST, shown=lambda page: TaskSerializer(page, many=True).data))

    @extend_schema(
        operation_id="tasks_create",
        summary="Start a long task",
        request=NewTaskSerializer,
        responses={201: TaskSerializer},
        examples=example({"kind": "customers.rebuild"}),
    )
    def post(self, request: Request) -> Response:
        """Of a kind that the page of tasks offers; 409 where one of it goes on already."""
        body = read_body(NewTaskSerializer(data=request.data))
        task = services.start_by_hand(scope=self.scope, kind=body["kind"])
        return _task(task, status=201, headers={"Location": f"{request.path}{task.pk}/"})


class TaskView(ApiView):
    """One long task."""

    area = AREA

    @extend_schema(operation_id="tasks_read", summary="Read a long task", responses=TaskSerializer)
    def get(self, request: Request, pk: int) -> Response:
        """How far it is, and what came of it."""
        return _task(LongTask.objects.visible_to(self.scope).get_or_not_found(pk=pk))


class CancelView(ApiView):
    """The end of a task."""

    area = AREA

    @extend_schema(operation_id="tasks_cancel", summary="Cancel a long task", request=None, responses=TaskSerializer)
    def post(self, request: Request, pk: int) -> Response:
        """At once while it waits, else behind the batch that goes on; 409 where it is over."""
        return _task(services.cancel_task(scope=self.scope, task_id=pk))


class ResumeView(ApiView):
    """Going on with a task."""

    area = AREA

    @extend_schema(operation_id="tasks_resume", summary="Resume a long task", request=None, responses=TaskSerializer)
    def post(self, request: Request, pk: int) -> Response:
        """One that failed or was cancelled goes on behind its last batch; 409 for all others."""
        return _task(services.resume_task(scope=self.scope, task_id=pk))


class ChangeSetsView(ApiView):
    """Batches of changes."""

    area = AREA

    @extend_schema(
        operation_id="change_sets_list",
        summary="List change sets",
        parameters=CURSORS,
        responses=ChangeSetListSerializer,
    )
    def get(self, request: Request) -> Response:
        """One's own, the newest first; for who sees all, everybody's."""
        rows = ChangeSet.objects.visible_to(self.scope)
        return Response(
            page_body(request, rows, sort=NEWEST, shown=lambda page: ChangeSetSerializer(page, many=True).data)
        )


class ChangeSetView(ApiView):
    """One change set."""

    area = AREA

    @extend_schema(
        operation_id="change_sets_read",
        summary="Read a change set",
        responses=WholeChangeSetSerializer,
        extensions=NEEDS_DATA,
    )
    def get(self, request: Request, pk: int) -> Response:
        """With what it made, changed and deleted by table, of what the caller sees."""
        found = ChangeSet.objects.visible_to(self.scope).get_or_not_found(pk=pk)
        return Response(WholeChangeSetSerializer(found).data)


class UndoView(ApiView):
    """The way back."""

    area = AREA

    @extend_schema(
        operation_id="change_sets_undo",
        summary="Undo a change set",
        request=None,
        responses={202: TaskSerializer},
        extensions=NEEDS_DATA,
    )
    def post(self, request: Request, pk: int) -> Response:
        """A worker undoes it: the answer is its task. 409 where it was undone already, or an undo goes on."""
        task = services.ask_undo(scope=self.scope, change_set_id=pk)
        return _task(task, status=202, headers={"Location": f"/api/tasks/{task.pk}/"})


def _task(task: LongTask, **more: Any) -> Response:
    return Response(TaskSerializer(task).data, **more)


def _job(line: JobLine) -> dict[str, Any]:
    return {
        "name": line.job.name,
        "label": line.job.label,
        "description": line.job.description,
        "plan": line.job.plan.words,
        "limit_seconds": line.job.limit,
        "next_run_at": line.next_at,
        "missed": line.missed,
        "is_running": line.is_running,
        "is_queued": line.is_queued,
        "last_run": line.last,
    }


def _refuse_parameters(request: Request) -> None:
    unknown = {name: _("There is no such parameter.") for name in request.query_params}
    if unknown:
        raise InvalidQuery(_("The filter has faults."), errors=unknown)
