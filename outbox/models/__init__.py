"""The tables of the outbox, by what they are for."""

from outbox.models.connections import CallLog, Connection, ConnectionCheck, Credential
from outbox.models.intake import InboxEvent, InboxRefusal, InboxRequest, RemoteEvent
from outbox.models.log import Delivery, Event, Heartbeat
from outbox.models.subscriptions import (
    Attempt,
    Dispatch,
    Replay,
    Subscription,
    SubscriptionPace,
    SubscriptionSecret,
)

__all__ = [
    "Attempt",
    "CallLog",
    "Connection",
    "ConnectionCheck",
    "Credential",
    "Delivery",
    "Dispatch",
    "Event",
    "Heartbeat",
    "InboxEvent",
    "InboxRefusal",
    "InboxRequest",
    "RemoteEvent",
    "Replay",
    "Subscription",
    "SubscriptionPace",
    "SubscriptionSecret",
]
