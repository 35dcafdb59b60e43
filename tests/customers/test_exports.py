"""Customers into a file: what it holds by rights, that no cell is a formula, whose it is, and how long."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils.translation import override
from openpyxl import load_workbook

from crm.core.access import system_scope
from crm.core.errors import Conflict, Forbidden, Invalid, NotFound
from customers import services
from customers.account_list import CUSTOMERS
from customers.choices import FieldType, Sensitivity
from customers.models import Address, Customer, CustomerFieldValue, ExchangeFile, ExchangePart, FieldDefinition
from customers.services import exports
from customers.services.bulk import Selection
from customers.sheets import csv_rows, defused, read_xlsx, restored
from customers.upkeep import forget_old_files
from jobs.models import LongTask
from jobs.working import Outcome, work
from organisation.choices import Role
from organisation.models import User
from tests.customers.test_status import acting, made

pytestmark = pytest.mark.django_db
People = Callable[..., User]


def exported(
    user: User, format: str = "csv", tree: dict[str, Any] | None = None, ids: list[int] | None = None
) -> bytes:
    """What the page and the worker do; the file's bytes."""
    with override("en"), acting(user) as scope:
        selection = Selection.of_ids(ids) if ids else Selection.of_filter(scope, tree or {})
        listed = list(CUSTOMERS.columns_for(scope, CUSTOMERS.registry.fields_for(scope)).values())
        file = services.start_export(scope=scope, selection=selection, format=format, listed=listed)
    assert work(user.organisation_id, file.task_id) is Outcome.OVER
    with acting(user) as scope:
        assert LongTask.objects.get(pk=file.task_id).state == "DONE"
        _file, content = services.download(scope=scope, file_id=file.pk)
        with content:
            return content.read()


def table(data: bytes, format: str = "csv") -> list[dict[str, str]]:
    """The rows by header."""
    rows = list(csv_rows(data) if format == "csv" else read_xlsx(io.BytesIO(data)))
    return [dict(zip(rows[0], row, strict=False)) for row in rows[1:]]


@pytest.mark.parametrize("format", ["csv", "xlsx"])
def test_a_rep_gets_his_own_rows_and_no_others(people: People, format: str) -> None:
    rep, other = people(), people()
    mine = made(rep, company_name="Meiner", expected_annual_volume=Decimal("1234.50"))
    made(other, company_name="Fremder")
    (row,) = table(exported(rep, format), format)
    assert (row["Company"], row["Customer number"]) == ("Meiner", mine.customer_number)
    assert row["Expected annual volume"] == "1234,5"
    assert row["Owner"] == rep.email


def test_a_filter_and_picked_ids(people: People) -> None:
    rep = people()
    first, second = made(rep, company_name="Erster", business_type="HOTEL"), made(rep, company_name="Zweiter")
    tree = {"field": "business_type", "op": "eq", "value": "HOTEL"}
    assert [row["Company"] for row in table(exported(rep, tree=tree))] == ["Erster"]
    assert [row["Company"] for row in table(exported(rep, ids=[second.pk]))] == ["Zweiter"]
    assert first.pk != second.pk


def test_money_and_restricted_fields_are_for_who_may_read_them(people: People, organisation: Any) -> None:
    rep, dpo, manager = people(), people(Role.DPO), people(Role.MANAGER)
    row = made(rep, company_name="Haus", expected_annual_volume=Decimal(100))
    with acting(manager):
        secret = FieldDefinition.objects.create(
            organisation=organisation,
            key="terms",
            label_de="Konditionen",
            label_en="Terms",
            type=FieldType.TEXT,
            sensitivity=Sensitivity.RESTRICTED,
        )
        CustomerFieldValue.objects.create(organisation=organisation, customer=row, definition=secret, value="geheim")
    assert b"geheim" not in exported(rep)
    assert b"Terms" not in exported(rep)
    assert table(exported(manager))[0]["Terms"] == "geheim"
    of_dpo = table(exported(dpo))[0]
    assert "Expected annual volume" not in of_dpo
    assert "Actual / year" not in of_dpo
    assert table(exported(manager))[0]["Expected annual volume"] == "100"


def test_a_right_lost_meanwhile_leaves_the_cells_empty(people: People, organisation: Any) -> None:
    """Rights hold as they are when the worker writes, not as they were when the person asked."""
    manager = people(Role.MANAGER)
    made(manager, company_name="Haus", expected_annual_volume=Decimal(100))
    with override("en"), acting(manager) as scope:
        file = services.start_export(scope=scope, selection=Selection.of_filter(scope, {}), format="csv")
        blind = dataclasses.replace(scope, rights=scope.rights - {"money.read"})
        assert services.export_batch(scope=blind, file_id=file.pk, place=exports.ExportPlace()) is None
        _file, content = services.download(scope=scope, file_id=file.pk)
        with content:
            (row,) = table(content.read())
    assert (row["Company"], row["Expected annual volume"]) == ("Haus", "")


