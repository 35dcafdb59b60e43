"""Tokens of programs: 256 random bits, of which only the SHA-256 is kept, with scopes and an end."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Final

from django.db import connection

from crm.core.api.callers import Caller
from organisation.access import person_signing_in, scope_for
from organisation.models import ApiToken, User

BEGINNING: Final = "fp_"  # so that scanners find a token that lies about
SHOWN: Final = len(BEGINNING) + 6


def issue(*, user: User, name: str, scopes: Sequence[str], made_at: datetime, until: datetime) -> tuple[ApiToken, str]:
    """A new token's row and the token itself, which nobody can read again."""
    token = BEGINNING + secrets.token_urlsafe(32)
    row = ApiToken.objects.create(
        organisation_id=user.organisation_id,
        user=user,
        name=name,
        prefix=token[:SHOWN],
        digest=digest_of(token),
        scopes=sorted(set(scopes)),
        created_at=made_at,
        expires_at=until,
    )
    return row, token


def open_token(token: str, request_id: str) -> Caller | None:
    """Who calls with this token: his scope as at a sign-in, source "api". None for one that is not good (any more)."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT id, user_id, scopes, is_noted FROM organisation_open_token(%s)", [digest_of(token)])
        found = cursor.fetchone()
    if found is None:
        return None
    token_id, user_id, scopes, is_noted = found
    user = person_signing_in(user_id)
    return Caller(
        user=user,
        scope=scope_for(user, source="api", request_id=request_id),
        key=f"token:{token_id}",
        language=user.language,
        token_scopes=frozenset(scopes),
        note_use=None if is_noted else partial(note_use, token),
    )


def note_use(token: str) -> None:
    """Keep that the token was used just now; once a minute is enough."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT organisation_note_token(%s)", [digest_of(token)])


def digest_of(token: str) -> bytes:
    """What the database keeps of a token; a fast hash is right for 256 random bits (ASVS 6.5.2)."""
    return hashlib.sha256(token.encode()).digest()
