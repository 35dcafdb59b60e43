"""What /metrics tells of periodic jobs: from their rows, so that a run whose worker was killed counts too."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Final

from django.db.models import Count, F, Max
from django.utils import timezone

from crm.core.access import Scope
from crm.core.metrics import Figure, of_each_organisation
from jobs.choices import RunState
from jobs.models import JobRun

SEEN: Final = timedelta(days=7)


def figures() -> Iterator[Figure]:
    """Per job: runs of the last 7 days by state, the longest, and how long ago each organisation's last one was done."""
    # Runs of the whole installation are seen in every organisation: the key keeps them once.
    rows = {(row["job"], row["organisation_id"], row["state"]): row for of in of_each_organisation(_runs) for row in of}
    counts: Counter[tuple[str, str]] = Counter()
    longest: dict[str, float] = {}
    done: dict[str, datetime] = {}
    for (job, _organisation, state), row in rows.items():
        counts[job, state] += row["runs"]
        if row["took"] is not None:
            longest[job] = max(longest.get(job, 0.0), row["took"].total_seconds())
        if state == RunState.DONE and row["finished"] is not None:
            done[job] = min(done.get(job, row["finished"]), row["finished"])
    for (job, state), runs in sorted(counts.items()):
        yield Figure("freshplan_job_runs", "Runs of the last 7 days.", runs, {"job": job, "state": state})
    for job, seconds in sorted(longest.items()):
        yield Figure("freshplan_job_seconds", "Longest run of the last 7 days.", seconds, {"job": job})
    now = timezone.now()
    for job, finished in sorted(done.items()):
        age = (now - finished).total_seconds()
        yield Figure("freshplan_job_done_age_seconds", "Since the last run was done, where longest.", age, {"job": job})


def _runs(scope: Scope) -> list[dict[str, Any]]:
    recent = JobRun.objects.visible_to(scope).filter(started_at__gte=scope.now - SEEN)
    grouped = recent.order_by().values("job", "organisation_id", "state")
    counted = grouped.annotate(
        runs=Count("pk"), finished=Max("finished_at"), took=Max(F("finished_at") - F("started_at"))
    )
    return [dict(row) for row in counted]
