"""What the tables of all apps share."""

from __future__ import annotations

from collections.abc import Sequence

from django.conf import settings
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from simple_history.models import HistoricalRecords

from crm.core.classes import internal


class OrganisationModel(models.Model):
    """A row of one organisation; row-level security keeps it there."""

    organisation = internal(
        models.ForeignKey(
            "organisation.Organisation",
            on_delete=models.PROTECT,
            related_name="+",
            editable=False,
            verbose_name=_("organisation"),
        )
    )

    class Meta:
        abstract = True


class VersionedModel(models.Model):
    """A row that pages edit. `version` and `updated_at` are kept by a trigger, whoever writes."""

    version = internal(models.PositiveIntegerField(_("version"), db_default=1, editable=False))
    created_at = internal(models.DateTimeField(_("created"), db_default=Now(), editable=False))
    updated_at = internal(models.DateTimeField(_("changed"), db_default=Now(), editable=False))

    class Meta:
        abstract = True


class TrashableModel(models.Model):
    """A row that deleting only moves to the trash; unique keys are partial over what is not deleted."""

    deleted_at = internal(models.DateTimeField(_("deleted"), null=True, blank=True, editable=False))
    deleted_by = internal(
        models.ForeignKey(
            settings.AUTH_USER_MODEL,
            on_delete=models.SET_NULL,
            null=True,
            blank=True,
            editable=False,
            related_name="+",
            verbose_name=_("deleted by"),
        )
    )

    class Meta:
        abstract = True


class HistoryRow(models.Model):
    """What every history table carries beside the row's own columns: who, why, from where.

    Filled by the trigger `crm_keep_history` from the scope's SET LOCAL values; the application's role only reads.
    """

    history_actor = internal(models.TextField(_("actor"), editable=False))
    history_source = internal(models.TextField(_("source"), editable=False))
    history_request_id = internal(models.TextField(_("request"), editable=False))
    history_change_set_id = internal(models.BigIntegerField(_("change set"), null=True, editable=False))

    class Meta:
        abstract = True


def history_table(*, without: Sequence[str] = (), unindexed: Sequence[str] = ()) -> HistoricalRecords:
    """The history table of a model: filled by triggers, so without the library's own signals and user lookups.

    `without` names fields that it leaves out, `unindexed` foreign keys by which nobody looks into it. The organisation is
    always one of these: while a young table has no statistics, its index looks cheaper than the row's own.
    """
    return HistoricalRecords(
        bases=[HistoryRow],
        user_db_constraint=False,
        excluded_fields=list(without),
        no_db_index=["organisation", *unindexed],
        history_change_reason_field=models.TextField(null=True),
    )
