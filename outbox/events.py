"""What a domain event is. Each app defines its own in its `events.py`, as frozen dataclasses over `DomainEvent`."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, ClassVar

MAX_DATA = 8_000  # bytes of JSON; a payload that grows beyond is no longer thin


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainEvent:
    """Something that happened to one subject; its fields are the payload.

    Thin: ids, codes, numbers, old and new state, never a personal value. Who, when, why and from where come from the
    active scope. A change of the fields' meaning is a new `version`; the specifications name the types.
    """

    type: ClassVar[str]
    version: ClassVar[int] = 1
    subject_type: ClassVar[str]

    @property
    def subject_id(self) -> int:
        """The id of the row that it happened to; deliveries keep their order per subject."""
        raise NotImplementedError

    def data(self) -> dict[str, Any]:
        """The payload as it is kept."""
        return {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}


@dataclass(frozen=True, slots=True, kw_only=True)
class _OfConnection(DomainEvent):
    """Something happened to a connection to another system."""

    subject_type: ClassVar[str] = "connection"

    connection_id: int

    @property
    def subject_id(self) -> int:
        """The connection's id."""
        return self.connection_id


@dataclass(frozen=True, slots=True, kw_only=True)
class IntegrationDegraded(_OfConnection):
    """The other side stopped answering as it should; `result` is a CheckResult."""

    type: ClassVar[str] = "integration.degraded"

    result: str


@dataclass(frozen=True, slots=True, kw_only=True)
class IntegrationRecovered(_OfConnection):
    """The other side answers again."""

    type: ClassVar[str] = "integration.recovered"


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialsRefused(_OfConnection):
    """The other side refuses our credentials; the connection is BROKEN. `owner_id`: whom it wants told."""

    type: ClassVar[str] = "integration.credentials.refused"

    status: int
    owner_id: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretRotated(_OfConnection):
    """A secret to come was proven and is in use; the one before runs out."""

    type: ClassVar[str] = "integration.secret.rotated"

    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionSecretOld(_OfConnection):
    """A secret has been in use for more than a year; `owner_id`: whom the connection wants told."""

    type: ClassVar[str] = "integration.secret.old"

    owner_id: int | None
    secret_id: int
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxDead(_OfConnection):
    """An event that came in was given up; `inbox_event_id` is its row, `reason` an InboxReason."""

    type: ClassVar[str] = "inbox.dead"

    inbox_event_id: int
    reason: str
    event_type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionEvent(DomainEvent):
    """An event whose subject is a subscription."""

    subject_type: ClassVar[str] = "subscription"

    subscription_id: int

    @property
    def subject_id(self) -> int:
        """The subscription's id."""
        return self.subscription_id


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriberPinged(SubscriptionEvent):
    """A test message to this one subscriber, and to nobody else; its payload is empty."""

    type: ClassVar[str] = "freshplan.ping"


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionFailing(SubscriptionEvent):
    """A subscriber has accepted nothing for so many hours (1, then 24); `owner_id` is the user to be told."""

    type: ClassVar[str] = "subscription.failing"

    owner_id: int
    hours: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionDisabled(SubscriptionEvent):
    """A subscription has ended by itself; `reason` is GONE, TOO_LONG or ACTS_AS, `owner_id` the user to be told."""

    type: ClassVar[str] = "subscription.disabled"

    owner_id: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionSecretOld(SubscriptionEvent):
    """A subscriber's secret has been in use for more than a year; `owner_id` is the user to be told."""

    type: ClassVar[str] = "subscription.secret.old"

    owner_id: int
    secret_id: int
