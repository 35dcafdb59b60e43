"""What was exported and is imported again changes nothing; what was changed in the file changes just that."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.utils.translation import override

from crm.core.access import activate
from customers import services
from customers.catalogue_starter import install_starter_catalogue
from customers.export_columns import columns_for
from customers.importing import ImportMapping, ImportReport, import_customers
from customers.importing.files import as_row, read_table
from customers.models import Address, Customer, CustomerFieldValue, ExternalKey
from organisation.choices import Role
from organisation.models import User
from tests.conftest import scope_of
from tests.customers.test_exports import exported
from tests.customers.test_status import acting, made

pytestmark = pytest.mark.django_db
People = Callable[..., User]


@pytest.fixture
def manager(people: People, organisation: Any) -> User:
    """A manager with customers whose values an import would read otherwise, were they not known."""
    user = people(Role.MANAGER)
    with acting(user) as scope:
        install_starter_catalogue(scope=scope)
    dirty = made(user, company_name="=Formel & Söhne", pain_notes="eins\r\nzwei", phone="+493023125417", website="")
    made(user, company_name="Zwilling")
    made(user, company_name="Zwilling")
    season = made(user, company_name="Biergarten", expected_annual_volume=Decimal("1234.50"), employee_count=12000)
    made(user, company_name="Aktiv", status="AKTIV", renewal_date=date(2027, 3, 1), legal_form="GmbH")
    with acting(user) as scope:
        Customer.objects.filter(pk=dirty.pk).update(website="http://a.example/b;c", trading_name="Zwei  Räume")
        services.set_tags(scope=scope, customer_id=dirty.pk, names=["Messe, Köln", "A"])
        Address.objects.create(
            organisation=organisation, customer=dirty, street="Am Markt 5", postcode="1010", city="Wien", country="DE"
        )
        Customer.objects.filter(pk=season.pk).update(
            is_seasonal_business=True, seasonal_months=[4, 5], seasonal_pattern="CUSTOM"
        )
        ExternalKey.objects.create(organisation=organisation, customer=season, source="erp", key="4711")
        values = {"covers_per_day": 120}
        services.write_fields(scope=scope, customer_id=season.pk, values=values)
    chain, place = made(user, company_name="Kette"), made(user, company_name="Ort")
    with acting(user):
        Customer.objects.filter(pk=chain.pk).update(account_type="CHAIN")
        Customer.objects.filter(pk=place.pk).update(account_type="LOCATION", chain_id=chain.pk)
    return user


def mapping_of(user: User) -> ImportMapping:
    with override("en"), activate(scope_of(user)) as scope:
        columns = {column.header: column.key for column in columns_for(scope, [])}
    return ImportMapping.from_json({"columns": columns})


def imported(
    user: User, data: bytes, change: Callable[[dict[str, str]], None] | None = None, **options: Any
) -> ImportReport:
    headers, cells = read_table(io.BytesIO(data))
    rows = [as_row(headers, each) for each in cells]
    for row in rows:
        if change:
            change(row)
    with activate(scope_of(user)) as scope:
        return import_customers(
            scope=scope, mapping=mapping_of(user), rows=rows, **({"on_duplicate": "update"} | options)
        )


def versions(user: User) -> dict[int, Any]:
    with acting(user):
        rows = Customer.objects.values_list("pk", "version", "company_name", "trading_name", "website", "pain_notes")
        found: dict[int, Any] = {pk: rest for pk, *rest in rows}
        found[0] = list(Address.objects.order_by("pk").values_list("street", "house_number", "country", "version"))
        found[-1] = list(CustomerFieldValue.objects.order_by("pk").values_list("pk", "value"))
        return found


@pytest.mark.parametrize("format", ["csv", "xlsx"])
@pytest.mark.parametrize("policy", ["update", "skip"])
def test_exported_and_imported_again_nothing_has_changed(manager: User, format: str, policy: str) -> None:
    before, data = versions(manager), exported(manager, format)
    report = imported(manager, data, on_duplicate=policy)
    assert [str(issue) for issue in report.issues] == []
    assert (report.created, report.updated, report.rejected, report.rows) == (0, 0, 0, 7)
    assert (report.unchanged, report.skipped) == ((7, 0) if policy == "update" else (0, 7))
    assert versions(manager) == before


def test_what_was_changed_in_the_file_changes_that_alone(manager: User) -> None:
    before = versions(manager)

    def change(row: dict[str, str]) -> None:
        if row["Company"] == "Biergarten":
            row["Legal form"] = "e. K."

    report = imported(manager, exported(manager), change)
    assert (report.created, report.updated, report.unchanged, report.issues) == (0, 1, 6, [])
    after = versions(manager)
    (pk,) = [pk for pk in before if before[pk] != after[pk]]
    with acting(manager):
        assert Customer.objects.get(pk=pk).legal_form == "e. K."
        assert Customer.objects.get(pk=pk).seasonal_months == [4, 5]


def test_a_number_alone_is_no_proof(manager: User) -> None:
    """Another system's numbers are the same as ours: a row of another name is another company."""

    def change(row: dict[str, str]) -> None:
        row["Company"] = f"Fremd {row['Company']}"

    report = imported(manager, exported(manager, ids=[min(pk for pk in versions(manager) if pk > 0)]), change)
    assert (report.created, report.updated) == (1, 0)


def test_a_hidden_customer_s_number_makes_no_second_one(people: People, manager: User) -> None:
    rep = people(added_rights=["customers.import"])
    data = exported(manager)
    headers, cells = read_table(io.BytesIO(data))
    mapping = ImportMapping.from_json(
        {"columns": {h: k for h, k in mapping_of(rep).columns.items() if "chain" not in k}}
    )
    with activate(scope_of(rep)) as scope:
        rows = [as_row(headers, each) for each in cells]
        report = import_customers(scope=scope, mapping=mapping, rows=rows, on_duplicate="update")
    assert (report.created, report.updated, report.skipped) == (0, 0, 7)
    assert {issue.row for issue in report.issues if issue.field in {"customer_number", "external_key"}} == set(
        range(1, 8)
    )
