"""Notices in the app, mails to users, wordings; mails to contacts through the consent gate alone."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class MessagingConfig(AppConfig):
    """Tells the floors below how account mails are written, and the frame about the bell."""

    name = "messaging"
    verbose_name = _("Messages")

    def ready(self) -> None:
        """Registrations; imported here, when all models stand."""
        from crm.core.navigation import Tool, register_tool
        from messaging import handlers, kinds  # noqa: F401 - handlers register themselves
        from messaging.services import accounts
        from messaging.services.notices import bell
        from organisation.mails import register_account_mails

        kinds.register()
        register_account_mails(accounts)
        register_tool(Tool(key="notices", template="messaging/bell.html", position=10, shown=bell))
