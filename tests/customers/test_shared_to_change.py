"""A grant to change is for the data: what the owner decides stays his, his team lead's and the managers'."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.urls import reverse

from crm.core.access import activate
from crm.core.errors import Forbidden, Invalid, NotFound
from customers import services
from customers.forms import OwnerForm
from customers.models import Customer, CustomerHot
from customers.services import stands_for_owner
from tests.conftest import scope_of
from tests.matrix.world import build_world, grant

pytestmark = pytest.mark.django_db

DECISIONS = {
    "activate": lambda scope, pk: services.activate_customer(scope=scope, customer_id=pk),
    "delete": lambda scope, pk: services.delete_customer(scope=scope, customer_id=pk),
    "release": lambda scope, pk: services.assign_owner(scope=scope, customer_id=pk, owner_id=None),
    "share": lambda scope, pk: services.give_grant(scope=scope, customer_id=pk, user_id=scope.user_id, level="view"),
}


@pytest.fixture
def world(db):
    world = build_world()
    with activate(scope_of(world.people["manager"])):
        for name in ("rep_stranger", "foreign_lead"):
            grant(world.people[name], world.location)
    return world


@pytest.mark.parametrize("decision", DECISIONS)
@pytest.mark.parametrize("principal", ["rep_stranger", "foreign_lead"])
def test_who_was_given_the_data_to_change_does_not_decide(world, principal, decision):
    scope = scope_of(world.people[principal])
    with activate(scope):
        services.update_customer(scope=scope, customer_id=world.location.pk, changes={"legal_form": "GmbH"})
        assert not stands_for_owner(scope, world.location)
        with pytest.raises(Forbidden):
            DECISIONS[decision](scope, world.location.pk)
        kept = Customer.objects.get(pk=world.location.pk)
    assert (kept.status, kept.owner_id, kept.deleted_at) == ("PROSPECT", world.people["rep_owner"].pk, None)


@pytest.mark.parametrize("decision", ["activate", "delete", "release"])
def test_the_owner_decides(world, decision):
    scope = scope_of(world.people["rep_owner"])
    with activate(scope):
        DECISIONS[decision](scope, world.location.pk)


def test_a_chain_manager_lowers_no_grant_that_he_may_not_end(world):
    scope = scope_of(world.people["chain_manager"])
    with activate(scope), pytest.raises(Forbidden):
        services.give_grant(
            scope=scope, customer_id=world.location.pk, user_id=world.people["rep_stranger"].pk, level="view"
        )


def test_the_same_delivery_again_lifts_nobody(world):
    scope = scope_of(world.people["manager"])
    with activate(scope):
        delivered = {"customer_id": world.location.pk, "order_number": "A-1", "delivered_at": scope.now - timedelta(1)}
        assert services.record_delivered_order(scope=scope, **delivered)
        Customer.objects.filter(pk=world.location.pk).update(status="RISIKO")
        assert not services.record_delivered_order(scope=scope, **delivered)
        assert CustomerHot.objects.get(pk=world.location.pk).status == "RISIKO"
        newer = {"order_number": "A-2", "delivered_at": scope.now}
        assert services.record_delivered_order(scope=scope, **delivered | newer)


def test_a_chain_manager_changes_the_owner_inside_his_chains(world):
    """Anybody may own what lies in his chains; what lies elsewhere, as his own houses, goes to nobody but himself."""
    stranger, keeper = world.people["rep_stranger"], world.people["chain_manager"]
    scope = scope_of(keeper)
    with activate(scope):
        services.assign_owner(scope=scope, customer_id=world.location.pk, owner_id=stranger.pk)
        assert Customer.objects.get(pk=world.location.pk).owner_id == stranger.pk
        assert str(stranger.pk) in {
            pk for pk, _name in OwnerForm(scope=scope, customer=world.location).fields["owner_id"].choices
        }
        added = services.create_customer(
            scope=scope,
            account_type="LOCATION",
            chain_id=world.chain.pk,
            owner_id=stranger.pk,
            values={"company_name": "Kantinenwerk Tor 4"},
        )
        assert added.owner_id == stranger.pk
        own = services.create_customer(scope=scope, values={"company_name": "Eigenes Haus"})
        assert own.owner_id == keeper.pk
        with pytest.raises(Invalid):
            services.assign_owner(scope=scope, customer_id=own.pk, owner_id=stranger.pk)
        with pytest.raises(Invalid):
            services.create_customer(scope=scope, owner_id=stranger.pk, values={"company_name": "Fremdes Haus"})
        assert {pk for pk, _name in OwnerForm(scope=scope, customer=own).fields["owner_id"].choices} == {
            "",
            str(keeper.pk),
        }
    foreign = scope_of(world.people["foreign_chain_manager"])
    with activate(foreign), pytest.raises(NotFound):
        services.assign_owner(scope=foreign, customer_id=world.location.pk, owner_id=stranger.pk)


def test_a_house_shared_to_change_is_no_chain_of_the_chain_manager(world):
    """His grant on a house that is in no chain is for its data, like everybody's."""
    with activate(scope_of(world.people["manager"])) as scope:
        house = services.create_customer(
            scope=scope, owner_id=world.people["rep_owner"].pk, values={"company_name": "Einzelhaus"}
        )
        grant(world.people["chain_manager"], house)
    scope = scope_of(world.people["chain_manager"])
    with activate(scope):
        services.update_customer(scope=scope, customer_id=house.pk, changes={"legal_form": "GmbH"})
        assert not stands_for_owner(scope, house)
        with pytest.raises(Forbidden):
            services.assign_owner(scope=scope, customer_id=house.pk, owner_id=scope.user_id)


def test_a_chain_manager_is_offered_to_end_only_what_he_may_end(world, as_user):
    """Grants to change are the managers' to end: he sees no button that is refused."""
    page = reverse("customers:detail", args=[world.location.pk])
    to_change, to_read = world.people["rep_stranger"], world.people["dpo"]
    with activate(scope_of(world.people["manager"])) as scope:
        services.give_grant(scope=scope, customer_id=world.location.pk, user_id=to_read.pk, level="view")
    ends = {user: reverse("customers:revoke", args=[world.location.pk, user.pk]) for user in (to_change, to_read)}
    for principal, offered in (("chain_manager", {to_read}), ("manager", {to_change, to_read}), ("rep_owner", set())):
        body = as_user(world.people[principal]).get(page).content.decode()
        assert {user for user, address in ends.items() if address in body} == offered, principal
    client = as_user(world.people["chain_manager"])
    form = client.get(reverse("customers:grant", args=[world.location.pk])).content.decode()
    assert 'value="view"' in form
    assert 'value="change"' not in form
    assert client.post(ends[to_change]).status_code == 403
    assert client.post(ends[to_read]).status_code == 302
