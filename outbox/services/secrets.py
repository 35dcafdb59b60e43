"""Secrets that have been in use for too long: told of once each (`integrations.md`, Credentials)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction

from crm.core.access import Scope
from outbox.choices import CredentialRole, SecretRole, SubscriptionState
from outbox.events import ConnectionSecretOld, DomainEvent, SubscriptionSecretOld
from outbox.models import Credential, Event, SubscriptionSecret
from outbox.services.events import publish_many

OLD_AFTER: Final = timedelta(days=365)


@transaction.atomic
def tell_old_secrets(*, scope: Scope) -> int:
    """Publish an event for each secret in use, of subscribers and of connections, that is older than a year; how many.

    The log of events knows what was told before.
    """
    before = scope.now - OLD_AFTER
    events = [*_of_subscriptions(scope, before), *_of_connections(scope, before)]
    publish_many(events)
    return len(events)


def _of_subscriptions(scope: Scope, before: datetime) -> Iterator[SubscriptionSecretOld]:
    rows = SubscriptionSecret.objects.visible_to(scope).filter(role=SecretRole.CURRENT, created_at__lt=before)
    found = list(rows.exclude(subscription__state=SubscriptionState.DISABLED).select_related("subscription"))
    told = _told(scope, SubscriptionSecretOld, (row.subscription_id for row in found))
    for row in found:
        if row.pk not in told:
            yield SubscriptionSecretOld(
                subscription_id=row.subscription_id, owner_id=row.subscription.owner_id, secret_id=row.pk
            )


def _of_connections(scope: Scope, before: datetime) -> Iterator[ConnectionSecretOld]:
    rows = Credential.objects.visible_to(scope).filter(role=CredentialRole.CURRENT, set_at__lt=before)
    found = list(rows.filter(connection__deleted_at=None).select_related("connection"))
    told = _told(scope, ConnectionSecretOld, (row.connection_id for row in found))
    for row in found:
        if row.pk not in told:
            yield ConnectionSecretOld(
                connection_id=row.connection_id, owner_id=row.connection.owner_id, secret_id=row.pk, kind=row.kind
            )


def _told(scope: Scope, kind: type[DomainEvent], subject_ids: Iterable[int]) -> set[int]:
    """Ids of the secrets of these subjects that were told of."""
    events = Event.objects.visible_to(scope).filter(
        type=kind.type, subject_type=kind.subject_type, subject_id__in=list(subject_ids)
    )
    return {int(data["secret_id"]) for data in events.values_list("data", flat=True)}
