"""A history is found by its row, its batch or its time: indexes that only mislead a young table's plans go."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    """Indexes alone: no row is touched."""

    dependencies = [
        ("organisation", "0008_history_by_row"),
        ("outbox", "0007_subscription_where"),
    ]

    operations = [
        migrations.AlterField(
            model_name="historicalconnection",
            name="organisation",
            field=models.ForeignKey(
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
        migrations.AlterField(
            model_name="historicalsubscription",
            name="organisation",
            field=models.ForeignKey(
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
    ]
