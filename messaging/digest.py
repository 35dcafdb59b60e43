"""The digest: at its time (a setting) on the organisation's wall clock, one mail a user with what came since."""

from __future__ import annotations

from collections import defaultdict

from django.db import transaction
from django.urls import reverse
from django.utils import timezone, translation

from crm.core.access import activate, system_scope_for
from messaging.models import Notice
from messaging.scopes import JOB
from messaging.services.messages import Mail, path_to_address, queue_mails
from messaging.services.previews import lines_of
from organisation.models import Organisation, User

MOST = 100  # notices named in one digest; the page shows the others


def send_digests(organisation_id: int) -> int:
    """Queue the digests that are due, one mail per user; how many. Notices read meanwhile are left out.

    The mails and the marks that they were gathered are one transaction, and the send key names the first notice: twice
    at once, or again after a crash, mails nobody twice.
    """
    now = timezone.now()
    with transaction.atomic(), activate(system_scope_for(organisation_id, job=JOB, now=now)) as scope:
        own = Organisation.objects.visible_to(scope).get()
        due = Notice.objects.visible_to(scope).filter(digest_at__lte=now)
        rows = list(due.unread().select_for_update(of=("self",), skip_locked=True).order_by("-created_at", "-pk"))
        by_user: dict[int, list[Notice]] = defaultdict(list)
        for row in rows:
            by_user[row.user_id].append(row)
        people = User.objects.visible_to(scope).active().filter(pk__in=by_user)
        mails = []
        for user in people:
            notices = by_user[user.pk]
            with translation.override(user.language):
                text = lines_of(notices[:MOST])
            values = {
                "name": user.name,
                "organisation": own.name,
                "count": len(notices),
                "list": text,
                "address": path_to_address(reverse("messaging:notices")),
            }
            mails.append(
                Mail(
                    user_id=user.pk,
                    to_address=user.email,
                    to_name=user.name,
                    language=user.language,
                    template="digest",
                    values=values,
                    send_key=f"digest:{notices[0].pk}:{notices[0].digest_at:%Y%m%d%H}",
                    run_at=now,
                )
            )
        queue_mails(scope=scope, mails=mails)
        Notice.objects.filter(pk__in=[row.pk for row in rows]).update(digest_at=None)
        return len(mails)
