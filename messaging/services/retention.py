"""Forgetting notices and mails that have had their time."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from django.db.models import Q

from crm.core.access import Scope
from messaging.choices import MessageState
from messaging.models import Message, Notice

READ_KEPT: Final = timedelta(days=90)
UNREAD_KEPT: Final = timedelta(days=365)
MAILS_KEPT: Final = timedelta(days=90)  # after their last step
WAITED: Final = timedelta(days=30)  # what could not be sent for so long is news to nobody


def forget_old(*, scope: Scope) -> dict[str, int]:
    """Forget old notices and old mails to users, and give up mails that waited too long; how many of each.

    Mails to contacts stay: what was written to whom is part of the proof of consent.
    """
    now = scope.now
    read = Q(created_at__lt=now - READ_KEPT, read_at__lt=now - READ_KEPT)
    notices = Notice.objects.visible_to(scope).filter(read | Q(created_at__lt=now - UNREAD_KEPT)).delete()[0]
    mails = Message.objects.visible_to(scope).filter(user__isnull=False, finished_at__lt=now - MAILS_KEPT).delete()[0]
    waiting = Message.objects.visible_to(scope).filter(state=MessageState.QUEUED, run_at__lt=now - WAITED)
    given_up = waiting.update(state=MessageState.SUPPRESSED, rule="WAITED_TOO_LONG", sealed=None, finished_at=now)
    return {"notices": notices, "mails": mails, "given_up": given_up}
