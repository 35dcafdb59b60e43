"""Bodies of jobs, tasks and change sets."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from crm.core.api.serializers import StrictSerializer
from jobs.kinds import kinds_by_hand
from jobs.models import ChangeSet, JobRun, LongTask
from jobs.overview import changes_of
from jobs.schedule import all_jobs


class RunSerializer(serializers.ModelSerializer[JobRun]):
    """A run of a periodic job. `counts` are its figures by code, `missed` the starts that it made up."""

    asked_by_id = serializers.IntegerField(read_only=True, allow_null=True)
    counts = serializers.DictField(child=serializers.IntegerField(), read_only=True)

    class Meta:
        model = JobRun
        fields = (
            "id",
            "job",
            "state",
            "started_at",
            "finished_at",
            "attempts",
            "missed",
            "by_hand",
            "asked_by_id",
            "error",
            "counts",
        )
        read_only_fields = fields


class RunListSerializer(serializers.Serializer[Any]):
    """A page of runs."""

    results = RunSerializer(many=True)
    next = serializers.CharField(allow_null=True)
    previous = serializers.CharField(allow_null=True)


class NewRunSerializer(StrictSerializer):
    """Which job to run now."""

    job = serializers.ChoiceField(choices=sorted(job.name for job in all_jobs() if job.for_organisation is not None))


class JobSerializer(serializers.Serializer[Any]):
    """A periodic job with its last run and its next one. `missed`: starts that have passed without a run until now."""

    name = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]
    description = serializers.CharField()
    plan = serializers.CharField(help_text="In words of the caller's language.")
    limit_seconds = serializers.IntegerField()
    next_run_at = serializers.DateTimeField()
    missed = serializers.IntegerField()
    is_running = serializers.BooleanField()
    is_queued = serializers.BooleanField()
    last_run = RunSerializer(allow_null=True)


class JobListSerializer(serializers.Serializer[Any]):
    """All jobs."""

    results = JobSerializer(many=True)


class TaskSerializer(serializers.ModelSerializer[LongTask]):
    """A long task. `done` counts what is committed and, in a batch that goes on, what it has done so far."""

    user_id = serializers.IntegerField(read_only=True, allow_null=True)
    change_set_id = serializers.IntegerField(read_only=True, allow_null=True)
    total = serializers.IntegerField(read_only=True, allow_null=True)
    done = serializers.IntegerField(source="shown", read_only=True)
    refused = serializers.IntegerField(read_only=True)
    rate = serializers.FloatField(read_only=True, help_text="Rows a second while a worker was at it.")
    result = serializers.DictField(read_only=True, help_text="Figures and codes, by kind.")

    class Meta:
        model = LongTask
        fields = (
            "id",
            "kind",
            "label",
            "state",
            "total",
            "done",
            "refused",
            "rate",
            "error",
            "result",
            "user_id",
            "change_set_id",
            "created_at",
            "started_at",
            "finished_at",
            "cancel_asked_at",
        )
        read_only_fields = fields


class TaskListSerializer(serializers.Serializer[Any]):
    """A page of tasks."""

    results = TaskSerializer(many=True)
    next = serializers.CharField(allow_null=True)
    previous = serializers.CharField(allow_null=True)


class NewTaskSerializer(StrictSerializer):
    """Which kind of task to start."""

    kind = serializers.ChoiceField(choices=[kind.key for kind in kinds_by_hand()])


class ChangeSetSerializer(serializers.ModelSerializer[ChangeSet]):
    """A batch of changes that can be undone as one."""

    rows = serializers.IntegerField(read_only=True, allow_null=True)
    undoes_id = serializers.IntegerField(read_only=True, allow_null=True)
    undone_by_id = serializers.IntegerField(read_only=True, allow_null=True)

    class Meta:
        model = ChangeSet
        fields: tuple[str, ...] = (
            "id",
            "kind",
            "label",
            "actor",
            "source",
            "created_at",
            "rows",
            "undoes_id",
            "undone_at",
            "undone_by_id",
        )
        read_only_fields = fields


class ChangeSetListSerializer(serializers.Serializer[Any]):
    """A page of change sets."""

    results = ChangeSetSerializer(many=True)
    next = serializers.CharField(allow_null=True)
    previous = serializers.CharField(allow_null=True)


class TableSerializer(serializers.Serializer[Any]):
    """How many rows of one table a change set made, changed and deleted, counted no further than 10,000."""

    label = serializers.CharField()  # type: ignore[assignment]
    made = serializers.IntegerField()
    changed = serializers.IntegerField()
    deleted = serializers.IntegerField()
    is_capped = serializers.BooleanField(help_text="There are more.")


class WholeChangeSetSerializer(ChangeSetSerializer):
    """A change set with what it did, by table."""

    tables = serializers.SerializerMethodField()

    @extend_schema_field(TableSerializer(many=True))
    def get_tables(self, change_set: ChangeSet) -> list[dict[str, Any]]:
        """By table, of what the active scope may read."""
        return list(TableSerializer(changes_of(change_set.pk), many=True).data)

    class Meta(ChangeSetSerializer.Meta):
        fields = (*ChangeSetSerializer.Meta.fields, "tables")
        read_only_fields = fields
