"""The periodic jobs of this floor."""

from __future__ import annotations

from datetime import timedelta
from importlib import import_module
from typing import Final

import structlog
from django.conf import settings

from crm.core.access import Scope
from jobs.models import JobRun
from jobs.registry import erasers
from jobs.schedule import periodic, periodic_once
from outbox.models import Delivery

log = structlog.get_logger(__name__)

TRASH_KEPT: Final = timedelta(days=30)  # customers.md, Trash
DONE_KEPT: Final = timedelta(days=30)
RUNS_KEPT: Final = timedelta(days=90)
NIGHT: Final = timedelta(hours=1, minutes=30)  # after midnight UTC


@periodic(every=timedelta(days=1), offset=NIGHT)
def erase_trash(scope: Scope) -> None:
    """Erase for good what lies in the trash for more than 30 days."""
    erased = sum(erase(scope, scope.now - TRASH_KEPT) for erase in erasers())
    if erased:
        log.info("trash erased", organisation=scope.organisation_id, rows=erased)


@periodic(every=timedelta(days=1), offset=NIGHT)
def trim_deliveries(scope: Scope) -> None:
    """Forget deliveries done more than 30 days ago, and runs of jobs after 90; the log of events is kept."""
    Delivery.objects.visible_to(scope).filter(state="DONE", done_at__lt=scope.now - DONE_KEPT).delete()
    JobRun.objects.visible_to(scope).filter(period__lt=scope.now - RUNS_KEPT).delete()


@periodic_once(every=timedelta(hours=1))
def clear_sessions() -> None:
    """Delete sessions that have expired."""
    import_module(settings.SESSION_ENGINE).SessionStore.clear_expired()
