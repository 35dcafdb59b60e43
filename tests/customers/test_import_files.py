"""An uploaded file: kept, mapped by what its columns are called, tried, imported piece by piece, undone."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest
from django.utils.translation import override

from crm.core.errors import Conflict, Forbidden, Invalid, NotFound
from customers import services
from customers.models import Address, Customer, ExchangeFile, ExchangePart
from customers.services import imports
from customers.sheets import csv_rows, write_xlsx
from jobs.models import LongTask
from jobs.services import ask_undo
from jobs.working import Outcome, work
from organisation.choices import Role
from organisation.models import User
from tests.customers.test_exports import exported
from tests.customers.test_status import acting, made

pytestmark = pytest.mark.django_db
People = Callable[..., User]
HEADERS = ["Firma", "Straße", "PLZ", "Ort", "E-Mail"]
ROWS = [[f"Haus {n}", f"Gasse {n}", "10115", "Berlin", f"haus{n}@example.org"] for n in range(7)]


def as_csv(rows: list[list[str]], encoding: str = "utf-8") -> bytes:
    return "\n".join(",".join(row) for row in [HEADERS, *rows]).encode(encoding)


def upload(user: User, data: bytes, name: str = "liste.csv") -> ExchangeFile:
    with acting(user) as scope:
        return services.keep_upload(scope=scope, name=name, upload=io.BytesIO(data), size=len(data))


def start(user: User, file: ExchangeFile, policy: str = "skip", dry_run: bool = False, **columns: str) -> LongTask:
    with acting(user) as scope:
        mapped = services.suggested(scope, file.columns) | columns
        return services.start_import(scope=scope, file_id=file.pk, columns=mapped, on_duplicate=policy, dry_run=dry_run)


def done(user: User, task: LongTask) -> dict[str, Any]:
    assert work(user.organisation_id, task.pk) is Outcome.OVER
    with acting(user):
        task = LongTask.objects.get(pk=task.pk)
        assert (task.state, task.error) == ("DONE", "")
        return task.result


def notes(user: User, task: LongTask) -> list[list[str]]:
    with acting(user) as scope:
        report = ExchangeFile.objects.get(purpose="REPORT", task=task)
        _file, content = services.download(scope=scope, file_id=report.pk)
        with content:
            return list(csv_rows(content.read()))[1:]


@pytest.mark.parametrize("form", ["csv", "cp1252", "xlsx"])
def test_a_file_is_mapped_by_its_headers_and_imported_in_pieces(
    people: People, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    monkeypatch.setattr(imports, "SIZE", 3)
    manager = people(Role.MANAGER)
    book = io.BytesIO()
    write_xlsx(book, "Liste", HEADERS, [False] * 5, ROWS)
    data = {"csv": as_csv(ROWS), "cp1252": as_csv(ROWS, "cp1252"), "xlsx": book.getvalue()}[form]
    task = start(manager, upload(manager, data))
    result = done(manager, task)
    assert (result["created"], result["changed"], result["notes"]) == (7, 7, 0)
    with acting(manager):
        assert Customer.objects.count() == 7
        assert Address.objects.filter(street="Gasse", city="Berlin").count() == 7
        assert LongTask.objects.get(pk=task.pk).total == 7


def test_a_trial_writes_nothing_and_notes_each_doubtful_cell(people: People) -> None:
    manager = people(Role.MANAGER)
    file = upload(manager, as_csv([*ROWS, ["", "x", "1", "y", ""], ["Haus 9", "Weg 1", "10115", "Berlin", "keine"]]))
    task = start(manager, file, dry_run=True)
    result = done(manager, task)
    assert (result["created"], result["rejected"], result["notes"] > 1) == (8, 1, True)
    with acting(manager):
        assert not Customer.objects.exists()
    found = {(line[0], line[1]) for line in notes(manager, task)}
    assert {("9", "company_name"), ("10", "email")} <= found
    assert done(manager, start(manager, file))["created"] == 8  # the same file, in earnest


@pytest.mark.parametrize(("policy", "expected"), [("skip", (1, 0)), ("update", (1, 7)), ("create", (8, 0))])
def test_what_is_there_already(people: People, policy: str, expected: tuple[int, int]) -> None:
    manager = people(Role.MANAGER)
    done(manager, start(manager, upload(manager, as_csv(ROWS))))
    again = upload(manager, as_csv([*ROWS, ["Neu", "Weg 1", "10115", "Berlin", ""]]))
    result = done(manager, start(manager, again, policy))
    assert (result["created"], result["updated"]) == expected


def test_undone_it_takes_back_what_it_made_and_what_it_changed(people: People) -> None:
    manager = people(Role.MANAGER)
    old = made(manager, company_name="Haus 0", email="alt@example.org")
    data = exported(manager).replace(b"alt@example.org", b"neu@example.org") + b""
    file = upload(manager, data)
    with override("en"):
        task = start(manager, file, "update")
    assert done(manager, task)["updated"] == 1
    with acting(manager) as scope:
        assert Customer.objects.get(pk=old.pk).email == "neu@example.org"
        undo = ask_undo(scope=scope, change_set_id=task.change_set_id or 0)
    done(manager, undo)
    with acting(manager):
        assert Customer.objects.get(pk=old.pk).email == "alt@example.org"
    created = start(manager, upload(manager, as_csv(ROWS)))
    done(manager, created)
    with acting(manager) as scope:
        undo = ask_undo(scope=scope, change_set_id=created.change_set_id or 0)
    done(manager, undo)
    with acting(manager) as scope:
        assert list(Customer.objects.visible_to(scope).values_list("company_name", flat=True)) == ["Haus 0"]


def test_a_mapping_is_remembered_for_the_organisation(people: People) -> None:
    manager, other = people(Role.MANAGER), people(Role.MANAGER)
    file = upload(manager, as_csv(ROWS))
    with acting(manager) as scope:
        assert services.suggested(scope, HEADERS)["E-Mail"] == "email"
        columns = {"Firma": "company_name", "Ort": "trading_name"}
        services.start_import(scope=scope, file_id=file.pk, columns=columns, on_duplicate="skip", dry_run=True)
    with acting(other) as scope:
        assert services.suggested(scope, list(reversed(HEADERS))) == columns
        assert services.suggested(scope, [*HEADERS, "Neu"])["Ort"] == "address.city"


def test_who_may_not_make_chains_is_not_offered_them(people: People) -> None:
    with acting(people(Role.MANAGER)) as scope:
        assert "chain.key" in services.fields_to_map(scope)
    with acting(people(added_rights=["customers.import"])) as scope:
        assert "chain.key" not in services.fields_to_map(scope)
        assert services.suggested(scope, ["chain.key", "Firma"]) == {"Firma": "company_name"}


def test_what_is_refused(people: People) -> None:
    manager, rep = people(Role.MANAGER), people()
    file = upload(manager, as_csv(ROWS))
    with pytest.raises(Forbidden):
        upload(rep, as_csv(ROWS))
    for data in (b"", b"Firma\n", b"PK\x03\x04 no workbook"):
        with pytest.raises(Invalid):
            upload(manager, data)
    with pytest.raises(NotFound):
        start(people(Role.MANAGER), file)
    with pytest.raises(Invalid):
        start(manager, file, Firma="address.city")
    with pytest.raises(Invalid):
        start(manager, file, "overwrite")
    start(manager, file)
    with pytest.raises(Conflict):
        start(manager, file)
    with acting(people(Role.ADMINISTRATOR)):
        assert not ExchangePart.objects.exists()


def test_too_many_rows_are_refused_by_the_worker(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imports, "MAX_ROWS", 4)
    monkeypatch.setattr(imports, "SIZE", 2)
    manager = people(Role.MANAGER)
    task = start(manager, upload(manager, as_csv(ROWS)))
    assert work(manager.organisation_id, task.pk) is Outcome.OVER
    with acting(manager):
        assert LongTask.objects.get(pk=task.pk).error == "Invalid"
        assert not Customer.objects.exists()
