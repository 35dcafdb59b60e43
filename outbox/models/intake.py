"""What came in through the webhook door: the raw request, the events in it, what was refused, what was kept of it."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from crm.core.classes import internal, personal
from crm.core.models import OrganisationModel
from outbox.choices import BLOCKING, OPEN, CredentialRole, InboxReason, InboxState, Refusal
from outbox.models.connections import Connection, Credential
from outbox.querysets import IntegrationQuerySet


class InboxRequest(OrganisationModel):
    """A request whose signature was right, as it came. The body is never changed, only forgotten after 30 days."""

    connection = internal(
        models.ForeignKey(Connection, on_delete=models.PROTECT, related_name="requests", verbose_name=_("connection"))
    )
    dedupe_key = internal(models.CharField(_("key against repeats"), max_length=200))
    body = personal(models.BinaryField(_("body"), null=True))
    size = internal(models.PositiveIntegerField(_("size in bytes")))
    headers = internal(models.JSONField(_("headers"), default=dict))
    address = personal(models.GenericIPAddressField(_("address"), null=True))
    received_at = internal(models.DateTimeField(_("received")))
    seen = internal(models.PositiveIntegerField(_("seen"), default=1))
    last_seen_at = internal(models.DateTimeField(_("last seen")))
    credential = internal(
        models.ForeignKey(
            Credential, on_delete=models.SET_NULL, null=True, related_name="+", verbose_name=_("verified by")
        )
    )
    credential_role = internal(models.CharField(_("role then"), max_length=8, choices=CredentialRole.choices))
    split_at = internal(models.DateTimeField(_("taken apart"), null=True))
    known_parts = internal(models.PositiveIntegerField(_("parts known before"), default=0))

    objects = IntegrationQuerySet["InboxRequest"].as_manager()

    class Meta:
        verbose_name, verbose_name_plural = _("inbox request"), _("inbox requests")
        constraints = [models.UniqueConstraint(fields=["connection", "dedupe_key"], name="inbox_request_once")]
        indexes = [
            models.Index(fields=["connection", "id"], name="inbox_request_whole", condition=Q(split_at__isnull=True)),
            models.Index(fields=["organisation", "received_at"], name="inbox_request_by_time"),
            models.Index(fields=["connection", "address"], name="inbox_request_by_address"),
        ]

    def __str__(self) -> str:
        return self.dedupe_key


class InboxEvent(OrganisationModel):
    """One thing that a request tells, and what became of it. Its content is part `n` of the request's body."""

    request = internal(
        models.ForeignKey(InboxRequest, on_delete=models.CASCADE, related_name="events", verbose_name=_("request"))
    )
    connection = internal(
        models.ForeignKey(Connection, on_delete=models.PROTECT, related_name="events", verbose_name=_("connection"))
    )
    n = internal(models.PositiveIntegerField(_("part")))
    external_key = internal(models.CharField(_("external key"), max_length=200))
    type = internal(models.CharField(_("type"), max_length=80, blank=True))
    subject = internal(models.CharField(_("subject"), max_length=200, blank=True))
    occurred_at = internal(models.DateTimeField(_("occurred"), null=True))
    received_at = internal(models.DateTimeField(_("received")))
    state = internal(models.CharField(_("state"), max_length=10, choices=InboxState.choices, default=InboxState.NEW))
    reason = internal(models.CharField(_("reason"), max_length=20, choices=InboxReason.choices, blank=True))
    note = internal(models.CharField(_("note"), max_length=300, blank=True))
    attempts = internal(models.PositiveSmallIntegerField(_("attempts"), default=0))
    run_at = internal(models.DateTimeField(_("due"), db_default=Now()))
    locked_until = internal(models.DateTimeField(_("held by a worker until"), null=True))
    waits_until = internal(models.DateTimeField(_("waits until"), null=True))
    done_at = internal(models.DateTimeField(_("finished"), null=True))
    error = internal(models.CharField(_("kind of error"), max_length=80, blank=True))
    replays = internal(models.PositiveSmallIntegerField(_("replays"), default=0))
    acted_by = internal(models.CharField(_("replayed or dismissed by"), max_length=80, blank=True))
    acted_at = internal(models.DateTimeField(_("replayed or dismissed"), null=True))

    objects = IntegrationQuerySet["InboxEvent"].as_manager()

    class Meta:
        verbose_name, verbose_name_plural = _("inbox event"), _("inbox events")
        constraints = [
            models.UniqueConstraint(fields=["connection", "external_key"], name="inbox_event_once"),
            models.CheckConstraint(condition=Q(state__in=InboxState.values), name="inbox_state_known"),
            models.CheckConstraint(condition=Q(reason__in=["", *InboxReason.values]), name="inbox_reason_known"),
        ]
        indexes = [
            models.Index(fields=["connection", "id"], name="inbox_event_open", condition=Q(state__in=OPEN)),
            models.Index(
                fields=["connection", "subject", "id"], name="inbox_event_order", condition=Q(state__in=BLOCKING)
            ),
            models.Index(fields=["organisation", "-received_at", "-id"], name="inbox_event_list"),
            models.Index(fields=["organisation", "state", "-id"], name="inbox_event_by_state"),
            models.Index(fields=["connection", "subject", "-id"], name="inbox_event_by_subject"),
            models.Index(fields=["request", "n"], name="inbox_event_by_request"),
        ]

    def __str__(self) -> str:
        return f"{self.type}:{self.external_key}"


