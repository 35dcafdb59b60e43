"""The dashboard's figures of a large organisation by owner, kept by a job; as open as the owner's customers."""

import django.db.models.deletion
from django.db import migrations, models

from crm.core.schema import protect


class Migration(migrations.Migration):
    """A table of its own: no row that is there is touched."""

    dependencies = [
        ("customers", "0017_possible_duplicates"),
        ("organisation", "0010_long_reasons"),
    ]

    operations = [
        migrations.CreateModel(
            name="CustomerFigure",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("owner_id", models.BigIntegerField(null=True, verbose_name="owner")),
                ("key", models.CharField(max_length=40, verbose_name="figure")),
                ("number", models.BigIntegerField(verbose_name="customers")),
                ("counted_at", models.DateTimeField(verbose_name="counted")),
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
                "verbose_name": "figure",
                "verbose_name_plural": "figures",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("organisation", "owner_id", "key"), name="customer_figure_once", nulls_distinct=False
                    )
                ],
            },
        ),
        *protect(
            "customers_customerfigure",
            "(SELECT crm_sees_all()) OR owner_id = ANY ((SELECT crm_owners())::bigint[])",
        ),
    ]
