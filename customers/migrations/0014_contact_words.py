"""Contacts are found by words of their own; a customer's phone is one of his."""

import django.db.models.deletion
from django.db import migrations, models
from django.db.migrations import RunSQL

from crm.core.schema import protect, sql_file

OWNED_OR_GRANTED = """
    (SELECT crm_sees_all())
    OR owner_id = ANY ((SELECT crm_owners())::bigint[])
    OR customer_id = ANY ((SELECT crm_granted())::bigint[])
    OR chain_id = ANY ((SELECT crm_granted())::bigint[])
"""
FUNCTION = "customers_contact_words_changed"
ROWS = {
    "insert": "REFERENCING NEW TABLE AS new_rows",
    "update": "REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows",
    "delete": "REFERENCING OLD TABLE AS old_rows",
}
# A customer that comes has no contacts yet, and one that goes has none any more.
EVENTS = {"customers_customer": ["update"], "customers_contact": ["insert", "update", "delete"]}

# Nobody but the triggers writes the words; the function writes past the policies, for rebuilds of the application's role.
CLOSED = """
DO $do$ BEGIN
    EXECUTE format('REVOKE INSERT, UPDATE, DELETE ON customers_contactword FROM %I', current_database() || '_app');
    REVOKE EXECUTE ON FUNCTION customers_index_contact_words(bigint[]) FROM PUBLIC;
    EXECUTE format('GRANT EXECUTE ON FUNCTION customers_index_contact_words(bigint[]) TO %I', current_database() || '_app');
END $do$
"""


class Migration(migrations.Migration):
    """Table, wall, triggers. The words of what is there already come with the next one, in batches."""

    dependencies = [("customers", "0013_filtered_by_contacts"), ("organisation", "0010_long_reasons")]

    operations = [
        migrations.CreateModel(
            name="ContactWord",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("customer_id", models.BigIntegerField(verbose_name="customer")),
                ("owner_id", models.BigIntegerField(null=True, verbose_name="owner")),
                ("chain_id", models.BigIntegerField(null=True, verbose_name="chain")),
                ("word", models.TextField(db_collation="C", verbose_name="word")),
                (
                    "contact",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="customers.contact",
                    ),
                ),
                (
                    "organisation",
                    models.ForeignKey(
                        editable=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="organisation.organisation",
                        verbose_name="organisation",
                    ),
                ),
            ],
            options={
                "verbose_name": "search word of a contact",
                "verbose_name_plural": "search words of contacts",
                "indexes": [
                    models.Index(
                        fields=["organisation", "word", "contact"],
                        include=["owner_id", "chain_id", "customer_id"],
                        name="contact_word_by_word",
                    ),
                    models.Index(
                        fields=["organisation", "owner_id", "word", "contact"],
                        include=["chain_id", "customer_id"],
                        name="contact_word_by_owner",
                    ),
                    models.Index(fields=["customer_id", "word"], name="contact_word_by_customer"),
                ],
                "constraints": [models.UniqueConstraint(fields=("contact", "word"), name="contact_word_once")],
            },
        ),
        *protect("customers_contactword", OWNED_OR_GRANTED),
        sql_file(
            __file__,
            "contact_words",
            reverse="DROP FUNCTION customers_similar_contact_words(text, integer), customers_contact_words_changed(), "
            "customers_index_contact_words(bigint[]); DROP VIEW customers_contact_words_expected",
        ),
        RunSQL(
            [
                f"CREATE TRIGGER contact_words_{event} AFTER {event} ON {table} {ROWS[event]} FOR EACH STATEMENT"
                f" EXECUTE FUNCTION {FUNCTION}()"
                for table, events in EVENTS.items()
                for event in events
            ],
            reverse_sql=[
                f"DROP TRIGGER contact_words_{event} ON {table}" for table, events in EVENTS.items() for event in events
            ],
        ),
        RunSQL([CLOSED], reverse_sql=RunSQL.noop),
        # On the way back the functions stay until their first migration drops them.
        sql_file(__file__, "words_by_digits"),
    ]
