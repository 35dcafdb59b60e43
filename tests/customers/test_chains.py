"""Moving a location to another chain: who may, and that access moves with it, in both walls at once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connections, transaction
from django.test import Client

from crm.core.access import Scope
from crm.core.errors import Conflict, Forbidden, Invalid, NotFound
from customers import services
from customers.models import Customer, CustomerHot
from organisation.choices import Role
from organisation.models import Organisation, User
from outbox.models import Event
from tests.conftest import make_team
from tests.customers.test_status import acting, made
from tests.matrix.world import grant

People = Callable[..., User]


def chain_of(scope: Scope, name: str, **more: Any) -> Customer:
    """A new CHAIN."""
    return services.create_customer(scope=scope, account_type="CHAIN", values={"company_name": name}, **more)


def test_access_moves_with_the_location(people: People) -> None:
    """Who had it by the old chain loses it, who has the new chain gets it, at once; projection and event know."""
    manager, old, new, both = people(Role.MANAGER), *(people(Role.CHAIN_MANAGER) for _n in range(3))
    with acting(manager) as scope:
        first, second = chain_of(scope, "Erste"), chain_of(scope, "Zweite")
        house = services.create_customer(
            scope=scope, account_type="LOCATION", chain_id=first.pk, values={"company_name": "Haus"}
        )
        for user, chains in ((old, [first]), (new, [second]), (both, [first, second])):
            for one in chains:
                grant(user, one)
    with acting(both) as scope:
        moved = services.move_to_chain(scope=scope, customer_id=house.pk, chain_id=second.pk)
        assert moved.chain_id == second.pk
        assert services.move_to_chain(scope=scope, customer_id=house.pk, chain_id=second.pk).version == moved.version
    with acting(old) as scope:
        assert not Customer.objects.visible_to(scope).filter(pk=house.pk).exists()
        assert not Customer.objects.filter(pk=house.pk).exists()
    with acting(new) as scope:
        assert Customer.objects.visible_to(scope).filter(pk=house.pk).exists()
    with acting(manager):
        assert CustomerHot.objects.get(customer_id=house.pk).chain_id == second.pk
        events = Event.objects.filter(type="customer.updated", subject_id=house.pk)
        assert [event.data["fields"] for event in events] == [["chain"]]


def test_who_may_not(people: People, organisation: Organisation) -> None:
    """One chain alone is not enough; a chain moves nowhere; what is hidden or no chain is answered alike."""
    team = make_team(organisation)
    manager, rep, lead = people(Role.MANAGER), people(team=team), people(Role.TEAM_LEAD, team=team, leads=team)
    one_chain = people(Role.CHAIN_MANAGER)
    with acting(manager) as scope:
        first, second = chain_of(scope, "Erste"), chain_of(scope, "Zweite")
        of_team = chain_of(scope, "Kette des Teams", owner_id=rep.pk)
        house = services.create_customer(
            scope=scope, account_type="LOCATION", chain_id=first.pk, owner_id=rep.pk, values={"company_name": "Haus"}
        )
        grant(one_chain, first)
        for target in (house.pk, 10**9):
            with pytest.raises(Invalid) as refused:
                services.move_to_chain(scope=scope, customer_id=house.pk, chain_id=target)
            assert refused.value.field == "chain_id"
        with pytest.raises(Conflict):
            services.move_to_chain(scope=scope, customer_id=first.pk, chain_id=second.pk)
    with acting(one_chain) as scope, pytest.raises(Invalid):
        services.move_to_chain(scope=scope, customer_id=house.pk, chain_id=second.pk)
    with acting(rep) as scope, pytest.raises(Forbidden):
        services.move_to_chain(scope=scope, customer_id=house.pk, chain_id=of_team.pk)
    with acting(lead) as scope, pytest.raises(Forbidden):  # the location is his team's, its chain is not
        services.move_to_chain(scope=scope, customer_id=house.pk, chain_id=of_team.pk)
    with acting(people()) as scope, pytest.raises(NotFound):
        services.move_to_chain(scope=scope, customer_id=house.pk, chain_id=second.pk)


def test_an_independent_house_joins(people: People, organisation: Organisation) -> None:
    """A team lead takes a house of his team into a chain of his team; it becomes a location."""
    team = make_team(organisation)
    rep, lead = people(team=team), people(Role.TEAM_LEAD, team=team, leads=team)
    house = made(rep)
    with acting(people(Role.MANAGER)) as scope:
        chain = chain_of(scope, "Kette", owner_id=rep.pk)
    with acting(lead) as scope:
        joined = services.move_to_chain(scope=scope, customer_id=house.pk, chain_id=chain.pk)
        assert (joined.account_type, joined.chain_id) == ("LOCATION", chain.pk)


def test_by_the_page(people: People, as_user: Callable[[User], Client]) -> None:
    """The menu offers it to who may; no chain chosen is said at the field; a chosen one moves the location."""
    manager, rep = people(Role.MANAGER), people()
    with acting(manager) as scope:
        first, second = chain_of(scope, "Erste"), chain_of(scope, "Zweite")
        house = services.create_customer(
            scope=scope, account_type="LOCATION", chain_id=first.pk, owner_id=rep.pk, values={"company_name": "Haus"}
        )
    page, address = f"/customer-management/customers/{house.pk}/", f"/customer-management/customers/{house.pk}/chain/"
    assert address not in as_user(rep).get(page).content.decode()
    assert as_user(rep).get(address).status_code == 403
    client = as_user(manager)
    assert address in client.get(page).content.decode()
    assert client.get(address).status_code == 200
    empty = client.post(address, {"chain_search": "Zwei"})
    assert empty.status_code == 422
    assert "id_chain_id-e" in empty.content.decode()
    assert client.post(address, {"chain_id": second.pk}).status_code == 302
    with acting(manager):
        assert Customer.objects.get(pk=house.pk).chain_id == second.pk


@pytest.mark.usefixtures("committed_db")
def test_two_move_at_once_and_one_deletes() -> None:
    """Crossing moves and a deleted chain: each waits for the other, none deadlocks, no location hangs on a deleted chain."""
    from tests.conftest import make_organisation, make_user

    manager = make_user(make_organisation("Eine"), Role.MANAGER)
    with transaction.atomic(), acting(manager) as scope:
        first, second = chain_of(scope, "Erste"), chain_of(scope, "Zweite")
        houses = [
            services.create_customer(
                scope=scope, account_type="LOCATION", chain_id=chain.pk, values={"company_name": "Haus"}
            )
            for chain in (first, second)
        ]
    start, failed = threading.Barrier(3), []

    def run(act: Callable[[Scope], object]) -> None:
        try:
            start.wait(10)
            with transaction.atomic(), acting(manager) as scope:
                act(scope)
        except (Conflict, Invalid):
            pass  # the other was first
        except Exception as error:  # noqa: BLE001 - told below, in the test's own thread
            failed.append(error)
        finally:
            connections.close_all()

    acts: list[Callable[[Scope], object]] = [
        lambda scope: services.move_to_chain(scope=scope, customer_id=houses[0].pk, chain_id=second.pk),
        lambda scope: services.move_to_chain(scope=scope, customer_id=houses[1].pk, chain_id=first.pk),
        lambda scope: services.delete_customer(scope=scope, customer_id=second.pk),
    ]
    threads = [threading.Thread(target=run, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert failed == []
    with transaction.atomic(), acting(manager):
        hanging = Customer.objects.filter(deleted_at=None, chain__deleted_at__isnull=False)
        assert not hanging.exists()
