"""A grant to change is for the data: what the owner decides stays his, his team lead's and the managers'."""

from __future__ import annotations

from datetime import timedelta

import pytest

from crm.core.access import activate
from crm.core.errors import Forbidden
from customers import services
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
        assert services.record_delivered_order(scope=scope, **delivered | {"delivered_at": scope.now})
