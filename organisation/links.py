"""Links that work once: 256 random bits, of which only the SHA-256 is kept, good for one purpose and seven days."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta

from django.conf import settings
from django.db import connection
from django.urls import reverse

from crm.core.access import Scope
from organisation.choices import LinkPurpose
from organisation.models import OneTimeLink, User

LIFETIME = timedelta(days=7)


def create_link(*, scope: Scope, user: User, purpose: LinkPurpose = LinkPurpose.SET_UP) -> str:
    """A new link's token for `user`; links of the same purpose made before stop working."""
    token = secrets.token_urlsafe(32)
    OneTimeLink.objects.filter(user=user, purpose=purpose, used_at=None).update(used_at=scope.now)
    OneTimeLink.objects.create(
        organisation_id=user.organisation_id,
        user=user,
        purpose=purpose,
        digest=digest_of(token),
        expires_at=scope.now + LIFETIME,
    )
    return token


def withdraw_links(*, scope: Scope, user: User) -> None:
    """End all links of `user` that nobody has used: his access or his address is not what it was when they were sent."""
    OneTimeLink.objects.filter(user=user, used_at=None).update(used_at=scope.now)


def address_of(token: str) -> str:
    """The whole address that a person opens to set up his account."""
    scheme = "http" if settings.ON_LOOPBACK else "https"
    return f"{scheme}://{settings.ADDRESS}{reverse('set_up_link', args=[token])}"


def digest_of(token: str) -> bytes:
    """What the database keeps of a token; a fast hash is right for 256 random bits (ASVS 6.5.2)."""
    return hashlib.sha256(token.encode()).digest()


def user_of(digest: bytes, purpose: LinkPurpose) -> int | None:
    """The id of the user whose unused, unexpired link this is; None otherwise. Works without a scope."""
    return _ask("SELECT organisation_link_user(%s, %s)", digest, purpose)


def redeem(digest: bytes, purpose: LinkPurpose) -> int | None:
    """Use the link up and return its user's id; None when it is unknown, used or expired. Works without a scope."""
    return _ask("SELECT organisation_redeem_link(%s, %s)", digest, purpose)


def _ask(statement: str, digest: bytes, purpose: LinkPurpose) -> int | None:
    with connection.cursor() as cursor:
        cursor.execute(statement, [digest, purpose.value])
        (user_id,) = cursor.fetchone()
    return int(user_id) if user_id is not None else None
