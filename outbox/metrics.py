"""What /metrics tells of events and their delivery."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from django.db.models import Count, QuerySet
from django.utils import timezone
from prometheus_client import Counter

from crm.core.access import Scope
from crm.core.metrics import Figure, of_each_organisation
from outbox.choices import OPEN, DeliveryState, InboxState, SubscriptionState
from outbox.envelope import PING
from outbox.models import Delivery, Dispatch, Heartbeat, InboxEvent, Subscription
from outbox.services import relay_lag

ATTEMPTS = Counter("freshplan_outbox_attempts", "Attempts to run a handler.", ["handler", "result"])
SENT = Counter("freshplan_webhook_attempts", "Attempts to deliver to a subscriber.", ["result"])
COUNTED: Final = {
    "freshplan_outbox_undelivered": "Deliveries to handlers that wait.",
    "freshplan_outbox_dead": "Deliveries to handlers given up.",
    "freshplan_webhook_undelivered": "Messages to subscribers that wait.",
    "freshplan_webhook_dead": "Messages to subscribers given up.",
    "freshplan_inbox_open": "Events from outside that are not worked on yet.",
    "freshplan_inbox_dead": "Events from outside given up.",
}


def figures() -> Iterator[Figure]:
    """Lag, what waits, what was given up, signs of life."""
    yield Figure("freshplan_outbox_lag_seconds", "Age of the oldest undelivered event.", relay_lag())
    counted = of_each_organisation(_counts)
    for name, help_ in COUNTED.items():
        yield Figure(name, help_, sum(of[name] for of in counted))
    states = of_each_organisation(_subscriptions)
    for state in SubscriptionState.values:
        in_it = sum(of.get(state, 0) for of in states)
        yield Figure(
            "freshplan_webhook_subscriptions", "Subscribers of events by state.", in_it, {"state": state.lower()}
        )
    now = timezone.now()
    for beat in Heartbeat.objects.all():
        age = (now - beat.beat_at).total_seconds()
        yield Figure("freshplan_heartbeat_age_seconds", "Since the last sign of life.", age, {"process": beat.name})


def _subscriptions(scope: Scope) -> dict[str, int]:
    """How many of one organisation are in each state."""
    rows = Subscription.objects.visible_to(scope).order_by().values_list("state")
    return dict(rows.annotate(number=Count("pk")))


def _counts(scope: Scope) -> dict[str, int]:
    """Of one organisation; partial indexes count them."""
    deliveries = Delivery.objects.visible_to(scope)
    dispatches = Dispatch.objects.visible_to(scope)
    inbox = InboxEvent.objects.visible_to(scope)
    rows: tuple[QuerySet[Any], ...] = (
        deliveries.filter(state=DeliveryState.WAITING),
        deliveries.filter(state=DeliveryState.DEAD),
        dispatches.waiting(),
        dispatches.dead().exclude(type=PING),
        inbox.filter(state__in=OPEN),
        inbox.filter(state=InboxState.DEAD),
    )
    return {name: found.count() for name, found in zip(COUNTED, rows, strict=True)}
