"""Schedules and their runs, change sets and their undo."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class JobsConfig(AppConfig):
    """Registers the periodic jobs of this floor."""

    name = "jobs"
    verbose_name = _("Jobs")

    def ready(self) -> None:
        """Registrations; imported here, when all models stand."""
        from crm.core.metrics import register_figures
        from jobs import handlers, housekeeping, long_work, metrics  # noqa: F401 - most register themselves

        register_figures(metrics.figures)
