"""Notices and mails by their age, for what forgets them; waiting mails by their end, for what gives them up."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    """Built beside running work."""

    atomic = False

    dependencies = [("messaging", "0002_policies")]

    operations = [
        AddIndexConcurrently("notice", models.Index(fields=["organisation", "created_at"], name="notice_by_age")),
        AddIndexConcurrently(
            "message",
            models.Index(
                fields=["organisation", "finished_at"],
                name="message_by_end",
                condition=models.Q(finished_at__isnull=False),
            ),
        ),
        AddIndexConcurrently(
            "message",
            models.Index(
                fields=["expires_at"],
                name="message_expiring",
                condition=models.Q(state="QUEUED", expires_at__isnull=False),
            ),
        ),
        AddIndexConcurrently(
            "message",
            models.Index(fields=["organisation", "-id"], name="message_failed", condition=models.Q(state="FAILED")),
        ),
    ]
