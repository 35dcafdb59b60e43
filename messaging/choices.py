"""Enumerations of notices and mails."""

from __future__ import annotations

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class Channel(TextChoices):
    """How a kind of notice reaches a user. Mails come beside the notice in the app, never in its place."""

    IN_APP = "IN_APP", _("In the app")
    MAIL = "MAIL", _("In the app, and a mail at once")
    DIGEST = "DIGEST", _("In the app, and in the daily digest")
    OFF = "OFF", _("Off")


class MessageState(TextChoices):
    """Where an outgoing mail stands. SENT means handed over to the server, not delivered."""

    QUEUED = "QUEUED", _("Waiting")
    SENDING = "SENDING", _("Being sent")
    SENT = "SENT", _("Sent")
    FAILED = "FAILED", _("Failed")
    SUPPRESSED = "SUPPRESSED", _("Not sent")
