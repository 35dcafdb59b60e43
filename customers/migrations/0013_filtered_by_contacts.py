"""Lists find customers by what one of their contacts or addresses is."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    """Built while others write."""

    atomic = False
    dependencies = [("customers", "0012_long_reasons")]

    operations = [
        AddIndexConcurrently(
            "contact", models.Index(fields=["organisation", "decision_power", "customer"], name="contact_by_power")
        ),
        AddIndexConcurrently(
            "contact", models.Index(fields=["organisation", "role", "customer"], name="contact_by_role")
        ),
        AddIndexConcurrently(
            "address", models.Index(fields=["organisation", "postcode", "customer"], name="address_by_postcode")
        ),
    ]
