"""A reason of more than a hundred letters fits into the history."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """A wider type alone: no row is touched."""

    dependencies = [
        ("outbox", "0008_history_by_row"),
    ]

    operations = [
        migrations.AlterField(
            model_name="historicalconnection",
            name="history_change_reason",
            field=models.TextField(null=True),
        ),
        migrations.AlterField(
            model_name="historicalsubscription",
            name="history_change_reason",
            field=models.TextField(null=True),
        ),
    ]
