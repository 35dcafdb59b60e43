"""Parts of phones and numbers are found; what was there before the words of contacts gets its own."""

from pathlib import Path

from django.db import migrations
from django.db.migrations import RunSQL

BATCH = 5_000  # customers a transaction
DIGITS = (Path(__file__).parent.parent / "sql" / "digits.sql").read_text(encoding="utf-8")
KINDS = {
    "customers_by_digits": ("customers_customerword", "customer_id", "customer_word_by_digits"),
    "customers_contacts_by_digits": ("customers_contactword", "contact_id", "contact_word_by_digits"),
}


def function(name: str) -> str:
    """The text of one of the two functions."""
    words, pk, _index = KINDS[name]
    return DIGITS.replace("{name}", name).replace("{words}", words).replace("{id}", pk)


def index_all(apps, schema_editor) -> None:
    """Words of every customer and his contacts, batch by batch, each a transaction."""
    last = 0
    with schema_editor.connection.cursor() as cursor:
        while True:
            cursor.execute(
                "SELECT array_agg(id ORDER BY id) FROM"
                " (SELECT id FROM customers_customer WHERE id > %s ORDER BY id LIMIT %s) batch",
                [last, BATCH],
            )
            ids = cursor.fetchone()[0]
            if not ids:
                return
            cursor.execute(
                "SELECT customers_index_words(%(ids)s), customers_index_contact_words(%(ids)s)", {"ids": ids}
            )
            last = ids[-1]


class Migration(migrations.Migration):
    """Beside the running product: no lock is held longer than a batch."""

    atomic = False
    dependencies = [("customers", "0014_contact_words")]

    operations = [
        *(
            RunSQL(
                f"CREATE INDEX CONCURRENTLY {index} ON {words} USING gin (word gin_trgm_ops) WHERE word ~ '^[0-9]{{6,}}$'",
                reverse_sql=f"DROP INDEX CONCURRENTLY {index}",
            )
            for words, _pk, index in KINDS.values()
        ),
        *(RunSQL([function(name)], reverse_sql=f"DROP FUNCTION {name}(text, integer)") for name in KINDS),
        migrations.RunPython(index_all, migrations.RunPython.noop),
    ]
