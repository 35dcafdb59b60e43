"""What tests about subscribers ask and do as the system."""

from __future__ import annotations

from django.utils import timezone

from crm.core.access import system_scope
from outbox.models import Dispatch, Subscription


def state_of(house, subscription):
    with system_scope(house.pk, job="test"):
        found = Subscription.objects.get(pk=subscription.pk)
        return found.state, found.reason


def due_now(house, **filters):
    with system_scope(house.pk, job="test"):
        Dispatch.objects.filter(state="WAITING", **filters).update(run_at=timezone.now(), locked_until=None)
