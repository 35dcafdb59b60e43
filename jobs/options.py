"""The settings of jobs."""

from __future__ import annotations

from typing import Final

from django.utils.translation import gettext_lazy as _

from crm.core.options import Level, Nature, option

TRASH_DAYS: Final = option(
    "trash.days",
    30,
    label=_("Days in the trash"),
    help=_("So long what was deleted can be restored; then it is erased with all that hangs on it."),
    area=_("Trash"),
    nature=Nature.BUSINESS,
    levels=(Level.ORGANISATION, Level.GLOBAL),
    unit=_("days"),
    least=7,
    most=90,
)
