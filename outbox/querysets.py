"""Reads of events and deliveries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Self, TypeVar

from django.db.models import Max, Model, Q

from crm.core.access import Scope, ScopedQuerySet
from outbox.choices import DispatchState

if TYPE_CHECKING:
    from outbox.models import Connection, Credential, Delivery, Dispatch, Event, Subscription

M = TypeVar("M", bound=Model)

READS_INTEGRATIONS: Final = frozenset({"MANAGER", "ADMINISTRATOR", "SYSTEM"})
READS_CREDENTIALS: Final = frozenset({"ADMINISTRATOR", "SYSTEM"})


class EventQuerySet(ScopedQuerySet["Event"]):
    """The log of events."""

    def readable_by(self, scope: Scope) -> Q:
        """Events name rows of every owner, so only who sees every row reads them."""
        return Q() if scope.sees_all else Q(pk__in=[])

    def after(self, position: int) -> Self:
        """The feed behind `position`: only events that have a place in it, in its order."""
        return self.filter(position__gt=position).order_by("position")

    def last_position(self) -> int:
        """Where the feed stands; 0 before its first event."""
        last: int | None = self.aggregate(last=Max("position"))["last"]
        return last or 0


class DeliveryQuerySet(ScopedQuerySet["Delivery"]):
    """What is delivered to whom."""

    def readable_by(self, scope: Scope) -> Q:
        """As the events themselves."""
        return Q() if scope.sees_all else Q(pk__in=[])


class IntegrationQuerySet(ScopedQuerySet[M]):
    """Rows about other systems: what came in, what was called. For those alone who look after them."""

    def readable_by(self, scope: Scope) -> Q:
        """By role; the policies say the same."""
        return Q() if scope.role in READS_INTEGRATIONS else Q(pk__in=[])


class ConnectionQuerySet(IntegrationQuerySet["Connection"]):
    """Connections to other systems."""

    def present(self) -> Self:
        """Those that were not deleted."""
        return self.filter(deleted_at=None)


class CredentialQuerySet(ScopedQuerySet["Credential"]):
    """Secrets shared with other systems, sealed."""

    def readable_by(self, scope: Scope) -> Q:
        """Not even sealed for managers."""
        return Q() if scope.role in READS_CREDENTIALS else Q(pk__in=[])


class SubscriptionQuerySet(ScopedQuerySet["Subscription"]):
    """Subscribers of events."""

    def readable_by(self, scope: Scope) -> Q:
        """Who looks after integrations sees all, everybody else his own; the policies say the same."""
        return Q() if scope.role in READS_INTEGRATIONS else Q(owner_id=scope.user_id)

    def changeable_by(self, scope: Scope) -> Self:
        """Administrators all, everybody else his own."""
        return self if scope.role in READS_CREDENTIALS else self.filter(owner_id=scope.user_id)


def _of_subscription(scope: Scope) -> Q:
    """What hangs on a subscription is as visible as that."""
    if scope.role in READS_INTEGRATIONS:
        return Q()
    return Q(subscription__organisation_id=scope.organisation_id, subscription__owner_id=scope.user_id)


class OfSubscriptionQuerySet(ScopedQuerySet[M]):
    """Secrets, pace, replays and attempts of subscriptions."""

    def readable_by(self, scope: Scope) -> Q:
        """The subscription's rule."""
        return _of_subscription(scope)


class DispatchQuerySet(ScopedQuerySet["Dispatch"]):
    """Messages to subscribers."""

    def readable_by(self, scope: Scope) -> Q:
        """The subscription's rule."""
        return _of_subscription(scope)

    def waiting(self) -> Self:
        """Those still to be delivered."""
        return self.filter(state=DispatchState.WAITING)

    def dead(self) -> Self:
        """Those given up."""
        return self.filter(state=DispatchState.DEAD)
