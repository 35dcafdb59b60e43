"""Signatures of what we send: Standard Webhooks 1.0.0, HMAC-SHA256 over `id.timestamp.body`."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets as random
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from outbox.encryption import open_sealed
from outbox.models import SubscriptionSecret
from outbox.standard_webhooks import PREFIX, secret_bytes

NEW_BYTES: Final = 32


def new_secret() -> str:
    """`whsec_` and 32 random bytes."""
    return PREFIX + base64.b64encode(random.token_bytes(NEW_BYTES)).decode()


def signatures(body: bytes, *, message_id: str, timestamp: int, secrets: Sequence[str]) -> str:
    """The header `webhook-signature`: one signature for each secret, in their order; `timestamp` in Unix seconds."""
    content = f"{message_id}.{timestamp}.".encode() + body
    signed = (hmac.new(secret_bytes(secret), content, hashlib.sha256).digest() for secret in secrets)
    return " ".join(f"v1,{base64.b64encode(digest).decode()}" for digest in signed)


def live_secrets(subscription_id: int, now: datetime) -> tuple[str, ...]:
    """The secrets that sign at `now`, the current one first; under the active scope."""
    rows = SubscriptionSecret.objects.filter(subscription_id=subscription_id).order_by("role")
    return tuple(
        open_sealed(row.sealed, associated=seal_place(row.pk))
        for row in rows
        if row.ends_at is None or row.ends_at > now
    )


def seal_place(secret_id: int) -> str:
    """What a subscription's secret is bound to when it is sealed: its own row."""
    return f"outbox_subscriptionsecret:{secret_id}"
