"""The wall around the probe's table."""

from django.db import migrations

from crm.core.schema import protect


class Migration(migrations.Migration):
    """As every table of ours."""

    dependencies = [("probe", "0001_initial"), ("organisation", "0002_policies")]

    operations = [*protect("probe_effect")]
