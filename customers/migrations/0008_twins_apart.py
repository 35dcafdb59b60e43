"""Hidden accounts take no visible twin's place."""

from django.db import migrations

from crm.core.schema import sql_file


class Migration(migrations.Migration):
    """The function anew; on the way back it stays until its first migration drops it."""

    dependencies = [("customers", "0007_places_together")]

    operations = [sql_file(__file__, "twins_apart")]
