"""Connections to other systems, their secrets, how they answer, and what was called."""

from __future__ import annotations

import base64
import secrets

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from crm.core.classes import internal, restricted
from crm.core.models import OrganisationModel, TrashableModel, VersionedModel, history_table
from outbox.choices import CheckResult, ConnectionState, CredentialRole
from outbox.querysets import ConnectionQuerySet, CredentialQuerySet, IntegrationQuerySet


def new_key() -> str:
    """The part of a webhook address that finds its connection; no secret: the signature proves, not the address."""
    return f"wk_{base64.b32encode(secrets.token_bytes(15)).decode().lower()}"


class Connection(OrganisationModel, VersionedModel, TrashableModel):
    """One provider for one organisation."""

    provider = internal(models.CharField(_("provider"), max_length=40, editable=False))
    label = internal(models.CharField(_("name"), max_length=80))
    base_url = internal(models.CharField(_("address"), max_length=500, blank=True))
    options = internal(models.JSONField(_("settings"), default=dict))
    state = internal(
        models.CharField(_("state"), max_length=8, choices=ConnectionState.choices, default=ConnectionState.DRAFT)
    )
    state_reason = internal(models.CharField(_("reason"), max_length=200, blank=True))
    key = internal(models.CharField(_("key of the webhook address"), max_length=27, unique=True, default=new_key))
    owner = internal(
        models.ForeignKey(
            settings.AUTH_USER_MODEL,
            on_delete=models.SET_NULL,
            null=True,
            related_name="+",
            verbose_name=_("to be told"),
        )
    )

    objects = ConnectionQuerySet.as_manager()
    history = history_table()

    class Meta:
        verbose_name, verbose_name_plural = _("connection"), _("connections")
        constraints = [
            models.CheckConstraint(condition=Q(state__in=ConnectionState.values), name="connection_state_known")
        ]
        indexes = [models.Index(fields=["organisation", "label"], name="connection_list")]

    def __str__(self) -> str:
        return self.label


class Credential(OrganisationModel):
    """A secret shared with another system, sealed with this row's id. Written, never shown again.

    At most two of a kind live: one CURRENT, and one NEXT or PREVIOUS (constraints in `sql/intake.sql`).
    """

    connection = internal(
        models.ForeignKey(
            Connection, on_delete=models.CASCADE, related_name="credentials", verbose_name=_("connection")
        )
    )
    kind = internal(models.CharField(_("kind"), max_length=30))
    role = internal(models.CharField(_("role"), max_length=8, choices=CredentialRole.choices))
    sealed = restricted(models.BinaryField(_("sealed value")))
    ending = internal(models.CharField(_("last characters"), max_length=4))
    valid_until = internal(models.DateTimeField(_("valid until"), null=True))
    set_at = internal(models.DateTimeField(_("set")))
    set_by = internal(
        models.ForeignKey(
            settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+", verbose_name=_("set by")
        )
    )
    last_used_at = internal(models.DateTimeField(_("last used"), null=True))

    objects = CredentialQuerySet.as_manager()

    class Meta:
        verbose_name, verbose_name_plural = _("credential"), _("credentials")
        constraints = [
            models.CheckConstraint(condition=Q(role__in=CredentialRole.values), name="credential_role_known")
        ]

    def __str__(self) -> str:
        return f"{self.kind}:{self.role}"

    @property
    def place(self) -> str:
        """What the sealed value is bound to."""
        return f"outbox_credential:{self.pk}"


class ConnectionCheck(OrganisationModel):
    """How the other side answered last, when it is asked again, and whether a worker was told to take in what came.

    Beside the connection, for it changes each minute.
    """

    connection = internal(
        models.OneToOneField(
            Connection, on_delete=models.CASCADE, related_name="check_row", verbose_name=_("connection")
        )
    )
    queued_until = internal(models.DateTimeField(_("in the queue until"), null=True))
    due_at = internal(models.DateTimeField(_("due"), null=True))
    locked_until = internal(models.DateTimeField(_("held by a worker until"), null=True))
    checked_at = internal(models.DateTimeField(_("last asked"), null=True))
    result = internal(models.CharField(_("result"), max_length=12, choices=CheckResult.choices, blank=True))
    status = internal(models.PositiveSmallIntegerField(_("status"), null=True))
    milliseconds = internal(models.PositiveIntegerField(_("milliseconds"), null=True))
    succeeded_at = internal(models.DateTimeField(_("last success"), null=True))

    objects = IntegrationQuerySet["ConnectionCheck"].as_manager()

    class Meta:
        verbose_name, verbose_name_plural = _("connection check"), _("connection checks")
        constraints = [
            models.CheckConstraint(condition=Q(result__in=["", *CheckResult.values]), name="check_result_known")
        ]
        indexes = [models.Index(fields=["due_at"], name="check_due", condition=Q(due_at__isnull=False))]

    def __str__(self) -> str:
        return self.result


class CallLog(OrganisationModel):
    """One attempt of one call out: what, how long, how it ended. Never a query, body or header. Kept 30 days."""

    connection = internal(
        models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="calls", verbose_name=_("connection"))
    )
    at = internal(models.DateTimeField(_("time"), db_default=Now()))
    operation = internal(models.CharField(_("operation"), max_length=40))
    method = internal(models.CharField(_("method"), max_length=7))
    path = internal(models.CharField(_("path"), max_length=200))
    status = internal(models.PositiveSmallIntegerField(_("status"), null=True))
    milliseconds = internal(models.PositiveIntegerField(_("milliseconds")))
    attempt = internal(models.PositiveSmallIntegerField(_("attempt")))
    breaker = internal(models.CharField(_("breaker"), max_length=9))
    error = internal(models.CharField(_("kind of error"), max_length=80, blank=True))
    request_id = internal(models.CharField(_("request"), max_length=64))
    sent_bytes = internal(models.PositiveIntegerField(_("bytes sent")))
    received_bytes = internal(models.PositiveIntegerField(_("bytes received")))

    objects = IntegrationQuerySet["CallLog"].as_manager()

    class Meta:
        verbose_name, verbose_name_plural = _("call"), _("calls")
        indexes = [
            models.Index(fields=["connection", "-id"], name="call_by_connection"),
            models.Index(fields=["organisation", "at"], name="call_by_time"),
        ]

    def __str__(self) -> str:
        return f"{self.method} {self.path}"
