"""What follows from a season before it is saved, by the nights' own count; and a manager's lift once it was put right."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.test import Client
from django.utils import timezone

from crm.core.access import Scope, activate, system_scope_for
from crm.core.errors import Conflict, Forbidden, Invalid
from customers import nights, services
from customers.choices import CustomerStatus as S
from customers.models import Customer
from organisation.models import Organisation, User
from outbox.models import Event
from tests.customers.test_orders import deliver
from tests.customers.test_record_pages import page, send
from tests.customers.test_status import acting, made

People = Callable[..., User]
SignIn = Callable[[User], Client]
pytestmark = pytest.mark.django_db

ZONE = ZoneInfo("Europe/Berlin")
ALL = list(range(1, 13))
CASES = [  # domain-rules.md C: months, last order, at risk on, inactive on
    ([], date(2026, 1, 1), date(2026, 4, 1), date(2026, 6, 30)),
    (ALL, date(2028, 1, 1), date(2028, 3, 31), date(2028, 6, 29)),
    ([4, 5, 6, 7, 8, 9], date(2025, 9, 15), date(2026, 6, 14), date(2026, 9, 12)),
    ([4, 5, 6, 7, 8, 9], date(2026, 7, 1), date(2026, 9, 29), date(2027, 6, 28)),
    ([3, 4, 5, 6, 7, 8, 9, 10], date(2025, 10, 31), date(2026, 5, 29), date(2026, 8, 27)),
    ([12, 1, 2, 3], date(2026, 3, 31), date(2027, 2, 28), date(2028, 1, 28)),
    ([12, 1, 2, 3], date(2026, 1, 15), date(2026, 12, 15), date(2027, 3, 15)),
]


def at(scope: Scope, day: date) -> Scope:
    """The scope on the noon of a day."""
    return dataclasses.replace(scope, now=datetime(day.year, day.month, day.day, 12, tzinfo=ZONE), memo={})


@pytest.mark.parametrize(("months", "ordered", "at_risk", "inactive"), CASES)
def test_limits_fall_on_the_days_of_the_worked_cases(
    people: People, months: list[int], ordered: date, at_risk: date, inactive: date
) -> None:
    """For the season in the form, not the saved one; and the nights agree, the day before and the day itself."""
    owner = people()
    customer = made(owner)
    with acting(owner) as scope, activate(at(scope, ordered)) as then:
        services.record_delivered_order(
            scope=then, customer_id=customer.pk, order_number="1", delivered_at=then.now - timedelta(hours=1)
        )
        outlook = services.outlook_of(scope=then, customer_id=customer.pk, seasonal=bool(months), months=months)
        assert outlook == (at_risk, inactive)
        if months:
            changes = {"is_seasonal_business": True, "seasonal_months": months, "seasonal_pattern": "CUSTOM"}
            services.update_customer(scope=then, customer_id=customer.pk, changes=changes)
    for day, status in ((at_risk - timedelta(days=1), S.AKTIV), (at_risk, S.RISIKO)):
        night = datetime(day.year, day.month, day.day, 3, tzinfo=ZONE)
        with activate(system_scope_for(owner.organisation_id, job="night", now=night)) as scope:
            nights.churn(scope)
            assert Customer.objects.get(pk=customer.pk).status == status


def test_without_a_delivery_no_limit_is_reached(people: People) -> None:
    """A prospect has nothing to count from; one month of 28 days still has its days."""
    owner = people()
    customer = made(owner)
    with acting(owner) as scope:
        assert services.outlook_of(scope=scope, customer_id=customer.pk, seasonal=True, months=[2]) == (None, None)
        deliver(scope, customer, "A", 1)
        found = services.outlook_of(scope=scope, customer_id=customer.pk, seasonal=True, months=[2])
        assert found.at_risk is not None
        assert found.inactive is not None
        assert (found.at_risk.month, found.inactive.month) == (2, 2)
        assert found.inactive > found.at_risk + timedelta(days=1000)


def silent(owner: User, days: int, **values: object) -> Customer:
    """A customer whom the count put at risk: so many days ago he ordered last."""
    customer = made(owner, **values)
    ordered = timezone.now() - timedelta(days=days)
    with acting(owner):
        rows = Customer.objects.filter(pk=customer.pk)
        rows.update(status=S.RISIKO, last_order_at=ordered, activated_at=ordered)
    return customer


def paused_now() -> dict[str, object]:
    """A season that began after the last order's month and is over: months long past."""
    month = (timezone.localdate() - timedelta(days=150)).month
    return {"is_seasonal_business": True, "seasonal_months": [month], "seasonal_pattern": "CUSTOM"}


