"""What workers do for the outbox."""

from __future__ import annotations

from celery import shared_task

from outbox import processing
from outbox.checking import check
from outbox.delivering import deliver_from


@shared_task(name="outbox.tasks.deliver")
def deliver(organisation_id: int, delivery_id: int) -> None:
    """Deliver what is due of this delivery's handler and subject. A second message for it changes nothing."""
    deliver_from(organisation_id, delivery_id)


@shared_task(name="outbox.tasks.take_in")
def take_in(organisation_id: int, connection_id: int) -> None:
    """Take apart and apply what came in through a connection. A second message for it changes nothing."""
    processing.take_in(organisation_id, connection_id)


@shared_task(name="outbox.tasks.check_connection")
def check_connection(organisation_id: int, connection_id: int) -> None:
    """Ask the other side of a connection whether it is there."""
    check(organisation_id, connection_id)
