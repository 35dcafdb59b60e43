"""What workers do for the outbox."""

from __future__ import annotations

from celery import shared_task

from outbox.delivering import deliver_from


@shared_task(name="outbox.tasks.deliver")
def deliver(organisation_id: int, delivery_id: int) -> None:
    """Deliver what is due of this delivery's handler and subject. A second message for it changes nothing."""
    deliver_from(organisation_id, delivery_id)
