"""From guardian's rows to what a scope carries: one query per request, never one per row."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet

from customers.models import CustomerUserPermission


def grants_of(user_id: int) -> QuerySet[Any, tuple[str, int]]:
    """The accounts granted to a user, each with what he may do there."""
    rows = CustomerUserPermission.objects.filter(user_id=user_id)
    return rows.values_list("permission__codename", "content_object_id")
