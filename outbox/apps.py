"""Domain events: written with what happened, relayed after the commit, handled by workers."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class OutboxConfig(AppConfig):
    """Tells the kernel how to see whether the relay lives."""

    name = "outbox"
    verbose_name = _("Events")

    def ready(self) -> None:
        """Registrations; imported here, when all models stand."""
        from crm.core.health import register_check
        from outbox.services import relay_check

        register_check("relay", relay_check)
