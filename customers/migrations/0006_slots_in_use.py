"""The slots that lists read already are filled."""

from django.db import migrations

# The history names who wrote: the update needs an actor.
IN_USE = """
SELECT set_config('app.actor', 'job:migration', true), set_config('app.source', 'job', true);
UPDATE customers_fielddefinition SET hot_ready_at = now() WHERE hot_slot <> '';
SELECT set_config('app.actor', '', true), set_config('app.source', '', true)
"""


class Migration(migrations.Migration):
    """A few rows an organisation."""

    dependencies = [("customers", "0005_ready_slots")]

    operations = [migrations.RunSQL([IN_USE], reverse_sql=migrations.RunSQL.noop)]
