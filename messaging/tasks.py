"""What workers do for messaging. The truth lies in rows: a lost call costs nothing, a second one is harmless."""

from __future__ import annotations

from celery import shared_task

from messaging.rounds import go_round


@shared_task(name="messaging.tasks.send")
def send() -> None:
    """Answer resets asked for, gather digests that are due, send mails."""
    go_round()
