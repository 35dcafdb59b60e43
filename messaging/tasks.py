"""What workers do for messaging. Beat calls every few seconds: the truth lies in rows, a lost call costs nothing."""

from __future__ import annotations

import structlog
from celery import shared_task
from django.db import DatabaseError

from messaging.digest import send_digests
from messaging.sending import busy_organisations, send_due
from messaging.services.accounts import answer_resets

log = structlog.get_logger(__name__)


@shared_task(name="messaging.tasks.send")
def send() -> None:
    """Answer resets asked for, gather digests that are due, send mails. Twice at once is harmless."""
    answer_resets()
    for organisation_id in busy_organisations():
        try:
            send_digests(organisation_id)
            send_due(organisation_id)
        except DatabaseError as error:  # one organisation's trouble is not the others'
            log.error("mails left for the next round", organisation=organisation_id, error=type(error).__name__)
