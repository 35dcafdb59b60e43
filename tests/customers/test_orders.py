"""Delivered orders: each once, the last of all is the anchor, the earliest the first; what they lift and what not."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import translation

from crm.core.access import Scope, activate, system_scope_for
from crm.core.errors import Conflict, Forbidden, Invalid
from customers import services
from customers.choices import CustomerStatus as S
from customers.history import HistoryReader
from customers.models import Customer, DeliveredOrder
from jobs.services import open_change_set, undo_change_set
from messaging.models import Notice
from organisation.models import Organisation, User
from outbox.models import Event
from tests.customers.test_status import acting, made

People = Callable[..., User]
pytestmark = pytest.mark.django_db


def deliver(scope: Scope, customer: Customer, number: str, days: int) -> bool:
    """An order that was delivered so many days ago."""
    return services.record_delivered_order(
        scope=scope, customer_id=customer.pk, order_number=number, delivered_at=scope.now - timedelta(days=days)
    )


def test_the_same_number_again_changes_nothing(people: People) -> None:
    """Neither rows nor events, whatever instant the second report names; another customer may have the number too."""
    owner = people()
    customer, other = made(owner), made(owner)
    with acting(owner) as scope:
        assert deliver(scope, customer, "A-1", 5) is True
        before = Customer.objects.get(pk=customer.pk)
        events = Event.objects.count()
        assert deliver(scope, customer, " A-1 ", 1) is False
        after = Customer.objects.get(pk=customer.pk)
        assert (after.last_order_at, after.version) == (before.last_order_at, before.version)
        assert Event.objects.count() == events
        assert DeliveredOrder.objects.filter(customer=customer).count() == 1
        assert deliver(scope, other, "A-1", 5) is True
        again = DeliveredOrder.objects.get(customer=customer)
        again.pk = None
        with pytest.raises(IntegrityError), transaction.atomic():
            again.save()


def test_last_is_the_latest_and_first_the_earliest_in_whatever_order_they_are_told(people: People) -> None:
    """A number that comes late fills what was activated by hand without one."""
    owner = people()
    customer = made(owner)
    with acting(owner) as scope:
        assert services.activate_customer(scope=scope, customer_id=customer.pk)
        assert Customer.objects.get(pk=customer.pk).first_order_number == ""
        assert deliver(scope, customer, "A-2", 3) is False
        assert deliver(scope, customer, "A-1", 9) is False
        row = Customer.objects.get(pk=customer.pk)
        assert row.last_order_at == scope.now
        assert (row.activated_at, row.first_order_number) == (scope.now - timedelta(days=9), "A-1")
        assert (row.activated_by_id, row.status) == (owner.pk, S.AKTIV)


@pytest.mark.parametrize("status", [S.RISIKO, S.INAKTIV])
@pytest.mark.parametrize(("days", "lifts"), [(89, True), (90, False), (400, False)])
def test_a_late_report_lifts_only_within_the_days_of_risk(people: People, status: str, days: int, lifts: bool) -> None:
    """On the 90th day the next night would drop him again."""
    owner = people()
    customer = made(owner)
    with acting(owner) as scope:
        assert deliver(scope, customer, "A-1", 500)
        Customer.objects.filter(pk=customer.pk).update(status=status)
        assert deliver(scope, customer, "A-2", days) is lifts
        row = Customer.objects.get(pk=customer.pk)
        assert row.status == (S.AKTIV if lifts else status)
        assert row.last_order_at == scope.now - timedelta(days=days)


def test_an_order_lifts_in_the_pause_too(people: People) -> None:
    """The count stands still in the pause; yesterday's order is day 0 or 1."""
    owner = people()
    customer = made(owner, status=S.INAKTIV)
    with acting(owner) as scope:
        paused = scope.today.month % 12 + 1
        Customer.objects.filter(pk=customer.pk).update(is_seasonal_business=True, seasonal_months=[paused])
        assert deliver(scope, customer, "A-1", 0) is True


