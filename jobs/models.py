"""Change sets, the runs of periodic jobs, and long tasks."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from crm.core.classes import internal
from crm.core.models import OrganisationModel
from jobs.choices import RunState, TaskState
from jobs.querysets import ChangeSetQuerySet, JobRunQuerySet, LongTaskQuerySet


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
    """One run of a periodic job for an organisation and period; without an organisation, for the whole installation.

    A run asked for by hand is one of its own: its period is the instant of the asking.
    """

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
    missed = internal(
        models.PositiveIntegerField(
            _("missed"), db_default=0, help_text=_("How often its time had passed without a run when this one began.")
        )
    )
    counts = internal(models.JSONField(_("counts"), db_default={}))
    by_hand = internal(models.BooleanField(_("by hand"), db_default=False))
    asked_by = internal(
        models.ForeignKey(
            settings.AUTH_USER_MODEL,
            on_delete=models.SET_NULL,
            null=True,
            related_name="+",
            verbose_name=_("asked by"),
        )
    )

    objects = JobRunQuerySet.as_manager()

    class Meta:
        verbose_name, verbose_name_plural = _("job run"), _("job runs")
        constraints = [
            models.UniqueConstraint(
                fields=["job", "organisation", "period"], name="job_run_once", nulls_distinct=False
            ),
            models.UniqueConstraint(
                fields=["job", "organisation"],
                name="job_run_no_overlap",
                condition=Q(state="RUNNING"),
                nulls_distinct=False,
            ),
            models.UniqueConstraint(
                fields=["job", "organisation"],
                name="job_run_asked_once",
                condition=Q(state="QUEUED"),
                nulls_distinct=False,
            ),
            models.CheckConstraint(condition=Q(state__in=RunState.values), name="job_run_state_known"),
        ]

    def __str__(self) -> str:
        return self.job


class LongTask(OrganisationModel):
    """Work that takes longer than a page: a worker does it batch by batch, each one transaction with `cursor`.

    The row holds all that is needed to go on: a task whose worker died goes on behind its last committed batch.
    """

    kind = internal(models.CharField(_("kind"), max_length=60))
    label = internal(models.CharField(_("label"), max_length=200, blank=True))
    parameters = internal(models.JSONField(_("parameters"), default=dict))
    change_set = internal(
        models.ForeignKey(
            ChangeSet, on_delete=models.PROTECT, null=True, related_name="tasks", verbose_name=_("change set")
        )
    )
    actor = internal(models.CharField(_("actor"), max_length=80))
    user = internal(
        models.ForeignKey(
            settings.AUTH_USER_MODEL,
            on_delete=models.SET_NULL,
            null=True,
            related_name="+",
            verbose_name=_("started by"),
        )
    )
    request_id = internal(models.CharField(_("request"), max_length=64, blank=True))
    state = internal(models.CharField(_("state"), max_length=9, choices=TaskState.choices, default=TaskState.QUEUED))
    total = internal(models.PositiveBigIntegerField(_("total"), null=True))
    done = internal(models.PositiveBigIntegerField(_("done"), default=0))
    told = internal(models.PositiveBigIntegerField(_("done in the batch that goes on"), default=0))
    refused = internal(models.PositiveBigIntegerField(_("refused"), default=0))
    cursor = internal(models.JSONField(_("place"), null=True, help_text=_("Where the next batch begins.")))
    result = internal(models.JSONField(_("result"), default=dict, help_text=_("Codes and figures, never texts.")))
    error = internal(models.CharField(_("kind of error"), max_length=80, blank=True))
    created_at = internal(models.DateTimeField(_("created")))
    started_at = internal(models.DateTimeField(_("started"), null=True))
    progress_at = internal(models.DateTimeField(_("last progress"), null=True))
    finished_at = internal(models.DateTimeField(_("finished"), null=True))
    spent_ms = internal(models.PositiveBigIntegerField(_("milliseconds in batches"), default=0))
    cancel_asked_at = internal(models.DateTimeField(_("cancel asked"), null=True))
    attempts = internal(models.PositiveIntegerField(_("claims"), default=0))
    stalls = internal(models.PositiveSmallIntegerField(_("claims since the last progress"), default=0))
    locked_until = internal(models.DateTimeField(_("held by a worker until"), db_default=Now()))

    objects = LongTaskQuerySet.as_manager()

    class Meta:
        verbose_name, verbose_name_plural = _("long task"), _("long tasks")
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(condition=Q(state__in=TaskState.values), name="long_task_state_known"),
            models.UniqueConstraint(
                fields=["kind", "change_set"],
                name="long_task_once_per_change_set",
                condition=Q(state__in=["QUEUED", "RUNNING"]),
            ),
        ]
        indexes = [
            models.Index(fields=["organisation", "-id"], name="long_task_list"),
            models.Index(fields=["organisation", "actor", "-id"], name="long_task_own"),
            models.Index(
                fields=["organisation", "locked_until"],
                name="long_task_open",
                condition=Q(state__in=["QUEUED", "RUNNING"]),
            ),
        ]

    def __str__(self) -> str:
        return self.label or self.kind

    @property
    def is_open(self) -> bool:
        """Whether it still goes on."""
        return self.state in TaskState.open()

    @property
    def shown(self) -> int:
        """Rows done so far, with those of the batch that goes on."""
        return self.done + self.told

    @property
    def rate(self) -> float:
        """Rows a second, while a worker was at it; 0 before the first batch."""
        return self.done * 1000 / self.spent_ms if self.spent_ms else 0.0
