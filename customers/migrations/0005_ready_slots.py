"""When the slot of a field was filled, and which one is being emptied."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """Lists read a slot once it is filled."""

    dependencies = [
        ("customers", "0004_chain_heads"),
    ]

    operations = [
        migrations.AddField(
            model_name="fielddefinition",
            name="freed_slot",
            field=models.CharField(
                blank=True, db_default="", default="", editable=False, max_length=16, verbose_name="slot being emptied"
            ),
        ),
        migrations.AddField(
            model_name="fielddefinition",
            name="hot_ready_at",
            field=models.DateTimeField(
                editable=False,
                help_text="Until then lists read the values themselves.",
                null=True,
                verbose_name="slot filled",
            ),
        ),
        migrations.AddField(
            model_name="historicalfielddefinition",
            name="freed_slot",
            field=models.CharField(
                blank=True, db_default="", default="", editable=False, max_length=16, verbose_name="slot being emptied"
            ),
        ),
        migrations.AddField(
            model_name="historicalfielddefinition",
            name="hot_ready_at",
            field=models.DateTimeField(
                editable=False,
                help_text="Until then lists read the values themselves.",
                null=True,
                verbose_name="slot filled",
            ),
        ),
    ]
