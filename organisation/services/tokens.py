"""Tokens of programs: made and revoked by their user, ended with his access, told before they end, forgotten after."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from crm.core.access import Scope
from crm.core.api.callers import token_scopes
from crm.core.errors import Conflict, Invalid
from organisation.events import TokenCreated, TokenEnding, TokenRevoked
from organisation.models import ApiToken, OneTimeLink, User
from organisation.tokens import issue
from outbox.services import publish

LONGEST_DAYS: Final = 365
MOST_TOKENS: Final = 20
WARNINGS: Final = (timedelta(days=30), timedelta(days=7))  # before the end (integrations.md, Credentials)
KEPT: Final = timedelta(days=30)  # after the end (compliance.md, Retention)


@transaction.atomic
def create_token(*, scope: Scope, name: str, scopes: Sequence[str], days: int) -> tuple[ApiToken, str]:
    """A token for one's own programs, good for `days`; it is returned beside its row and cannot be read again.

    `scopes` are of `crm.core.api.callers.token_scopes`. Raises Forbidden, Invalid (per field), Conflict (20 live ones).
    """
    # Locked, so that two at once do not both become the twentieth.
    user: User = User.objects.visible_to(scope).select_for_update(of=("self",)).get_or_not_found(pk=scope.user_id)
    scope.require("tokens.own")
    clean = " ".join(name.split())
    if not 1 <= len(clean) <= 80:
        raise Invalid(_("A name of 1 to 80 characters."), field="name")
    if not scopes or set(scopes) - set(token_scopes()):
        raise Invalid(_("At least one of the scopes that there are."), field="scopes")
    if not 1 <= days <= LONGEST_DAYS:
        raise Invalid(_("Between 1 and %(most)d days.") % {"most": LONGEST_DAYS}, field="days")
    if ApiToken.objects.visible_to(scope).live(scope.now).filter(user=user).count() >= MOST_TOKENS:
        raise Conflict(_("There are %(most)d tokens already. Revoke one first.") % {"most": MOST_TOKENS})
    until = scope.now + timedelta(days=days)
    row, token = issue(user=user, name=clean, scopes=scopes, made_at=scope.now, until=until)
    publish(TokenCreated(user_id=user.pk, token_id=row.pk, scopes=row.scopes))
    return row, token


@transaction.atomic
def revoke_token(*, scope: Scope, token_id: int) -> ApiToken:
    """End one of one's own tokens at once; one that has ended stays as it is. Raises NotFound, Forbidden."""
    own = ApiToken.objects.visible_to(scope).select_for_update(of=("self",)).filter(user_id=scope.user_id or 0)
    row = own.get_or_not_found(pk=token_id)
    scope.require("tokens.own")
    if row.revoked_at is None:
        row.revoked_at = scope.now
        row.save(update_fields=["revoked_at"])
        publish(TokenRevoked(user_id=row.user_id, token_id=row.pk))
    return row


def end_tokens(*, scope: Scope, user_id: int) -> int:
    """End all live tokens of a user whose access ends; how many. The caller holds the user's row and has the right."""
    live = ApiToken.objects.visible_to(scope).filter(user_id=user_id).live(scope.now)
    ids = list(live.select_for_update(of=("self",)).order_by("pk").values_list("pk", flat=True))
    ApiToken.objects.visible_to(scope).filter(pk__in=ids).update(revoked_at=scope.now)
    for token_id in ids:
        publish(TokenRevoked(user_id=user_id, token_id=token_id))
    return len(ids)


@transaction.atomic
def tell_endings(*, scope: Scope) -> int:
    """Publish the end of each live token 30 and 7 days before it, each once, however late; how many. For a job.

    One that was made for less time than that is not told of it.
    """
    live = ApiToken.objects.visible_to(scope).live(scope.now).filter(expires_at__lte=scope.now + max(WARNINGS))
    told = 0
    for row in live.select_for_update(of=("self",)).order_by("pk"):
        since = row.warned_at or row.created_at
        if any(since < row.expires_at - before <= scope.now for before in WARNINGS):
            row.warned_at = scope.now
            row.save(update_fields=["warned_at"])
            days = (row.expires_at - scope.now).days
            publish(TokenEnding(user_id=row.user_id, token_id=row.pk, days=days))
            told += 1
    return told


def forget_tokens(*, scope: Scope) -> int:
    """Delete tokens and one-time links 30 days after their end; how many. For a job."""
    old = scope.now - KEPT
    tokens = ApiToken.objects.visible_to(scope).filter(Q(expires_at__lt=old) | Q(revoked_at__lt=old))
    links = OneTimeLink.objects.visible_to(scope).filter(expires_at__lt=old)
    return tokens.delete()[0] + links.delete()[0]
