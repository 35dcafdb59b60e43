"""The kernel: no tables of its own."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class CoreConfig(AppConfig):
    """Label `core`; templates and template tags of the frame live here."""

    name = "crm.core"
    label = "core"
    verbose_name = _("Core")

    def ready(self) -> None:
        """Put the page of backups into the settings."""
        from crm.core import navigation

        navigation.register_settings(
            navigation.SettingsEntry(
                key="backups",
                label=_("Backups"),
                url_name="core:backups",
                group=navigation.SettingsGroup.ORGANISATION,
                position=190,
                allowed=navigation.with_right("backups.manage"),
            )
        )
