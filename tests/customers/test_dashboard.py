"""The overview: each figure counts what its address opens, for each scope; kept ones say what live ones would."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import psycopg
import pytest
from django.db import connection
from django.http import QueryDict
from django.test import Client
from django.test.utils import CaptureQueriesContext

from crm.core.access import Scope, activate, system_scope, system_scope_for
from crm.core.listing import ListState
from customers import dashboard, upkeep
from customers.account_list import CUSTOMERS, find
from customers.choices import CustomerStatus as S
from customers.models import Contact, Customer, CustomerFigure
from customers.views.dashboard import QUERY_BUDGET
from organisation.choices import Role
from organisation.models import Organisation, User
from tests.conftest import make_organisation, make_team
from tests.customers.test_status import acting
from tests.matrix.world import grant

People = Callable[..., User]
SignIn = Callable[[User], Client]

NOW = datetime(2026, 7, 15, 12, tzinfo=ZoneInfo("Europe/Berlin"))
PATH = "/customer-management/"


def make(organisation: Organisation, number: int, owner: User | None, **values: object) -> Customer:
    """A customer who came at the values' `since`, years ago where they name none."""
    since = values.pop("since", NOW - timedelta(days=1000))
    names = {"company_name": f"Haus {number}", "customer_number": f"K-{number}"}
    return Customer.objects.create(organisation=organisation, owner=owner, status_since=since, **names, **values)


@pytest.fixture
def rep(people: People, organisation: Organisation) -> User:
    """A rep of a team."""
    return people(Role.REP, team=make_team(organisation))


@pytest.fixture
def stock(organisation: Organisation, rep: User) -> list[Customer]:
    """Customers of every kind, of the rep; one of nobody."""
    days = [59, 60, 90, 91]
    with activate(system_scope_for(organisation.pk, job="test", now=NOW)):
        garden = {"is_seasonal_business": True, "seasonal_months": [11, 12]}
        summer = {"is_seasonal_business": True, "seasonal_months": [6, 7, 8]}
        rows = [make(organisation, n, rep, since=NOW - timedelta(days=days[n])) for n in range(4)]
        rows += [make(organisation, 10, rep, status=S.AKTIV, email="a@example.org", renewal_date=NOW.date())]
        rows += [make(organisation, 11, rep, status=S.AKTIV, **summer)]
        rows += [make(organisation, 12, rep, status=S.RISIKO, last_order_at=NOW - timedelta(days=100))]
        rows += [make(organisation, 13, rep, status=S.RISIKO, **garden)]
        rows += [make(organisation, 14, rep, status=S.RISIKO, last_order_at=NOW - timedelta(days=120))]
        rows += [make(organisation, 15, rep, status=S.ARCHIVIERT, renewal_date=NOW.date())]
        rows += [make(organisation, 16, None, status=S.AKTIV)]
        Contact.objects.create(organisation=organisation, customer=rows[4], last_name="Probe")
    return rows


def scope_at(user: User, now: datetime = NOW) -> Scope:
    """The user's scope at an instant."""
    with acting(user) as scope:
        return dataclasses.replace(scope, now=now, memo={})


def counts(scope: Scope) -> Mapping[str, int]:
    """The figures as the page has them; each is proved to be what its address opens."""
    with activate(scope):
        state = dashboard.list_state(scope)
        counted = dashboard.figures_for(state)
        for one in dashboard.FIGURES:
            address = QueryDict(urlsplit(one.url(state)).query)
            opened = ListState.of(address, scope, CUSTOMERS)
            assert opened.problems == [], one.key
            rows, _page, _similar = find(opened)
            assert rows.count() == counted.numbers[one.key], one.key
    return counted.numbers


def test_each_figure_counts_what_it_opens(rep: User, stock: list[Customer]) -> None:
    """The rep's own, by every rule; the day a limit is reached belongs to the next age."""
    assert counts(scope_at(rep)) == {
        "PROSPECT": 4,
        "AKTIV": 2,
        "RISIKO": 3,
        "INAKTIV": 0,
        "ARCHIVIERT": 1,
        "prospects_young": 1,
        "prospects_warned": 2,
        "prospects_old": 1,
        "seasonal_active": 1,
        "seasonal_paused": 1,
        "lost": 0,
        "base": 4,
        "at_risk": 2,
        "renewals": 1,
        "no_owner": 0,
        "no_contact": 8,
        "no_email": 8,
    }


def test_everybody_counts_what_he_sees(
    people: People, organisation: Organisation, rep: User, stock: list[Customer]
) -> None:
    """A stranger nothing, who was granted one that one, the team's lead the rep's, a manager those of nobody too."""
    lead, reader, stranger = people(Role.TEAM_LEAD, leads=rep.team), people(), people()
    with acting(people(Role.MANAGER)):
        grant(reader, stock[6])
    seen = {one.pk: sum(counts(scope_at(one))[s] for s in S.values) for one in (lead, reader, stranger)}
    assert seen == {lead.pk: 10, reader.pk: 1, stranger.pk: 0}
    of_manager = counts(scope_at(people(Role.MANAGER)))
    assert (of_manager["AKTIV"], of_manager["no_owner"]) == (3, 1)