@pytest.mark.parametrize("status", [S.RISIKO, S.INAKTIV])
def test_a_manager_lifts_once_the_season_was_put_right(people: People, status: str) -> None:
    """Refused while the count holds; after the edit lifted with reason, actor and event, and the next night agrees."""
    owner, manager = people(), people("MANAGER")
    customer = silent(owner, 100)
    with acting(manager) as scope:
        Customer.objects.filter(pk=customer.pk).update(status=status)
        with pytest.raises(Conflict) as refused:
            services.lift_customer(scope=scope, customer_id=customer.pk, reason="rests in winter")
        assert "100" in refused.value.message
        assert Customer.objects.get(pk=customer.pk).status == status
        services.update_customer(scope=scope, customer_id=customer.pk, changes=paused_now())
        assert Customer.objects.get(pk=customer.pk).status == status
        services.lift_customer(scope=scope, customer_id=customer.pk, reason=" rests in winter ")
        row = Customer.history.filter(id=customer.pk).latest("history_id")
        assert (row.status, row.history_change_reason, row.history_actor) == (
            S.AKTIV,
            "rests in winter",
            f"user:{manager.pk}",
        )
        event = Event.objects.get(type="customer.status.changed", subject_id=customer.pk)
        assert event.data == {"customer_id": customer.pk, "old": status, "new": S.AKTIV}
    with activate(system_scope_for(owner.organisation_id, job="night")) as night:
        nights.churn(night)
        assert Customer.objects.get(pk=customer.pk).status == S.AKTIV


def test_who_may_not_lift_and_what_is_not_lifted(people: People) -> None:
    """Not the owner, not without a reason, no other status; nothing changes."""
    owner, manager = people(), people("MANAGER")
    customer = silent(owner, 5)
    with acting(owner) as scope, pytest.raises(Forbidden):
        services.lift_customer(scope=scope, customer_id=customer.pk, reason="please")
    with acting(manager) as scope:
        with pytest.raises(Invalid):
            services.lift_customer(scope=scope, customer_id=customer.pk, reason=" ")
        for status in (S.PROSPECT, S.AKTIV, S.ARCHIVIERT):
            Customer.objects.filter(pk=customer.pk).update(status=status)
            with pytest.raises(Conflict):
                services.lift_customer(scope=scope, customer_id=customer.pk, reason="please")
        assert Customer.objects.get(pk=customer.pk).status == S.ARCHIVIERT
        assert not Event.objects.filter(type="customer.status.changed").exists()


def test_the_dialog_tells_what_follows(as_user: SignIn, people: People, organisation: Organisation) -> None:
    """With the saved season when it opens, with the pressed months after; nothing is saved by looking."""
    owner = people()
    customer = silent(owner, 5)
    client = as_user(owner)
    text = page(client, "season", customer.pk).content.decode()
    assert "All year" in text
    assert "Without an order at risk" in text
    month = (timezone.localdate() + timedelta(days=62)).month
    chosen = {"is_seasonal_business": "on", "seasonal_months": [month]}
    text = send(client, "season_preview", customer.pk, data=chosen).content.decode()
    assert "Next day in season" in text
    assert "Season pause" in text
    text = send(client, "season_preview", customer.pk, data={"is_seasonal_business": "on"}).content.decode()
    assert "A seasonal business has at least one month." in text
    with acting(owner):
        assert Customer.objects.get(pk=customer.pk).is_seasonal_business is False


def test_the_lift_dialog(as_user: SignIn, people: People) -> None:
    """A manager finds it in the alert, an owner does not; the refusal stands in the form."""
    owner, manager = people(), people("MANAGER")
    customer = silent(owner, 100)
    address = f"/customer-management/customers/{customer.pk}/lift/"
    client = as_user(owner)
    assert address not in page(client, "detail", customer.pk).content.decode()
    assert page(client, "lift", customer.pk).status_code == 403
    client = as_user(manager)
    assert address in page(client, "detail", customer.pk).content.decode()
    refused = send(client, "lift", customer.pk, data={"reason": "rests in winter"})
    assert refused.status_code == 422
    assert "100 days have passed" in refused.content.decode()
    with acting(manager) as scope:
        services.update_customer(scope=scope, customer_id=customer.pk, changes=paused_now())
    assert send(client, "lift", customer.pk, data={"reason": "rests in winter"}).status_code == 302
