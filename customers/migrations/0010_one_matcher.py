"""One rule says whether two accounts are the same company; the hint while typing asks it, by all that it weighs."""

from pathlib import Path

from django.db import migrations

from crm.core.schema import sql_file

OLD = "DROP FUNCTION customers_twins(text, text, text, integer)"
OLD_AGAIN = (Path(__file__).parent.parent / "sql" / "twins_apart.sql").read_text(encoding="utf-8")
OLD_OWNER = """DO $do$ BEGIN
    EXECUTE format('ALTER FUNCTION customers_twins(text, text, text, integer) OWNER TO %I', current_database() || '_search');
END $do$"""


class Migration(migrations.Migration):
    """Types, functions and indexes; no row is touched."""

    dependencies = [("customers", "0009_history_by_row")]

    operations = [
        migrations.RunSQL(OLD, reverse_sql=[OLD_AGAIN, OLD_OWNER]),
        sql_file(
            __file__,
            "matching",
            reverse="DROP TYPE customers_clues, customers_place CASCADE; DROP FUNCTION customers_word_likeness(text, text), "
            "customers_name_cover(text[], text[]), customers_word_classes(), customers_phone_key(text), "
            "customers_web_key(text), customers_vat_key(text)",
        ),
        sql_file(
            __file__,
            "twins_matched",
            reverse="DROP FUNCTION customers_twins(text, text, customers_clues, integer), "
            "customers_clues(customers_customer); DROP INDEX customer_by_vat_id, customer_by_website, "
            "customer_by_mail_host, address_by_door",
        ),
    ]
