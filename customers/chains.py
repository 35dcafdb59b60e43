"""Chains and their locations: what a scope reads of either. Who sees a location, reads its chain's name and number."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db import connection
from django.db.models import Count, Max, Q, QuerySet, Sum

from crm.core.access import Scope
from crm.core.digits import whole_number
from crm.core.folding import fold
from customers.choices import AccountType, CustomerStatus, SeasonNow
from customers.models import Customer, CustomerHot


@dataclass(frozen=True, slots=True)
class ChainHead:
    """What the head of a location's page says of its chain."""

    pk: int
    company_name: str
    customer_number: str


def chain_heads(ids: Iterable[int]) -> dict[int, ChainHead]:
    """Name and number of these chains, of which the active scope sees at least one location; one query."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT id, company_name, customer_number FROM customers_chain_heads(%s)", [list(ids)])
        return {row[0]: ChainHead(*row) for row in cursor.fetchall()}


@dataclass(frozen=True, slots=True)
class RolledUp:
    """A chain's figures over those of its locations that the scope may read. Volumes in cents, None where none has one."""

    locations: int
    buying: int
    at_risk: int
    paused: int
    expected_cents: int | None
    actual_cents: int | None
    last_order_at: datetime | None


def locations_of(scope: Scope, chain: Customer) -> QuerySet[Customer]:
    """The locations of a chain that the scope may read, by name."""
    return Customer.objects.visible_to(scope).filter(chain=chain).order_by("name_key", "pk")


def locations_by_town(scope: Scope, chain: Customer) -> QuerySet[CustomerHot]:
    """The same locations as lists have them, by town; those without a town come last."""
    return CustomerHot.objects.visible_to(scope).filter(chain_id=chain.pk).order_by("city_key", "name_key", "pk")


def rolled_up(locations: QuerySet[CustomerHot]) -> RolledUp:
    """The figures over these locations; one query. Paused ones are never at risk, archived ones count for nothing."""
    bought = Q(status__in=[CustomerStatus.AKTIV, CustomerStatus.RISIKO])
    paused = Q(season_now=SeasonNow.PAUSED)
    rows = locations.order_by().exclude(status=CustomerStatus.ARCHIVIERT)
    return RolledUp(
        **rows.aggregate(
            locations=Count("pk"),
            buying=Count("pk", filter=bought),
            at_risk=Count("pk", filter=Q(status=CustomerStatus.RISIKO) & ~paused),
            paused=Count("pk", filter=bought & paused),
            expected_cents=Sum("expected_volume_cents"),
            actual_cents=Sum("actual_volume_cents"),
            last_order_at=Max("last_order_at"),
        )
    )


def sees_whole_chain(scope: Scope, chain: Customer) -> bool:
    """Whether `locations_of` is all of them: by role, or by a grant on the chain itself."""
    return scope.sees_all or chain.pk in scope.granted_ids


def chains_for_choice(scope: Scope, text: str, most: int = 8) -> QuerySet[Customer]:
    """Chains that a new location may join, by the beginning of a word of their name."""
    chains = Customer.objects.visible_to(scope).changeable_by(scope).filter(account_type=AccountType.CHAIN)
    key = fold(text)
    if key:
        chains = chains.filter(name_key__contains=key)
    return chains.order_by("name_key", "pk")[:most]


def chosen_chain(scope: Scope, typed: object) -> Customer | None:
    """The chain that a form's field names, None where it names none that the scope may read. At most one query."""
    chain_id = whole_number(str(typed or ""))
    chains = Customer.objects.visible_to(scope).filter(account_type=AccountType.CHAIN)
    return chains.filter(pk=chain_id).first() if chain_id is not None else None