def test_an_archived_customer_stays_so_and_managers_hear_of_it_once(people: People) -> None:
    """The order is kept; the button is refused."""
    owner, manager = people(), people("MANAGER")
    customer = made(owner, status=S.ARCHIVIERT)
    with acting(owner) as scope:
        assert deliver(scope, customer, "A-1", 1) is False
        assert deliver(scope, customer, "A-1", 1) is False
        row = Customer.objects.get(pk=customer.pk)
        assert (row.status, row.last_order_at) == (S.ARCHIVIERT, scope.now - timedelta(days=1))
        with pytest.raises(Conflict):
            services.activate_customer(scope=scope, customer_id=customer.pk, order_number="A-2")
    for user, count in ((manager, 1), (owner, 0)):
        with acting(user):
            rows = Notice.objects.filter(user=user, kind="customer.order_of_archived")
            assert [row.times for row in rows] == [1] * count


@pytest.mark.parametrize(("number", "field"), [("", "order_number"), ("x" * 61, "order_number")])
def test_what_is_no_order_is_refused(people: People, number: str, field: str) -> None:
    """An order has a number that fits."""
    owner = people()
    customer = made(owner)
    with acting(owner) as scope:
        with pytest.raises(Invalid) as refused:
            deliver(scope, customer, number, 1)
        assert set(refused.value.errors) == {field}
        assert not DeliveredOrder.objects.exists()


def test_the_button_takes_no_number_that_is_known(people: People) -> None:
    """It lifts with a new one, and says why it does not with an old one."""
    owner = people()
    customer = made(owner)
    with acting(owner) as scope:
        assert deliver(scope, customer, "A-1", 200)
        Customer.objects.filter(pk=customer.pk).update(status=S.RISIKO)
        with pytest.raises(Invalid):
            services.activate_customer(scope=scope, customer_id=customer.pk, order_number="A-1")
        assert services.activate_customer(scope=scope, customer_id=customer.pk, order_number="A-2") is True


def test_only_who_may_activate_records(people: People) -> None:
    """A reader of a shared account does not; a job does."""
    owner, reader = people(), people()
    customer = made(owner)
    with acting(people("MANAGER")) as scope:
        services.give_grant(scope=scope, customer_id=customer.pk, user_id=reader.pk, level="view")
    with acting(reader) as scope, pytest.raises(Forbidden):
        deliver(scope, customer, "A-1", 1)
    with activate(system_scope_for(owner.organisation_id, job="xentral")) as scope:
        assert deliver(scope, customer, "A-1", 1) is True
        assert Customer.objects.get(pk=customer.pk).activated_by_id is None


def test_deliveries_stand_in_the_history(people: People) -> None:
    """With number, actor and reason."""
    owner = people()
    customer = made(owner)
    with acting(owner) as scope, translation.override("en"):
        deliver(scope, customer, "A-1", 1)
        changes, _more = HistoryReader(scope, Customer.objects.get(pk=customer.pk)).changes()
    lines = [(one.field, one.new, one.actor, one.reason) for one in changes]
    assert ("Delivered order", "A-1", owner.name, "Order delivered: A-1") in lines


def test_a_delivery_of_a_batch_is_undone_with_it(people: People, organisation: Organisation) -> None:
    """The row goes, the anchor and the status come back."""
    owner = people()
    customer = made(owner)
    with activate(system_scope_for(organisation.pk, job="test")) as scope:
        batch = open_change_set(scope=scope, kind="orders", label="Orders")
        with activate(batch):
            assert deliver(batch, customer, "A-1", 1) is True
        assert Customer.objects.get(pk=customer.pk).status == S.AKTIV
    with acting(people("ADMINISTRATOR")) as scope:
        assert batch.change_set_id is not None
        undo_change_set(scope=scope, change_set_id=batch.change_set_id)
        row = Customer.objects.get(pk=customer.pk)
        assert (row.status, row.last_order_at, row.activated_at) == (S.PROSPECT, None, None)
        assert not DeliveredOrder.objects.filter(customer=customer).exists()
