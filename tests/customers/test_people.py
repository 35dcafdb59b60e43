"""Contacts, addresses, tags and sharing."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from crm.core.errors import Conflict, Forbidden, Invalid, NotFound
from customers import services
from customers.chains import chain_heads
from customers.forms import GrantForm
from customers.models import Address, Contact, Customer
from customers.panels import tags_of
from organisation.models import Organisation, User
from tests.conftest import make_team
from tests.customers.test_status import acting, made

People = Callable[..., User]


def test_contacts(people: People) -> None:
    """Numbers become E.164; missing name and wrong number are refused at their fields; removal stays in the history."""
    rep = people()
    customer = made(rep)
    with acting(rep) as scope:
        ids = {"scope": scope, "customer_id": customer.pk}
        contact = services.add_contact(**ids, values={"last_name": "Käßbohrer", "mobile": "0151 23456789"})
        assert contact.mobile == "+4915123456789"
        for values, field in (({"last_name": ""}, "last_name"), ({"last_name": "X", "phone": "no"}, "phone")):
            with pytest.raises(Invalid) as refused:
                services.add_contact(**ids, values=values)
            assert list(refused.value.errors) == [field]
        services.change_contact(**ids, contact_id=contact.pk, changes={"role": "HEAD_CHEF"}, version=1)
        services.change_contact(**ids, contact_id=contact.pk, changes={"first_name": "Jörn"}, version=1)  # merges
        with pytest.raises(Conflict) as clash:
            services.change_contact(**ids, contact_id=contact.pk, changes={"role": "OWNER"}, version=1)
        assert clash.value.extra["conflicts"] == {"role": ("OTHER", "HEAD_CHEF")}
        services.remove_contact(**ids, contact_id=contact.pk)
        assert not Contact.objects.filter(customer=customer).exists()
        assert Contact.history.filter(customer_id=customer.pk).order_by("history_id").last().history_type == "-"


def test_a_contact_of_another_customer_is_not_found(people: People) -> None:
    """The id alone opens nothing."""
    rep = people()
    mine, other = made(rep), made(rep)
    with acting(rep) as scope:
        contact = services.add_contact(scope=scope, customer_id=other.pk, values={"last_name": "Öztürk"})
        with pytest.raises(NotFound):
            services.change_contact(scope=scope, customer_id=mine.pk, contact_id=contact.pk, changes={"last_name": "X"})
        with pytest.raises(NotFound):
            services.remove_contact(scope=scope, customer_id=mine.pk, contact_id=contact.pk)


def test_one_primary_address_a_kind(people: People) -> None:
    """A new primary takes the place of the old one; an empty address is refused."""
    rep = people()
    customer = made(rep)
    with acting(rep) as scope:
        ids = {"scope": scope, "customer_id": customer.pk}
        first = services.add_address(**ids, values={"kind": "DELIVERY", "postcode": "14467", "city": "Potsdam"})
        second = services.add_address(**ids, values={"kind": "DELIVERY", "postcode": "10115", "city": "Berlin"})
        assert Address.objects.get(customer=customer, is_primary=True).pk == second.pk
        services.change_address(**ids, address_id=first.pk, changes={"is_primary": True})
        assert Address.objects.get(customer=customer, is_primary=True).pk == first.pk
        with pytest.raises(Invalid):
            services.add_address(**ids, values={"kind": "BILLING"})
        services.remove_address(**ids, address_id=second.pk)
        assert Address.objects.filter(customer=customer).count() == 1


def test_tags(people: People) -> None:
    """Exactly the named ones; the same again writes nothing; too long is refused."""
    rep = people()
    customer = made(rep)
    with acting(rep) as scope:
        for names, stored in (
            (["Regional", " Menü ", ""], ["Menü", "Regional"]),
            (["Regional"], ["Regional"]),
            ([], []),
        ):
            services.set_tags(scope=scope, customer_id=customer.pk, names=names)
            assert tags_of(scope, customer) == stored
        with pytest.raises(Invalid):
            services.set_tags(scope=scope, customer_id=customer.pk, names=["x" * 41])


def test_tags_of_two_people_at_once(people: People) -> None:
    """Who saved first keeps his: a tag added meanwhile stays, one taken away meanwhile does not come back."""
    rep = people()
    customer = made(rep)
    with acting(rep) as scope:
        ids = {"scope": scope, "customer_id": customer.pk}
        seen = ["Menü", "Regional", "Terrasse"]
        services.set_tags(**ids, names=seen)
        services.set_tags(**ids, names=["Bio", "Menü", "Regional"], seen=seen)
        services.set_tags(**ids, names=["Regional", "Terrasse", "Vegan"], seen=seen)
        assert tags_of(scope, customer) == ["Bio", "Regional", "Vegan"]


def test_sharing(people: People) -> None:
    """A grant opens at once, to read or to change, and ends at once."""
    rep, colleague = people(), people()
    customer = made(rep)
    manager = people("MANAGER")
    update = {"customer_id": customer.pk, "changes": {"trading_name": "Hügel"}}
    with acting(colleague) as scope, pytest.raises(NotFound):
        services.update_customer(scope=scope, **update)
    with acting(manager) as scope:
        services.give_grant(scope=scope, customer_id=customer.pk, user_id=colleague.pk, level="view")
    with acting(colleague) as scope, pytest.raises(Forbidden):
        services.update_customer(scope=scope, **update)
    with acting(manager) as scope:
        services.give_grant(scope=scope, customer_id=customer.pk, user_id=colleague.pk, level="change")
    with acting(colleague) as scope:
        assert services.update_customer(scope=scope, **update).trading_name == "Hügel"
    with acting(manager) as scope:
        services.revoke_grant(scope=scope, customer_id=customer.pk, user_id=colleague.pk)
    with acting(colleague) as scope:
        assert not Customer.objects.visible_to(scope).filter(pk=customer.pk).exists()


def test_a_chain_shared_shares_its_locations(people: People) -> None:
    """Also those added later; the chain manager shares locations for reading, and nothing else."""
    manager, keeper, rep = people("MANAGER"), people("CHAIN_MANAGER"), people()
    with acting(manager) as scope:
        chain = services.create_customer(scope=scope, account_type="CHAIN", values={"company_name": "Frischehof"})
        services.give_grant(scope=scope, customer_id=chain.pk, user_id=keeper.pk, level="change")
        location = services.create_customer(
            scope=scope, account_type="LOCATION", chain_id=chain.pk, values={"company_name": "Frischehof Mitte"}
        )
    with acting(keeper) as scope:
        assert Customer.objects.visible_to(scope).filter(pk=location.pk).exists()
        services.give_grant(scope=scope, customer_id=location.pk, user_id=rep.pk, level="view")
        for customer_id, level in ((location.pk, "change"), (chain.pk, "view")):
            with pytest.raises(Forbidden):
                services.give_grant(scope=scope, customer_id=customer_id, user_id=rep.pk, level=level)
        with pytest.raises(Forbidden):
            services.revoke_grant(scope=scope, customer_id=chain.pk, user_id=keeper.pk)
    with acting(rep) as scope:
        assert not Customer.objects.visible_to(scope).filter(pk=chain.pk).exists()
        assert chain_heads([chain.pk])[chain.pk].company_name == "Frischehof"
    with acting(people()):
        assert chain_heads([chain.pk]) == {}


def test_team_lead_shares_inside_the_team(people: People, organisation: Organisation) -> None:
    """A lead shares what his team looks after; a rep shares nothing."""
    team = make_team(organisation)
    rep, lead, mate, other = people(team=team), people("TEAM_LEAD", leads=team), people(team=team), people()
    customer = made(rep)
    with acting(lead) as scope:
        services.give_grant(scope=scope, customer_id=customer.pk, user_id=mate.pk, level="view")
        with pytest.raises(Invalid) as refused:
            services.give_grant(scope=scope, customer_id=customer.pk, user_id=other.pk, level="view")
        assert refused.value.field == "user_id"
        assert {user for user, _name in GrantForm(scope=scope).fields["user_id"].choices} == {
            "",
            str(rep.pk),
            str(mate.pk),
        }
    with acting(people("MANAGER")) as scope:
        services.give_grant(scope=scope, customer_id=customer.pk, user_id=other.pk, level="view")
    for who in (rep, mate):
        with acting(who) as scope, pytest.raises(Forbidden):
            services.give_grant(scope=scope, customer_id=customer.pk, user_id=lead.pk, level="view")
