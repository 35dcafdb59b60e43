"""What customers does when something happened. Idempotent: the same event twice does its effect once."""

from __future__ import annotations

from typing import Final

from django.db import connection

from crm.core.access import Scope
from customers.events import FieldDefinitionHotChanged
from customers.models import CustomerFieldValue
from outbox.models import Event
from outbox.registry import handler

BATCH: Final = 5_000


@handler(FieldDefinitionHotChanged.type, name="customers.project_holders")
def project_holders(event: Event, scope: Scope) -> None:
    """A catalogue field got or lost its slot: project the customers that hold a value, 5,000 a statement.

    Projecting a row that is up to date changes nothing, so running twice is harmless.
    """
    definition_id = int(event.data["definition_id"])
    values = CustomerFieldValue.objects.visible_to(scope).filter(definition_id=definition_id)
    holders = values.order_by("customer_id").values_list("customer_id", flat=True)
    last = 0
    while ids := list(holders.filter(customer_id__gt=last)[:BATCH]):
        with connection.cursor() as cursor:
            cursor.execute("SELECT customers_project(%s)", [ids])
        last = ids[-1]
