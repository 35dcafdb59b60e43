"""What pages say of jobs, tasks and change sets: codes as words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from crm.core.access import Scope
from crm.core.templatetags.formats import number
from jobs.choices import RunError, RunState, TaskState
from jobs.kinds import kind_named
from jobs.models import ChangeSet, JobRun, LongTask
from jobs.schedule import job_named
from jobs.undoing import Skipped
from organisation.models import User

TONES: Final[dict[str, str]] = {
    RunState.QUEUED: "slate",
    RunState.RUNNING: "blue",
    RunState.DONE: "green",
    RunState.FAILED: "red",
    TaskState.CANCELLED: "amber",
}
ICONS: Final[dict[str, str]] = {
    RunState.QUEUED: "clock",
    RunState.RUNNING: "player-play",
    RunState.DONE: "check",
    RunState.FAILED: "alert-triangle",
    TaskState.CANCELLED: "ban",
}
# icons: #i-clock #i-player-play #i-check #i-alert-triangle #i-ban
KINDS: Final[dict[str, Any]] = {
    "bulk": gettext_lazy("Change of many"),
    "import": gettext_lazy("Import"),
    "merge": gettext_lazy("Merge"),
    "undo": gettext_lazy("Undo"),
}
REASONS: Final[dict[str, Any]] = {
    Skipped.CHANGED_SINCE: gettext_lazy("changed since"),
    Skipped.STILL_USED: gettext_lazy("something refers to it"),
    Skipped.HISTORY_GONE: gettext_lazy("its history before is gone"),
}
_ERRORS: Final[dict[str, Any]] = {
    RunError.TIME_LIMIT: gettext_lazy("Ended at its time limit."),
    RunError.WORKER_LOST: gettext_lazy("Its worker was lost again and again."),
    "KindUnknown": gettext_lazy("This release does not know this kind of work any more."),
    "Forbidden": gettext_lazy("Who started it may not do this any more."),
}


def duration(begin: datetime | None, end: datetime | None) -> str:
    """How long something took, or "" where it is not over: "0.4 s", "12 s", "3 min 5 s", "2 h 10 min"."""
    if begin is None or end is None:
        return ""
    seconds = max(0.0, (end - begin).total_seconds())
    if seconds < 10:
        return _("%(seconds)s s") % {"seconds": number(seconds, 1)}
    if seconds < 60:
        return _("%(seconds)s s") % {"seconds": number(seconds)}
    if seconds < 3600:
        return _("%(minutes)d min %(seconds)d s") % {"minutes": seconds // 60, "seconds": seconds % 60}
    return _("%(hours)d h %(minutes)d min") % {"hours": seconds // 3600, "minutes": seconds % 3600 // 60}


def run_result(run: JobRun) -> str:
    """What came of a run: its figures, or the kind of its error."""
    if run.error:
        return str(_ERRORS.get(run.error) or _("Error: %(kind)s") % {"kind": run.error})
    job = job_named(run.job)
    labels = job.counted if job else {}
    return ", ".join(f"{number(run.counts[key])} {label}" for key, label in labels.items() if key in run.counts)


def run_notes(run: JobRun) -> Iterator[str]:
    """What was special about a run."""
    if run.by_hand:
        yield _("by hand, %(name)s") % {"name": run.asked_by.name} if run.asked_by else _("by hand")
    if run.missed:
        yield ngettext("late: %(count)d start missed", "late: %(count)d starts missed", run.missed) % {
            "count": run.missed
        }
    if run.attempts > 1:
        yield _("%(count)d attempts") % {"count": run.attempts}


def task_label(task: LongTask) -> str:
    """What a task is: its kind in words."""
    kind = kind_named(task.kind)
    return str(kind.label) if kind else task.kind


def task_error(task: LongTask) -> str:
    """Why a task stopped, "" for nothing."""
    kind = kind_named(task.kind)
    own = kind.errors if kind else {}
    if not task.error:
        return ""
    return str(own.get(task.error) or _ERRORS.get(task.error) or _("Error: %(kind)s") % {"kind": task.error})


def task_figures(task: LongTask) -> list[dict[str, Any]]:
    """The figures of a task for a tally."""
    kind = kind_named(task.kind)
    lines = [{"label": kind.unit if kind else _("done"), "value": _of(task)}]
    if task.refused and "skipped" not in task.result:
        lines.append({"label": _("refused"), "value": number(task.refused)})
    if task.rate >= 1:
        lines.append({"label": _("a second"), "value": number(task.rate)})
    for code, label in (kind.figures if kind else {}).items():
        if isinstance(task.result.get(code), int):
            lines.append({"label": label, "value": number(task.result[code])})
    return lines


def reason(task: LongTask, code: str) -> str:
    """Why a task left a row alone."""
    kind = kind_named(task.kind)
    own = kind.reasons if kind else {}
    return str(own.get(code) or REASONS.get(code, code))


def task_reasons(task: LongTask) -> list[dict[str, Any]]:
    """How often a task left a row alone, by reason, the most frequent first; for a tally."""
    counts = sorted(task.result.get("reasons", {}).items(), key=lambda pair: -pair[1])
    return [{"label": reason(task, code), "value": number(count)} for code, count in counts]


def _of(task: LongTask) -> str:
    if task.total is None:
        return number(task.shown)
    return _("%(done)s of %(total)s") % {"done": number(task.shown), "total": number(task.total)}


def kind_label(change_set: ChangeSet) -> str:
    """What sort of batch a change set is."""
    return str(KINDS.get(change_set.kind, change_set.kind))


def names_of(scope: Scope, actors: Iterable[str]) -> Mapping[str, str]:
    """The names of actors: people by their name, everything else is the product itself."""
    actors = set(actors)
    ids = {int(actor[5:]): actor for actor in actors if actor.startswith("user:") and actor[5:].isdigit()}
    people = User.objects.visible_to(scope).filter(pk__in=ids).values_list("pk", "name")
    found = {ids[pk]: name for pk, name in people}
    return {actor: found.get(actor, _("FreshPlan")) for actor in actors}
