"""Churn: who has not ordered for so many days in season that he is at risk, or inactive.

The count is SQL (`customers_days_in_season`), for a million customers as for one; nothing counts beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any, Final, NamedTuple

from django.db import connection, transaction
from django.utils.translation import gettext as _

from crm.core.access import Scope, activate
from crm.core.errors import Conflict
from crm.core.options import option_value
from customers.choices import CustomerStatus
from customers.events import CustomerStatusChanged
from customers.models import Customer
from customers.operations import STATUS_CHANGE
from customers.options import INACTIVE_DAYS, RISK_DAYS
from customers.season import MONTHS
from customers.services.locking import lock_customer
from customers.services.status import reason_given, take_steps
from customers.transitions import LIFTED_BY_MANAGER
from outbox.services import publish_for_rows

BATCH: Final = 2_000  # customers a statement, with their history, projection and events

# Day 0: the local date of the last delivered order, else of the activation.
_ANCHOR: Final = "(coalesce(c.last_order_at, c.activated_at) AT TIME ZONE %(zone)s)::date"
_DAYS: Final = f"customers_days_in_season(c.is_seasonal_business, c.seasonal_months, {_ANCHOR}, %(on)s::date)"
_SILENCE: Final = f"""
SELECT {_ANCHOR}, {_DAYS} FROM customers_customer c
 WHERE c.organisation_id = %(organisation)s AND c.id = %(id)s AND coalesce(c.last_order_at, c.activated_at) IS NOT NULL
"""  # noqa: S608 - constants of this file
# The day a limit is reached: in the first month by whose end so many days are counted, each of its days counts.
_REACHED: Final = f"""
SELECT ends.last - (ends.days - %(limit)s) FROM (
    SELECT m.last, customers_days_in_season(%(seasonal)s, %(months)s::smallint[], a.anchor, m.last) AS days
      FROM (SELECT {_ANCHOR} AS anchor FROM customers_customer c
             WHERE c.organisation_id = %(organisation)s AND c.id = %(id)s) a,
           LATERAL (SELECT (g + interval '1 month')::date - 1 AS last
                      FROM generate_series(date_trunc('month', a.anchor::timestamp),
                                           a.anchor + make_interval(years => %(years)s), interval '1 month') g) m) ends
 WHERE ends.days >= %(limit)s ORDER BY ends.last LIMIT 1
"""  # noqa: S608 - constants of this file
SHORTEST_MONTH: Final = 28
# Days in season are never more than days: the plain subtraction spares the count for most.
_STEP: Final = f"""
WITH due AS (
    SELECT c.id FROM customers_customer c
     WHERE c.organisation_id = %(organisation)s AND c.deleted_at IS NULL AND c.status = %(old)s AND c.id > %(last)s
       AND {_ANCHOR} <= %(on)s::date - %(days)s::integer
       AND customers_season_now(c.is_seasonal_business, c.seasonal_months, %(on)s::date) <> 'PAUSED'
       AND {_DAYS} >= %(days)s
     ORDER BY c.id LIMIT %(batch)s FOR NO KEY UPDATE OF c)
UPDATE customers_customer c SET status = %(new)s, status_since = %(now)s FROM due WHERE c.id = due.id RETURNING c.id
"""  # noqa: S608 - constants of this file
_SUBJECTS: Final = (
    "SELECT id, jsonb_build_object('customer_id', id) FROM unnest(%(ids)s::bigint[]) AS moved (id) ORDER BY 1"
)


class Silence(NamedTuple):
    """How long a customer has not ordered: from which day, and how many days in season since."""

    anchor: date
    days: int


def silence_of(*, scope: Scope, customer_id: int) -> Silence | None:
    """How long the customer has not ordered on the scope's day; None where nothing was ever delivered."""
    values: dict[str, Any] = {"organisation": scope.organisation_id, "zone": scope.zone, "on": scope.today}
    values["id"] = customer_id
    with connection.cursor() as cursor:
        cursor.execute(_SILENCE, values)
        row = cursor.fetchone()
    return Silence(*row) if row else None


