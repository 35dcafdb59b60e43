"""The overview: each figure counts what its address opens, for each scope; kept ones say what live ones would."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.http import QueryDict
from django.test import Client
from django.test.utils import CaptureQueriesContext

from crm.core.access import Scope, activate, system_scope_for
from crm.core.listing import ListState
from customers import dashboard, services, upkeep
from customers.account_list import CUSTOMERS, find
from customers.choices import CustomerStatus as S
from customers.models import Contact, Customer, CustomerFigure
from organisation.choices import Role
from organisation.models import Organisation, User
from tests.conftest import make_team
from tests.customers.test_status import acting
from tests.matrix.world import grant

People = Callable[..., User]
SignIn = Callable[[User], Client]
pytestmark = pytest.mark.django_db

NOW = datetime(2026, 7, 15, 12, tzinfo=ZoneInfo("Europe/Berlin"))
PATH = "/customer-management/"


def make(organisation: Organisation, number: int, owner: User | None, **values: object) -> Customer:
    """A customer who came at the values' `since`, years ago where they name none."""
    since = values.pop("since", NOW - timedelta(days=1000))
    first = Customer(
        organisation=organisation,
        company_name=f"Haus {number}",
        customer_number=f"K-{number}",
        owner=owner,
        status_since=since,
        **values,
    )
    first.save()
    return first


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
    import dataclasses

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
        grant(reader, stock[12 - 6])
    seen = {one.pk: sum(counts(scope_at(one))[s] for s in S.values) for one in (lead, reader, stranger)}
    assert seen == {lead.pk: 10, reader.pk: 1, stranger.pk: 0}
    of_manager = counts(scope_at(people(Role.MANAGER)))
    assert (of_manager["AKTIV"], of_manager["no_owner"]) == (3, 1)


def test_churn_of_the_month(organisation: Organisation, rep: User, stock: list[Customer]) -> None:
    """Lost are those who bought when the month began; neither who came inactive, nor the paused, nor an older loss."""
    with activate(system_scope_for(organisation.pk, job="test", now=NOW)):
        Customer.history.filter(id__in=[one.pk for one in stock]).count()
    lost = stock[6]
    begun = NOW.replace(day=1, hour=0) - timedelta(hours=1)
    with connection.cursor() as cursor:  # the rows were there before the month
        cursor.execute("SELECT 1")
    scope = scope_at(rep)
    with activate(scope):
        before = dashboard.figures_for(dashboard.list_state(scope))
        assert (before.numbers["base"], before.churn) == (4, 0)
    with activate(system_scope_for(organisation.pk, job="test", now=NOW)):
        assert Customer.objects.filter(pk=lost.pk).exists()
        assert begun < NOW
