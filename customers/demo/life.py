"""What happened to demo customers so far: status with dates that fit it, orders, contacts. Set-based."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.db import connection

from crm.core.access import Scope
from customers.choices import ContactRole, CustomerStatus, DecisionPower
from customers.demo.names import Names, slug
from customers.events import CustomerStatusChanged
from customers.models import Customer
from outbox.services import publish_many

_STATUSES: Final = {
    CustomerStatus.PROSPECT: 36,
    CustomerStatus.AKTIV: 42,
    CustomerStatus.RISIKO: 9,
    CustomerStatus.INAKTIV: 8,
    CustomerStatus.ARCHIVIERT: 5,
}
# Days in season since the last delivered order, by status; the limits of churn are 90 and 180.
_SILENT_DAYS: Final = {
    CustomerStatus.AKTIV: (1, 80),
    CustomerStatus.RISIKO: (93, 170),
    CustomerStatus.INAKTIV: (184, 260),
    CustomerStatus.ARCHIVIERT: (200, 330),
}
_YEAR: Final = 365
_PHONES: Final = ("+493023125", "+496990009", "+494066969")
_POWER: Final = {
    ContactRole.HEAD_CHEF: DecisionPower.INFLUENCER,
    ContactRole.PURCHASING: DecisionPower.GATEKEEPER,
    ContactRole.OWNER: DecisionPower.DECIDER,
    ContactRole.GENERAL_MANAGER: DecisionPower.DECIDER,
    ContactRole.CONTROLLING: DecisionPower.BLOCKER,
    ContactRole.OTHER: DecisionPower.USER,
}

_UPDATE: Final = """
UPDATE customers_customer c
   SET status = d.status, status_since = d.status_since, created_at = d.created_at, activated_at = d.activated_at,
       activated_by_id = d.activated_by_id, first_order_number = coalesce(d.first_order_number, ''),
       last_order_at = d.last_order_at, last_contact_at = d.last_contact_at, renewal_date = d.renewal_date,
       actual_annual_volume = d.actual_annual_volume
  FROM jsonb_to_recordset(%s::jsonb) AS d(
       id bigint, status text, status_since timestamptz, created_at timestamptz, activated_at timestamptz,
       activated_by_id bigint, first_order_number text, last_order_at timestamptz, last_contact_at timestamptz,
       renewal_date date, actual_annual_volume numeric)
 WHERE c.id = d.id
"""
_CONTACTS: Final = """
INSERT INTO customers_contact (
       organisation_id, customer_id, first_name, last_name, role, decision_power, phone, mobile, email, language)
SELECT %s, d.customer_id, d.first_name, d.last_name, d.role, d.decision_power, d.phone, '', d.email, 'de'
  FROM jsonb_to_recordset(%s::jsonb) AS d(
       customer_id bigint, first_name text, last_name text, role text, decision_power text, phone text, email text)
"""


@dataclass(frozen=True, slots=True)
class _Day:
    """Days on the organisation's wall clock, as instants at the one time of day of a customer."""

    scope: Scope
    rng: random.Random
    hour: time

    def at(self, day: date) -> datetime:
        moment = datetime.combine(day, self.hour, tzinfo=ZoneInfo(self.scope.zone))
        return min(moment, self.scope.now)

    def before(self, day: date, least: int, most: int) -> date:
        return day - timedelta(days=self.rng.randint(least, most))


def live(scope: Scope, rng: random.Random, ids: Sequence[int]) -> None:
    """Give the customers `ids` a past, under the active scope."""
    customers = list(Customer.objects.filter(pk__in=ids).order_by("pk"))
    lives = [_life(scope, rng, customer) for customer in customers]
    names = Names(rng)
    contacts = [contact for customer in customers for contact in _contacts(rng, names, customer)]
    with connection.cursor() as cursor:
        cursor.execute(_UPDATE, [json.dumps(lives)])
        cursor.execute(_CONTACTS, [scope.organisation_id, json.dumps(contacts)])
    publish_many(
        [
            CustomerStatusChanged(customer_id=life["id"], old=CustomerStatus.PROSPECT, new=life["status"])
            for life in lives
            if life["status"] != CustomerStatus.PROSPECT
        ]
    )


