"""From guardian's rows to what a scope carries: one query per request, never one per row."""

from __future__ import annotations

from customers.models import CustomerUserPermission
from organisation.access import Grants


def grants_of(user_id: int) -> Grants:
    """The accounts granted to a user; a right to change is also one to see."""
    rows = CustomerUserPermission.objects.filter(user_id=user_id).values_list(
        "content_object_id", "permission__codename"
    )
    granted, changeable = set(), set()
    for customer_id, codename in rows:
        granted.add(customer_id)
        if codename == "change_customer":
            changeable.add(customer_id)
    return Grants(granted_ids=frozenset(granted), changeable_ids=frozenset(changeable))
