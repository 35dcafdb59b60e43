"""Writing events, and knowing how far their delivery is."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from typing import Any, Final

from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection, transaction
from django.utils import timezone

from crm.core.access import Scope, current_scope
from outbox.events import MAX_DATA, DomainEvent
from outbox.identifiers import uuid7
from outbox.models import Heartbeat
from outbox.wakeup import wake_relay

CHUNK: Final = 5_000
RELAY: Final = "relay"
SILENT_AFTER: Final = 120  # seconds without a sign of life (operations.md, Alarms)

# Never with RETURNING: who may not read the log of events still writes to it.
_INSERT: Final = """
INSERT INTO outbox_event (organisation_id, actor, source, request_id, cause, change_set_id, occurred_at,
                          event_id, type, version, subject_type, subject_id, data)
SELECT %(organisation)s::bigint, %(actor)s, %(source)s, %(request_id)s, %(cause)s, %(change_set)s::bigint,
       %(now)s::timestamptz, """
_MANY: Final = """
       e.*
  FROM unnest(%(ids)s::uuid[], %(types)s::text[], %(versions)s::int[], %(subject_types)s::text[],
              %(subject_ids)s::bigint[], %(data)s::jsonb[]) AS e"""


def publish(event: DomainEvent) -> uuid.UUID:
    """Write the event in the caller's transaction, under the active scope; its id.

    Raises RuntimeError outside a transaction or without a scope, ValueError for a payload that is not thin.
    """
    return publish_many([event])[0]


def publish_many(events: Sequence[DomainEvent]) -> list[uuid.UUID]:
    """Write many events set-based, in order; their ids. Raises as `publish`."""
    envelope = _envelope()
    ids = [uuid7(envelope["now"]) for _event in events]
    for start in range(0, len(events), CHUNK):
        chunk = events[start : start + CHUNK]
        values = {
            "ids": ids[start : start + CHUNK],
            "types": [event.type for event in chunk],
            "versions": [event.version for event in chunk],
            "subject_types": [event.subject_type for event in chunk],
            "subject_ids": [event.subject_id for event in chunk],
            "data": [_json(event.type, event.data()) for event in chunk],
        }
        _execute(_INSERT + _MANY, envelope | values)
    if events:
        _wake_on_commit()
    return ids


def publish_for_rows(
    event: type[DomainEvent],
    select: str,
    params: Mapping[str, Any] | None = None,
    *,
    data: Mapping[str, Any] | None = None,
) -> int:
    """One event per row of a SELECT, in one statement; how many. For batches whose rows never come to Python.

    `select` yields (subject_id bigint, data jsonb), with `params` as `%(name)s`; its order is the events' order. `data`
    is added to each row's. The payload must be what the event's class would hold: a test compares the two.
    Example: `publish_for_rows(CustomerUpdated, "SELECT customer_id, jsonb_build_object('customer_id', customer_id)
    FROM import_row ORDER BY 1", data={"fields": ["status"]})`. Raises RuntimeError as `publish`.
    """
    values = {
        "type": event.type,
        "version": event.version,
        "subject_type": event.subject_type,
        "more": _json(event.type, data or {}),
    }
    clash = (values.keys() | _envelope().keys()) & (params or {}).keys()
    if clash:
        raise ValueError(f"Parameter names taken by the envelope: {sorted(clash)}.")
    statement = (
        f"{_INSERT} outbox_uuid7(%(now)s::timestamptz), %(type)s, %(version)s::int, %(subject_type)s, e.subject_id,"
        f" e.data || %(more)s::jsonb FROM ({select}) AS e (subject_id, data)"
    )
    count = _execute(statement, _envelope() | values | dict(params or {}))
    if count:
        _wake_on_commit()
    return count


def relay_lag() -> int:
    """Seconds that the oldest undelivered event waits, as the relay last saw it; grows while the relay is silent."""
    beat = Heartbeat.objects.filter(name=RELAY).first()
    if beat is None:
        return 0
    silence = (timezone.now() - beat.beat_at).total_seconds()
    return beat.lag_seconds + (int(silence) if beat.lag_seconds else 0)


def relay_check() -> tuple[bool, dict[str, Any]]:
    """For /readyz: whether the relay gave a sign of life in the last two minutes, and its lag in seconds."""
    beat = Heartbeat.objects.filter(name=RELAY).first()
    silence = (timezone.now() - beat.beat_at).total_seconds() if beat is not None else None
    alive = silence is not None and silence <= SILENT_AFTER
    return alive, {"relay": "ok" if alive else "silent", "relay_lag_seconds": relay_lag()}


def beat(name: str) -> None:
    """Note that the process `name` is alive now."""
    now = timezone.now()
    Heartbeat.objects.bulk_create(
        [Heartbeat(name=name, beat_at=now)],
        update_conflicts=True,
        unique_fields=["name"],
        update_fields=["beat_at", "lag_seconds"],
    )


def _envelope() -> dict[str, Any]:
    if not connection.in_atomic_block:
        raise RuntimeError("An event is published in the transaction of what happened.")
    scope: Scope = current_scope()
    return {
        "organisation": scope.organisation_id,
        "actor": scope.actor,
        "source": scope.source,
        "request_id": scope.request_id,
        "cause": scope.cause,
        "change_set": scope.change_set_id,
        "now": scope.now,
    }


def _json(kind: str, data: Mapping[str, Any]) -> str:
    text = json.dumps(data, cls=DjangoJSONEncoder, ensure_ascii=False)
    if len(text.encode()) > MAX_DATA:
        raise ValueError(f"The payload of {kind} is not thin.")
    return text


def _execute(statement: str, values: Mapping[str, Any]) -> int:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return int(cursor.rowcount)


def _wake_on_commit() -> None:
    """Once per transaction; a rolled-back savepoint takes its own wake-up with it."""
    waiting = connection.run_on_commit
    if not waiting or waiting[-1][1] is not wake_relay:
        transaction.on_commit(wake_relay, robust=True)
