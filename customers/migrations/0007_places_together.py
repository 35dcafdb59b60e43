"""The indexes of town and postcode hold each other: rows of one place are sorted by the other from the index alone."""

from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models

FILTERED = [
    "owner",
    "chain_id",
    "status",
    "business_type",
    "sample_status",
    "roi_bucket",
    "renewal_date",
    "account_type",
    "season_now",
]


def index(name, column, other):
    """As `customers.models.projection` declares it."""
    return models.Index(fields=["organisation", column, "customer"], include=[*FILTERED, other], name=name)


class Migration(migrations.Migration):
    """Built beside the old ones, which go when the new ones stand."""

    atomic = False
    dependencies = [("customers", "0006_slots_in_use")]

    operations = [
        AddIndexConcurrently("customerhot", index("hot_by_town", "city_key", "postcode")),
        AddIndexConcurrently("customerhot", index("hot_by_place", "postcode", "city_key")),
        RemoveIndexConcurrently("customerhot", "hot_by_city"),
        RemoveIndexConcurrently("customerhot", "hot_by_postcode"),
    ]
