"""A reason of more than a hundred letters fits into the history."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """A wider type alone: no row is touched."""

    dependencies = [
        ("organisation", "0009_saved_views"),
    ]

    operations = [
        migrations.AlterField(
            model_name="historicalfeatureflag",
            name="history_change_reason",
            field=models.TextField(null=True),
        ),
        migrations.AlterField(
            model_name="historicallistdefault",
            name="history_change_reason",
            field=models.TextField(null=True),
        ),
        migrations.AlterField(
            model_name="historicalorganisation",
            name="history_change_reason",
            field=models.TextField(null=True),
        ),
        migrations.AlterField(
            model_name="historicalsavedview",
            name="history_change_reason",
            field=models.TextField(null=True),
        ),
        migrations.AlterField(
            model_name="historicalsettingvalue",
            name="history_change_reason",
            field=models.TextField(null=True),
        ),
        migrations.AlterField(
            model_name="historicalteam",
            name="history_change_reason",
            field=models.TextField(null=True),
        ),
        migrations.AlterField(
            model_name="historicaluser",
            name="history_change_reason",
            field=models.TextField(null=True),
        ),
    ]
