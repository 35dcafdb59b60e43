"""The dashboard's figures, kept by owner where counting them takes longer than a page may."""

from __future__ import annotations

from django.db import transaction

from crm.core.access import Scope
from crm.core.paging import capped_count
from customers import dashboard
from customers.models import CustomerFigure, CustomerHot


@transaction.atomic
def keep_figures(*, scope: Scope) -> dict[str, int]:
    """Count and keep the figures of each owner in a large organisation; in a small one nothing is kept that would lag.

    For jobs: the scope sees the whole organisation. Returns of how many owners.
    """
    rows, kept = CustomerHot.objects.visible_to(scope), CustomerFigure.objects.visible_to(scope)
    kept.delete()
    if not capped_count(rows, dashboard.COUNTED_LIVE).is_capped:
        return {"owners": 0}
    counted = dashboard.count_by_owner(dashboard.list_state(scope), rows)
    own = {"organisation_id": scope.organisation_id, "counted_at": scope.now}
    CustomerFigure.objects.bulk_create(
        [
            CustomerFigure(**own, owner_id=owner, key=key, number=number)
            for owner, figures in counted.items()
            for key, number in figures.items()
        ],
        ignore_conflicts=True,  # of two at once one has kept them
    )
    return {"owners": len(counted)}
