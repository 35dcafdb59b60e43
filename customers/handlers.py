"""Who is told of what happened to customers: what the nights found, who was handed many."""

from __future__ import annotations

from datetime import date, datetime
from typing import Final
from zoneinfo import ZoneInfo

from crm.core.access import Scope
from customers.choices import Bulk, CustomerStatus
from customers.events import CustomerProspectWarned, CustomerRenewalDue, CustomerReviewRequired, CustomerStatusChanged
from customers.models import Customer
from customers.notices import AT_RISK, INACTIVE, names_of, tell_handed_over
from customers.season import pause_until
from customers.services.bulk import BULK
from jobs.models import LongTask
from messaging.audience import people_of
from messaging.services import notify
from organisation.choices import Role
from outbox.models import Event
from outbox.registry import handler

# The nights alone take these steps.
_DROPS: Final = {
    (CustomerStatus.AKTIV, CustomerStatus.RISIKO): AT_RISK,
    (CustomerStatus.RISIKO, CustomerStatus.INAKTIV): INACTIVE,
}


@handler(CustomerStatusChanged.type, name="customers.tell_churn")
def tell_churn(event: Event, scope: Scope) -> None:
    """The owner of a customer who has not ordered for long, where that is still so."""
    kind = _DROPS.get((event.data["old"], event.data["new"]))
    customer = _still_there(scope, event) if kind else None
    if customer is None or kind is None or customer.status != event.data["new"]:
        return
    _tell(scope, kind, customer, _owner(customer), since=_day(scope, customer.last_order_at or customer.activated_at))


@handler(CustomerProspectWarned.type, CustomerReviewRequired.type, name="customers.tell_prospect")
def tell_prospect(event: Event, scope: Scope) -> None:
    """The owner is warned; managers decide."""
    customer = _still_there(scope, event)
    if customer is None or customer.status != CustomerStatus.PROSPECT:
        return
    users = _owner(customer) if event.type == CustomerProspectWarned.type else people_of(scope, Role.MANAGER)
    begins = pause_until(customer.seasonal_months, scope.today) if customer.is_seasonal_business else None
    season = f"{begins:%d.%m.%Y}" if begins else "–"
    _tell(scope, event.type, customer, users, since=_day(scope, customer.status_since), season=season)


@handler(CustomerRenewalDue.type, name="customers.tell_renewal")
def tell_renewal(event: Event, scope: Scope) -> None:
    """The owner, where the agreement still ends on that day."""
    customer, ends = _still_there(scope, event), date.fromisoformat(str(event.data["renewal_date"]))
    if customer is not None and customer.renewal_date == ends:
        _tell(scope, event.type, customer, _owner(customer), date=f"{ends:%d.%m.%Y}")


@handler("task.ended", name="customers.tell_new_owner")
def tell_new_owner(event: Event, scope: Scope) -> None:
    """Who was made owner of many hears it once, however the task ended; not where he did it himself."""
    if event.data["kind"] != BULK:
        return
    task = LongTask.objects.visible_to(scope).filter(pk=event.subject_id).first()
    if task is None or task.parameters["action"] != Bulk.OWNER or not task.result.get("changed"):
        return
    owner_id = task.parameters["values"].get("owner_id")
    if owner_id is not None and owner_id != task.user_id:
        tell_handed_over(scope=scope, task_id=task.pk, owner_id=owner_id, count=task.result["changed"])


def _still_there(scope: Scope, event: Event) -> Customer | None:
    return Customer.objects.visible_to(scope).filter(pk=event.subject_id).first()


def _owner(customer: Customer) -> list[int]:
    return [] if customer.owner_id is None else [customer.owner_id]


def _day(scope: Scope, at: datetime | None) -> str:
    return f"{at.astimezone(ZoneInfo(scope.zone)):%d.%m.%Y}" if at else "–"


def _tell(scope: Scope, kind: str, customer: Customer, users: list[int], **more: str) -> None:
    parameters = {**names_of(customer), **more}
    notify(scope=scope, kind=kind, users=users, subject=("customer", customer.pk), parameters=parameters)
