"""What an account's page reads past its own wall: a chain's name and number, and whether an account exists already."""

from django.db import migrations

from crm.core.schema import sql_file


class Migration(migrations.Migration):
    """Two functions of the search role that apply the rule of reading themselves."""

    dependencies = [("customers", "0003_projection")]

    operations = [
        sql_file(__file__, "chain_heads", reverse="DROP FUNCTION customers_chain_heads(bigint[])"),
        sql_file(
            __file__,
            "twins",
            reverse="DROP FUNCTION customers_twins(text, text, text, integer); DROP INDEX customer_by_phone",
        ),
    ]
