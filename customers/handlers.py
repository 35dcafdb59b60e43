"""What customers do when something happened elsewhere."""

from __future__ import annotations

from crm.core.access import Scope
from customers.choices import Bulk
from customers.notices import tell_handed_over
from customers.services.bulk import BULK
from jobs.models import LongTask
from outbox.models import Event
from outbox.registry import handler


@handler("task.ended", name="customers.tell_new_owner")
def tell_new_owner(event: Event, scope: Scope) -> None:
    """Who was made owner of many hears it once, however the task ended; not where he did it himself."""
    if event.data["kind"] != BULK:
        return
    task = LongTask.objects.visible_to(scope).filter(pk=event.subject_id).first()
    if task is None or task.parameters["action"] != Bulk.OWNER or not task.result.get("changed"):
        return
    owner_id = task.parameters["values"].get("owner_id")
    if owner_id is not None and owner_id != task.user_id:
        tell_handed_over(scope=scope, task_id=task.pk, owner_id=owner_id, count=task.result["changed"])
