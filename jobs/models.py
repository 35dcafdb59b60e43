"""Change sets, and the runs of periodic jobs."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from crm.core.classes import internal
from crm.core.models import OrganisationModel
from jobs.choices import RunState
from jobs.querysets import ChangeSetQuerySet, JobRunQuerySet


class ChangeSet(OrganisationModel):
    """A batch of changes that can be undone as one: an import, a bulk action, a merge. History rows carry its id."""

    kind = internal(models.CharField(_("kind"), max_length=40))
    label = internal(models.CharField(_("label"), max_length=200))
    actor = internal(models.CharField(_("actor"), max_length=80))
    source = internal(models.CharField(_("source"), max_length=20))
    created_at = internal(models.DateTimeField(_("created")))
    rows = internal(
        models.PositiveIntegerField(_("rows"), null=True, help_text=_("Rows written, where the batch counts them."))
    )
    undoes = internal(
        models.ForeignKey("self", on_delete=models.PROTECT, null=True, related_name="+", verbose_name=_("undoes"))
    )
    undone_at = internal(models.DateTimeField(_("undone"), null=True))
    undone_by = internal(
        models.ForeignKey(
            settings.AUTH_USER_MODEL,
            on_delete=models.SET_NULL,
            null=True,
            related_name="+",
            verbose_name=_("undone by"),
        )
    )

    objects = ChangeSetQuerySet.as_manager()

    class Meta:
        verbose_name, verbose_name_plural = _("change set"), _("change sets")
        ordering = ["-pk"]
        indexes = [models.Index(fields=["organisation", "-id"], name="change_set_list")]

    def __str__(self) -> str:
        return self.label


class JobRun(models.Model):
    """One run of a periodic job for an organisation and period; without an organisation, for the whole installation."""

    job = internal(models.CharField(_("job"), max_length=80))
    organisation = internal(
        models.ForeignKey(
            "organisation.Organisation",
            on_delete=models.PROTECT,
            null=True,
            related_name="+",
            verbose_name=_("organisation"),
        )
    )
    period = internal(models.DateTimeField(_("period from")))
    state = internal(models.CharField(_("state"), max_length=8, choices=RunState.choices, default=RunState.RUNNING))
    attempts = internal(models.PositiveSmallIntegerField(_("attempts"), default=1))
    started_at = internal(models.DateTimeField(_("started"), db_default=Now()))
    locked_until = internal(models.DateTimeField(_("held by a worker until")))
    finished_at = internal(models.DateTimeField(_("finished"), null=True))
    error = internal(models.CharField(_("kind of error"), max_length=80, blank=True))

    objects = JobRunQuerySet.as_manager()

    class Meta:
        verbose_name, verbose_name_plural = _("job run"), _("job runs")
        constraints = [
            models.UniqueConstraint(
                fields=["job", "organisation", "period"], name="job_run_once", nulls_distinct=False
            ),
            models.CheckConstraint(condition=Q(state__in=RunState.values), name="job_run_state_known"),
        ]

    def __str__(self) -> str:
        return self.job
