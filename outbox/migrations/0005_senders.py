"""One more reason for which the door refuses: the sender's address is not on the connection's list."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("outbox", "0004_intake")]

    operations = [
        migrations.RemoveConstraint(model_name="inboxrefusal", name="inbox_refusal_known"),
        migrations.AlterField(
            model_name="inboxrefusal",
            name="kind",
            field=models.CharField(
                choices=[
                    ("BAD_SIGNATURE", "Wrong signature"),
                    ("STALE", "Timestamp too far off"),
                    ("TOO_LARGE", "Too large"),
                    ("SENDER", "Address not listed"),
                ],
                max_length=13,
                verbose_name="kind",
            ),
        ),
        migrations.AddConstraint(
            model_name="inboxrefusal",
            constraint=models.CheckConstraint(
                condition=models.Q(kind__in=["BAD_SIGNATURE", "STALE", "TOO_LARGE", "SENDER"]),
                name="inbox_refusal_known",
            ),
        ),
    ]
