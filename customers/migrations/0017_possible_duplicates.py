"""Pairs of the stock that may be the same company, and the scan that finds them; seen by who sees both accounts."""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from crm.core.schema import protect, sql_file

SEEN = "EXISTS (SELECT 1 FROM customers_customer c WHERE c.id = {column})"


class Migration(migrations.Migration):
    """A table, its policies, a function of the search role."""

    dependencies = [
        ("customers", "0016_merging"),
        ("organisation", "0010_long_reasons"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="DuplicatePair",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("score", models.PositiveSmallIntegerField(verbose_name="score")),
                ("verdict", models.CharField(max_length=10, verbose_name="verdict")),
                (
                    "reasons",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=20), size=None, verbose_name="reasons"
                    ),
                ),
                ("seen_at", models.DateTimeField(verbose_name="last found")),
                ("parted_at", models.DateTimeField(null=True, verbose_name="told apart")),
                (
                    "parted_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="told apart by",
                    ),
                ),
                (
                    "first",
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
                (
                    "second",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="customers.customer"
                    ),
                ),
            ],
            options={
                "verbose_name": "possible duplicate",
                "verbose_name_plural": "possible duplicates",
                "indexes": [
                    models.Index(fields=["organisation", "-score", "id"], name="duplicate_pair_by_score"),
                    models.Index(fields=["organisation", "seen_at"], name="duplicate_pair_by_scan"),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("first", "second"), name="duplicate_pair_once"),
                    models.CheckConstraint(
                        condition=models.Q(("first__lt", models.F("second"))), name="duplicate_pair_in_order"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("verdict__in", ["SAME", "POSSIBLE"])), name="duplicate_pair_verdict_known"
                    ),
                ],
            },
        ),
        *protect(
            "customers_duplicatepair",
            f"(SELECT crm_sees_all()) OR ({SEEN.format(column='first_id')} AND {SEEN.format(column='second_id')})",
        ),
        sql_file(
            __file__,
            "stock_pairs",
            reverse="DROP FUNCTION customers_stock_pairs(text, text, integer, integer)",
        ),
    ]
