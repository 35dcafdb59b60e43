"""Critical operations of customers are counted for the error budget, whichever door they come through."""

from __future__ import annotations

import pytest
from django.db import transaction

from crm.core.access import activate, system_scope
from crm.core.errors import Conflict, Invalid
from customers import services
from customers.models import Customer
from customers.services import fields
from organisation.choices import Role
from organisation.models import OperationCount
from tests.conftest import make_organisation, make_user, scope_of


@pytest.fixture
def counted(committed_db):
    """`counted()` tells (done, failed) by operation; `.manager` and `.customer` are there to act with and on."""
    organisation = make_organisation()

    class House:
        manager = make_user(organisation, Role.MANAGER)

        def __call__(self) -> dict[str, tuple[int, int]]:
            with system_scope(organisation.pk, job="test"):
                rows = OperationCount.objects.values_list("operation", "done", "failed")
                return {operation: (done, failed) for operation, done, failed in rows}

        def do(self, service, **values):
            with transaction.atomic(), activate(scope_of(self.manager)) as scope:
                return service(scope=scope, **values)

    house = House()
    house.customer = house.do(services.create_customer, values={"company_name": "Haus", "business_type": "HOTEL"})
    return house


def test_each_critical_operation_counts(counted):
    pk = counted.customer.pk
    assert counted() == {}
    counted.do(services.update_customer, customer_id=pk, changes={"legal_form": "GmbH"})
    counted.do(services.write_fields, customer_id=pk, values={})
    counted.do(services.activate_customer, customer_id=pk)
    counted.do(services.change_status, customer_id=pk, status="ARCHIVIERT", reason="Probe")
    assert counted() == {"customers.fields": (2, 0), "customers.activation": (1, 0), "customers.status": (1, 0)}


def test_a_refusal_is_no_failure_and_a_fault_is_one(counted, monkeypatch):
    pk = counted.customer.pk
    with pytest.raises(Invalid):
        counted.do(services.write_fields, customer_id=pk, values={"no_such_field": 1})
    with pytest.raises(Conflict):
        counted.do(services.change_status, customer_id=pk, status="AKTIV", reason="Probe")
    assert counted() == {}

    def broken(*_args, **_kwargs):
        raise RuntimeError("broke")

    monkeypatch.setattr(fields, "lock_customer", broken)
    with pytest.raises(RuntimeError):
        counted.do(services.write_fields, customer_id=pk, values={})
    assert counted() == {"customers.fields": (0, 1)}
    with system_scope(counted.manager.organisation_id, job="test"):
        assert Customer.objects.get(pk=pk).version == 1
