"""Pairs of the stock that may be the same company: found by a worker, looked at by people."""

from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from crm.core.classes import internal
from crm.core.models import OrganisationModel
from customers.models.account import Customer
from customers.querysets import DuplicatePairQuerySet


class DuplicatePair(OrganisationModel):
    """Two accounts and what the one rule says of them; `seen_at` is the beginning of the last scan that found the pair.

    `parted_at` is when somebody said that they are two; no later scan asks again.
    """

    first = internal(models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="+"))
    second = internal(models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="+"))
    score = internal(models.PositiveSmallIntegerField(_("score")))
    verdict = internal(models.CharField(_("verdict"), max_length=10))
    reasons = internal(ArrayField(models.CharField(max_length=20), verbose_name=_("reasons")))
    seen_at = internal(models.DateTimeField(_("last found")))
    parted_at = internal(models.DateTimeField(_("told apart"), null=True))
    parted_by = internal(
        models.ForeignKey(
            settings.AUTH_USER_MODEL,
            on_delete=models.SET_NULL,
            null=True,
            related_name="+",
            verbose_name=_("told apart by"),
        )
    )

    objects = DuplicatePairQuerySet.as_manager()

    class Meta:
        verbose_name, verbose_name_plural = _("possible duplicate"), _("possible duplicates")
        constraints = [
            models.UniqueConstraint(fields=["first", "second"], name="duplicate_pair_once"),
            models.CheckConstraint(condition=Q(first__lt=F("second")), name="duplicate_pair_in_order"),
            models.CheckConstraint(condition=Q(verdict__in=["SAME", "POSSIBLE"]), name="duplicate_pair_verdict_known"),
        ]
        indexes = [
            models.Index(fields=["organisation", "-score", "id"], name="duplicate_pair_by_score"),
            models.Index(fields=["organisation", "seen_at"], name="duplicate_pair_by_scan"),
        ]

    def __str__(self) -> str:
        return f"{self.first_id} = {self.second_id}"
