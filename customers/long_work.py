"""The long tasks of customers: what lists read is brought up to date in batches."""

from __future__ import annotations

from typing import Final

from django.utils.translation import gettext_lazy as _

from crm.core.access import Scope
from customers import projection
from customers.models import Customer, CustomerFieldValue
from customers.services.catalogue import PROJECT_FIELD, finish_projection
from jobs.kinds import Batch, Step, task_kind
from jobs.models import LongTask

BATCH: Final = 5_000  # customers a transaction: about a second of work, so that writers never wait long
WAIT: Final = 1.0  # seconds between two looks at who still writes values


@task_kind(
    PROJECT_FIELD,
    label=_("Bring lists up to date with a field"),
    description=_("Fills or empties what lists filter and sort by, for all customers that hold a value of the field."),
    unit=_("customers"),
    as_system=True,
)
def project_field(scope: Scope, batch: Batch) -> Step:
    """Project who holds a value of the field, 5,000 a batch. Projecting a row that is up to date changes nothing.

    First it waits for the transactions that were writing values when it began: their values are not there to be seen
    yet, and they have projected them without knowing of the slot.
    """
    place = batch.cursor or {"writers": projection.writers_of_values()}
    values = CustomerFieldValue.objects.visible_to(scope).filter(definition_id=batch.parameters["definition_id"])
    if "writers" in place:
        if writing := projection.writers_of_values(place["writers"]):
            return Step(cursor={"writers": writing}, wait=WAIT)
        return Step(cursor={"last": 0}, total=values.count())
    holders = values.filter(customer_id__gt=place["last"]).order_by("customer_id")
    ids = list(holders.values_list("customer_id", flat=True)[:BATCH])
    if not ids:
        newer = LongTask.objects.visible_to(scope).filter(kind=PROJECT_FIELD, pk__gt=batch.task_id)
        # What changed since has a task of its own: that one alone knows when all is done.
        if not newer.filter(parameters__definition_id=batch.parameters["definition_id"]).exists():
            finish_projection(scope=scope, definition_id=batch.parameters["definition_id"])
        return Step(cursor=place, finished=True)
    projection.project(ids)
    return Step(cursor={"last": ids[-1]}, done=len(ids))


@task_kind(
    "customers.rebuild",
    label=_("Rebuild lists and search"),
    description=_(
        "Makes anew what lists and search read of every customer. Needed only after a fault; harmless at any time."
    ),
    unit=_("customers"),
    right="jobs.manage",
    as_system=True,
    by_hand=True,
)
def rebuild(scope: Scope, batch: Batch) -> Step:
    """Project and index every customer again, 5,000 a batch."""
    total = Customer.objects.visible_to(scope).count() if batch.cursor is None else None
    ids = projection.rebuild_batch(batch.cursor or 0)
    return Step(cursor=ids[-1] if ids else batch.cursor, done=len(ids), total=total, finished=not ids)
