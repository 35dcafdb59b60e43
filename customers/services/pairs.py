"""What people say of possible duplicates of the stock. That they are one is said by a merge."""

from __future__ import annotations

from django.db import transaction
from django.utils.translation import gettext as _

from crm.core.access import Scope
from crm.core.errors import Forbidden
from customers.models import DuplicatePair


@transaction.atomic
def part_pair(*, scope: Scope, pair_id: int, are_two: bool = True) -> DuplicatePair:
    """Remember that the two accounts are not the same, or (`are_two` False) ask again; said twice it stays as it was.

    Raises NotFound (missing, or one of the two is hidden), Forbidden (one of the two is not his to change).
    """
    visible = DuplicatePair.objects.visible_to(scope)
    pair = visible.select_for_update(of=("self",)).get_or_not_found(pk=pair_id)
    scope.require("customers.change")
    if not visible.changeable_by(scope).filter(pk=pair_id).exists():
        raise Forbidden(_("Who may change both accounts decides about them."))
    if (pair.parted_at is not None) != are_two:
        pair.parted_at, pair.parted_by_id = (scope.now, scope.user_id) if are_two else (None, None)
        pair.save(update_fields=["parted_at", "parted_by"])
    return pair
