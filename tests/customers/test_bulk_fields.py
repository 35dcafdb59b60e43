"""A field of many customers: columns and the catalogue's, by the rules of one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.utils import translation

from crm.core.access import system_scope
from crm.core.errors import Invalid
from customers import services
from customers.models import Customer, CustomerFieldValue, FieldDefinition
from jobs.models import ChangeSet
from organisation.models import User
from tests.customers.test_bulk import ask, done, run, undo
from tests.customers.test_status import acting, made

People = Callable[..., User]


def defined(organisation: Any, key: str, kind: str, **values: Any) -> FieldDefinition:
    """A field of the catalogue."""
    with system_scope(organisation.pk, job="test"):
        return FieldDefinition.objects.create(
            organisation=organisation, key=key, type=kind, label_de=key, label_en=key, **values
        )


@pytest.mark.parametrize(
    ("field", "value", "kept"),
    [
        ("business_type", "HOTEL", "HOTEL"),
        ("renewal_date", "2027-03-31", date(2027, 3, 31)),
        ("renewal_date", None, None),
        ("expected_annual_volume", "1200.50", Decimal("1200.50")),
        ("source", "Messe", "Messe"),
    ],
)
def test_a_column_is_set(people: People, field: str, value: Any, kept: Any) -> None:
    """To the value as the single service keeps it; twice changes nothing more."""
    rep = people()
    rows = [made(rep, renewal_date=date(2026, 1, 1)) for _n in range(3)]
    assert done(rep, "field", {"field": field, "value": value}).result["changed"] == 3
    assert done(rep, "field", {"field": field, "value": value}).result["unchanged"] == 3
    with acting(rep):
        assert {getattr(row, field) for row in Customer.objects.filter(pk__in=[row.pk for row in rows])} == {kept}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("business_type", "PUB"),
        ("expected_annual_volume", "-1"),
        ("expected_annual_volume", True),
        ("expected_annual_volume", [1]),
        ("renewal_date", 20270331),
        ("renewal_date", ["2027-03-31"]),
        ("source", {"a": 1}),
        ("source", 5),
        ("renewal_date", "soon"),
        ("company_name", "Anders"),
        ("status", "AKTIV"),
        ("owner", 1),
        ("fields.unknown", "x"),
        ("fields.", "x"),
        ("xfields.covers", 1),
        ("fields.secret", "x"),
        ("fields.covers", "many"),
    ],
)
def test_faulty_fields_and_values(people: People, organisation: Any, field: str, value: Any) -> None:
    """Refused before anything begins; a restricted field looks like one that is not there."""
    rep = people()
    made(rep)
    defined(organisation, "covers", "INTEGER")
    defined(organisation, "secret", "TEXT", sensitivity="RESTRICTED")
    with pytest.raises(Invalid):
        ask(rep, "field", {"field": field, "value": value})
    with acting(rep):
        assert not ChangeSet.objects.exists()


def test_a_number_means_what_it_meant_to_who_typed_it(people: People, organisation: Any) -> None:
    """English 1,500 is no 1.5, whatever the worker speaks, nor is German 1.500."""
    rep = people()
    defined(organisation, "litres", "DECIMAL")
    row = made(rep)
    for theirs, typed, worker in (("en", "1,500", "de"), ("de", "2.500", "en"), ("en", "0.5", "de")):
        with translation.override(theirs):
            task = ask(rep, "field", {"field": "fields.litres", "value": typed})
        with translation.override(worker):
            assert run(rep, task).state == "DONE"
        with acting(rep):
            kept = CustomerFieldValue.objects.get(customer=row).value
        assert kept == {"1,500": 1500, "2.500": 2500, "0.5": 0.5}[typed]


def test_a_catalogue_field_is_set_changed_cleared_and_undone(people: People, organisation: Any) -> None:
    """Inserted, updated and deleted set-based; the undo brings each value back."""
    manager, rep = people("MANAGER"), people()
    defined(organisation, "covers", "INTEGER")
    rows = [made(rep) for _n in range(3)]
    with acting(rep) as scope:
        services.write_fields(scope=scope, customer_id=rows[0].pk, values={"covers": 50})
        services.write_fields(scope=scope, customer_id=rows[1].pk, values={"covers": 80})

    def values() -> dict[int, Any]:
        with acting(manager):
            return dict(CustomerFieldValue.objects.values_list("customer_id", "value"))

    before = values()
    cleared = done(rep, "field", {"field": "fields.covers", "value": None})
    assert (cleared.result["changed"], cleared.result["unchanged"]) == (2, 1)
    assert values() == {}
    undo(rep, cleared)
    assert values() == before
    task = done(rep, "field", {"field": "fields.covers", "value": "80"})
    assert (task.result["changed"], task.result["unchanged"]) == (2, 1)
    assert values() == {row.pk: 80 for row in rows}
    undo(rep, task)
    assert values() == before
