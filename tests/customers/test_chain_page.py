"""A chain's page: its locations by town and the figures over them, as far as the reader sees."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from customers import chains, services
from customers.choices import CustomerStatus as S
from customers.models import Customer
from organisation.choices import Role
from organisation.models import Organisation, User
from tests.conftest import make_team
from tests.customers.test_chains import chain_of
from tests.customers.test_record_pages import page
from tests.customers.test_status import acting
from tests.matrix.world import grant

People = Callable[..., User]
SignIn = Callable[[User], Client]
pytestmark = pytest.mark.django_db

PARTIAL = "partial: only those visible here"


@pytest.fixture
def team_rep(people: People, organisation: Organisation) -> User:
    """A rep of a team, who owns the chain and some of its locations."""
    return people(Role.REP, team=make_team(organisation))


@pytest.fixture
def chain(people: People, team_rep: User) -> Customer:
    """A chain with four locations: two of the rep, one of nobody, one archived; and a house of another chain."""
    now = timezone.now()
    with acting(people(Role.MANAGER)) as scope:
        chain = chain_of(scope, "Kantinenwerk", owner_id=team_rep.pk)
        other = chain_of(scope, "Andere Kette")

        def house(name: str, town: str, of: Customer, owner: User | None, status: str, **values: object) -> None:
            made = services.create_customer(
                scope=scope,
                account_type="LOCATION",
                chain_id=of.pk,
                owner_id=owner.pk if owner else None,
                values={"company_name": name},
            )
            services.add_address(
                scope=scope, customer_id=made.pk, values={"kind": "KITCHEN", "city": town, "country": "DE"}
            )
            Customer.objects.filter(pk=made.pk).update(status=status, **values)

        pause = {"is_seasonal_business": True, "seasonal_months": [(scope.today + timedelta(days=62)).month]}
        house("Tor 1", "Zwickau", chain, team_rep, S.AKTIV, expected_annual_volume=1000, last_order_at=now)
        house("Tor 2", "Aalen", chain, team_rep, S.RISIKO, expected_annual_volume=200, actual_annual_volume=50)
        house("Tor 3", "Köln", chain, None, S.RISIKO, **pause)
        house("Tor 4", "Bonn", chain, None, S.ARCHIVIERT, expected_annual_volume=9999)
        house("Fremd", "Aalen", other, team_rep, S.AKTIV, expected_annual_volume=5)
    return chain


def seen(user: User, chain: Customer) -> tuple[chains.RolledUp, list[str]]:
    """The figures and the names as this user has them."""
    with acting(user) as scope:
        rows = chains.locations_by_town(scope, chain)
        return chains.rolled_up(rows), [row.customer.company_name for row in rows.select_related("customer")]


def test_figures_are_over_what_the_reader_sees(people: People, team_rep: User, chain: Customer) -> None:
    """By the table: whoever has the whole chain counts all of it, the team lead his team's, a stranger nothing."""
    lead = people(Role.TEAM_LEAD, leads=team_rep.team)
    keeper, stranger, manager = people(Role.CHAIN_MANAGER), people(), people(Role.MANAGER)
    with acting(manager):
        grant(keeper, chain)
    for whole in (manager, keeper):
        found, names = seen(whole, chain)
        assert names == ["Tor 2", "Tor 4", "Tor 3", "Tor 1"]
        assert (found.locations, found.buying, found.at_risk, found.paused) == (3, 3, 1, 1)
        assert (found.expected_cents, found.actual_cents) == (120_000, 5_000)
    found, names = seen(lead, chain)
    assert names == ["Tor 2", "Tor 1"]
    assert (found.locations, found.buying, found.at_risk, found.paused) == (2, 2, 1, 0)
    found, names = seen(stranger, chain)
    assert (names, found.locations, found.expected_cents, found.last_order_at) == ([], 0, None, None)


def test_the_page_says_what_is_partial(as_user: SignIn, people: People, team_rep: User, chain: Customer) -> None:
    """The owner of the chain's own row sees his locations, marked as a part; a manager all, unmarked; money by right."""
    text = page(as_user(team_rep), "detail", chain.pk).content.decode()
    assert PARTIAL in text
    assert "Tor 1" in text
    assert "Tor 3" not in text
    text = page(as_user(people(Role.MANAGER)), "detail", chain.pk).content.decode()
    assert PARTIAL not in text
    assert text.index("Aalen") < text.index("Köln") < text.index("Zwickau")
    assert f"/customer-management/customers/?chain={chain.pk}" in text
    assert "€1,200" in text
    assert "€1,200" not in page(as_user(people(Role.DPO)), "detail", chain.pk).content.decode()


def test_what_moves_away_is_counted_there_at_once(people: People, team_rep: User, chain: Customer) -> None:
    """For a keeper of either chain the figures follow the move."""
    old, new, manager = people(Role.CHAIN_MANAGER), people(Role.CHAIN_MANAGER), people(Role.MANAGER)
    with acting(manager) as scope:
        second = chain_of(scope, "Zweite")
        grant(old, chain)
        grant(new, second)
        house = Customer.objects.get(company_name="Tor 1")
        assert seen(new, second)[0].locations == 0
        services.move_to_chain(scope=scope, customer_id=house.pk, chain_id=second.pk)
    assert seen(new, second)[1] == ["Tor 1"]
    assert seen(new, second)[0].expected_cents == 100_000
    assert "Tor 1" not in seen(old, chain)[1]
    assert seen(old, chain)[0].locations == 2
