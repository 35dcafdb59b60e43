"""The import of customers: parsing, mapping, duplicates, chains, permissions, and the real files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.models import Q
from django.utils.translation import gettext

from crm.core.access import Scope, activate
from crm.core.errors import Forbidden, Invalid
from customers.catalogue_starter import install_starter_catalogue, starter_fields
from customers.choices import AccountType
from customers.importing import ImportMapping, ImportReport, import_customers
from customers.importing.files import read_csv
from customers.importing.parsing import boolean, date, mail, money, months, phones, split_street, website
from customers.importing.places import Witnesses, country_of
from customers.models import Address, Customer, CustomerFieldValue, ExternalKey, FieldDefinition
from customers.numbers import take_customer_numbers
from organisation.models import Organisation
from tests.conftest import REAL_DATA, make_user, scope_of

EXAMPLES = Path(__file__).resolve().parent.parent.parent / "docs" / "import-examples"
BERLIN = REAL_DATA / "places" / "gastro_berlin_osm" / "berlin_leads.csv"
CHAINS = REAL_DATA / "places" / "chains_berlin_retail" / "berlin_supermarkets_osm.csv"

PLAIN = ImportMapping.from_json(
    {
        "columns": {
            "Nr": "external_key",
            "Firma": "company_name",
            "Art": "business_type",
            "Telefon": "phone",
            "Straße": "address.street",
            "Hausnr": "address.house_number",
            "PLZ": "address.postcode",
            "Ort": "address.city",
            "Status": "status",
            "Kette": "chain.key",
            "Kettenname": "chain.name",
            "Besitzer": "owner",
            "Marken": "tags",
            "Essen": "fields.covers_per_day",
        },
        "constants": {"source": "test"},
        "values": {"business_type": {"Gaststätte": "RESTAURANT"}},
    }
)


@pytest.fixture
def manager(organisation: Organisation) -> Scope:
    """A manager's scope, active in the test's transaction, with the starter catalogue."""
    scope = scope_of(make_user(organisation, "MANAGER"))
    with activate(scope):
        install_starter_catalogue(scope=scope)
    return scope


def run(scope: Scope, rows: list[dict[str, str]], mapping: ImportMapping = PLAIN, **options: Any) -> ImportReport:
    with activate(scope):
        return import_customers(scope=scope, mapping=mapping, rows=rows, **options)


def row(name: str, **cells: str) -> dict[str, str]:
    return {"Firma": name, "Straße": "Kantstraße", "Hausnr": "1", "PLZ": "10623", "Ort": "Berlin", **cells}


@pytest.mark.parametrize(
    ("text", "numbers", "others"),
    [
        ("030 23125 417", ["+493023125417"], 0),
        ("+49-30-23944046", ["+493023944046"], 0),
        ("+49(0)308327793", ["+49308327793"], 0),
        ("Phone          +49 30 32590479", ["+493032590479"], 0),
        ("+49 30 34626407; +49 30 92120475", ["+493034626407", "+493092120475"], 0),
        ("+49", [], 1),
        ("Mo-Fr 11:30-23:00", [], 1),
        ("+40 30 37472366", [], 1),
        ("siehe Website", [], 1),
    ],
)
def test_phone_cells_give_e164_or_nothing(text: str, numbers: list[str], others: int) -> None:
    found, rest = phones(text)
    assert (found, len(rest)) == (numbers, others)


def test_phone_of_another_country_is_read_by_its_region() -> None:
    assert phones("(814) 267-3313", "US")[0] == ["+18142673313"]


@pytest.mark.parametrize(
    ("line", "street", "number"),
    [
        ("Kantstraße 30", "Kantstraße", "30"),
        ("Kurfürstendamm 97-98", "Kurfürstendamm", "97-98"),
        ("Straße des 17. Juni 136", "Straße des 17. Juni", "136"),
        ("Straße des 17. Juni", "Straße des 17. Juni", ""),
        ("Straße 231", "Straße 231", ""),
        ("Knesebeckstraße", "Knesebeckstraße", ""),
        ("Auguststraße 29a", "Auguststraße", "29a"),
    ],
)
def test_street_lines_are_split(line: str, street: str, number: str) -> None:
    assert split_street(line) == (street, number)


def test_web_addresses_are_put_right() -> None:
    assert website("www.dionysos.berlin") == "https://www.dionysos.berlin"
    assert website("hhttps://www.example.org/") == "https://www.example.org/"
    for text in ("restaurant@example.org", "keine", "javascript:alert(1)"):
        with pytest.raises(ValueError, match=r"."):
            website(text)


def test_other_cells() -> None:
    assert (money("1.234,56 €"), money("1,234.56"), money("1.500")) == ("1234.56", "1234.56", "1500.00")
    assert (date("20.11.2026"), date("2026-11-20")) == ("2026-11-20", "2026-11-20")
    assert (months("4,5,6"), months("Mrz;Okt")) == ([4, 5, 6], [3, 10])
    assert (boolean("ja"), boolean("No")) == (True, False)
    assert mail("kueche@example.org") == "kueche@example.org"
    for parse, text in (
        (money, "viel"),
        (money, "-1"),
        (date, "31.02.2026"),
        (mail, "kueche@"),
        (boolean, "?"),
        (months, "13"),
        (months, "²"),
    ):
        with pytest.raises(ValueError, match=r"."):
            parse(text)


def test_country_is_german_only_where_nothing_speaks_against_it() -> None:
    berlin = {"latitude": 52.52, "longitude": 13.4}
    connecticut = {"latitude": 41.63, "longitude": -72.75}
    assert country_of(Witnesses(**berlin)).code == "DE"
    assert country_of(Witnesses(stated="DE", postcode="06037", **connecticut)).code == "US"
    assert country_of(Witnesses(text="Nanos, Berlin, Santa Cruz, Bolivia")).code == "BO"
    assert country_of(Witnesses(stated="Österreich", postcode="1010", city="Wien")).code == "AT"
    assert country_of(Witnesses(latitude=-17.5, longitude=-60.5)).code == ""
    assert country_of(Witnesses(postcode="10115", city="Berlin")).code == "DE"
    assert country_of(Witnesses(postcode="06037")).code == ""
    assert country_of(Witnesses(stated="DE", postcode="5020", city="Salzburg")).code == ""


def test_mapping_is_checked_before_a_row_is_read(tmp_path: Path) -> None:
    for data in (
        {},
        {"columns": {"a": "nonsense", "b": "company_name"}},
        {"columns": {"a": "company_name", "b": "company_name"}},
        {"columns": {"a": "phone"}},
        {"columns": {"a": "company_name"}, "other": {}},
        {"columns": {"a": ["company_name"]}},
    ):
        with pytest.raises(Invalid):
            ImportMapping.from_json(data)
    path = tmp_path / "mapping.json"
    path.write_text("{", encoding="utf-8")
    with pytest.raises(Invalid):
        ImportMapping.from_file(path)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_files_are_read_in_their_encoding_and_delimiter(tmp_path: Path, encoding: str, delimiter: str) -> None:
    path = tmp_path / "file.csv"
    text = f'Firma{delimiter}Ort\n"Café Größe{delimiter} Süd"{delimiter}Köln\n'
    path.write_bytes(text.encode(encoding))
    headers, rows = read_csv(path)
    assert headers == ["Firma", "Ort"]
    assert list(rows) == [{"Firma": f"Café Größe{delimiter} Süd", "Ort": "Köln"}]


def test_rows_become_customers_with_all_that_hangs_on_them(manager: Scope) -> None:
    report = run(
        manager,
        [row("Müller & Söhne", Nr="1", Art="Gaststätte", Telefon="030 23125 417", Essen="1.200", Marken="Bio;Messe")],
    )
    assert report.summary == "1 rows: 1 created, 0 updated, 0 skipped, 0 rejected"
    assert report.issues == []
    with activate(manager):
        customer = Customer.objects.get(organisation_id=manager.organisation_id)
        assert (customer.company_name, customer.status, customer.business_type) == (
            "Müller & Söhne",
            "PROSPECT",
            "RESTAURANT",
        )
        assert (customer.phone, customer.owner_id, customer.customer_number) == ("+493023125417", None, "K-000001")
        address = Address.objects.get(customer=customer)
        assert (address.street, address.house_number, address.country) == ("Kantstraße", "1", "DE")
        assert ExternalKey.objects.get(customer=customer).key == "1"
        assert CustomerFieldValue.objects.get(customer=customer).value == 1200
        assert sorted(customer.tags.values_list("name", flat=True)) == ["Bio", "Messe"]
        history = Customer.history.get(id=customer.pk)
        assert (history.history_source, history.history_change_set_id) == ("import", report.change_set_id)
        assert customer.hot.fields["covers_per_day"] == 1200


def test_every_created_customer_has_its_event(manager: Scope) -> None:
    run(manager, [row("Eins"), row("Zwei", Kette="k", Nr="2")])
    with connection.cursor() as cursor, activate(manager):
        cursor.execute("SELECT count(*) FROM outbox_event WHERE type = 'customer.created' AND source = 'import'")
        assert cursor.fetchone() == (3,)


def test_the_same_file_again_creates_nothing(manager: Scope) -> None:
    rows = [row("Eins", Nr="1"), row("Zwei"), {"Firma": "Ohne Anschrift"}, row("Mit Kette", Kette="k", Nr="4")]
    assert run(manager, rows).created == 4
    again = run(manager, rows)
    assert (again.created, again.skipped, again.chains) == (0, 4, 0)


def test_duplicates_are_folded_and_found_within_the_file(manager: Scope) -> None:
    rows = [
        row("Café Müller", Nr="1"),
        row("CAFE MUELLER", Nr="2", Straße="kantstrasse"),
        row("Anders", Nr="1"),
        row("Café Müller", Hausnr="2", Nr="3"),
    ]
    report = run(manager, rows)
    assert (report.created, report.skipped) == (2, 2)
    update = run(manager, [row("Cafe Müller", Telefon="030 23125 417")], on_duplicate="update")
    assert (update.created, update.updated) == (0, 1)
    with activate(manager):
        assert Customer.objects.get(company_name="Cafe Müller").phone == "+493023125417"
    create = run(manager, [row("Café Müller", Nr="1")], on_duplicate="create")
    assert create.created == 1
    assert [issue.field for issue in create.issues] == ["external_key"]


def test_update_keeps_what_an_empty_cell_would_take_away(manager: Scope) -> None:
    run(manager, [row("Eins", Nr="1", Telefon="030 23125 417", Essen="100")])
    report = run(manager, [row("Eins neu", Nr="1", Telefon="", Essen="200", PLZ="10625")], on_duplicate="update")
    assert report.summary == "1 rows: 0 created, 1 updated, 0 skipped, 0 rejected"
    with activate(manager):
        customer = Customer.objects.get(organisation_id=manager.organisation_id)
        assert (customer.company_name, customer.phone, customer.version) == ("Eins neu", "+493023125417", 2)
        assert customer.addresses.get().postcode == "10625"
        assert customer.field_values.get().value == 200
        run(manager, [row("Eins neu", Nr="1", Essen="200", PLZ="10625")], on_duplicate="update")
        customer.refresh_from_db()
        assert customer.version == 2


def test_bad_cells_are_reported_and_left_empty_and_a_missing_name_rejects(manager: Scope) -> None:
    report = run(
        manager,
        [
            row("", Nr="1"),
            row(
                "Gut",
                Nr="2",
                Telefon="ab 10 Uhr",
                Art="Raumstation",
                Essen="viele",
                Status="AKTIV",
                Besitzer="x@example.org",
            ),
            row("Alt", Nr="3", Status="LEAD"),
        ],
    )
    assert report.summary == "3 rows: 2 created, 0 updated, 0 skipped, 1 rejected"
    found = {(issue.row, issue.field, issue.raw) for issue in report.issues}
    assert found == {
        (1, "company_name", ""),
        (2, "phone", "ab 10 Uhr"),
        (2, "business_type", "Raumstation"),
        (2, "fields.covers_per_day", "viele"),
        (2, "status", "AKTIV"),
        (2, "owner", "x@example.org"),
    }
    with activate(manager):
        statuses = Customer.objects.filter(organisation_id=manager.organisation_id).values_list("status", flat=True)
        assert set(statuses) == {"PROSPECT"}
        assert Customer.objects.get(company_name="Gut").business_type == "OTHER"


def test_rows_with_a_chain_key_are_locations_of_one_chain(manager: Scope) -> None:
    report = run(
        manager,
        [
            row("Markt Nord", Nr="1", Kette="Q1", Kettenname="EDEKO"),
            row("Markt Nord", Nr="2", Kette="Q1", Kettenname="Edeko"),
            row("Markt West", Nr="3", Kette="Q1", Kettenname="Edeko"),
            row("Einzeln", Nr="4"),
        ],
    )
    assert (report.created, report.chains) == (4, 1)
    with activate(manager):
        chain = Customer.objects.get(account_type=AccountType.CHAIN)
        assert chain.company_name == "Edeko"
        assert chain.locations.count() == 3
        assert Customer.objects.get(company_name="Einzeln").account_type == AccountType.INDEPENDENT
    more = run(manager, [row("Markt Ost", Nr="5", Kette="Q1", Kettenname="Ganz anders")])
    assert (more.created, more.chains) == (1, 0)


@pytest.mark.parametrize("dry_run", [True, False])
def test_rows_of_a_chain_in_the_trash_are_reported_and_skipped(manager: Scope, dry_run: bool) -> None:
    run(manager, [row("Markt Nord", Nr="1", Kette="Q1"), row("Markt Süd", Nr="2", Kette="Q2")])
    with activate(manager):
        gone = Customer.objects.get(external_keys__key="chain:Q1")
        Customer.objects.filter(Q(pk=gone.pk) | Q(chain=gone)).update(deleted_at=manager.now)
        Customer.objects.filter(external_keys__key="chain:Q2").update(account_type=AccountType.INDEPENDENT)
    report = run(
        manager,
        [row("Neu", Nr="3", Kette="Q1"), row("Falsch", Nr="4", Kette="Q2"), row("Gut", Nr="5", Kette="Q3")],
        dry_run=dry_run,
    )
    assert report.summary == "3 rows: 1 created, 0 updated, 2 skipped, 0 rejected"
    assert [(issue.row, issue.field, issue.raw) for issue in report.issues] == [
        (1, "chain.key", "Q1"),
        (2, "chain.key", "Q2"),
    ]
    assert report.issues[0].message == gettext("This chain lies in the trash; the row is skipped.")


def test_rows_of_a_chain_out_of_sight_are_reported_and_skipped(manager: Scope, organisation: Organisation) -> None:
    run(manager, [row("Markt Nord", Nr="1", Kette="Q1")])
    lead = scope_of(make_user(organisation, "TEAM_LEAD", added_rights=["customers.import"]))
    rows = [row("Markt Ost", Nr="2", Kette="Q1"), row("Markt West", Nr="3", Kette="Q2")]
    report = run(lead, rows)
    assert report.summary == "2 rows: 1 created, 0 updated, 1 skipped, 0 rejected"
    assert (report.chains, [(issue.row, issue.field) for issue in report.issues]) == (1, [(1, "chain.key")])
    again = run(lead, rows)
    assert (again.created, again.skipped, again.chains) == (0, 2, 0)
    with activate(manager):
        assert Customer.objects.get(external_keys__key="chain:Q1").locations.count() == 1


def test_dry_run_reports_the_same_and_writes_nothing(manager: Scope) -> None:
    report = run(manager, [row("Eins"), row("Eins"), row("")], dry_run=True)
    assert report.summary == "3 rows: 1 created, 0 updated, 1 skipped, 1 rejected"
    with activate(manager):
        assert not Customer.objects.exists()


def test_only_who_may_import_does_and_only_his_own_rows(manager: Scope, organisation: Organisation) -> None:
    rep = make_user(organisation, "REP")
    with pytest.raises(Forbidden):
        run(scope_of(rep), [row("Eins")])
    run(manager, [row("Fremd", Nr="1")])
    allowed = scope_of(make_user(organisation, "REP", added_rights=["customers.import"]))
    plain = ImportMapping(columns={"Nr": "external_key", "Firma": "company_name"}, constants={"source": "test"})
    report = run(
        allowed, [{"Nr": "1", "Firma": "Gekapert"}, {"Nr": "2", "Firma": "Eigen"}], plain, on_duplicate="update"
    )
    assert report.updated == 0
    with activate(manager):
        assert Customer.objects.get(external_keys__key="1").company_name == "Fremd"
        assert Customer.objects.get(company_name="Eigen").owner_id == allowed.user_id


def test_customers_of_another_organisation_are_no_duplicates(manager: Scope, other_organisation: Organisation) -> None:
    run(
        manager,
        [{"Nr": "1", "Firma": "Gleich"}],
        ImportMapping(columns={"Nr": "external_key", "Firma": "company_name"}),
    )
    other = scope_of(make_user(other_organisation, "MANAGER"))
    report = run(
        other, [{"Nr": "1", "Firma": "Gleich"}], ImportMapping(columns={"Nr": "external_key", "Firma": "company_name"})
    )
    assert report.created == 1


def test_unknown_catalogue_fields_and_columns_are_refused(manager: Scope, tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="nonsense"):
        run(manager, [], ImportMapping(columns={"a": "company_name", "b": "fields.nonsense"}))
    path = tmp_path / "file.csv"
    path.write_text("Firma\nEins\n", encoding="utf-8")
    with activate(manager), pytest.raises(Invalid, match="Name"):
        import_customers(scope=manager, mapping=ImportMapping(columns={"Name": "company_name"}), path=path)


def test_numbers_come_in_blocks(manager: Scope) -> None:
    with activate(manager):
        assert take_customer_numbers(manager, 2) == ["K-000001", "K-000002"]
        assert take_customer_numbers(manager, 1) == ["K-000003"]


def test_starter_catalogue_is_whole_in_both_languages_and_installed_once(manager: Scope) -> None:
    fields = starter_fields()
    assert len(fields) >= 30
    assert all(field["label_de"] and field["label_en"] for field in fields)
    with activate(manager):
        assert install_starter_catalogue(scope=manager) == 0
        definitions = FieldDefinition.objects.visible_to(manager)
        assert definitions.count() == len(fields)
        assert definitions.filter(is_hot=True).exclude(hot_slot="").count() >= 5
        assert definitions.filter(sensitivity="RESTRICTED").exists()


def test_the_command_prints_issues_to_stderr_and_the_counts_last(
    organisation: Organisation, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    user = make_user(organisation, "MANAGER")
    path, mapping = tmp_path / "file.csv", tmp_path / "mapping.json"
    path.write_text("Firma;Telefon\nEins;keine\n;030 23125 417\n", encoding="cp1252")
    mapping.write_text(json.dumps({"columns": {"Firma": "company_name", "Telefon": "phone"}}), encoding="utf-8")
    call_command("crm_import", "customers", str(path), "--mapping", str(mapping), "--as", user.email.upper())
    out, err = capsys.readouterr()
    assert out.splitlines()[-1] == "2 rows: 1 created, 0 updated, 0 skipped, 1 rejected"
    assert "keine" in err
    with pytest.raises(CommandError):
        call_command("crm_import", "customers", str(path), "--mapping", str(mapping), "--as", "nobody@example.org")


@pytest.mark.skipif(not BERLIN.exists(), reason="the real files lie beside the repository, not in it")
def test_the_real_places_of_berlin(manager: Scope) -> None:
    mapping = ImportMapping.from_file(EXAMPLES / "berlin_leads.json")
    with activate(manager):
        report = import_customers(scope=manager, mapping=mapping, path=BERLIN)
        assert (report.rows, report.rejected, report.updated) == (8190, 83, 0)
        customers = Customer.objects.filter(organisation_id=manager.organisation_id)
        assert customers.count() == report.created
        german = Address.objects.filter(organisation_id=manager.organisation_id, country="DE")
        assert not german.filter(longitude__lt=0).exists()
        assert Address.objects.filter(organisation_id=manager.organisation_id).exclude(country="DE").count() == 71
        assert all(
            number.startswith("+") and number[1:].isdigit()
            for number in customers.exclude(phone="").values_list("phone", flat=True)
        )
        texts = {issue.raw for issue in report.issues if issue.field == "phone"}
        assert {"Mo-Fr 11:30-23:00;Sa-Su 12:00-23:00", "+49", "+40 30 37472366"} <= texts
        again = import_customers(scope=manager, mapping=mapping, path=BERLIN)
        assert (again.created, again.skipped, again.rejected) == (0, 8107, 83)


@pytest.mark.skipif(not CHAINS.exists(), reason="the real files lie beside the repository, not in it")
def test_the_real_chains_of_berlin(manager: Scope) -> None:
    mapping = ImportMapping.from_file(EXAMPLES / "berlin_supermarkets.json")
    with activate(manager):
        report = import_customers(scope=manager, mapping=mapping, path=CHAINS)
        assert (report.rows, report.rejected, report.chains) == (1450, 3, 22)
        counts = Customer.objects.filter(organisation_id=manager.organisation_id)
        assert counts.filter(account_type=AccountType.CHAIN).count() == 22
        assert counts.filter(account_type=AccountType.LOCATION).count() == 1216
        assert counts.filter(account_type=AccountType.INDEPENDENT).count() == 231
        assert counts.filter(company_name="Düzgün").exists()
        assert import_customers(scope=manager, mapping=mapping, path=CHAINS).created == 0
