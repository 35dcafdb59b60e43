"""What happens to customers at night, at 03:00 of the organisation's zone; each bears to be run again at any time."""

from __future__ import annotations

from datetime import time
from typing import Final

from django.utils.translation import gettext_lazy as _

from crm.core.access import Scope
from customers import services
from jobs.schedule import LARGEST_LIMIT, periodic

NIGHT: Final = time(3)


@periodic(
    daily=NIGHT,
    limit=LARGEST_LIMIT,
    label=_("Count days without an order"),
    description=_("Customers become at risk, then inactive, by the days in season since their last delivered order."),
    counted={"at_risk": _("at risk"), "inactive": _("inactive")},
)
def churn(scope: Scope) -> dict[str, int]:
    """Drop who has not ordered for too many days in season."""
    return services.drop_silent_customers(scope=scope)


@periodic(
    daily=NIGHT,
    limit=LARGEST_LIMIT,
    label=_("Look after prospects"),
    description=_("Prospects without an order are marked, then put up for review by a manager; nobody is archived."),
    counted={"warned": _("warned"), "reviews": _("put up for review")},
)
def prospects(scope: Scope) -> dict[str, int]:
    """Mark prospects who do not order."""
    return services.mark_prospects(scope=scope)


@periodic(
    daily=NIGHT,
    limit=LARGEST_LIMIT,
    label=_("Tell of agreements that end"),
    description=_("Owners are told 90 and 30 days before the renewal date, once each."),
    counted={"renewals": _("told")},
)
def renewals(scope: Scope) -> dict[str, int]:
    """Tell of supply agreements that end soon."""
    return services.tell_renewals(scope=scope)
