"""Runs asked for by hand, with counts and what was missed; long tasks."""

import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    """What the pages of jobs show."""

    dependencies = [
        ("jobs", "0002_policies"),
        ("organisation", "0002_policies"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        # At most one run of a job goes on: what an older release left behind is over.
        migrations.RunSQL(
            "UPDATE jobs_jobrun SET state = 'FAILED', error = 'WorkerLost', finished_at = now() WHERE state = 'RUNNING'",
            reverse_sql=migrations.RunSQL.noop,
        ),
        migrations.CreateModel(
            name="LongTask",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("kind", models.CharField(max_length=60, verbose_name="kind")),
                ("label", models.CharField(blank=True, max_length=200, verbose_name="label")),
                ("parameters", models.JSONField(default=dict, verbose_name="parameters")),
                ("actor", models.CharField(max_length=80, verbose_name="actor")),
                ("request_id", models.CharField(blank=True, max_length=64, verbose_name="request")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("QUEUED", "Queued"),
                            ("RUNNING", "Running"),
                            ("DONE", "Done"),
                            ("FAILED", "Failed"),
                            ("CANCELLED", "Cancelled"),
                        ],
                        default="QUEUED",
                        max_length=9,
                        verbose_name="state",
                    ),
                ),
                ("total", models.PositiveBigIntegerField(null=True, verbose_name="total")),
                ("done", models.PositiveBigIntegerField(default=0, verbose_name="done")),
                (
                    "told",
                    models.PositiveBigIntegerField(default=0, verbose_name="done in the batch that goes on"),
                ),
                ("refused", models.PositiveBigIntegerField(default=0, verbose_name="refused")),
                ("cursor", models.JSONField(help_text="Where the next batch begins.", null=True, verbose_name="place")),
                (
                    "result",
                    models.JSONField(default=dict, help_text="Codes and figures, never texts.", verbose_name="result"),
                ),
                ("error", models.CharField(blank=True, max_length=80, verbose_name="kind of error")),
                ("created_at", models.DateTimeField(verbose_name="created")),
                ("started_at", models.DateTimeField(null=True, verbose_name="started")),
                ("progress_at", models.DateTimeField(null=True, verbose_name="last progress")),
                ("finished_at", models.DateTimeField(null=True, verbose_name="finished")),
                ("spent_ms", models.PositiveBigIntegerField(default=0, verbose_name="milliseconds in batches")),
                ("cancel_asked_at", models.DateTimeField(null=True, verbose_name="cancel asked")),
                ("attempts", models.PositiveIntegerField(default=0, verbose_name="claims")),
                ("stalls", models.PositiveSmallIntegerField(default=0, verbose_name="claims since the last progress")),
                (
                    "locked_until",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), verbose_name="held by a worker until"
                    ),
                ),
            ],
            options={
                "verbose_name": "long task",
                "verbose_name_plural": "long tasks",
                "ordering": ["-pk"],
            },
        ),
        migrations.RemoveConstraint(
            model_name="jobrun",
            name="job_run_state_known",
        ),
        migrations.AddField(
            model_name="jobrun",
            name="asked_by",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
                verbose_name="asked by",
            ),
        ),
        migrations.AddField(
            model_name="jobrun",
            name="by_hand",
            field=models.BooleanField(db_default=False, verbose_name="by hand"),
        ),
        migrations.AddField(
            model_name="jobrun",
            name="counts",
            field=models.JSONField(db_default={}, verbose_name="counts"),
        ),
        migrations.AddField(
            model_name="jobrun",
            name="missed",
            field=models.PositiveIntegerField(
                db_default=0,
                help_text="How often its time had passed without a run when this one began.",
                verbose_name="missed",
            ),
        ),
        migrations.AlterField(
            model_name="jobrun",
            name="state",
            field=models.CharField(
                choices=[("QUEUED", "Queued"), ("RUNNING", "Running"), ("DONE", "Done"), ("FAILED", "Failed")],
                default="RUNNING",
                max_length=8,
                verbose_name="state",
            ),
        ),
        migrations.AddConstraint(
            model_name="jobrun",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state", "RUNNING")),
                fields=("job", "organisation"),
                name="job_run_no_overlap",
                nulls_distinct=False,
            ),
        ),
        migrations.AddConstraint(
            model_name="jobrun",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state", "QUEUED")),
                fields=("job", "organisation"),
                name="job_run_asked_once",
                nulls_distinct=False,
            ),
        ),
        migrations.AddConstraint(
            model_name="jobrun",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ["QUEUED", "RUNNING", "DONE", "FAILED"])), name="job_run_state_known"
            ),
        ),
        migrations.AddField(
            model_name="longtask",
            name="change_set",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="tasks",
                to="jobs.changeset",
                verbose_name="change set",
            ),
        ),
        migrations.AddField(
            model_name="longtask",
            name="organisation",
            field=models.ForeignKey(
                editable=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="organisation.organisation",
                verbose_name="organisation",
            ),
        ),
        migrations.AddField(
            model_name="longtask",
            name="user",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
                verbose_name="started by",
            ),
        ),
        migrations.AddIndex(
            model_name="longtask",
            index=models.Index(fields=["organisation", "-id"], name="long_task_list"),
        ),
        migrations.AddIndex(
            model_name="longtask",
            index=models.Index(fields=["organisation", "actor", "-id"], name="long_task_own"),
        ),
        migrations.AddIndex(
            model_name="longtask",
            index=models.Index(
                condition=models.Q(("state__in", ["QUEUED", "RUNNING"])),
                fields=["organisation", "locked_until"],
                name="long_task_open",
            ),
        ),
        migrations.AddConstraint(
            model_name="longtask",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ["QUEUED", "RUNNING", "DONE", "FAILED", "CANCELLED"])),
                name="long_task_state_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="longtask",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state__in", ["QUEUED", "RUNNING"])),
                fields=("kind", "change_set"),
                name="long_task_once_per_change_set",
            ),
        ),
    ]
