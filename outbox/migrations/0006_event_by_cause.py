"""What a message caused is found by its cause: the log of events only grows. Built without a lock on it."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("outbox", "0005_senders")]
    operations = [
        AddIndexConcurrently(
            model_name="event",
            index=models.Index(fields=["cause", "id"], name="event_by_cause", condition=~models.Q(cause="")),
        ),
    ]
