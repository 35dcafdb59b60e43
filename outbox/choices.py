"""Enumerations of the outbox."""

from __future__ import annotations

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class DeliveryState(TextChoices):
    """Where the delivery of one event to one handler stands."""

    WAITING = "WAITING", _("Waiting")
    DONE = "DONE", _("Done")
    DEAD = "DEAD", _("Given up")
