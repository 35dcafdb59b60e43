"""The settings of webhooks, those that we send and those that come in."""

from __future__ import annotations

from typing import Final

from django.utils.translation import gettext_lazy as _

from crm.core.options import Level, Nature, option

ROTATION_HOURS: Final = option(
    "webhooks.rotationHours",
    24,
    label=_("Hours in which both secrets sign"),
    help=_("After a subscriber's secret was renewed, the one before signs beside it for so long."),
    area=_("Webhooks"),
    nature=Nature.BUSINESS,
    levels=(Level.ORGANISATION, Level.GLOBAL),
    unit=_("hours"),
    least=1,
    most=168,  # contracts/standard_webhooks.md: up to seven days
    security=True,
)

OVERLAP_HOURS: Final = option(
    "connections.overlapHours",
    24,
    label=_("Hours in which a replaced secret still counts"),
    help=_("After a connection's new secret was proven by a message, the one before verifies for so long."),
    area=_("Connections"),
    nature=Nature.BUSINESS,
    levels=(Level.ORGANISATION, Level.GLOBAL),
    unit=_("hours"),
    least=1,
    most=168,  # integrations.md, Credentials: at most seven days
    security=True,
)
