"""What keeps customers in order by itself: the turn of seasons, the figures, the end of the trash; and what change sets can undo."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from crm.core.access import Scope
from customers import projection, services
from customers.events import CustomerUpdated
from customers.models import (
    Address,
    Contact,
    Customer,
    CustomerFieldValue,
    CustomerTag,
    CustomerUserPermission,
    DeliveredOrder,
    ExternalKey,
    LifeMark,
)
from customers.querysets import CustomerQuerySet
from customers.services.files import forget_files
from customers.services.merging import MERGE, UNDO_DAYS
from jobs.registry import trash_eraser, undoable, undone_within
from jobs.schedule import periodic
from outbox.services import publish_many

BATCH: Final = 500  # customers erased at a time, each with all that hangs on it
ERASING: Final = 60.0  # seconds that one call goes on; what is left waits for the next day


@periodic(
    every=timedelta(hours=1),
    name="customers.turn_seasons",
    label=_("Turn the seasons"),
    description=_("Lists show at the beginning of a month whose season began or ended."),
    counted={"customers": _("customers")},
)
def turn_seasons(scope: Scope) -> dict[str, int]:
    """Project again whose season began or ended with the new month; how many."""
    return {"customers": projection.turn_seasons(scope)}


@periodic(
    every=timedelta(minutes=15),
    label=_("Count the figures of customers"),
    description=_("The overview of a large organisation shows them with the time of the count; small ones count live."),
    counted={"owners": _("owners")},
)
def figures(scope: Scope) -> dict[str, int]:
    """Keep the dashboard's figures where they are too many to count for each page."""
    return services.keep_figures(scope=scope)


@periodic(
    every=timedelta(hours=1),
    name="customers.forget_files",
    label=_("Forget files of exports and imports"),
    description=_("A file is kept for a week; who made it, of what and how many rows it had stays known."),
    counted={"files": _("files")},
)
def forget_old_files(scope: Scope) -> dict[str, int]:
    """Take away the bytes of files that are older than a week; of how many."""
    return {"files": forget_files(scope=scope)}


@trash_eraser("customers.accounts")
def erase_trash(scope: Scope, before: datetime) -> int:
    """Erase customers deleted before `before`, with all that hangs on them; a chain goes after its locations. How many."""
    trash = Customer.objects.filter(organisation_id=scope.organisation_id, deleted_at__lt=before)
    due = trash.filter(merged_into__isnull=True)  # a merged account goes with the one it was merged into
    end = time.monotonic() + ERASING
    locations, chains = due.filter(chain__isnull=False), due.filter(chain__isnull=True, locations__isnull=True)
    return _erase(locations, end) + _erase(chains, end)


def _erase(due: CustomerQuerySet, end: float) -> int:
    """Erase batch by batch until nothing is left or `end`, of the monotonic clock, is reached; how many."""
    erased = 0
    while time.monotonic() < end and (ids := list(due.values_list("pk", flat=True)[:BATCH])):
        Customer.objects.filter(pk__in=ids).delete()
        erased += len(ids)
    return erased


def _tell(scope: Scope, ids: Sequence[int]) -> None:
    publish_many([CustomerUpdated(customer_id=customer_id, fields=("undone",)) for customer_id in ids])


def _page(customer_id: int) -> str:
    return reverse("customers:detail", args=[customer_id])


undoable(Customer, order=10, after=_tell, page=_page)
for _model in (Address, Contact, CustomerFieldValue, CustomerTag, ExternalKey, DeliveredOrder, LifeMark):
    undoable(_model, order=20, parent="customer")
undoable(CustomerUserPermission, order=20, parent="content_object")
undone_within(MERGE, days=UNDO_DAYS)
