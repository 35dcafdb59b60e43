"""What tests of the webhook door share: connections that are really there, and a sender who signs."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
import uuid

from django.db import connection as database
from django.test import Client
from django.urls import reverse

from crm.core.access import system_scope
from outbox.choices import ConnectionState
from outbox.door import webhook_path
from outbox.models import Connection, InboxEvent, InboxRequest, RemoteEvent
from outbox.processing import take_in
from outbox.services import connections

MEDIA = "application/cloudevents+json; charset=utf-8"


def secret(letter="a"):
    return "whsec_" + base64.b64encode(letter.encode() * 32).decode()


def make_connection(organisation, *, value=None, state=ConnectionState.ACTIVE, **values):
    """A freshplan connection with a signing secret, in this state."""
    with system_scope(organisation.pk, job="test") as scope:
        made = connections.create_connection(
            scope=scope, provider=values.pop("provider", "freshplan"), label="Nord", **values
        )
        if made.provider == "freshplan":
            connections.set_credential(
                scope=scope, connection_id=made.pk, kind="signing_secret", value=value or secret()
            )
        if state != ConnectionState.DRAFT:
            made = connections.move_connection(scope=scope, connection_id=made.pk, target=ConnectionState.ACTIVE)
        if state == ConnectionState.PAUSED:
            made = connections.move_connection(
                scope=scope, connection_id=made.pk, target=ConnectionState.PAUSED, reason="Umzug"
            )
        return made


def envelope(number=1, *, event_id=None, kind="customer.created", subject="customer/7", **values):
    """A CloudEvent as another installation sends it."""
    return {
        "specversion": "1.0",
        "id": event_id or str(uuid.UUID(int=number)),
        "source": "/organisations/nord",
        "type": kind,
        "subject": subject,
        "time": "2026-11-20T09:30:00.123Z",
        "datacontenttype": "application/json",
        "dataschema": f"/api/events/schemas/{kind}/1/",
        "crmversion": 1,
        "crmposition": number,
        "crmgap": False,
        "data": {"customer_id": 7, "number": number},
    } | values


def signed(body, *, message_id, secrets=None, at=None):
    """Headers of Standard Webhooks for these bytes."""
    stamp = str(int(time.time() if at is None else at))
    marks = []
    for one in secrets or [secret()]:
        key = base64.b64decode(one.removeprefix("whsec_"))
        digest = hmac.new(key, f"{message_id}.{stamp}.".encode() + body, hashlib.sha256).digest()
        marks.append("v1," + base64.b64encode(digest).decode())
    return {"webhook-id": message_id, "webhook-timestamp": stamp, "webhook-signature": " ".join(marks)}


def send(made, event, *, client=None, body=None, secrets=None, at=None, change=None, **more):
    """POST an event through the door; the answer. `change` alters the bytes after signing."""
    raw = body if body is not None else json.dumps(event, separators=(",", ":")).encode()
    headers = signed(raw, message_id=event["id"], secrets=secrets, at=at) | more.pop("headers", {})
    return (client or Client()).post(
        webhook_path(made.provider, made.key),
        data=change(raw) if change else raw,
        content_type=more.pop("content_type", MEDIA),
        headers=headers,
        **more,
    )


def work(made):
    """Let a worker take in what came; how many attempts."""
    return take_in(made.organisation_id, made.pk)


def work_in_thread(made):
    try:
        return work(made)
    finally:
        database.close()


def rows(made, model=InboxEvent, **lookup):
    """What is there of a connection, oldest first."""
    with system_scope(made.organisation_id, job="test"):
        return list(model.objects.filter(connection_id=made.pk, **lookup).order_by("pk"))


def requests(made):
    return rows(made, InboxRequest)


def kept(made):
    return rows(made, RemoteEvent)


def reload(made):
    with system_scope(made.organisation_id, job="test"):
        return Connection.objects.get(pk=made.pk)


def receive(made, *events):
    """Let these come in and be applied; their rows."""
    for event in events:
        assert send(made, event).status_code == 202
    work(made)
    return rows(made)


def page(client, name, status=200, **arguments):
    """The page as text."""
    answer = client.get(reverse(f"intake:{name}", kwargs=arguments))
    assert answer.status_code == status
    return answer.content.decode()


def press(client, name, data=None, **arguments):
    """The answer to a button."""
    return client.post(reverse(f"intake:{name}", kwargs=arguments), data or {})
