"""The settings of people and sign-in."""

from __future__ import annotations

from typing import Final

from django.utils.translation import gettext_lazy as _

from crm.core.options import Level, Nature, option

SESSION_IDLE_HOURS: Final = option(
    "session.idleHours",
    12,
    label=_("Sign out after idle hours"),
    help=_("Who does nothing for so long has to sign in again. After seven days everybody does."),
    area=_("Sign-in"),
    nature=Nature.BUSINESS,
    levels=(Level.ORGANISATION, Level.GLOBAL),
    unit=_("hours"),
    least=1,  # the middleware asks from there on
    most=12,  # ASVS 7.3.1: shorter is stricter, longer is not possible
    security=True,
)