def test_churn_of_the_month(committed_db: None, owner_db: psycopg.Connection[Any]) -> None:
    """Lost are those who bought when the month began; neither who came inactive, nor an older loss, nor the paused."""
    organisation = make_organisation()
    with system_scope(organisation.pk, job="test", now=NOW) as scope:
        paused = {"is_seasonal_business": True, "seasonal_months": [11, 12]}
        four = [make(organisation, n, None, status=S.RISIKO) for n in range(4)]
        make(organisation, 5, None, status=S.RISIKO, **paused)
        make(organisation, 6, None, status=S.INAKTIV)
        make(organisation, 7, None, status=S.PROSPECT)
    owner_db.execute("UPDATE customers_historicalcustomer SET history_date = %s", [NOW - timedelta(days=30)])
    with system_scope(organisation.pk, job="test", now=NOW) as scope:
        Customer.objects.filter(pk=four[0].pk).update(status=S.INAKTIV, status_since=NOW)
        Customer.objects.filter(pk=four[1].pk).update(status=S.ARCHIVIERT, status_since=NOW)
        make(organisation, 8, None, status=S.INAKTIV, since=NOW)
        found = counts(scope)
        assert (found["lost"], found["base"], found["INAKTIV"]) == (1, 4, 3)
        assert dashboard.figures_for(dashboard.list_state(scope)).churn == Decimal("25.0")


def test_kept_figures_say_what_live_ones_say(
    people: People, organisation: Organisation, rep: User, stock: list[Customer], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Past the limit manager and lead read what the job kept, with its time; a rep below it is counted now."""
    lead, manager = people(Role.TEAM_LEAD, leads=rep.team), people(Role.MANAGER)
    with acting(manager):
        grant(lead, stock[-1])
    live = {one.pk: counts(scope_at(one)) for one in (lead, manager, rep)}
    monkeypatch.setattr(dashboard, "COUNTED_LIVE", 9)
    with activate(system_scope_for(organisation.pk, job="test", now=NOW)) as job:
        assert upkeep.figures(job) == {"owners": 2}
        assert upkeep.figures(job) == {"owners": 2}
        make(organisation, 99, rep, status=S.AKTIV)
    for one in (lead, manager):
        scope = scope_at(one)
        with activate(scope):
            kept = dashboard.figures_for(dashboard.list_state(scope))
        assert (kept.numbers, kept.at) == (live[one.pk], NOW)
    monkeypatch.setattr(dashboard, "COUNTED_LIVE", 20)
    scope = scope_at(rep)
    with activate(scope):
        now = dashboard.figures_for(dashboard.list_state(scope))
        assert (now.numbers["AKTIV"], now.at) == (live[rep.pk]["AKTIV"] + 1, None)
        assert CustomerFigure.objects.visible_to(scope).count() == CustomerFigure.objects.count()
        assert set(CustomerFigure.objects.values_list("owner_id", flat=True)) == {rep.pk}
    with activate(system_scope_for(organisation.pk, job="test", now=NOW)) as job:
        assert upkeep.figures(job) == {"owners": 0}
        assert not CustomerFigure.objects.exists()


def test_the_page(as_user: SignIn, people: People, rep: User, stock: list[Customer]) -> None:
    """Numbers with their addresses, the two lists, the button; in few queries."""
    client = as_user(rep)
    with CaptureQueriesContext(connection) as queries:
        response = client.get(PATH)
    assert response.status_code == 200
    assert len(queries) <= QUERY_BUDGET, [each["sql"][:90] for each in queries]
    text = response.content.decode()
    assert "/customer-management/customers/?status=RISIKO" in text
    assert "without an owner" not in text
    assert 'href="/customer-management/customers/new/"' in text
    assert "New customer" in text
    assert 'aria-current="page"' in text


def test_an_empty_overview_says_what_it_is_for(as_user: SignIn, people: People, stock: list[Customer]) -> None:
    """A stranger sees no number, and how to begin; who only reads gets no button."""
    text = as_user(people()).get(PATH).content.decode()
    assert "No customers yet" in text
    assert "Create the first customer" in text
    assert "Customers by status" not in text
    assert "New customer" not in as_user(people(Role.AUDITOR)).get(PATH).content.decode()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("/customers/", "/customer-management/customers/"),
        ("/customers/?status=AKTIV&q=a%20b", "/customer-management/customers/?status=AKTIV&q=a%20b"),
        ("/customers/12/?tab=history", "/customer-management/customers/12/?tab=history"),
    ],
)
def test_old_addresses_lead_on(db: None, client: Client, old: str, new: str) -> None:
    """301, with what was asked for."""
    response = client.get(old)
    assert (response.status_code, response["Location"]) == (301, new)
