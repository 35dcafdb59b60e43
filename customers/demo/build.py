"""The two demo organisations in one transaction, and more customers for trying."""

from __future__ import annotations

import random
from typing import Final

from django.db import transaction
from django.db.models import Q

from crm.core.access import Scope, activate, system_scope_for
from customers.catalogue_starter import install_starter_catalogue
from customers.choices import AccountType
from customers.demo import people
from customers.demo.life import live
from customers.demo.rows import MAPPING, Setting, demo_rows
from customers.demo.sample import austrian_streets, berlin_streets
from customers.importing import import_customers
from customers.models import Customer
from customers.services.grants import give_grant
from organisation.access import scope_for
from organisation.choices import Role
from organisation.models import Organisation, User

CUSTOMERS: Final = 2_000
CUSTOMERS_AUSTRIA: Final = 48
_SEEDS: Final = {people.FIRST: 2_026, people.SECOND: 2_031}  # the same customers in every demo
_CHAINS_GRANTED: Final = 5
_SHARED_WITH_REP: Final = 4


@transaction.atomic
def build_demo(*, customers: int = CUSTOMERS) -> list[people.Login]:
    """Make both organisations and put their sign-ins into the data folder; all or nothing."""
    logins = _build(people.FIRST, people.STAFF, zone="Europe/Berlin", customers=customers)
    logins += _build(
        people.SECOND, people.STAFF_AUSTRIA, zone="Europe/Vienna", customers=min(customers, CUSTOMERS_AUSTRIA)
    )
    people.write_logins(logins)
    return logins


def _build(name: str, staff: tuple[people.Person, ...], *, zone: str, customers: int) -> list[people.Login]:
    pk = people.next_organisation_id()
    with activate(system_scope_for(pk, job="demo", zone=zone)) as system:
        organisation = Organisation.objects.create(pk=pk, name=name, zone=zone, is_demo=True)
        logins = people.create_people(organisation, staff)
        install_starter_catalogue(scope=system)
        _add_customers(system, random.Random(_SEEDS[name]), customers, with_chains=name == people.FIRST)  # noqa: S311 - no secret
        if name == people.FIRST:
            _share(system)
    return logins


@transaction.atomic
def add_customers(*, scope: Scope, count: int) -> int:
    """Add `count` generated customers to the scope's organisation, others each time; how many it made."""
    return _add_customers(scope, random.SystemRandom(), count, with_chains=False)


def _add_customers(scope: Scope, rng: random.Random, count: int, *, with_chains: bool) -> int:
    manager = User.objects.select_related("organisation").filter(
        organisation_id=scope.organisation_id, role=Role.MANAGER
    )
    importing = scope_for(manager.order_by("pk")[0], source="import")
    with activate(importing):
        report = import_customers(
            scope=importing,
            mapping=MAPPING,
            rows=demo_rows(rng, _setting(scope), count, with_chains=with_chains),
            on_duplicate="create",
            label="Demo",
        )
    if report.change_set_id is None:
        return 0
    made = Customer.history.filter(history_change_set_id=report.change_set_id, history_type="+").values_list(
        "id", flat=True
    )
    live(scope, rng, list(made))
    return report.created


def _setting(scope: Scope) -> Setting:
    """Streets and owners: each team's members own what lies in its regions, some rows nobody."""
    users = list(
        User.objects.filter(organisation_id=scope.organisation_id, is_active=True).select_related("team").order_by("pk")
    )
    sellers = [user for user in users if user.role in {Role.REP, Role.TEAM_LEAD}]
    owners: dict[str, list[str]] = {}
    for user in sellers:
        shares = 6 if user.role == Role.REP else 2
        for region in user.team.postcode_regions if user.team else [""]:
            owners.setdefault(region, []).extend([user.email] * shares)
    for mails in owners.values():
        mails.append("")
    is_austrian = any(user.email.endswith("austria.example") for user in users)
    streets = austrian_streets() if is_austrian else berlin_streets()
    return Setting(streets=streets, owners=dict(owners), year=scope.today.year)


def _share(scope: Scope) -> None:
    """Chains for the chain manager to change, and some of the south's customers for the north's rep to see."""
    in_role = User.objects.filter(organisation_id=scope.organisation_id).order_by("pk")
    chain_manager = in_role.get(role=Role.CHAIN_MANAGER)
    north, south = in_role.filter(role=Role.REP)[:2]
    customers = Customer.objects.filter(organisation_id=scope.organisation_id).order_by("pk")
    for chain in customers.filter(account_type=AccountType.CHAIN)[:_CHAINS_GRANTED]:
        give_grant(scope=scope, customer_id=chain.pk, user_id=chain_manager.pk, level="change")
    for customer in customers.filter(~Q(account_type=AccountType.CHAIN), owner=south)[:_SHARED_WITH_REP]:
        give_grant(scope=scope, customer_id=customer.pk, user_id=north.pk, level="view")
