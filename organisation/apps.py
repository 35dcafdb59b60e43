"""Organisations, people, teams, rights."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from crm.core.navigation import NavEntry, register


class OrganisationConfig(AppConfig):
    """Who is asking, and what he may see."""

    name = "organisation"
    verbose_name = _("Organisation")

    def ready(self) -> None:
        """Put the settings into the frame."""
        entry = NavEntry(
            key="organisation",
            label=_("Settings"),
            url_name="organisation:settings",
            icon="settings",
            position=90,
            group="manage",
        )
        register(entry)