def _life(scope: Scope, rng: random.Random, customer: Customer) -> dict[str, Any]:
    day = _Day(scope, rng, time(rng.randint(8, 16), rng.randint(0, 59)))
    status = rng.choices(list(_STATUSES), weights=list(_STATUSES.values()))[0]
    if status == CustomerStatus.PROSPECT or (status == CustomerStatus.ARCHIVIERT and rng.random() < 0.5):
        return _without_order(day, customer, status)
    months = set(customer.seasonal_months) if customer.is_seasonal_business else set(range(1, 13))
    silent = rng.randint(*_SILENT_DAYS[status])
    last_order = days_in_season_ago(scope.today, months, silent)
    activated = day.before(last_order, 20, 900)
    since = {
        CustomerStatus.AKTIV: activated,
        CustomerStatus.RISIKO: days_in_season_ago(scope.today, months, silent - 90),
        CustomerStatus.INAKTIV: days_in_season_ago(scope.today, months, silent - 180),
    }.get(status, days_in_season_ago(scope.today, months, 15))
    contact = max(last_order, day.before(scope.today, 1, 60 if status == CustomerStatus.AKTIV else 150))
    is_supplied = status in {CustomerStatus.AKTIV, CustomerStatus.RISIKO} and rng.random() < 0.6
    sold = customer.expected_annual_volume is not None and (scope.today - last_order).days < _YEAR
    return {
        "id": customer.pk,
        "status": status,
        "status_since": day.at(since).isoformat(),
        "created_at": day.at(day.before(activated, 10, 120)).isoformat(),
        "activated_at": day.at(activated).isoformat(),
        "activated_by_id": customer.owner_id,
        "first_order_number": f"AB-{activated.year}-{rng.randint(1000, 9999)}",
        "last_order_at": day.at(last_order).isoformat(),
        "last_contact_at": day.at(contact).isoformat(),
        "renewal_date": (scope.today + timedelta(days=rng.randint(4, 420))).isoformat() if is_supplied else None,
        "actual_annual_volume": _rounded(customer.expected_annual_volume, rng) if sold else None,
    }


def _rounded(expected: Any, rng: random.Random) -> str:
    return f"{float(expected) * rng.uniform(0.45, 1.35):.2f}"


def _prospect_days(rng: random.Random) -> tuple[int, int]:
    """For how many days; one in ten is old enough to be warned of or reviewed, which is as much as a week's work bears."""
    return (1, 58) if rng.random() < 0.9 else (59, 115)


def _without_order(day: _Day, customer: Customer, status: str) -> dict[str, Any]:
    is_prospect = status == CustomerStatus.PROSPECT
    created = day.before(day.scope.today, *(_prospect_days(day.rng) if is_prospect else (200, 700)))
    since = created if is_prospect else day.before(day.scope.today, 5, 90)
    has_contact = day.rng.random() < 0.75
    contact = created + timedelta(days=day.rng.randint(0, (since - created).days or (day.scope.today - created).days))
    return {
        "id": customer.pk,
        "status": status,
        "status_since": day.at(since).isoformat(),
        "created_at": day.at(created).isoformat(),
        "last_contact_at": day.at(contact).isoformat() if has_contact else None,
    }


def days_in_season_ago(today: date, months: set[int], days: int) -> date:
    """The day in season since which `days` days in season have passed."""
    day = today
    while days > 0 or day.month not in months:
        day -= timedelta(days=1)
        if day.month in months:
            days -= 1
    return day


def _contacts(rng: random.Random, names: Names, customer: Customer) -> list[dict[str, Any]]:
    contacts = []
    for role in rng.sample(list(ContactRole), rng.choice((0, 1, 1, 1, 2, 2, 3))):
        first, last = names.person()
        host = f"{slug(customer.company_name)[:50].strip('-')}.example.org"
        contacts.append(
            {
                "customer_id": customer.pk,
                "first_name": first,
                "last_name": last,
                "role": role,
                "decision_power": _POWER[role],
                "phone": f"{rng.choice(_PHONES)}{rng.randint(0, 999):03d}" if rng.random() < 0.6 else "",
                "email": f"{slug(first)}.{slug(last)}@{host}" if rng.random() < 0.7 else "",
            }
        )
    return contacts
