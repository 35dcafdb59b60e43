"""The demo: whom it has, what its customers look like, and that none of them is a real business."""

from __future__ import annotations

import csv
import json
import random
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.utils import decrypt
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.models import F, Q

import customers.demo
from crm.core.access import Scope, activate, system_scope_for
from crm.core.folding import fold
from customers.choices import AccountType, CustomerStatus
from customers.demo.build import build_demo
from customers.demo.life import days_in_season_ago
from customers.demo.names import Names
from customers.demo.sample import austrian_streets, berlin_streets
from customers.models import Address, Contact, Customer, CustomerFieldValue, CustomerUserPermission
from organisation.access import enter_organisation
from organisation.models import Organisation, User
from tests.api.conftest import ApiClient
from tests.conftest import REAL_DATA

COUNT = 400
REAL_NAMES = [
    REAL_DATA / "places" / "gastro_berlin_osm" / "berlin_leads.csv",
    REAL_DATA / "places" / "chains_berlin_retail" / "berlin_supermarkets_osm.csv",
]


@pytest.fixture
def data_dir(settings: Any, tmp_path: Path) -> Path:
    settings.DATA_DIR = tmp_path
    return tmp_path


@pytest.fixture
def demo(db: None, data_dir: Path) -> Iterator[Scope]:
    """The demo with fewer customers, under a scope that sees all of the first organisation."""
    build_demo(customers=COUNT)
    with connection.cursor() as cursor:
        cursor.execute("SELECT min(i) FROM organisation_ids() AS i")
        (pk,) = cursor.fetchone()
    with activate(system_scope_for(pk, job="test")) as scope:
        yield scope


def test_everybody_is_there_and_can_sign_in(demo: Scope, data_dir: Path) -> None:
    path = data_dir / "demo-logins.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    logins = json.loads(path.read_text(encoding="utf-8"))
    assert all(
        set(login) == {"organisation", "role", "email", "password", "totp_secret", "api_token"} for login in logins
    )
    roles = [login["role"] for login in logins if login["organisation"] == "Cook&Fresh Manufaktur GmbH"]
    expected = ["ADMINISTRATOR", "AUDITOR", "CHAIN_MANAGER", "DPO", "MANAGER", "REP", "REP", "TEAM_LEAD", "TEAM_LEAD"]
    assert sorted(roles) == expected
    assert sorted(login["role"] for login in logins if login["organisation"] == "Cook&Fresh Austria GmbH") == [
        "MANAGER",
        "REP",
    ]
    login = logins[0]
    user = User.objects.get(email=login["email"])
    assert user.check_password(login["password"])
    secret = Authenticator.objects.get(user=user).data["secret"]
    assert login["totp_secret"] not in secret
    assert decrypt(secret) == login["totp_secret"]
    assert ApiClient(login["api_token"]).get("/api/customers/?size=1").status_code == 200
    assert Organisation.objects.get(pk=demo.organisation_id).is_demo


def test_passwords_differ_between_data_folders(db: None, data_dir: Path) -> None:
    first = build_demo(customers=5)
    assert len({login.password for login in first}) == len(first)
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM organisation_ids()")
        assert cursor.fetchone() == (2,)


def test_customers_are_spread_over_statuses_seasons_and_owners(demo: Scope) -> None:
    customers = Customer.objects.filter(organisation_id=demo.organisation_id)
    assert customers.exclude(account_type=AccountType.CHAIN).count() == COUNT
    assert set(customers.values_list("status", flat=True)) == set(CustomerStatus.values)
    assert 0.2 <= customers.filter(is_seasonal_business=True).count() / customers.count() <= 0.3
    assert customers.filter(account_type=AccountType.CHAIN).count() >= 5
    assert customers.filter(account_type=AccountType.LOCATION).count() >= 30
    assert customers.filter(owner=None).exists()
    assert customers.values("owner").distinct().count() >= 5
    assert Contact.objects.filter(customer__in=customers).count() > COUNT / 2
    assert CustomerFieldValue.objects.filter(customer__in=customers).count() > COUNT * 3
    assert customers.filter(tags__isnull=False).exists()
    assert CustomerUserPermission.objects.filter(permission__codename="change_customer").count() == 5


