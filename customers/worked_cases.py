"""Worked cases of churn: each is put as rows into a transaction that is rolled back, and the nights are run over it.

No rule stands here: rows come by the services, the nights are those of the schedule, and what came of them is read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.db import transaction

from crm.core.access import Scope, activate, system_scope_for
from customers import nights, services
from customers.choices import CustomerStatus
from customers.models import Customer, CustomerTag
from organisation.services import create_organisation

ZONE: Final = "Europe/Berlin"
MONTHS: Final = list(range(1, 13))
NOON: Final = time(12)
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class World:
    """An organisation of the case's own, with one customer, for the time of a transaction."""

    organisation_id: int
    customer_id: int

    @contextmanager
    def at(self, now: datetime) -> Iterator[Scope]:
        """The scope of a job at that instant."""
        with activate(system_scope_for(self.organisation_id, job="churn-check", now=now, zone=ZONE)) as scope:
            yield scope

    @contextmanager
    def night(self, day: date) -> Iterator[Scope]:
        """The scope of the night to that day."""
        with self.at(datetime.combine(day, nights.NIGHT, ZoneInfo(ZONE))) as scope:
            yield scope

    def run_night(self, day: date) -> None:
        """Every job of the night to that day."""
        with self.night(day) as scope:
            for job in (nights.churn, nights.prospects, nights.renewals):
                job(scope)

    def deliver(self, at: datetime) -> None:
        """An order was delivered and is reported at once."""
        with self.at(at) as scope:
            services.record_delivered_order(
                scope=scope, customer_id=self.customer_id, order_number="1", delivered_at=at
            )

    def put(self, **columns: Any) -> None:
        """Rows as the case has them, where no service makes them so."""
        Customer.objects.filter(pk=self.customer_id).update(**columns)

    def customer(self) -> Customer:
        """The customer as he is now."""
        return Customer.objects.get(pk=self.customer_id)

    def passed(self) -> list[str]:
        """The statuses of his history, one behind the other."""
        rows = Customer.history.filter(id=self.customer_id).order_by("history_id").values_list("status", flat=True)
        found: list[str] = []
        for status in rows:
            if found[-1:] != [status]:
                found.append(status)
        return found

    def tags(self) -> set[str]:
        """The names of his tags."""
        return set(CustomerTag.objects.filter(customer_id=self.customer_id).values_list("tag__name", flat=True))


@contextmanager
def world_of(case: Mapping[str, Any], now: datetime) -> Iterator[World]:
    """A customer of the case's season; everything is rolled back at the end."""
    with transaction.atomic():
        organisation, _admin, _token = create_organisation(
            name="churn-check", admin_mail="churn-check@example.invalid", admin_name="churn-check", zone=ZONE
        )
        values: dict[str, Any] = {"company_name": "churn-check"}
        months = case.get("months") or MONTHS
        if sorted(set(months)) != MONTHS:
            values |= {"is_seasonal_business": True, "seasonal_months": months}
        with activate(system_scope_for(organisation.pk, job="churn-check", now=now, zone=ZONE)) as scope:
            customer = services.create_customer(scope=scope, values=values)
            yield World(organisation.pk, customer.pk)
        transaction.set_rollback(True)


def differences_of(case: Mapping[str, Any]) -> list[str]:
    """Where the product comes out otherwise than the case says. Raises KeyError, TypeError, ValueError for no case."""
    if "prospect_since" in case:
        return _prospect(case)
    if "night" in case:
        return _night(case)
    if "delivered_at" in case or "risiko_on" in case:
        return _limits(case)
    raise ValueError("none of risiko_on, night, delivered_at, prospect_since")


def _limits(case: Mapping[str, Any]) -> list[str]:
    """A last order, and the nights in which the customer is at risk and inactive; in the nights before he is not yet."""
    if "delivered_at" in case:
        at = datetime.fromisoformat(case["delivered_at"])
    else:
        at = _noon(_date(case["last_order"]))
    expected: dict[date, str] = {}
    for key, before, status in (
        ("inaktiv_on", CustomerStatus.RISIKO, CustomerStatus.INAKTIV),
        ("risiko_on", CustomerStatus.AKTIV, CustomerStatus.RISIKO),
    ):
        if key in case:
            expected |= {_date(case[key]) - _DAY: before.value, _date(case[key]): status.value}
    found = []
    with world_of(case, at) as world:
        world.deliver(at)
        if "anchor" in case:
            found += _compared("anchor", _date(case["anchor"]), _silence(world, at.date())[0])
        for day in sorted(expected):
            world.run_night(day)
            found += _compared(f"status after the night to {day}", expected[day], world.customer().status)
    return found


def _night(case: Mapping[str, Any]) -> list[str]:
    """A status before the night, the days that it counts, and the statuses that it leads through.

    The night before runs too; the case's status is what stands after it.
    """
    day = _date(case["night"])
    ordered = _noon(_date(case["last_order"])) if case.get("last_order") else None
    found = []
    with world_of(case, ordered or _noon(day - _DAY)) as world:
        if ordered:
            world.deliver(ordered)
        world.run_night(day - _DAY)
        world.put(status=CustomerStatus(case["status"]).value)
        if "inactive_days" in case:
            found += _compared(f"days counted in the night to {day}", case["inactive_days"], _silence(world, day)[1])
        steps = len(world.passed())
        world.run_night(day)
        return found + _compared(f"steps in the night to {day}", case["becomes"], world.passed()[steps:])


def _prospect(case: Mapping[str, Any]) -> list[str]:
    """A prospect since a day, and his tags after a night."""
    since, day = _noon(_date(case["prospect_since"])), _date(case["on"])
    with world_of(case, since) as world:
        world.put(status_since=since)
        for night in (day - _DAY, day):
            world.run_night(night)
        return _compared(f"tags after the night to {day}", sorted(case["tags"]), sorted(world.tags()))


def _silence(world: World, day: date) -> tuple[date | None, int | None]:
    """Anchor and days counted, as the product has them on that day."""
    with world.night(day) as scope:
        silence = services.silence_of(scope=scope, customer_id=world.customer_id)
    return (silence.anchor, silence.days) if silence else (None, None)


def _compared(what: str, expected: object, found: object) -> list[str]:
    return [] if expected == found else [f"{what}: expected {_shown(expected)}, found {_shown(found)}"]


def _shown(value: object) -> str:
    return ", ".join(map(str, value)) or "nothing" if isinstance(value, list) else str(value)


def _date(text: str) -> date:
    return date.fromisoformat(text)


def _noon(day: date) -> datetime:
    return datetime.combine(day, NOON, ZoneInfo(ZONE))
