"""Search for mistyped words tells only words of customers that the asker sees, and the limit cuts only among those."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import transaction
from django.test import Client
from django.utils import timezone

from crm.core.access import Scope, activate, system_scope_for
from customers import services
from customers.account_list import CUSTOMERS
from customers.choices import AccountType
from customers.duplicates import Evidence, find_twins
from customers.models import Customer, CustomerHot
from customers.search import Found, resembling
from organisation.choices import Role
from organisation.models import User
from tests.conftest import make_team
from tests.customers.test_status import acting

pytestmark = [pytest.mark.django_db, pytest.mark.wall]

People = Callable[..., User]
TYPED = "bergblickstube"
HIDDEN = [
    f"Bergblickstube{letter}" for letter in "bcdfghjklmnpqrstvwxyz"
]  # more of them, and more alike, than the limit


def create(of: User, *names: str, owner: User | None = None, **values: object) -> list[Customer]:
    """Customers of these names in the organisation of `of`."""
    with transaction.atomic(), activate(system_scope_for(of.organisation_id, job="test")):
        there = Customer.objects.count()
        return [
            Customer.objects.create(
                organisation_id=of.organisation_id,
                company_name=name,
                customer_number=f"K-{number:06d}",
                owner=owner,
                status_since=timezone.now(),
                **values,
            )
            for number, name in enumerate(names, start=there + 1)
        ]


def like(scope: Scope, typed: str = TYPED) -> Found:
    """What search finds by similar words."""
    return resembling(CustomerHot.objects.visible_to(scope), typed, scope)


def found(scope: Scope, typed: str = TYPED) -> tuple[list[int], tuple[str, ...]]:
    """Ids and words that search finds by similar words."""
    result = like(scope, typed)
    return sorted(result.customers.values_list("pk", flat=True)), result.similar


def test_a_rep_reads_no_word_of_a_colleagues_customer(people: People, as_user: Callable[[User], Client]) -> None:
    """Neither from the search itself nor on the page; the colleague does."""
    rep, colleague = people(), people()
    (customer,) = create(rep, "Xaverlhof Geheim", owner=colleague)
    with acting(rep) as scope:
        assert found(scope, "xavrelhof") == ([], ())
    with acting(colleague) as scope:
        assert found(scope, "xavrelhof") == ([customer.pk], ("xaverlhof",))
    assert "xaverlhof" not in as_user(rep).get(CUSTOMERS.path + "?q=xavrelhof").content.decode().lower()
    assert "xaverlhof" in as_user(colleague).get(CUSTOMERS.path + "?q=xavrelhof").content.decode().lower()


@pytest.mark.parametrize("ground", ["owner", "team", "grant", "chain", "unowned"])
def test_hidden_words_push_no_visible_one_out(people: People, ground: str) -> None:
    """More hidden words than the limit, each more alike: the visible one is still found, on every ground of access."""
    colleague, manager, asker = people(), people(Role.MANAGER), people()
    create(asker, *HIDDEN, owner=colleague)
    values: dict[str, object] = {"owner": None}
    if ground == "owner":
        values["owner"] = asker
    elif ground == "team":
        team = make_team(asker.organisation)
        asker, values["owner"] = people(Role.TEAM_LEAD, team=team, leads=team), people(team=team)
    elif ground == "chain":
        (chain,) = create(asker, "Kette", account_type=AccountType.CHAIN)
        values |= {"account_type": AccountType.LOCATION, "chain": chain}
    (customer,) = create(asker, "Bergblickstuhl", **values)
    if ground in {"grant", "chain"}:
        with acting(manager) as scope:
            shared = customer if ground == "grant" else chain
            services.give_grant(scope=scope, customer_id=shared.pk, user_id=asker.pk, level="view")
    with acting(asker) as scope:
        assert found(scope) == (([], ()) if ground == "unowned" else ([customer.pk], ("bergblickstuhl",)))
    with acting(manager) as scope:
        assert found(scope)[1][0] in {name.lower() for name in HIDDEN}
        assert like(scope).customers.count() == 20


def test_a_word_that_nobody_has_any_more_is_not_told(people: People) -> None:
    """The vocabulary keeps it; not even a manager reads it once its customer has another name."""
    manager = people(Role.MANAGER)
    (customer,) = create(manager, "Xaverlhof")
    with acting(manager) as scope:
        assert found(scope, "xavrelhof") == ([customer.pk], ("xaverlhof",))
        services.update_customer(scope=scope, customer_id=customer.pk, changes={"company_name": "Lindenwirt"})
        assert found(scope, "xavrelhof") == ([], ())


def test_a_mistyped_twin_that_is_hidden_is_still_hinted_at(people: People) -> None:
    """The duplicate hint knows hidden customers by similar words too; it tells only that there is one."""
    rep = people()
    colleague = people()
    (customer,) = create(rep, "Sonnenuntergangsterrasse", owner=colleague)
    with acting(colleague) as scope:
        services.add_address(scope=scope, customer_id=customer.pk, values={"postcode": "14467", "city": "Potsdam"})
    with acting(rep) as scope:
        twins = find_twins(scope, Evidence(name="Sonnenuntergangsterasse", postcode="14467"))
        assert (list(twins.visible), twins.hidden) == ([], True)
