"""Reads for the pages of jobs: the schedule as it stands, and what a change set did."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db.models import Max, Model

from crm.core.access import Scope
from crm.core.paging import COUNT_CAP
from jobs.choices import RunState
from jobs.models import JobRun
from jobs.registry import Undoable, undoables
from jobs.running import HOME
from jobs.schedule import PeriodicJob, all_jobs
from outbox.models import Heartbeat

LINKED: Final = 20  # records that a change set's page leads to
SILENT_AFTER: Final = 120  # seconds (operations.md, Alerts)


@dataclass(frozen=True, slots=True)
class JobLine:
    """A job with its last run and its next one. `missed`: so many starts have passed without a run until now.

    `is_due`: its time has come, and the scheduler starts it with its next tick.
    """

    job: PeriodicJob
    last: JobRun | None
    next_at: datetime
    is_due: bool
    missed: int
    is_running: bool
    is_queued: bool

    @property
    def is_everybodys(self) -> bool:
        """Whether it runs for the whole installation, so that nobody starts it by hand."""
        return self.job.for_organisation is None


def schedule_lines(scope: Scope, jobs: Sequence[PeriodicJob] | None = None) -> list[JobLine]:
    """Every job, or those given, by label. Two queries."""
    chosen = sorted(all_jobs() if jobs is None else jobs, key=lambda job: str(job.label))
    runs = JobRun.objects.visible_to(scope).filter(job__in=[job.name for job in chosen])
    last = {run.job: run for run in runs.select_related("asked_by").order_by("job", "-started_at").distinct("job")}
    told = runs.values("job", "state", "by_hand").annotate(period=Max("period"))
    states: dict[str, set[str]] = {}
    planned: dict[str, datetime] = {}
    for row in told.order_by():
        states.setdefault(row["job"], set()).add(row["state"])
        if not row["by_hand"]:
            planned[row["job"]] = max(row["period"], planned.get(row["job"], row["period"]))
    return [_line(scope, job, last.get(job.name), planned.get(job.name), states.get(job.name, set())) for job in chosen]


def _line(scope: Scope, job: PeriodicJob, last: JobRun | None, planned: datetime | None, states: set[str]) -> JobLine:
    zone = HOME if job.for_organisation is None else scope.zone
    period = job.period(scope.now, zone)
    is_due = planned is None or planned < period
    return JobLine(
        job=job,
        last=last,
        next_at=period if is_due else job.next_run(scope.now, zone),
        is_due=is_due,
        missed=job.missed(planned, period, scope.now, zone) if is_due else 0,
        is_running=RunState.RUNNING in states,
        is_queued=RunState.QUEUED in states,
    )


@dataclass(frozen=True, slots=True)
class TableChanges:
    """How many rows of one table a change set made, changed and deleted; `is_capped`: there are more."""

    label: Any
    made: int
    changed: int
    deleted: int
    is_capped: bool


@dataclass(frozen=True, slots=True)
class ChangedRecord:
    """A record that a change set touched, itself or what hangs on it, with the address of its page."""

    name: str
    url: str


def changes_of(change_set_id: int) -> list[TableChanges]:
    """What a change set did, by table; of the rows that the active scope may read, no more than 10,000 each.

    One query per table.
    """
    found = []
    for entry in undoables():
        rows = _history(entry.model).filter(history_change_set_id=change_set_id).order_by()
        pairs = list(rows.values_list("id", "history_type")[: COUNT_CAP + 1])
        counts = Counter(kind for _pk, kind in set(pairs[:COUNT_CAP]))
        if counts:
            label = entry.model._meta.verbose_name_plural
            found.append(TableChanges(label, counts["+"], counts["~"], counts["-"], len(pairs) > COUNT_CAP))
    return found


def records_of(scope: Scope, change_set_id: int) -> list[ChangedRecord]:
    """The first twenty records that a change set touched and that have a page."""
    paged = {entry.model: entry for entry in undoables() if entry.page is not None}
    ids: dict[type[Model], set[int]] = {model: set() for model in paged}
    for entry in undoables():
        for model, column in _pages_of(entry, paged):
            rows = _history(entry.model).filter(history_change_set_id=change_set_id).order_by(column)
            ids[model] |= set(rows.values_list(column, flat=True).distinct()[:LINKED])
    return [record for model, found in ids.items() for record in _linked(scope, paged[model], sorted(found)[:LINKED])]


def linked_rows(scope: Scope, rows: Sequence[Sequence[Any]]) -> list[dict[str, Any]]:
    """Rows of an undo's result, [model, id, reason], with what they are called, and their page where they have one."""
    entries = {entry.model._meta.label_lower: entry for entry in undoables()}
    pages: dict[tuple[str, int], ChangedRecord] = {}
    for name, entry in entries.items():
        wanted = [row[1] for row in rows if row[0] == name]
        if entry.page is not None and wanted:
            named: Any = entry.model
            for one in named._default_manager.visible_to(scope).filter(pk__in=wanted):
                pages[name, one.pk] = ChangedRecord(str(one), entry.page(one.pk))
    return [
        {
            "kind": entries[name].model._meta.verbose_name if name in entries else name,
            "id": pk,
            "reason": reason,
            "record": pages.get((name, pk)),
        }
        for name, pk, reason in rows
    ]


def _pages_of(entry: Undoable, paged: dict[type[Model], Undoable]) -> Iterator[tuple[type[Model], str]]:
    if entry.model in paged:
        yield entry.model, "id"
    if entry.parent:
        field: Any = entry.model._meta.get_field(entry.parent)
        if field.related_model in paged:
            yield field.related_model, field.attname


def _linked(scope: Scope, entry: Undoable, ids: Sequence[int]) -> Iterator[ChangedRecord]:
    model: Any = entry.model
    if entry.page is None:
        return
    for row in model._default_manager.visible_to(scope).filter(pk__in=ids).order_by("pk"):
        yield ChangedRecord(str(row), entry.page(row.pk))


def _history(model: Any) -> Any:
    return model.history.model.objects


def silent_since(scope: Scope) -> datetime | None:
    """When scheduler, Redis and worker gave their last common sign of life, where that is too long ago."""
    beat = Heartbeat.objects.filter(name="worker").first()
    if beat is None or (scope.now - beat.beat_at).total_seconds() <= SILENT_AFTER:
        return None
    return beat.beat_at
