"""The log of events, what became of them, and signs of life."""

from __future__ import annotations

import uuid

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from crm.core.classes import internal
from crm.core.models import OrganisationModel
from outbox.choices import DeliveryState
from outbox.querysets import DeliveryQuerySet, EventQuerySet


class Event(OrganisationModel):
    """One thing that happened. Written once, in the transaction of what happened; never changed, never deleted.

    `position` is its place in the feed, given by the relay after the commit, without gaps: ids commit out of order.
    """

    event_id = internal(models.UUIDField(_("event id"), default=uuid.uuid4, unique=True))
    type = internal(models.CharField(_("type"), max_length=80))
    version = internal(models.PositiveSmallIntegerField(_("version"), default=1))
    subject_type = internal(models.CharField(_("subject type"), max_length=40))
    subject_id = internal(models.BigIntegerField(_("subject")))
    data = internal(models.JSONField(_("data"), encoder=DjangoJSONEncoder, default=dict))
    actor = internal(models.CharField(_("actor"), max_length=80))
    source = internal(models.CharField(_("source"), max_length=20))
    request_id = internal(models.CharField(_("request"), max_length=64, blank=True))
    cause = internal(
        models.CharField(_("cause"), max_length=64, blank=True, help_text=_("The event that led to this one."))
    )
    change_set_id = internal(models.BigIntegerField(_("change set"), null=True))
    occurred_at = internal(models.DateTimeField(_("occurred")))
    position = internal(models.BigIntegerField(_("position"), null=True, unique=True))

    objects = EventQuerySet.as_manager()

    class Meta:
        verbose_name, verbose_name_plural = _("event"), _("events")
        indexes = [
            models.Index(fields=["id"], name="event_unplaced", condition=Q(position__isnull=True)),
            models.Index(fields=["organisation", "position"], name="event_feed"),
            models.Index(fields=["subject_type", "subject_id", "id"], name="event_by_subject"),
            models.Index(fields=["cause", "id"], name="event_by_cause", condition=~Q(cause="")),
        ]

    def __str__(self) -> str:
        return self.type


class Delivery(OrganisationModel):
    """One event to one handler. Subject and position are the event's, so that the oldest of a subject is found fast."""

    event = internal(
        models.ForeignKey(Event, on_delete=models.PROTECT, related_name="deliveries", verbose_name=_("event"))
    )
    handler = internal(models.CharField(_("handler"), max_length=80))
    subject_type = internal(models.CharField(_("subject type"), max_length=40))
    subject_id = internal(models.BigIntegerField(_("subject")))
    position = internal(models.BigIntegerField(_("position")))
    state = internal(
        models.CharField(_("state"), max_length=8, choices=DeliveryState.choices, default=DeliveryState.WAITING)
    )
    attempts = internal(models.PositiveSmallIntegerField(_("attempts"), default=0))
    run_at = internal(models.DateTimeField(_("due"), db_default=Now()))
    queued_until = internal(models.DateTimeField(_("in the queue until"), null=True))
    locked_until = internal(models.DateTimeField(_("held by a worker until"), null=True))
    done_at = internal(models.DateTimeField(_("done"), null=True))
    error = internal(models.CharField(_("kind of error"), max_length=80, blank=True))

    objects = DeliveryQuerySet.as_manager()

    class Meta:
        verbose_name, verbose_name_plural = _("delivery"), _("deliveries")
        constraints = [
            models.UniqueConstraint(fields=["event", "handler"], name="delivery_once"),
            models.CheckConstraint(condition=Q(state__in=DeliveryState.values), name="delivery_state_known"),
        ]
        indexes = [
            models.Index(fields=["run_at", "id"], name="delivery_waiting", condition=Q(state="WAITING")),
            models.Index(
                fields=["handler", "subject_type", "subject_id", "position"],
                name="delivery_order",
                condition=Q(state="WAITING"),
            ),
            models.Index(fields=["organisation", "done_at"], name="delivery_done", condition=Q(state="DONE")),
            models.Index(fields=["organisation", "id"], name="delivery_dead", condition=Q(state="DEAD")),
        ]

    def __str__(self) -> str:
        return f"{self.handler}:{self.event_id}"


class Heartbeat(models.Model):
    """When a background process was last alive. Of the installation, not of an organisation."""

    name = internal(models.CharField(_("name"), max_length=40, primary_key=True))
    beat_at = internal(models.DateTimeField(_("last sign of life")))
    lag_seconds = internal(models.PositiveIntegerField(_("age of the oldest undelivered event in seconds"), default=0))

    class Meta:
        verbose_name, verbose_name_plural = _("sign of life"), _("signs of life")

    def __str__(self) -> str:
        return self.name
