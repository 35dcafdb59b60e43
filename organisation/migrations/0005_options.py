"""Values of settings, states of feature flags, counts of critical operations; with their policies, history and versions."""

import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.functions.datetime
import simple_history.models
from django.conf import settings
from django.db import migrations, models

from crm.core.schema import keep_history, protect, sql_file, touch

OWN_OR_SHARED = """
user_id IS NULL OR user_id = (SELECT crm_user()) OR current_setting('app.role', true) = 'SYSTEM'
"""


class Migration(migrations.Migration):
    """Fails closed; global settings are read under every scope and written by the operator's alone."""

    dependencies = [
        ("organisation", "0004_tokens"),
    ]

    operations = [
        migrations.CreateModel(
            name="HistoricalFeatureFlag",
            fields=[
                ("id", models.BigIntegerField(auto_created=True, blank=True, db_index=True, verbose_name="ID")),
                ("version", models.PositiveIntegerField(db_default=1, editable=False, verbose_name="version")),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False, verbose_name="created"
                    ),
                ),
                (
                    "updated_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False, verbose_name="changed"
                    ),
                ),
                ("history_actor", models.TextField(editable=False, verbose_name="actor")),
                ("history_source", models.TextField(editable=False, verbose_name="source")),
                ("history_request_id", models.TextField(editable=False, verbose_name="request")),
                ("history_change_set_id", models.BigIntegerField(editable=False, null=True, verbose_name="change set")),
                ("key", models.CharField(max_length=80, verbose_name="flag")),
                (
                    "step",
                    models.CharField(
                        choices=[
                            ("OFF", "Off"),
                            ("ADMINISTRATORS", "Administrators"),
                            ("PILOT", "Pilot teams"),
                            ("QUARTER", "25 % of people"),
                            ("ALL", "Everybody"),
                        ],
                        default="OFF",
                        max_length=14,
                        verbose_name="step",
                    ),
                ),
                ("step_since", models.DateTimeField(verbose_name="step since")),
                (
                    "user_ids",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.BigIntegerField(),
                        blank=True,
                        default=list,
                        size=None,
                        verbose_name="named people",
                    ),
                ),
                (
                    "team_ids",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.BigIntegerField(),
                        blank=True,
                        default=list,
                        size=None,
                        verbose_name="pilot teams",
                    ),
                ),
                ("history_id", models.AutoField(primary_key=True, serialize=False)),
                ("history_date", models.DateTimeField(db_index=True)),
                ("history_change_reason", models.CharField(max_length=100, null=True)),
                (
                    "history_type",
                    models.CharField(choices=[("+", "Created"), ("~", "Changed"), ("-", "Deleted")], max_length=1),
                ),
                (
                    "history_user",
                    models.ForeignKey(
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "organisation",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="organisation.organisation",
                        verbose_name="organisation",
                    ),
                ),
            ],
            options={
                "verbose_name": "historical feature flag",
                "verbose_name_plural": "historical feature flags",
                "ordering": ("-history_date", "-history_id"),
                "get_latest_by": ("history_date", "history_id"),
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name="HistoricalSettingValue",
            fields=[
                ("id", models.BigIntegerField(auto_created=True, blank=True, db_index=True, verbose_name="ID")),
                ("version", models.PositiveIntegerField(db_default=1, editable=False, verbose_name="version")),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False, verbose_name="created"
                    ),
                ),
                (
                    "updated_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False, verbose_name="changed"
                    ),
                ),
                ("history_actor", models.TextField(editable=False, verbose_name="actor")),
                ("history_source", models.TextField(editable=False, verbose_name="source")),
                ("history_request_id", models.TextField(editable=False, verbose_name="request")),
                ("history_change_set_id", models.BigIntegerField(editable=False, null=True, verbose_name="change set")),
                ("key", models.CharField(max_length=80, verbose_name="setting")),
                ("value", models.JSONField(verbose_name="value")),
                ("history_id", models.AutoField(primary_key=True, serialize=False)),
                ("history_date", models.DateTimeField(db_index=True)),
                ("history_change_reason", models.CharField(max_length=100, null=True)),
                (
                    "history_type",
                    models.CharField(choices=[("+", "Created"), ("~", "Changed"), ("-", "Deleted")], max_length=1),
                ),
                (
                    "history_user",
                    models.ForeignKey(
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "organisation",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="organisation.organisation",
                        verbose_name="organisation",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="user",
                    ),
                ),
            ],
            options={
                "verbose_name": "historical setting",
                "verbose_name_plural": "historical settings",
                "ordering": ("-history_date", "-history_id"),
                "get_latest_by": ("history_date", "history_id"),
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name="FeatureFlag",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("version", models.PositiveIntegerField(db_default=1, editable=False, verbose_name="version")),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False, verbose_name="created"
                    ),
                ),
                (
                    "updated_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False, verbose_name="changed"
                    ),
                ),
                ("key", models.CharField(max_length=80, verbose_name="flag")),
                (
                    "step",
                    models.CharField(
                        choices=[
                            ("OFF", "Off"),
                            ("ADMINISTRATORS", "Administrators"),
                            ("PILOT", "Pilot teams"),
                            ("QUARTER", "25 % of people"),
                            ("ALL", "Everybody"),
                        ],
                        default="OFF",
                        max_length=14,
                        verbose_name="step",
                    ),
                ),
                ("step_since", models.DateTimeField(verbose_name="step since")),
                (
                    "user_ids",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.BigIntegerField(),
                        blank=True,
                        default=list,
                        size=None,
                        verbose_name="named people",
                    ),
                ),
                (
                    "team_ids",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.BigIntegerField(),
                        blank=True,
                        default=list,
                        size=None,
                        verbose_name="pilot teams",
                    ),
                ),
                (
                    "organisation",
                    models.ForeignKey(
                        editable=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="organisation.organisation",
                        verbose_name="organisation",
                    ),
                ),
            ],
            options={
                "verbose_name": "feature flag",
                "verbose_name_plural": "feature flags",
                "constraints": [
                    models.UniqueConstraint(fields=("organisation", "key"), name="feature_flag_once"),
                    models.CheckConstraint(
                        condition=models.Q(("step__in", ["OFF", "ADMINISTRATORS", "PILOT", "QUARTER", "ALL"])),
                        name="feature_flag_step_known",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="OperationCount",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("operation", models.CharField(max_length=60, verbose_name="operation")),
                ("day", models.DateField(verbose_name="day")),
                ("done", models.PositiveBigIntegerField(default=0, verbose_name="done")),
                ("failed", models.PositiveBigIntegerField(default=0, verbose_name="failed")),
                (
                    "organisation",
                    models.ForeignKey(
                        editable=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="organisation.organisation",
                        verbose_name="organisation",
                    ),
                ),
            ],
            options={
                "verbose_name": "count of an operation",
                "verbose_name_plural": "counts of operations",
                "constraints": [
                    models.UniqueConstraint(fields=("organisation", "operation", "day"), name="operation_count_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="SettingValue",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("version", models.PositiveIntegerField(db_default=1, editable=False, verbose_name="version")),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False, verbose_name="created"
                    ),
                ),
                (
                    "updated_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False, verbose_name="changed"
                    ),
                ),
                ("key", models.CharField(max_length=80, verbose_name="setting")),
                ("value", models.JSONField(verbose_name="value")),
                (
                    "organisation",
                    models.ForeignKey(
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="organisation.organisation",
                        verbose_name="organisation",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="user",
                    ),
                ),
            ],
            options={
                "verbose_name": "setting",
                "verbose_name_plural": "settings",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("organisation", "user", "key"), name="setting_value_once", nulls_distinct=False
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("user__isnull", True), ("organisation__isnull", False), _connector="OR"),
                        name="setting_value_of_user_in_organisation",
                    ),
                ],
            },
        ),
        *protect("organisation_settingvalue", OWN_OR_SHARED),
        *keep_history("organisation_settingvalue", "organisation_historicalsettingvalue", OWN_OR_SHARED),
        *touch("organisation_settingvalue"),
        *protect("organisation_featureflag"),
        *keep_history("organisation_featureflag", "organisation_historicalfeatureflag"),
        *touch("organisation_featureflag"),
        *protect("organisation_operationcount"),
        sql_file(
            __file__,
            "options",
            reverse="""
DROP POLICY global_reads ON organisation_settingvalue; DROP POLICY global_writes ON organisation_settingvalue;
DROP POLICY global_reads ON organisation_historicalsettingvalue;
""",
        ),
        sql_file(__file__, "counting", reverse="DROP FUNCTION organisation_count_operation(bigint, text, boolean)"),
    ]
