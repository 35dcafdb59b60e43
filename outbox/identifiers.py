"""Ids of events: UUID version 7 (RFC 9562), whose first 48 bits are the time in milliseconds, so that they sort by it."""

from __future__ import annotations

import secrets
import uuid
from datetime import datetime


def uuid7(at: datetime) -> uuid.UUID:
    """A new id of the instant `at`. In SQL `outbox_uuid7(at)` makes the same kind."""
    milliseconds = int(at.timestamp() * 1000)
    value = (milliseconds & (1 << 48) - 1) << 80 | secrets.randbits(80)
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    return uuid.UUID(int=value)
