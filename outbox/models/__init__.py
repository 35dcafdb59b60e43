"""The tables of the outbox, by what they are for."""

from outbox.models.log import Delivery, Event, Heartbeat

__all__ = ["Delivery", "Event", "Heartbeat"]
