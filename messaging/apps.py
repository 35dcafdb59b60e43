"""Notices in the app, mails to users, wordings; mails to contacts through the consent gate alone."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class MessagingConfig(AppConfig):
    """Tells the floors below how account mails are written, and the frame about the bell."""

    name = "messaging"
    verbose_name = _("Messages")

    def ready(self) -> None:
        """Registrations; imported here, when all models stand."""
        from crm.core.metrics import register_figures
        from crm.core.navigation import SettingsEntry, SettingsGroup, Tool, register_settings, register_tool, with_right
        from messaging import handlers, kinds, metrics  # noqa: F401 - handlers register themselves
        from messaging.services import accounts
        from messaging.services.notices import bell
        from organisation.mails import register_account_mails

        kinds.register()
        register_account_mails(accounts)
        register_figures(metrics.figures)
        register_tool(Tool(key="notices", template="messaging/bell.html", position=10, shown=bell))
        register_settings(
            SettingsEntry(
                key="notices",
                label=_("Notices"),
                url_name="messaging:settings",
                group=SettingsGroup.OWN,
                position=40,
            ),
            SettingsEntry(
                key="wordings",
                label=_("Mail templates"),
                url_name="messaging:wordings",
                group=SettingsGroup.ORGANISATION,
                position=110,
                allowed=with_right("templates.edit"),
            ),
            SettingsEntry(
                key="failed",
                label=_("Failed mails"),
                url_name="messaging:failed",
                group=SettingsGroup.ORGANISATION,
                position=115,
                allowed=with_right("mails.manage"),
            ),
            SettingsEntry(
                key="mailbox",
                label=_("Mailbox of the demo"),
                url_name="messaging:mailbox",
                group=SettingsGroup.ORGANISATION,
                position=120,
                allowed=lambda scope: scope.role == "ADMINISTRATOR",
                demo_only=True,
            ),
        )
