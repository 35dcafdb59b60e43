"""Row-level security of events and deliveries, and what the relay may do."""

from django.db import migrations

from crm.core.schema import protect, sql_file

# Events name rows of every owner: only who sees them all reads the log. Writing is anybody's, in his own organisation.
SEES_ALL = "(SELECT crm_sees_all())"


class Migration(migrations.Migration):
    """Fails closed; the signs of life belong to the installation and are readable before a scope exists."""

    dependencies = [("outbox", "0001_initial"), ("organisation", "0002_policies")]

    operations = [
        *protect("outbox_event", SEES_ALL, check="true"),
        *protect("outbox_delivery", SEES_ALL),
        *protect("outbox_heartbeat", "true", organisation=None),
        sql_file(__file__, "policies"),
    ]
