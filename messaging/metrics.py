"""What /metrics tells of mails, from their rows."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.models import Count, Q

from crm.core.access import Scope
from crm.core.metrics import Figure, of_each_organisation
from messaging.choices import MessageState
from messaging.models import Message


def figures() -> Iterator[Figure]:
    """Mails that are due and not sent, and mails that failed for good and were not sent again."""
    told = of_each_organisation(_counts)
    yield Figure("freshplan_mail_waiting", "Mails that are due.", sum(one["waiting"] for one in told))
    yield Figure("freshplan_mail_failed", "Mails that failed for good.", sum(one["failed"] for one in told))


def _counts(scope: Scope) -> dict[str, int]:
    waits = Q(state=MessageState.QUEUED, run_at__lte=scope.now)
    failed = Q(state=MessageState.FAILED)
    rows = Message.objects.visible_to(scope).filter(waits | failed)
    return rows.aggregate(waiting=Count("pk", filter=waits), failed=Count("pk", filter=failed))
