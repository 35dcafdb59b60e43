"""The life of a customer: all 25 pairs of status, activation, who may."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest

from crm.core.access import Scope, activate
from crm.core.errors import Conflict, Forbidden, Invalid, NotFound
from customers import services
from customers.choices import CustomerStatus as S
from customers.models import Customer
from customers.transitions import ALLOWED
from organisation.models import Organisation, User
from outbox.models import Event
from tests.conftest import make_team, scope_of

People = Callable[..., User]


@contextmanager
def acting(user: User) -> Iterator[Scope]:
    """The user's scope, active."""
    with activate(scope_of(user)) as scope:
        yield scope


def made(owner: User, **values: object) -> Customer:
    """A customer of `owner`, in the status that is asked for."""
    status = values.pop("status", None)
    with acting(owner) as scope:
        customer = services.create_customer(scope=scope, values={"company_name": "Zum Hügel", **values})
        if status:
            Customer.objects.filter(pk=customer.pk).update(status=status)
    return customer


@pytest.mark.parametrize(("old", "new"), list(itertools.product(S.values, S.values)))
def test_all_pairs_by_hand(people: People, old: str, new: str) -> None:
    """By hand only archiving and reopening; staying changes nothing; all else is refused and names what is possible."""
    customer = made(people(), status=old)
    with acting(people("MANAGER")) as scope:
        by_hand = {S.ARCHIVIERT, S.PROSPECT}
        if old == new or (new in ALLOWED[old] and new in by_hand):
            services.change_status(scope=scope, customer_id=customer.pk, status=new, reason="season is over")
            expected = new
        else:
            with pytest.raises(Conflict) as refused:
                services.change_status(scope=scope, customer_id=customer.pk, status=new, reason="no")
            assert set(refused.value.extra["allowed"]) == ALLOWED[old] & by_hand
            expected = old
        assert Customer.objects.get(pk=customer.pk).status == expected


def test_ten_of_25_pairs_are_allowed() -> None:
    """The table is the rule's: ten steps, none of them to oneself."""
    pairs = [(old, new) for old, after in ALLOWED.items() for new in after]
    assert len(pairs) == 10
    assert all(old != new for old, new in pairs)


def test_a_step_needs_a_reason_and_keeps_it(people: People) -> None:
    """Without a reason nothing; with one it stands in the history, with the actor."""
    customer, manager = made(people()), people("MANAGER")
    with acting(manager) as scope:
        with pytest.raises(Invalid) as refused:
            services.change_status(scope=scope, customer_id=customer.pk, status=S.ARCHIVIERT, reason="  ")
        assert refused.value.errors.keys() == {"reason"}
        services.change_status(scope=scope, customer_id=customer.pk, status=S.ARCHIVIERT, reason="closed for good")
        row = Customer.history.filter(id=customer.pk).latest("history_id")
        assert (row.status, row.history_change_reason, row.history_actor) == (
            S.ARCHIVIERT,
            "closed for good",
            f"user:{manager.pk}",
        )


@pytest.mark.parametrize(("old", "lifts"), [(S.PROSPECT, True), (S.RISIKO, True), (S.INAKTIV, True), (S.AKTIV, False)])
def test_activation_lifts(people: People, old: str, lifts: bool) -> None:
    """A delivered order by hand lifts all but AKTIV, which stays and says so."""
    owner = people()
    customer = made(owner, status=old)
    with acting(owner) as scope:
        assert services.activate_customer(scope=scope, customer_id=customer.pk, order_number=" B-17 ") is lifts
        after = Customer.objects.get(pk=customer.pk)
        assert after.status == S.AKTIV
        if lifts:
            assert (after.first_order_number, after.activated_by_id) == ("B-17", owner.pk)
            row = Customer.history.filter(id=customer.pk).latest("history_id")
            assert row.history_change_reason == f"Activated by {owner.name} - Order: B-17"


def test_activation_twice_changes_nothing(people: People) -> None:
    """The second press writes no row and no event."""
    customer = made(people())
    with acting(people("MANAGER")) as scope:
        assert services.activate_customer(scope=scope, customer_id=customer.pk)
        rows, events = Customer.history.filter(id=customer.pk).count(), _activations(customer)
        assert not services.activate_customer(scope=scope, customer_id=customer.pk)
        assert (Customer.history.filter(id=customer.pk).count(), _activations(customer)) == (rows, events)
        assert events == 1


def _activations(customer: Customer) -> int:
    return Event.objects.filter(type="customer.activated", data__customer_id=customer.pk).count()


def test_archived_is_not_activated(people: People) -> None:
    """A manager reopens first."""
    owner = people()
    customer = made(owner, status=S.ARCHIVIERT)
    with acting(owner) as scope, pytest.raises(Conflict):
        services.activate_customer(scope=scope, customer_id=customer.pk)


def test_who_activates(people: People, organisation: Organisation) -> None:
    """Owner, his team lead and a manager; not a chain manager, an auditor, or a rep it is only shared with."""
    team = make_team(organisation)
    owner, lead = people(team=team), people("TEAM_LEAD", leads=team)
    for who in (owner, lead, people("MANAGER")):
        with acting(who) as scope:
            assert services.activate_customer(scope=scope, customer_id=made(owner).pk)
    reader = people()
    customer = made(owner)
    with acting(people("MANAGER")) as scope:
        services.give_grant(scope=scope, customer_id=customer.pk, user_id=reader.pk, level="view")
    for who in (reader, people("AUDITOR"), people("DPO")):
        with acting(who) as scope, pytest.raises(Forbidden):
            services.activate_customer(scope=scope, customer_id=customer.pk)
    with acting(people()) as scope, pytest.raises(NotFound):
        services.activate_customer(scope=scope, customer_id=customer.pk)


def test_a_delivery_in_the_future_is_refused(people: People) -> None:
    """An order that is not delivered yet does not activate."""
    owner = people()
    customer = made(owner)
    with acting(owner) as scope, pytest.raises(Invalid):
        services.record_delivered_order(
            scope=scope, customer_id=customer.pk, order_number="1", delivered_at=scope.now + timedelta(minutes=1)
        )


def test_a_long_reason_stands_whole_in_the_history(people: People) -> None:
    """Forms take five hundred letters; so does the history."""
    manager = people("MANAGER")
    customer = made(manager)
    with acting(manager) as scope:
        services.change_status(scope=scope, customer_id=customer.pk, status="ARCHIVIERT", reason="ü" * 500)
        assert customer.history.latest().history_change_reason == "ü" * 500
