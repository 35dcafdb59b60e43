"""An event as others get it: CloudEvents 1.0 in structured mode (`standard_webhooks.md`, Envelope)."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any, Final

from outbox.models import Event

MEDIA_TYPE: Final = "application/cloudevents+json; charset=utf-8"
PING: Final = "freshplan.ping"


def envelope(event: Event, *, gap: bool = False) -> dict[str, Any]:
    """The envelope of a placed event. `gap`: an earlier event of its subject was given up for this reader."""
    return {
        "specversion": "1.0",
        "id": str(event.event_id),
        "source": f"/organisations/{event.organisation_id}",
        "type": event.type,
        "subject": f"{event.subject_type}/{event.subject_id}",
        "time": instant(event.occurred_at),
        "datacontenttype": "application/json",
        "dataschema": schema_address(event.type, event.version),
        "crmversion": event.version,
        "crmposition": event.position,
        "crmgap": gap,
        "data": {} if event.type == PING else event.data | origin(event),
    }


def origin(event: Event) -> dict[str, Any]:
    """Who, from where, in which request, because of what: part of every payload."""
    kind, _colon, identity = event.actor.partition(":")
    return {
        "actor": {"kind": kind, "id": identity},
        "source": event.source,
        "request_id": event.request_id or None,
        "cause": event.cause or None,
        "change_set": event.change_set_id,
    }


def canonical(value: dict[str, Any]) -> bytes:
    """The bytes that are signed and sent: UTF-8, no blanks, keys in the order they were given."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def schema_address(kind: str, version: int) -> str:
    """Where the schema of a type's data is published."""
    return f"/api/events/schemas/{kind}/{version}/"


def instant(value: datetime) -> str:
    """RFC 3339 in UTC with milliseconds."""
    return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
