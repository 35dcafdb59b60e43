"""Two at once: one order reported by two webhooks, one night run by two schedulers. Nothing is doubled."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta

from django.db import connection

from crm.core.access import Scope, system_scope
from customers import nights, services
from customers.choices import CustomerStatus as S
from customers.models import Customer, CustomerTag, DeliveredOrder, LifeMark
from organisation.models import Organisation
from outbox.models import Event
from tests.conftest import make_organisation
from tests.customers.test_orders import deliver


def at_once(organisation: Organisation, call: Callable[[Scope], object]) -> list[object]:
    """What two connections get that begin together."""
    answers: list[object] = []
    begin = threading.Barrier(2)

    def work() -> None:
        try:
            begin.wait()
            with system_scope(organisation.pk, job="test") as scope:
                answers.append(call(scope))
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _n in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return answers


def test_two_reports_of_one_order_are_one(committed_db: None) -> None:
    """One row, one activation."""
    organisation = make_organisation()
    with system_scope(organisation.pk, job="test") as scope:
        customer = services.create_customer(scope=scope, values={"company_name": "Haus"})
    answers = at_once(organisation, lambda scope: deliver(scope, customer, "A-1", 1))
    assert sorted(map(bool, answers)) == [False, True]
    with system_scope(organisation.pk, job="test"):
        assert DeliveredOrder.objects.count() == 1
        assert Event.objects.filter(type="customer.activated").count() == 1


def test_two_schedulers_in_one_night_take_each_step_once(committed_db: None) -> None:
    """20 silent customers, 20 old prospects, 20 agreements: as many events as one run would write."""
    organisation = make_organisation()
    with system_scope(organisation.pk, job="test") as scope:
        for number in range(20):
            silent = services.create_customer(scope=scope, values={"company_name": f"Haus {number}"})
            deliver(scope, silent, "A-1", 100)
            renewal = {"company_name": f"Hof {number}", "renewal_date": scope.today + timedelta(days=60)}
            prospect = services.create_customer(scope=scope, values=renewal)
            Customer.objects.filter(pk=prospect.pk).update(status_since=scope.now - timedelta(days=95))

    def night(scope: Scope) -> int:
        return sum(nights.churn(scope).values()) + sum((nights.prospects(scope) | nights.renewals(scope)).values())

    answers = at_once(organisation, night)
    assert sum(map(int, map(str, answers))) == 20 + 40 + 20
    with system_scope(organisation.pk, job="test"):
        assert Customer.objects.filter(status=S.RISIKO).count() == 20
        assert (CustomerTag.objects.count(), LifeMark.objects.count()) == (40, 60)
        events = Event.objects.all()
        assert events.filter(type="customer.status.changed", data__new=S.RISIKO).count() == 20
        for type in ("customer.prospect.warned", "customer.review.required", "customer.renewal.due"):
            assert events.filter(type=type).count() == 20
