"""The settings of a customer's life."""

from __future__ import annotations

from typing import Final

from django.utils.translation import gettext_lazy as _

from crm.core.options import Level, Nature, Option, Text, option


def _days(key: str, default: int, *, area: Text, label: Text, help: Text) -> Option[int]:
    return option(
        key,
        default,
        label=label,
        help=help,
        area=area,
        nature=Nature.BUSINESS,
        levels=(Level.ORGANISATION, Level.GLOBAL),
        unit=_("days"),
        least=7,
        most=1000,
    )


RISK_DAYS: Final = _days(
    "churn.riskDays",
    90,
    area=_("Churn"),
    label=_("At risk after days without an order"),
    help=_("Only days in season count, from the last delivered order on."),
)
INACTIVE_DAYS: Final = _days(
    "churn.inactiveDays",
    180,
    area=_("Churn"),
    label=_("Inactive after days without an order"),
    help=_("Only days in season count, from the last delivered order on."),
)
WARN_DAYS: Final = _days(
    "prospect.warnDays",
    60,
    area=_("Prospects"),
    label=_("Warning after days without a first order"),
    help=_("The owner of the prospect is told once."),
)
REVIEW_DAYS: Final = _days(
    "prospect.reviewDays",
    90,
    area=_("Prospects"),
    label=_("Review after days without a first order"),
    help=_("Sales managers are told once, and decide: keep or archive. Nobody is archived without them."),
)
