"""The life of a customer: delivered orders, the stages told of once, and the one count of days in season."""

import django.db.models.deletion
import simple_history.models
from django.conf import settings
from django.db import migrations, models

from crm.core.schema import keep_history, protect, sql_file

OF_VISIBLE_CUSTOMER = "(SELECT crm_sees_all()) OR EXISTS (SELECT 1 FROM customers_customer c WHERE c.id = customer_id)"


class Migration(migrations.Migration):
    """Two tables as visible as the customer that their rows hang on, and a function."""

    dependencies = [
        ("customers", "0010_one_matcher"),
        ("organisation", "0008_history_by_row"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="HistoricalDeliveredOrder",
            fields=[
                ("id", models.BigIntegerField(auto_created=True, blank=True, db_index=True, verbose_name="ID")),
                ("history_actor", models.TextField(editable=False, verbose_name="actor")),
                ("history_source", models.TextField(editable=False, verbose_name="source")),
                ("history_request_id", models.TextField(editable=False, verbose_name="request")),
                ("history_change_set_id", models.BigIntegerField(editable=False, null=True, verbose_name="change set")),
                ("number", models.CharField(blank=True, max_length=60, verbose_name="order number")),
                ("delivered_at", models.DateTimeField(verbose_name="delivered")),
                ("history_id", models.AutoField(primary_key=True, serialize=False)),
                ("history_date", models.DateTimeField(db_index=True)),
                ("history_change_reason", models.CharField(max_length=100, null=True)),
                (
                    "history_type",
                    models.CharField(choices=[("+", "Created"), ("~", "Changed"), ("-", "Deleted")], max_length=1),
                ),
                (
                    "customer",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="customers.customer",
                    ),
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
                        db_index=False,
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
                "verbose_name": "historical delivered order",
                "verbose_name_plural": "historical delivered orders",
                "ordering": ("-history_date", "-history_id"),
                "get_latest_by": ("history_date", "history_id"),
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name="HistoricalLifeMark",
            fields=[
                ("id", models.BigIntegerField(auto_created=True, blank=True, db_index=True, verbose_name="ID")),
                ("history_actor", models.TextField(editable=False, verbose_name="actor")),
                ("history_source", models.TextField(editable=False, verbose_name="source")),
                ("history_request_id", models.TextField(editable=False, verbose_name="request")),
                ("history_change_set_id", models.BigIntegerField(editable=False, null=True, verbose_name="change set")),
                (
                    "stage",
                    models.CharField(
                        choices=[
                            ("PROSPECT_WARNED", "Prospect warned of"),
                            ("REVIEW_REQUIRED", "Review required"),
                            ("REVIEW_KEPT", "Kept until"),
                            ("RENEWAL_90", "Renewal in 90 days"),
                            ("RENEWAL_30", "Renewal in 30 days"),
                        ],
                        max_length=16,
                        verbose_name="stage",
                    ),
                ),
                ("day", models.DateField(verbose_name="day")),
                ("made_at", models.DateTimeField(verbose_name="reached")),
                ("history_id", models.AutoField(primary_key=True, serialize=False)),
                ("history_date", models.DateTimeField(db_index=True)),
                ("history_change_reason", models.CharField(max_length=100, null=True)),
                (
                    "history_type",
                    models.CharField(choices=[("+", "Created"), ("~", "Changed"), ("-", "Deleted")], max_length=1),
                ),
                (
                    "customer",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="customers.customer",
                    ),
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
                        db_index=False,
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
                "verbose_name": "historical stage",
                "verbose_name_plural": "historical stages",
                "ordering": ("-history_date", "-history_id"),
                "get_latest_by": ("history_date", "history_id"),
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name="DeliveredOrder",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.CharField(blank=True, max_length=60, verbose_name="order number")),
                ("delivered_at", models.DateTimeField(verbose_name="delivered")),
                (
                    "customer",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="delivered_orders",
                        to="customers.customer",
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
                "verbose_name": "delivered order",
                "verbose_name_plural": "delivered orders",
                "ordering": ["-delivered_at", "-pk"],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("number", ""), _negated=True),
                        fields=("organisation", "customer", "number"),
                        name="delivered_order_once",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="LifeMark",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "stage",
                    models.CharField(
                        choices=[
                            ("PROSPECT_WARNED", "Prospect warned of"),
                            ("REVIEW_REQUIRED", "Review required"),
                            ("REVIEW_KEPT", "Kept until"),
                            ("RENEWAL_90", "Renewal in 90 days"),
                            ("RENEWAL_30", "Renewal in 30 days"),
                        ],
                        max_length=16,
                        verbose_name="stage",
                    ),
                ),
                ("day", models.DateField(verbose_name="day")),
                ("made_at", models.DateTimeField(verbose_name="reached")),
                (
                    "customer",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="customers.customer"
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
                "verbose_name": "stage",
                "verbose_name_plural": "stages",
                "constraints": [
                    models.UniqueConstraint(fields=("customer", "stage", "day"), name="life_mark_once"),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "stage__in",
                                ["PROSPECT_WARNED", "REVIEW_REQUIRED", "REVIEW_KEPT", "RENEWAL_90", "RENEWAL_30"],
                            )
                        ),
                        name="life_mark_stage_known",
                    ),
                ],
            },
        ),
        *protect("customers_deliveredorder", OF_VISIBLE_CUSTOMER),
        *keep_history("customers_deliveredorder", "customers_historicaldeliveredorder", OF_VISIBLE_CUSTOMER),
        *protect("customers_lifemark", OF_VISIBLE_CUSTOMER),
        *keep_history("customers_lifemark", "customers_historicallifemark", OF_VISIBLE_CUSTOMER),
        sql_file(
            __file__,
            "days_in_season",
            reverse="DROP FUNCTION customers_days_in_season(boolean, smallint[], date, date)",
        ),
    ]