class Outlook(NamedTuple):
    """On which day a customer who orders no more is at risk, and on which inactive; None where nothing was delivered."""

    at_risk: date | None
    inactive: date | None


def outlook_of(*, scope: Scope, customer_id: int, seasonal: bool, months: Sequence[int]) -> Outlook:
    """When the limits are reached without another order, were this the customer's season; days gone by are told too.

    `months` are 1 to 12, at least one where `seasonal`.
    """
    values: dict[str, Any] = {"organisation": scope.organisation_id, "zone": scope.zone, "id": customer_id}
    values |= {"seasonal": seasonal, "months": sorted(set(months))}
    reached = []
    with connection.cursor() as cursor:
        for limit in (option_value(RISK_DAYS, scope), option_value(INACTIVE_DAYS, scope)):
            years = limit // (SHORTEST_MONTH * (len(values["months"]) if seasonal else len(MONTHS))) + 2
            cursor.execute(_REACHED, values | {"limit": limit, "years": years})
            row = cursor.fetchone()
            reached.append(row[0] if row else None)
    return Outlook(*reached)


@STATUS_CHANGE.counted
@transaction.atomic
def lift_customer(*, scope: Scope, customer_id: int, reason: str) -> Customer:
    """A manager makes a customer active again whom the count no longer holds: his season was put right.

    The nights never lift. Raises NotFound, Forbidden, Invalid (no reason), Conflict (neither at risk nor inactive; the
    next night would drop him again).
    """
    customer = lock_customer(scope, customer_id, right="customers.status")
    if customer.status not in LIFTED_BY_MANAGER:
        raise Conflict(_("Only who is at risk or inactive is lifted."), field="status")
    given = reason_given(reason)
    silence = silence_of(scope=scope, customer_id=customer.pk)
    if silence is not None and silence.days >= option_value(RISK_DAYS, scope):
        text = _("Counted by the season as it is, %(days)s days have passed: the next night in season would undo it.")
        raise Conflict(text % {"days": silence.days}, field="status")
    take_steps(scope.with_reason(given), [customer], CustomerStatus.AKTIV)
    return customer


@transaction.atomic
def drop_silent_customers(*, scope: Scope) -> dict[str, int]:
    """AKTIV to RISIKO, RISIKO to INAKTIV, by the count of the scope's day; how many of each.

    Only where the day is in season, and never upwards. Whoever is past both limits goes through RISIKO. Doing it again
    changes nothing. For jobs: the scope sees the whole organisation.
    """
    risk, inactive = option_value(RISK_DAYS, scope), option_value(INACTIVE_DAYS, scope)
    return {
        "at_risk": _drop(scope, CustomerStatus.AKTIV, CustomerStatus.RISIKO, risk),
        "inactive": _drop(scope, CustomerStatus.RISIKO, CustomerStatus.INAKTIV, inactive),
    }


def _drop(scope: Scope, old: str, new: str, days: int) -> int:
    """One step for all who are due, batch by batch; how many took it."""
    values: dict[str, Any] = {"organisation": scope.organisation_id, "zone": scope.zone, "on": scope.today}
    values |= {"old": old, "new": new, "days": days, "now": scope.now, "batch": BATCH, "last": 0}
    dropped = 0
    with activate(scope.with_reason(f"{days} days in season without a delivered order")):
        while ids := _next(values):
            publish_for_rows(CustomerStatusChanged, _SUBJECTS, {"ids": ids}, data={"old": old, "new": new})
            values["last"] = ids[-1]
            dropped += len(ids)
    return dropped


def _next(values: dict[str, Any]) -> list[int]:
    """The next batch takes its step; its ids in order."""
    with connection.cursor() as cursor:
        cursor.execute(_STEP, values)
        return sorted(row[0] for row in cursor.fetchall())
