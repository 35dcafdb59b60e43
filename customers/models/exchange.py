"""Files that lists are written to and imports come from: a row that tells of each, and its bytes for a limited time."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from crm.core.access import OrganisationQuerySet
from crm.core.classes import internal, personal, restricted
from crm.core.models import OrganisationModel
from customers.choices import FileFormat, FilePurpose
from customers.querysets import ExchangeFileQuerySet, ExchangePartQuerySet
from jobs.models import LongTask


class ExchangeFile(OrganisationModel):
    """Who wrote or brought which file, of what, and how many rows. Stays as the log when the bytes are gone."""

    purpose = internal(models.CharField(_("purpose"), max_length=8, choices=FilePurpose.choices))
    format = internal(models.CharField(_("format"), max_length=4, choices=FileFormat.choices))
    name = internal(models.CharField(_("name"), max_length=200))
    user = internal(
        models.ForeignKey(
            settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+", verbose_name=_("made by")
        )
    )
    task = internal(
        models.ForeignKey(LongTask, on_delete=models.SET_NULL, null=True, related_name="+", verbose_name=_("task"))
    )
    asked = personal(
        models.JSONField(
            _("asked for"), default=dict, help_text=_("The filter, or the ids; it may hold words searched.")
        )
    )
    columns = internal(models.JSONField(_("columns"), default=list, help_text=_("Key, header, and whether numbers.")))
    rows = internal(models.PositiveIntegerField(_("rows"), null=True))
    size = internal(models.PositiveBigIntegerField(_("bytes"), null=True))
    created_at = internal(models.DateTimeField(_("created")))
    ready_at = internal(models.DateTimeField(_("ready"), null=True))
    expires_at = internal(models.DateTimeField(_("kept until")))

    objects = ExchangeFileQuerySet.as_manager()

    class Meta:
        verbose_name, verbose_name_plural = _("file of an exchange"), _("files of exchanges")
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(condition=Q(purpose__in=FilePurpose.values), name="exchange_purpose_known"),
            models.CheckConstraint(condition=Q(format__in=FileFormat.values), name="exchange_format_known"),
        ]
        indexes = [
            models.Index(fields=["organisation", "purpose", "-id"], name="exchange_file_list"),
            models.Index(fields=["organisation", "expires_at"], name="exchange_file_age"),
        ]

    def __str__(self) -> str:
        return self.name


class ExchangePart(OrganisationModel):
    """A piece of a file, in the order of `number`. Read by who made the file, and by nobody else."""

    file = internal(models.ForeignKey(ExchangeFile, on_delete=models.CASCADE, related_name="parts"))
    number = internal(models.PositiveIntegerField(_("number")))
    data = restricted(models.BinaryField(_("bytes")))

    objects = ExchangePartQuerySet.as_manager()

    class Meta:
        verbose_name, verbose_name_plural = _("piece of a file"), _("pieces of files")
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["file", "number"], name="exchange_part_once")]

    def __str__(self) -> str:
        return f"{self.file_id}/{self.number}"


class ImportMemory(OrganisationModel):
    """How the organisation mapped the columns of files with these headers last."""

    signature = internal(models.CharField(_("headers"), max_length=64))
    columns = internal(models.JSONField(_("columns")))
    saved_at = internal(models.DateTimeField(_("saved")))

    objects = OrganisationQuerySet["ImportMemory"].as_manager()

    class Meta:
        verbose_name, verbose_name_plural = _("mapping of an import"), _("mappings of imports")
        constraints = [models.UniqueConstraint(fields=["organisation", "signature"], name="import_memory_once")]

    def __str__(self) -> str:
        return self.signature
