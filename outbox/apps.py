"""Domain events: written with what happened, relayed after the commit, handled by workers."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class OutboxConfig(AppConfig):
    """Tells the kernel how to see whether the relay lives."""

    name = "outbox"
    verbose_name = _("Events")

    def ready(self) -> None:
        """Registrations; imported here, when all models stand."""
        from crm.core.api.callers import register_area
        from crm.core.health import register_check
        from crm.core.metrics import register_figures
        from crm.core.navigation import SettingsEntry, SettingsGroup, register_settings, with_right
        from outbox import connection_metrics
        from outbox.metrics import figures
        from outbox.providers import register_provider
        from outbox.providers.freshplan import FreshPlan
        from outbox.services import relay_check

        register_check("relay", relay_check)
        register_figures(figures)
        register_figures(connection_metrics.figures)
        register_provider(FreshPlan())
        register_area("events", _("Events"))
        register_area("webhooks", _("Webhooks"))
        pages = {
            "webhooks": (_("Webhooks"), "webhooks:list"),
            "connections": (_("Connections"), "intake:connections"),
            "inbox": (_("Inbox"), "intake:inbox"),
        }
        register_settings(
            *(
                SettingsEntry(
                    key=key,
                    label=label,
                    url_name=url_name,
                    group=SettingsGroup.SYSTEMS,
                    position=10 * number,
                    allowed=with_right("integrations.read"),
                )
                for number, (key, (label, url_name)) in enumerate(pages.items(), 20)
            )
        )
