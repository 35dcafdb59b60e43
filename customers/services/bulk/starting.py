"""Asking for a change of many."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from django.core.serializers.json import DjangoJSONEncoder
from django.db import transaction
from django.utils.translation import gettext as _

from crm.core.access import Scope
from crm.core.errors import Conflict
from customers.services.bulk.changes import change_of
from customers.services.bulk.selection import Selection
from jobs.models import LongTask
from jobs.services import open_change_set, start_task

BULK: Final = "customers.bulk"


@transaction.atomic
def start_bulk(
    *, scope: Scope, action: str, values: Mapping[str, Any], selection: Selection, promised: int | None = None
) -> LongTask:
    """Let a worker do `action` (see `Bulk`) with `values` on all of `selection`, as the person who asks; one change set.

    Rights and rules hold for each row when its turn comes; a row that they refuse is left alone and named. `promised` is the
    number that the person agreed to. Raises Forbidden (no right to any of it), Invalid (values, filter), Conflict (by now
    more match than promised, or nobody does).
    """
    change = change_of(action, values)
    scope.require(change.right)
    change.prepare(scope)
    total = selection.count(scope)
    if not total:
        raise Conflict(_("Nobody matches any more."), field="count")
    if promised is not None and total > promised:
        raise Conflict(
            _("By now %(now)d customers match, not %(then)d. Look at the list again.")
            % {"now": total, "then": promised},
            field="count",
        )
    label = change.label()
    batch = open_change_set(scope=scope, kind="bulk", label=label)
    return start_task(
        scope=scope,
        kind=BULK,
        parameters={"action": action, "values": _plain(change.kept(values)), "selection": selection.parameters()},
        label=label,
        change_set_id=batch.change_set_id,
        total=total,
    )


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """Dates and amounts as text, as a task keeps them; a change reads them from both."""
    plain: dict[str, Any] = json.loads(json.dumps(dict(values), cls=DjangoJSONEncoder))
    return plain
