"""Reads of events and deliveries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from django.db.models import Q

from crm.core.access import Scope, ScopedQuerySet

if TYPE_CHECKING:
    from outbox.models import Delivery, Event


class EventQuerySet(ScopedQuerySet["Event"]):
    """The log of events."""

    def readable_by(self, scope: Scope) -> Q:
        """Events name rows of every owner, so only who sees every row reads them."""
        return Q() if scope.sees_all else Q(pk__in=[])

    def after(self, position: int) -> Self:
        """The feed behind `position`: only events that have a place in it, in its order."""
        return self.filter(position__gt=position).order_by("position")


class DeliveryQuerySet(ScopedQuerySet["Delivery"]):
    """What is delivered to whom."""

    def readable_by(self, scope: Scope) -> Q:
        """As the events themselves."""
        return Q() if scope.sees_all else Q(pk__in=[])
