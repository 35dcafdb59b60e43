"""Which accounts a subscription hears of."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """None of those that are there has a condition."""

    dependencies = [
        ("outbox", "0006_event_by_cause"),
    ]

    operations = [
        migrations.AddField(
            model_name="historicalsubscription",
            name="where",
            field=models.JSONField(blank=True, db_default={}, default=dict, verbose_name="condition on the account"),
        ),
        migrations.AddField(
            model_name="subscription",
            name="where",
            field=models.JSONField(blank=True, db_default={}, default=dict, verbose_name="condition on the account"),
        ),
    ]
