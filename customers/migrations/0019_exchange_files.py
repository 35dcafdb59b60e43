"""Files of exports and imports: who made which, and their bytes, which are their maker's alone; how columns were mapped."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from crm.core.schema import protect

SYSTEM = "(SELECT current_setting('app.role', true)) = 'SYSTEM'"
OWN = f"user_id = (SELECT crm_user()) OR {SYSTEM}"
OF_OWN_FILE = f"""
{SYSTEM} OR EXISTS (SELECT 1 FROM customers_exchangefile f WHERE f.id = file_id AND f.user_id = (SELECT crm_user()))
"""


class Migration(migrations.Migration):
    """Three new tables."""

    dependencies = [
        ("customers", "0018_kept_figures"),
        ("jobs", "0004_task_policies"),
        ("organisation", "0010_long_reasons"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="ExchangeFile",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "purpose",
                    models.CharField(
                        choices=[("EXPORT", "Export"), ("IMPORT", "Import"), ("REPORT", "Notes on an import")],
                        max_length=8,
                        verbose_name="purpose",
                    ),
                ),
                (
                    "format",
                    models.CharField(
                        choices=[("csv", "CSV"), ("xlsx", "Excel (XLSX)")], max_length=4, verbose_name="format"
                    ),
                ),
                ("name", models.CharField(max_length=200, verbose_name="name")),
                (
                    "asked",
                    models.JSONField(
                        default=dict,
                        help_text="The filter, or the ids; it may hold words searched.",
                        verbose_name="asked for",
                    ),
                ),
                (
                    "columns",
                    models.JSONField(
                        default=list, help_text="Key, header, and whether numbers.", verbose_name="columns"
                    ),
                ),
                ("rows", models.PositiveIntegerField(null=True, verbose_name="rows")),
                ("size", models.PositiveBigIntegerField(null=True, verbose_name="bytes")),
                ("created_at", models.DateTimeField(verbose_name="created")),
                ("ready_at", models.DateTimeField(null=True, verbose_name="ready")),
                ("expires_at", models.DateTimeField(verbose_name="kept until")),
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
                    "task",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="jobs.longtask",
                        verbose_name="task",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="made by",
                    ),
                ),
            ],
            options={
                "verbose_name": "file of an exchange",
                "verbose_name_plural": "files of exchanges",
                "ordering": ["-pk"],
            },
        ),
        migrations.CreateModel(
            name="ExchangePart",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.PositiveIntegerField(verbose_name="number")),
                ("data", models.BinaryField(verbose_name="bytes")),
                (
                    "file",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="parts", to="customers.exchangefile"
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
                "verbose_name": "piece of a file",
                "verbose_name_plural": "pieces of files",
                "ordering": ["number"],
            },
        ),
        migrations.AddIndex(
            model_name="exchangefile",
            index=models.Index(fields=["organisation", "purpose", "-id"], name="exchange_file_list"),
        ),
        migrations.AddIndex(
            model_name="exchangefile",
            index=models.Index(fields=["organisation", "expires_at"], name="exchange_file_age"),
        ),
        migrations.AddConstraint(
            model_name="exchangefile",
            constraint=models.CheckConstraint(
                condition=models.Q(("purpose__in", ["EXPORT", "IMPORT", "REPORT"])), name="exchange_purpose_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="exchangefile",
            constraint=models.CheckConstraint(
                condition=models.Q(("format__in", ["csv", "xlsx"])), name="exchange_format_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="exchangepart",
            constraint=models.UniqueConstraint(fields=("file", "number"), name="exchange_part_once"),
        ),
        migrations.CreateModel(
            name="ImportMemory",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("signature", models.CharField(max_length=64, verbose_name="headers")),
                ("columns", models.JSONField(verbose_name="columns")),
                ("saved_at", models.DateTimeField(verbose_name="saved")),
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
                "verbose_name": "mapping of an import",
                "verbose_name_plural": "mappings of imports",
                "constraints": [
                    models.UniqueConstraint(fields=("organisation", "signature"), name="import_memory_once")
                ],
            },
        ),
        *protect("customers_exchangefile", f"(SELECT crm_sees_all()) OR {OWN}", check=OWN),
        *protect("customers_exchangepart", OF_OWN_FILE),
        *protect("customers_importmemory"),
    ]
