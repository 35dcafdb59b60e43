"""Answers to Idempotency-Keys, as rows: what `crm.core.api.idempotency` asks for."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from django.db import connection
from django.utils.translation import gettext as _

from crm.core.access import Scope
from crm.core.api.callers import Kept
from crm.core.api.problems import InProgress
from crm.core.errors import Duplicate
from organisation.models import IdempotencyKey

LIFETIME: Final = timedelta(hours=24)  # integrations.md, Errors of our API
ASK_AGAIN_AFTER: Final = 1  # seconds


class AnswerRows:
    """Each user has his own keys. A key is held by an advisory lock until the transaction ends."""

    def find(self, *, scope: Scope, key: str, fingerprint: bytes) -> Kept | None:
        """The answer kept for the key. Raises Duplicate (kept for another request), InProgress (just being answered)."""
        if not _hold(scope, key):
            raise InProgress(_("The same request is still running."), retry_after=ASK_AGAIN_AFTER)
        rows = IdempotencyKey.objects.visible_to(scope).filter(created_at__gt=scope.now - LIFETIME)
        row = rows.filter(user_id=scope.user_id or 0, key=key).first()
        if row is None:
            return None
        if bytes(row.fingerprint) != fingerprint:
            raise Duplicate(_("This Idempotency-Key was used with another request."))
        return Kept(row.status, row.headers, row.body)

    def keep(self, *, scope: Scope, key: str, fingerprint: bytes, answer: Kept) -> None:
        """Keep the answer, in the place of one that is older than a day."""
        row = IdempotencyKey(
            organisation_id=scope.organisation_id,
            user_id=scope.user_id or 0,
            key=key,
            fingerprint=fingerprint,
            status=answer.status,
            headers=dict(answer.headers),
            body=answer.body,
            created_at=scope.now,
        )
        IdempotencyKey.objects.bulk_create(
            [row],
            update_conflicts=True,
            unique_fields=["organisation", "user", "key"],
            update_fields=["fingerprint", "status", "headers", "body", "created_at"],
        )


def forget_answers(scope: Scope) -> int:
    """Delete the organisation's answers that are older than a day; how many."""
    old = IdempotencyKey.objects.visible_to(scope).filter(created_at__lte=scope.now - LIFETIME)
    deleted, _by_model = old.delete()
    return deleted


def _hold(scope: Scope, key: str) -> bool:
    name = f"api:{scope.organisation_id}:{scope.user_id}:{key}"
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0))", [name])
        (held,) = cursor.fetchone()
    return bool(held)