class InboxRefusal(OrganisationModel):
    """What the door refused, per connection, kind and minute: a count, and a sample that proves nothing about a person."""

    connection = internal(
        models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="refusals", verbose_name=_("connection"))
    )
    kind = internal(models.CharField(_("kind"), max_length=13, choices=Refusal.choices))
    minute = internal(models.DateTimeField(_("minute")))
    count = internal(models.PositiveIntegerField(_("count"), default=1))
    digest = internal(models.CharField(_("digest of the body"), max_length=64, blank=True))
    size = internal(models.PositiveBigIntegerField(_("size in bytes"), null=True))
    header_names = internal(models.JSONField(_("names of the headers"), default=list))
    network = internal(models.CharField(_("shortened address"), max_length=43, blank=True))

    objects = IntegrationQuerySet["InboxRefusal"].as_manager()

    class Meta:
        verbose_name, verbose_name_plural = _("refused request"), _("refused requests")
        constraints = [
            models.UniqueConstraint(fields=["connection", "kind", "minute"], name="inbox_refusal_once"),
            models.CheckConstraint(condition=Q(kind__in=Refusal.values), name="inbox_refusal_known"),
        ]

    def __str__(self) -> str:
        return self.kind


class RemoteEvent(OrganisationModel):
    """An event of another FreshPlan installation, as it told us: the log that the provider `freshplan` keeps."""

    connection = internal(
        models.ForeignKey(
            Connection, on_delete=models.PROTECT, related_name="remote_events", verbose_name=_("connection")
        )
    )
    event_id = internal(models.CharField(_("event id"), max_length=200))
    source = internal(models.CharField(_("source"), max_length=200))
    type = internal(models.CharField(_("type"), max_length=80))
    subject = internal(models.CharField(_("subject"), max_length=200, blank=True))
    occurred_at = internal(models.DateTimeField(_("occurred")))
    position = internal(models.BigIntegerField(_("position in their feed"), null=True))
    version = internal(models.PositiveIntegerField(_("version"), null=True))
    gap = internal(models.BooleanField(_("an earlier one is missing"), default=False))
    data = internal(models.JSONField(_("data"), default=dict))
    kept_at = internal(models.DateTimeField(_("kept")))

    objects = IntegrationQuerySet["RemoteEvent"].as_manager()

    class Meta:
        verbose_name, verbose_name_plural = _("event of another installation"), _("events of other installations")
        constraints = [models.UniqueConstraint(fields=["connection", "event_id"], name="remote_event_once")]
        indexes = [
            models.Index(fields=["connection", "-position", "-id"], name="remote_event_feed"),
            models.Index(fields=["connection", "subject", "-position"], name="remote_event_by_subject"),
        ]

    def __str__(self) -> str:
        return self.type
