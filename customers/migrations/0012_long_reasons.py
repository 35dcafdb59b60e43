"""A reason of more than a hundred letters fits into the history."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """A wider type alone: no row is touched."""

    dependencies = [
        ("customers", "0011_life"),
    ]

    operations = [
        migrations.AlterField(
            model_name="historicaladdress",
            name="history_change_reason",
            field=models.TextField(null=True),
        ),
        migrations.AlterField(
            model_name="historicalcontact",
            name="history_change_reason",
            field=models.TextField(null=True),
        ),
        migrations.AlterField(
            model_name="historicalcustomer",
            name="history_change_reason",
            field=models.TextField(null=True),
        ),
        migrations.AlterField(
            model_name="historicalcustomerfieldvalue",
            name="history_change_reason",
            field=models.TextField(null=True),
        ),
        migrations.AlterField(
            model_name="historicalcustomertag",
            name="history_change_reason",
            field=models.TextField(null=True),
        ),
        migrations.AlterField(
            model_name="historicalcustomeruserpermission",
            name="history_change_reason",
            field=models.TextField(null=True),
        ),
        migrations.AlterField(
            model_name="historicaldeliveredorder",
            name="history_change_reason",
            field=models.TextField(null=True),
        ),
        migrations.AlterField(
            model_name="historicalexternalkey",
            name="history_change_reason",
            field=models.TextField(null=True),
        ),
        migrations.AlterField(
            model_name="historicalfielddefinition",
            name="history_change_reason",
            field=models.TextField(null=True),
        ),
        migrations.AlterField(
            model_name="historicallifemark",
            name="history_change_reason",
            field=models.TextField(null=True),
        ),
    ]
