"""What /metrics tells of events and their delivery."""

from __future__ import annotations

from collections.abc import Iterator

from django.utils import timezone
from prometheus_client import Counter

from crm.core.access import Scope
from crm.core.metrics import Figure, of_each_organisation
from outbox.choices import DeliveryState
from outbox.models import Delivery, Heartbeat
from outbox.services import relay_lag

ATTEMPTS = Counter("freshplan_outbox_attempts", "Attempts to run a handler.", ["handler", "result"])


def figures() -> Iterator[Figure]:
    """Lag, what waits, what was given up, signs of life."""
    yield Figure("freshplan_outbox_lag_seconds", "Age of the oldest undelivered event.", relay_lag())
    counted = of_each_organisation(_deliveries)
    undelivered, dead = (sum(column) for column in zip(*counted, strict=True)) if counted else (0, 0)
    yield Figure("freshplan_outbox_undelivered", "Deliveries that wait.", undelivered)
    yield Figure("freshplan_outbox_dead", "Deliveries given up.", dead)
    now = timezone.now()
    for beat in Heartbeat.objects.all():
        age = (now - beat.beat_at).total_seconds()
        yield Figure("freshplan_heartbeat_age_seconds", "Since the last sign of life.", age, {"process": beat.name})


def _deliveries(scope: Scope) -> tuple[int, int]:
    """Waiting and dead ones of one organisation; partial indexes count them."""
    rows = Delivery.objects.visible_to(scope)
    waiting, dead = (rows.filter(state=state).count() for state in (DeliveryState.WAITING, DeliveryState.DEAD))
    return waiting, dead
