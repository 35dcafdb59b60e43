"""Mails that wait, as their recipients would read them."""

from __future__ import annotations

from crm.core.access import system_scope
from messaging.models import Message
from messaging.services import shown_mail
from messaging.services.messages import ShownMail
from organisation.models import Organisation


def mails_to(address: str, organisation: Organisation) -> list[ShownMail]:
    """What waits for this address, oldest first."""
    with system_scope(organisation.pk, job="test"):
        rows = Message.objects.filter(to_address__iexact=address).order_by("pk")
        return [shown_mail(row) for row in rows]
