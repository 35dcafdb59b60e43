"""Organisations, people, teams, rights."""

from typing import Any

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from crm.core.navigation import (
    NavEntry,
    SettingsEntry,
    SettingsGroup,
    everybody,
    register,
    register_settings,
    with_right,
)


class OrganisationConfig(AppConfig):
    """Who is asking, and what he may see."""

    name = "organisation"
    verbose_name = _("Organisation")

    def ready(self) -> None:
        """Put the settings into the frame; tell the kernel where settings, flags and counts are kept."""
        from crm.core import flags, operations, options
        from crm.core.api import callers
        from organisation import options as declared  # noqa: F401 - its settings
        from organisation.access import person_scope
        from organisation.answers import AnswerRows
        from organisation.operations import count_operation
        from organisation.stored_options import read_flags, read_settings
        from organisation.tokens import open_token
        from outbox.visibility import register_people

        options.register_reader(read_settings)
        flags.register_reader(read_flags)
        operations.register_counter(count_operation)
        callers.register_tokens(open_token)
        callers.register_answers(AnswerRows())
        callers.register_area("settings", _("Settings"))
        callers.register_area("views", _("Saved views"))
        register_people(person_scope)
        entry = NavEntry(
            key="organisation",
            label=_("Settings"),
            url_name="organisation:settings",
            icon="settings",
            position=90,
            group="manage",
        )
        register(entry)
        own, shared = SettingsGroup.OWN, SettingsGroup.ORGANISATION
        pages: list[tuple[str, Any, SettingsGroup, str]] = [
            ("profile", _("Profile"), own, ""),
            ("security", _("Password and sign-in"), own, ""),
            ("tokens", _("API tokens"), own, ""),
            ("people", _("People"), shared, "people.manage"),
            ("teams", _("Teams"), shared, "people.manage"),
            ("organisation", _("Organisation"), shared, "organisation.edit"),
            ("options", _("All settings"), shared, ""),
            ("flags", _("Feature flags"), shared, "flags.change"),
        ]
        register_settings(
            SettingsEntry(
                key="admin",
                label=_("Administration"),
                url_name="admin:index",
                group=shared,
                position=200,
                allowed=with_right("admin.open"),
            ),
            *(
                SettingsEntry(
                    key=key,
                    label=label,
                    url_name=f"organisation:{key}",
                    group=group,
                    position=10 * number,
                    allowed=with_right(right) if right else everybody,
                )
                for number, (key, label, group, right) in enumerate(pages, 1)
            ),
        )
