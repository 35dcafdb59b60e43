"""Whom a notice is for: people of certain roles, and whether they are the ones who may see it."""

from __future__ import annotations

from collections.abc import Sequence

from crm.core.access import Scope
from messaging.registry import Seers
from organisation.choices import Role
from organisation.models import User


def people_of(scope: Scope, *roles: Role) -> list[int]:
    """Ids of the organisation's active people with one of these roles."""
    return list(
        User.objects.visible_to(scope).active().filter(role__in=roles).order_by("pk").values_list("pk", flat=True)
    )


def seen_by(*roles: Role) -> Seers:
    """A check for `notice_subject`: the subject is for these roles, whichever it is."""

    def seers(scope: Scope, _subject_id: int, user_ids: Sequence[int]) -> set[int]:
        rows = User.objects.visible_to(scope).filter(pk__in=user_ids, role__in=roles)
        return set(rows.values_list("pk", flat=True))

    return seers
