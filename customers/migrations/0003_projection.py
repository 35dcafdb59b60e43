"""The hot projection and the search words: one definition each as a view, kept by statement-level triggers."""

from pathlib import Path

from django.db import migrations
from django.db.migrations import RunSQL

SQL = Path(__file__).parent.parent / "sql"
TEXTS = [f"hot_text_{n}" for n in range(1, 17)]
NUMBERS = [f"hot_number_{n}" for n in range(1, 11)]
DATES = [f"hot_date_{n}" for n in range(1, 7)]
SLOTS = [*TEXTS, *NUMBERS, *DATES]
OWN = [
    "organisation_id",
    "owner_id",
    "chain_id",
    "account_type",
    "status",
    "business_type",
    "kitchen_size",
    "name_key",
    "customer_number",
    "city",
    "city_key",
    "postcode",
    "season_now",
    "renewal_date",
    "last_contact_at",
    "last_order_at",
    "lead_source",
    "created_at",
    "expected_volume_cents",
    "actual_volume_cents",
    "fields",
    *SLOTS,
]
AGGREGATES = (
    [f"max(v.text_key) FILTER (WHERE d.hot_slot = '{slot}') AS {slot}" for slot in TEXTS]
    + [f"max(v.number_key) FILTER (WHERE d.hot_slot = '{slot}') AS {slot}" for slot in NUMBERS]
    + [f"max((v.value #>> '{{}}')::date) FILTER (WHERE d.hot_slot = '{slot}') AS {slot}" for slot in DATES]
)


def columns(prefix: str = "") -> str:
    """The projection's own columns, each with `prefix`."""
    return ", ".join(f"{prefix}{column}" for column in OWN)


PROJECTION = (SQL / "projection.sql").read_text(encoding="utf-8")
for mark, text in {
    "{slot_columns}": ", ".join(f"f.{slot}" for slot in SLOTS),
    "{slot_aggregates}": ",\n               ".join(AGGREGATES),
    "{columns}": f"customer_id, {columns()}",
    "{assignments}": ", ".join(f"{column} = excluded.{column}" for column in OWN),
    "{own_columns}": columns("customers_customerhot."),
    "{excluded_columns}": columns("excluded."),
    "{h_columns}": columns("h."),
    "{e_columns}": columns("e."),
}.items():
    PROJECTION = PROJECTION.replace(mark, text)


def triggers(name: str, function: str, table: str, argument: str) -> RunSQL:
    """The three statement-level triggers of one source table."""
    events = {
        "insert": "REFERENCING NEW TABLE AS new_rows",
        "update": "REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows",
        "delete": "REFERENCING OLD TABLE AS old_rows",
    }
    return RunSQL(
        [
            f"CREATE TRIGGER {name}_{event} AFTER {event} ON {table} {rows} FOR EACH STATEMENT"
            f" EXECUTE FUNCTION {function}('{argument}')"
            for event, rows in events.items()
        ],
        reverse_sql=[f"DROP TRIGGER {name}_{event} ON {table}" for event in events],
    )


# Nobody but the triggers writes what they keep.
READ_ONLY = """
DO $do$ BEGIN
    EXECUTE format('REVOKE INSERT, UPDATE, DELETE ON customers_customerword, customers_vocabularyword, customers_customerfieldchoice FROM %I',
                   current_database() || '_app');
END $do$
"""

# They write past the policies: for triggers, which run them as their owner, and for rebuilds of the application's role.
CLOSED = """
DO $do$
DECLARE one text;
BEGIN
    FOREACH one IN ARRAY ARRAY['customers_project(bigint[])', 'customers_index_words(bigint[])']
    LOOP
        EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', one);
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO %I', one, current_database() || '_app');
    END LOOP;
END $do$
"""


class Migration(migrations.Migration):
    """What lists and search read."""

    dependencies = [("customers", "0002_policies")]

    operations = [
        RunSQL(
            [PROJECTION],
            reverse_sql="""
DROP FUNCTION customers_project_changed(); DROP VIEW hot_projection_staleness; DROP FUNCTION customers_hot_differences();
DROP FUNCTION customers_project(bigint[]); DROP VIEW customers_hot_expected; DROP FUNCTION customers_season_now(boolean, smallint[], date);
""",
        ),
        RunSQL(
            [(SQL / "search.sql").read_text(encoding="utf-8")],
            reverse_sql="""
DROP FUNCTION customers_keep_choices(); DROP FUNCTION customers_similar_words(text, integer); DROP INDEX vocabulary_by_trigram;
DROP FUNCTION customers_index_changed(); DROP FUNCTION customers_index_words(bigint[]); DROP VIEW customers_words_expected;
DROP FUNCTION customers_words(customers_customer);
""",
        ),
        # The names order them: the projection reads no words, so the two are independent of each other.
        triggers("project", "customers_project_changed", "customers_customer", "id"),
        triggers("project", "customers_project_changed", "customers_address", "customer_id"),
        triggers("project", "customers_project_changed", "customers_customerfieldvalue", "customer_id"),
        triggers("search", "customers_index_changed", "customers_customer", "id"),
        triggers("search", "customers_index_changed", "customers_address", "customer_id"),
        triggers("choices", "customers_keep_choices", "customers_customerfieldvalue", ""),
        RunSQL([READ_ONLY], reverse_sql=RunSQL.noop),
        RunSQL([CLOSED], reverse_sql=RunSQL.noop),
    ]