def test_dates_fit_the_status(demo: Scope) -> None:
    customers = Customer.objects.filter(organisation_id=demo.organisation_id)
    assert not customers.filter(status="PROSPECT").exclude(last_order_at=None, activated_at=None).exists()
    assert not customers.filter(status__in=["AKTIV", "RISIKO", "INAKTIV"], last_order_at=None).exists()
    impossible = (
        Q(activated_at__gt=F("last_order_at"))
        | Q(created_at__gt=F("activated_at"))
        | Q(status_since__gt=demo.now)
        | Q(last_order_at__gt=demo.now)
        | Q(last_contact_at__gt=demo.now)
        | Q(status_since__lt=F("created_at"))
    )
    assert not customers.filter(impossible).exists()


def test_days_in_season_are_counted_backwards() -> None:
    from datetime import date

    assert days_in_season_ago(date(2026, 11, 21), set(range(1, 13)), 10) == date(2026, 11, 11)
    assert days_in_season_ago(date(2026, 11, 21), {4, 5, 6, 7, 8, 9}, 1) == date(2026, 9, 30)
    assert days_in_season_ago(date(2026, 4, 1), {4, 5, 6, 7, 8, 9}, 1) == date(2025, 9, 30)


def test_numbers_and_mails_lead_nowhere(demo: Scope) -> None:
    customers = Customer.objects.filter(organisation_id=demo.organisation_id)
    media = r"^\+49(3023125|6990009|4066969)\d{3}$"
    assert not customers.exclude(phone="").exclude(phone__regex=media).exists()
    assert not Contact.objects.exclude(phone="").exclude(phone__regex=media).exists()
    assert not customers.exclude(email="").exclude(email__endswith=".example.org").exists()
    assert not customers.exclude(website="").exclude(website__endswith=".example.org/").exists()
    assert not Address.objects.exclude(country="DE").filter(organisation_id=demo.organisation_id).exists()


@pytest.mark.skipif(not all(path.exists() for path in REAL_NAMES), reason="the real files lie beside the repository")
def test_no_name_is_a_real_business() -> None:
    real = set()
    for path in REAL_NAMES:
        with path.open(encoding="utf-8", newline="") as file:
            real |= {fold(row["name"]) for row in csv.DictReader(file)}
    rng = random.Random(1)
    names = Names(rng)
    kinds = ["RESTAURANT", "HOTEL", "ICE_CREAM", "BEER_GARDEN", "RETAIL", "CATERING", "CANTEEN"]
    invented = {fold(names.house(kind, "Mitte")) for kind in kinds for _ in range(1000)}
    assert len(invented) == 7000
    assert not invented & real


def test_the_sample_is_small_and_licensed() -> None:
    folder = Path(customers.demo.__file__).parent / "data"
    assert "Open Database" in (folder / "LICENSE.md").read_text(encoding="utf-8")
    assert len(berlin_streets()) == 700
    assert {street.country for street in austrian_streets()} == {"AT"}


def test_if_empty_leaves_an_organisation_alone(organisation: Organisation, data_dir: Path) -> None:
    call_command("demo", if_empty=True)
    assert not (data_dir / "demo-logins.json").exists()
    with pytest.raises(CommandError):
        call_command("demo")


def test_seed_adds_customers_to_the_demo(demo: Scope, capsys: pytest.CaptureFixture[str]) -> None:
    before = Customer.objects.filter(organisation_id=demo.organisation_id).count()
    call_command("seed", customers=30)
    assert capsys.readouterr().out.startswith("30 customers added")
    enter_organisation(demo.organisation_id)
    with activate(demo):
        assert Customer.objects.filter(organisation_id=demo.organisation_id).count() == before + 30


def test_a_command_before_the_first_run_makes_the_demo_it_needs(
    db: None, data_dir: Path, settings: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("customers.demo.first.build_demo", lambda: build_demo(customers=5))
    settings.EMBEDDED = False
    with pytest.raises(CommandError):
        call_command("seed", customers=2)
    settings.EMBEDDED = True
    call_command("seed", customers=2)
    assert capsys.readouterr().out.startswith("2 customers added")
    assert (data_dir / "demo-logins.json").exists()
