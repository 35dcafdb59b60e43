"""The account's services: make, change, hand over, delete, restore; every refusal."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from crm.core.errors import Conflict, Forbidden, Invalid, NotFound
from customers import services
from customers.models import Customer, CustomerHot
from organisation.models import Organisation, User
from outbox.models import Event
from tests.conftest import make_team, make_user
from tests.customers.test_status import acting, made

People = Callable[..., User]


def test_numbers_follow_each_other(people: People, other_organisation: Organisation) -> None:
    """Per organisation, from K-000001."""
    rep = people()
    assert [made(rep).customer_number for _n in range(3)] == ["K-000001", "K-000002", "K-000003"]
    assert made(make_user(other_organisation)).customer_number == "K-000001"


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"company_name": ""}, "company_name"),
        ({"company_name": "x" * 201}, "company_name"),
        ({"email": "no"}, "email"),
        ({"phone": "no"}, "phone"),
        ({"business_type": "PUB"}, "business_type"),
        ({"expected_annual_volume": -1}, "expected_annual_volume"),
        ({"status": "AKTIV"}, "status"),
        ({"actual_annual_volume": 5}, "actual_annual_volume"),
        ({"is_seasonal_business": True}, "seasonal_months"),
        ({"is_seasonal_business": True, "seasonal_months": [0]}, "seasonal_months"),
    ],
)
def test_faulty_values(people: People, values: dict[str, Any], field: str) -> None:
    """Each is refused at its field, for a new and for an existing customer, and nothing is written."""
    rep = people()
    customer = made(rep)
    with acting(rep) as scope:
        with pytest.raises(Invalid) as refused:
            services.create_customer(scope=scope, values={"company_name": "A", **values})
        assert field in refused.value.errors
        with pytest.raises(Invalid) as refused:
            services.update_customer(scope=scope, customer_id=customer.pk, changes=values)
        assert field in refused.value.errors
        assert Customer.objects.count() == 1


def test_season_fields_hang_together(people: People) -> None:
    """A template brings its months; switched off, all three are empty."""
    rep = people()
    customer = made(rep, is_seasonal_business=True, seasonal_pattern="SKI")
    assert customer.seasonal_months == [1, 2, 3, 12]
    with acting(rep) as scope:
        ids = {"scope": scope, "customer_id": customer.pk}
        own = services.update_customer(**ids, changes={"seasonal_pattern": "CUSTOM", "seasonal_months": [7, 7, 5]})
        assert (own.seasonal_months, own.seasonal_pattern) == ([5, 7], "CUSTOM")
        off = services.update_customer(**ids, changes={"is_seasonal_business": False})
        assert (off.is_seasonal_business, off.seasonal_months, off.seasonal_pattern) == (False, [], "")


def test_changes_merge_and_clash(people: People) -> None:
    """Other fields merge; the same field is a conflict with both values; the same value twice is none."""
    rep = people()
    customer = made(rep)
    with acting(rep) as scope:
        ids = {"scope": scope, "customer_id": customer.pk, "version": 1}
        services.update_customer(**ids, changes={"trading_name": "A"})
        merged = services.update_customer(**ids, changes={"legal_form": "GmbH"})
        assert (merged.trading_name, merged.legal_form, merged.version) == ("A", "GmbH", 3)
        services.update_customer(**ids, changes={"trading_name": "A"})
        with pytest.raises(Conflict) as refused:
            services.update_customer(**ids, changes={"trading_name": "B"})
        assert refused.value.extra["conflicts"] == {"trading_name": ("", "A")}
        with pytest.raises(Conflict):
            services.update_customer(**(ids | {"version": 99}), changes={"trading_name": "B"})


def test_nothing_changed_writes_nothing(people: People) -> None:
    """No version, no history row, no event."""
    rep = people()
    customer = made(rep)
    with acting(rep) as scope:
        before = Customer.history.count()
        services.update_customer(scope=scope, customer_id=customer.pk, changes={"company_name": "Zum Hügel"})
        assert Customer.history.count() == before
        assert Customer.objects.get().version == 1


def test_every_write_is_an_event(people: People) -> None:
    """Created and updated, thin: names of fields, no values."""
    manager = people("MANAGER")
    customer = made(manager)
    with acting(manager) as scope:
        services.update_customer(scope=scope, customer_id=customer.pk, changes={"email": "k@example.org"})
        events = list(Event.objects.order_by("pk").values_list("type", "data"))
    assert [kind for kind, _data in events if kind.startswith("customer.")] == ["customer.created", "customer.updated"]
    assert events[-1][1] == {"customer_id": customer.pk, "fields": ["email"]}


def test_who_changes(people: People, organisation: Organisation) -> None:
    """Owner, his lead, manager, administrator; not auditor or DPO; another rep finds nothing."""
    team = make_team(organisation)
    owner = people(team=team)
    customer = made(owner)
    for n, who in enumerate((owner, people("TEAM_LEAD", leads=team), people("MANAGER"), people("ADMINISTRATOR"))):
        with acting(who) as scope:
            services.update_customer(scope=scope, customer_id=customer.pk, changes={"trading_name": f"Name {n}"})
    refusals = [
        ("AUDITOR", Forbidden),
        ("DPO", Forbidden),
        ("REP", NotFound),
        ("TEAM_LEAD", NotFound),
        ("CHAIN_MANAGER", NotFound),
    ]
    for role, refusal in refusals:
        with acting(people(role)) as scope, pytest.raises(refusal):
            services.update_customer(scope=scope, customer_id=customer.pk, changes={"trading_name": "No"})


def test_owner(people: People, organisation: Organisation) -> None:
    """A rep releases his own, and only that; a lead assigns inside his team; a manager anyone."""
    team = make_team(organisation)
    rep, mate, stranger = people(team=team), people(team=team), people()
    lead, manager = people("TEAM_LEAD", leads=team), people("MANAGER")
    customer = made(rep)
    with acting(rep) as scope, pytest.raises(Forbidden):
        services.assign_owner(scope=scope, customer_id=customer.pk, owner_id=mate.pk)
    with acting(lead) as scope:
        services.assign_owner(scope=scope, customer_id=customer.pk, owner_id=mate.pk, reason="holidays")
        with pytest.raises(Invalid):
            services.assign_owner(scope=scope, customer_id=customer.pk, owner_id=stranger.pk)
        row = Customer.history.filter(id=customer.pk).latest("history_id")
        assert (row.owner_id, row.history_change_reason) == (mate.pk, "holidays")
    with acting(rep) as scope, pytest.raises(NotFound):
        services.assign_owner(scope=scope, customer_id=customer.pk, owner_id=None)
    with acting(mate) as scope:
        services.assign_owner(scope=scope, customer_id=customer.pk, owner_id=None)
        assert not Customer.objects.visible_to(scope).exists()
    with acting(manager) as scope:
        services.assign_owner(scope=scope, customer_id=customer.pk, owner_id=stranger.pk)
        assert CustomerHot.objects.get(pk=customer.pk).owner_id == stranger.pk


def test_locations(people: People) -> None:
    """A location needs its chain, a chain and a single house have none; a rep adds none."""
    manager, rep = people("MANAGER"), people()
    with acting(manager) as scope:
        chain = services.create_customer(scope=scope, account_type="CHAIN", values={"company_name": "Chain"})
        name = {"company_name": "House"}
        for kind, chain_id, refusal in (
            ("LOCATION", None, Invalid),
            ("INDEPENDENT", chain.pk, Invalid),
            ("CHAIN", chain.pk, Invalid),
            ("LOCATION", 999_999, NotFound),
        ):
            with pytest.raises(refusal):
                services.create_customer(scope=scope, account_type=kind, chain_id=chain_id, values=name)
        services.give_grant(scope=scope, customer_id=chain.pk, user_id=rep.pk, level="view")
        location = services.create_customer(scope=scope, account_type="LOCATION", chain_id=chain.pk, values=name)
        with pytest.raises(NotFound):  # no deeper nesting
            services.create_customer(scope=scope, account_type="LOCATION", chain_id=location.pk, values=name)
    with acting(rep) as scope, pytest.raises(Forbidden):
        services.create_customer(scope=scope, account_type="LOCATION", chain_id=chain.pk, values=name)


def test_trash(people: People) -> None:
    """Gone from every read, back with all that hung on it; not by others, and not after 30 days."""
    rep, other = people(), people()
    customer = made(rep)
    with acting(rep) as scope:
        services.add_contact(scope=scope, customer_id=customer.pk, values={"last_name": "Öztürk"})
        services.delete_customer(scope=scope, customer_id=customer.pk)
        assert not Customer.objects.visible_to(scope).exists()
        assert not CustomerHot.objects.exists()
        with pytest.raises(NotFound):
            services.update_customer(scope=scope, customer_id=customer.pk, changes={})
    with acting(other) as scope, pytest.raises(NotFound):
        services.restore_customer(scope=scope, customer_id=customer.pk)
    with acting(rep) as scope:
        assert services.restore_customer(scope=scope, customer_id=customer.pk).contacts.count() == 1
        assert CustomerHot.objects.count() == 1
        services.delete_customer(scope=scope, customer_id=customer.pk)
        Customer.objects.filter(pk=customer.pk).update(deleted_at=scope.now - timedelta(days=31))
        with pytest.raises(NotFound):
            services.restore_customer(scope=scope, customer_id=customer.pk)


def test_a_chain_goes_without_locations(people: People) -> None:
    """First its locations; a location comes back only into a chain that is there, though its owner sees none."""
    manager, rep = people("MANAGER"), people()
    with acting(manager) as scope:
        chain = services.create_customer(scope=scope, account_type="CHAIN", values={"company_name": "Chain"})
        location = services.create_customer(
            scope=scope, account_type="LOCATION", chain_id=chain.pk, owner_id=rep.pk, values={"company_name": "House"}
        )
        with pytest.raises(Conflict):
            services.delete_customer(scope=scope, customer_id=chain.pk)
    with acting(rep) as scope:
        services.delete_customer(scope=scope, customer_id=location.pk)
        services.restore_customer(scope=scope, customer_id=location.pk)
        services.delete_customer(scope=scope, customer_id=location.pk)
    with acting(manager) as scope:
        services.delete_customer(scope=scope, customer_id=chain.pk)
    with acting(rep) as scope, pytest.raises(Conflict):
        services.restore_customer(scope=scope, customer_id=location.pk)


def test_a_lead_deletes_no_chain_with_hidden_locations(people: People, organisation: Organisation) -> None:
    """Locations of other owners count too, though the lead does not see them."""
    team = make_team(organisation)
    owner, lead = people(team=team), people("TEAM_LEAD", leads=team)
    with acting(people("MANAGER")) as scope:
        chain = services.create_customer(
            scope=scope, account_type="CHAIN", owner_id=owner.pk, values={"company_name": "Chain"}
        )
        services.create_customer(
            scope=scope,
            account_type="LOCATION",
            chain_id=chain.pk,
            owner_id=people().pk,
            values={"company_name": "House"},
        )
    with acting(lead) as scope, pytest.raises(Conflict):
        services.delete_customer(scope=scope, customer_id=chain.pk)
