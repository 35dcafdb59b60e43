"""Signatures of Standard Webhooks 1.0.0, the receiving side (`spec/contracts/standard_webhooks.md`, Request)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from outbox.providers import BadSignature

PREFIX: Final = "whsec_"
TOLERANCE: Final = 300  # seconds that a signed time may be off
SECRET_BYTES: Final = range(24, 65)
_VERSION: Final = "v1"


def secret_bytes(secret: str) -> bytes:
    """The key behind a secret, with or without its prefix or padding. Raises ValueError for what is no base64."""
    bare = secret.removeprefix(PREFIX).rstrip("=")
    return base64.b64decode(bare + "=" * (-len(bare) % 4), validate=True)


def verify(body: bytes, headers: Mapping[str, str], secrets: Sequence[str], now: datetime) -> int:
    """The index of the first of `secrets` that signed the body. `headers` have names in lower case.

    Every secret is compared with every signature, whatever is found. The time is looked at only where the signature is
    right: a stranger learns nothing of our clock. Raises BadSignature, stale where the time alone is wrong.
    """
    message_id, stamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    given = [
        decoded
        for version, comma, value in (one.partition(",") for one in headers.get("webhook-signature", "").split(" "))
        if version == _VERSION and comma and (decoded := _decoded(value)) is not None
    ]
    if not message_id or not (stamp.isascii() and stamp.isdigit() and len(stamp) <= 12):
        raise BadSignature
    content = f"{message_id}.{stamp}.".encode("latin-1", "replace") + body
    found = -1
    for index, secret in enumerate(secrets):
        expected = hmac.new(secret_bytes(secret), content, hashlib.sha256).digest()
        matches = [hmac.compare_digest(expected, one) for one in given]
        if any(matches) and found < 0:
            found = index
    if found < 0:
        raise BadSignature
    if abs(now.timestamp() - int(stamp)) > TOLERANCE:
        raise BadSignature(stale=True)
    return found


def _decoded(value: str) -> bytes | None:
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        return None
