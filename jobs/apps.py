"""Schedules and their runs, change sets and their undo."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from crm.core.navigation import NavEntry, register


class JobsConfig(AppConfig):
    """Registers the periodic jobs and long tasks of this floor, and their pages."""

    name = "jobs"
    verbose_name = _("Jobs")

    def ready(self) -> None:
        """Registrations; imported here, when all models stand."""
        from crm.core.api.callers import register_area
        from crm.core.metrics import register_figures
        from jobs import handlers, housekeeping, long_work, metrics, notices  # noqa: F401 - most register themselves

        register_figures(metrics.figures)
        notices.register()
        register_area("jobs", _("Jobs, long tasks, change sets"))
        register(
            NavEntry(
                key="jobs",
                label=_("Jobs"),
                url_name="jobs:tasks",
                icon="clock-play",
                position=80,
                group="manage",
            )
        )
