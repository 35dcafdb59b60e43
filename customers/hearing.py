"""What subscribers of events may know of customers, and tell them apart by."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from django.utils.translation import gettext_lazy as _

from crm.core.access import Scope
from crm.core.filters import FieldType, FilterField, FilterRegistry, column, through
from customers.models import Customer
from organisation.models import User
from outbox.visibility import register_condition, register_subject

# Of the account itself, not of the hot projection: who saw an account hears that it lies in the trash.
ACCOUNT: Final = FilterRegistry(
    "account",
    [
        FilterField(key="owner", label=_("Owner"), type=FieldType.USER, build=column("owner_id")),
        FilterField(
            key="team",
            label=_("Team"),
            type=FieldType.REFERENCE,
            build=through(User.objects.visible_to, "team_id", link="pk", to="owner_id"),
        ),
    ],
)


def known(scope: Scope, ids: Collection[int]) -> list[int]:
    """Those of the customers that the scope sees, or saw before they came into the trash."""
    return list(Customer.objects.known_to(scope).filter(pk__in=ids).values_list("pk", flat=True))


def register() -> None:
    """Called once at start-up."""
    register_subject("customer", known)
    register_condition("customer", ACCOUNT, Customer.objects.known_to)