@pytest.mark.parametrize("text", ["=1+1", "+49", "-1", "@SUM(A1)", "\tx", "\rx", "'=1", "''=1"])
def test_what_begins_like_a_formula_gets_an_apostrophe_and_loses_it_again(text: str) -> None:
    assert defused(text) == f"'{text}"
    assert restored(defused(text)) == text


@pytest.mark.parametrize("text", ["", "Haus", "'t Hof", "1-2", "a=b"])
def test_other_texts_stay(text: str) -> None:
    assert defused(text) == restored(text) == text


@pytest.mark.parametrize("format", ["csv", "xlsx"])
def test_no_cell_of_a_file_is_a_formula(people: People, format: str) -> None:
    rep = people()
    made(rep, company_name='=HYPERLINK("http://x","y")', phone="+493023125417", pain_notes="a\r\nb _x0041_ \x07")
    data = exported(rep, format)
    if format == "csv":
        text = data.decode("utf-8-sig")
        assert "\"'=HYPERLINK" in text
        assert ";'+493023125417" in text
    else:
        sheet = load_workbook(io.BytesIO(data)).active
        assert {cell.data_type for row in sheet.iter_rows() for cell in row} <= {"s", "n"}
    (row,) = table(data, format)
    assert row["Company"] == '=HYPERLINK("http://x","y")'
    assert row["Notes on pains"] == "a\r\nb _x0041_ \x07"


def test_it_goes_batch_by_batch_and_each_row_once(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "SIZE", 2)
    rep = people()
    names = [f"Haus {n}" for n in range(5)]
    for name in names:
        made(rep, company_name=name)
    for format in ("csv", "xlsx"):
        assert [row["Company"] for row in table(exported(rep, format), format)] == names


def test_a_file_is_its_makers_alone_and_the_log_is_read_by_who_supervises(people: People) -> None:
    rep, manager, auditor = people(), people(Role.MANAGER), people(Role.AUDITOR)
    made(rep, company_name="Haus")
    exported(rep, tree={"field": "name", "op": "starts", "value": "haus"})
    with acting(rep):
        file = ExchangeFile.objects.get()
    assert (file.user_id, file.rows, file.asked["filter"]["value"]) == (rep.pk, 1, "haus")
    for reader in (manager, auditor):
        with acting(reader) as scope:
            assert ExchangeFile.objects.visible_to(scope).get().pk == file.pk
            assert not ExchangePart.objects.exists()
            with pytest.raises(NotFound):
                services.download(scope=scope, file_id=file.pk)
    with acting(people()) as scope:
        assert not ExchangeFile.objects.exists()


def test_without_the_right_nothing_is_exported_or_downloaded(people: People) -> None:
    rep, without = people(), people(withdrawn_rights=["exports.run"])
    made(without, company_name="Haus")
    with acting(without) as scope, pytest.raises(Forbidden):
        services.start_export(scope=scope, selection=Selection.of_filter(scope, {}), format="csv")
    mine = people()
    made(mine, company_name="Haus")
    exported(mine)
    with acting(mine) as scope:
        lost, file = dataclasses.replace(scope, rights=scope.rights - {"exports.run"}), ExchangeFile.objects.get()
        with pytest.raises(Forbidden):
            services.download(scope=lost, file_id=file.pk)
    with acting(rep) as scope:
        with pytest.raises(Conflict):
            services.start_export(scope=scope, selection=Selection.of_filter(scope, {}), format="csv")
        with pytest.raises(Invalid):
            services.start_export(scope=scope, selection=Selection.of_filter(scope, {}), format="pdf")


def test_after_a_week_the_bytes_are_gone_and_the_log_stays(people: People) -> None:
    rep = people()
    made(rep, company_name="Haus")
    exported(rep)
    with acting(rep) as scope:
        file = ExchangeFile.objects.get()
    late = scope.now + timedelta(days=8)
    with acting(rep) as scope, pytest.raises(NotFound):
        services.download(scope=dataclasses.replace(scope, now=late), file_id=file.pk)
    with system_scope(rep.organisation_id, job="test") as job:
        assert forget_old_files(job) == {"files": 0}
    with system_scope(rep.organisation_id, job="test", now=late) as job:
        assert forget_old_files(job) == {"files": 1}
        assert not ExchangePart.objects.exists()
        assert ExchangeFile.objects.get().rows == 1


def test_an_address_and_its_numbers(people: People, organisation: Any) -> None:
    rep = people()
    row = made(rep, company_name="Haus")
    with acting(rep):
        Address.objects.create(
            organisation=organisation, customer=row, street="Am Markt 5", postcode="01067", latitude=Decimal("51.05")
        )
        assert Customer.objects.count() == 1
    (found,) = table(exported(rep, "xlsx"), "xlsx")
    assert (found["Street"], found["Postcode"], found["Latitude"]) == ("Am Markt 5", "01067", "51,05")
