"""Change sets: opening and undoing them."""

from __future__ import annotations

from django.db import transaction

from crm.core.access import Scope
from jobs.models import ChangeSet


@transaction.atomic
def open_change_set(*, scope: Scope, kind: str, label: str) -> Scope:
    """Begin a batch: the scope to activate for it. History rows and events written under it carry its id."""
    change_set = ChangeSet.objects.create(
        organisation_id=scope.organisation_id,
        kind=kind,
        label=label[:200],
        actor=scope.actor,
        source=scope.source,
        created_at=scope.now,
    )
    return scope.with_change_set(change_set.pk)
