"""Sessions of a user: which there are, and ending them (ASVS 7.4, 7.5)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.models import Session
from django.utils import timezone

BEGAN_AT, SEEN_AT = "began_at", "seen_at"  # kept by SecondFactorMiddleware, as Unix seconds


@dataclass(frozen=True, slots=True)
class SignIn:
    """A session as its user sees it."""

    key: str
    began_at: datetime | None
    seen_at: datetime | None


def sign_ins(user_id: int) -> list[SignIn]:
    """The user's open sessions, the latest used first."""
    found = [SignIn(key, _instant(data, BEGAN_AT), _instant(data, SEEN_AT)) for key, data in _sessions(user_id)]
    return sorted(found, key=lambda one: one.seen_at or datetime.min.replace(tzinfo=UTC), reverse=True)


def end_sign_ins(user_id: int, *, but: str | None = None) -> int:
    """End the user's sessions, but for the one with key `but`; how many."""
    keys = [key for key, _data in _sessions(user_id) if key != but]
    Session.objects.filter(session_key__in=keys).delete()
    return len(keys)


def _sessions(user_id: int) -> Iterator[tuple[str, dict[str, Any]]]:
    for session in Session.objects.filter(expire_date__gt=timezone.now()).iterator():
        data = session.get_decoded()
        if data.get(SESSION_KEY) == str(user_id):
            yield session.session_key, data


def _instant(data: dict[str, Any], name: str) -> datetime | None:
    return datetime.fromtimestamp(data[name], tz=UTC) if name in data else None
