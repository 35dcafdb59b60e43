"""A connection with two secrets and one message that was given up, for the matrices."""

from __future__ import annotations

import json

from django.utils import timezone

from outbox.choices import CredentialRole, InboxReason, InboxState
from outbox.models import CallLog, Connection, ConnectionCheck, Credential, InboxEvent, InboxRequest
from outbox.signing import new_secret


def build_intake(organisation) -> tuple[InboxEvent, int]:
    """The message, and the id of the secret to come; the connection is active and was called. Runs under a scope there."""
    own = {"organisation": organisation}
    connection = Connection.objects.create(
        **own, provider="freshplan", label="Nord", state="ACTIVE", base_url="https://other.example"
    )
    for error, breaker in (("", "closed"), ("timeout", "open"), ("", "half-open")):
        CallLog.objects.create(
            **own,
            connection=connection,
            operation="health",
            method="GET",
            path="/readyz",
            milliseconds=40,
            attempt=1,
            breaker=breaker,
            error=error,
            request_id="matrix",
            sent_bytes=0,
            received_bytes=0,
        )
    ConnectionCheck.objects.create(**own, connection=connection)
    secrets = [
        Credential.objects.create(
            **own,
            connection=connection,
            kind="signing_secret",
            role=role,
            sealed=new_secret().encode(),
            ending="abcd",
            set_at=timezone.now(),
        )
        for role in (CredentialRole.CURRENT, CredentialRole.NEXT)
    ]
    body = json.dumps(
        {
            "specversion": "1.0",
            "id": "1",
            "source": "/organisations/nord",
            "type": "customer.created",
            "subject": "customer/7",
            "time": "2026-11-20T09:30:00Z",
            "data": {},
        }
    ).encode()
    request = InboxRequest.objects.create(
        **own,
        connection=connection,
        dedupe_key="1",
        body=body,
        size=len(body),
        received_at=timezone.now(),
        last_seen_at=timezone.now(),
        credential_role=CredentialRole.CURRENT,
        split_at=timezone.now(),
    )
    message = InboxEvent.objects.create(
        **own,
        request=request,
        connection=connection,
        n=0,
        external_key="1",
        type="customer.created",
        subject="customer/7",
        received_at=timezone.now(),
        state=InboxState.DEAD,
        reason=InboxReason.BUG,
    )
    return message, secrets[1].pk
