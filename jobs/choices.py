"""Enumerations of jobs."""

from __future__ import annotations

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class RunState(TextChoices):
    """Where one run of a periodic job stands. QUEUED is one that somebody asked for by hand."""

    QUEUED = "QUEUED", _("Queued")
    RUNNING = "RUNNING", _("Running")
    DONE = "DONE", _("Done")
    FAILED = "FAILED", _("Failed")


class TaskState(TextChoices):
    """Where a long task stands."""

    QUEUED = "QUEUED", _("Queued")
    RUNNING = "RUNNING", _("Running")
    DONE = "DONE", _("Done")
    FAILED = "FAILED", _("Failed")
    CANCELLED = "CANCELLED", _("Cancelled")

    @classmethod
    def open(cls) -> tuple[str, ...]:
        """The states in which it still goes on."""
        return (cls.QUEUED, cls.RUNNING)


class RunError:
    """Kinds of error that no exception names."""

    TIME_LIMIT = "TimeLimit"
    WORKER_LOST = "WorkerLost"
