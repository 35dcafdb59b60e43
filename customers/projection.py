"""Checking and rebuilding the hot projection and the search words: what the triggers keep, recomputed.

Services of a command and of jobs; each works on one organisation, in batches, under a system scope.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from django.db import connection

from crm.core.access import Scope, system_scope

BATCH: Final = 5_000  # customers a transaction: about a second of work, so that writers never wait long


class Difference(NamedTuple):
    """A customer whose projection is not what it must be: `missing`, `extra`, `different` or `words`."""

    customer_id: int
    kind: str


_WORDS: Final = """
SELECT customer_id FROM customers_words_expected e FULL JOIN customers_customerword w USING (customer_id, word)
 WHERE w.id IS NULL OR e.organisation_id IS NULL OR (w.owner_id, w.chain_id) IS DISTINCT FROM (e.owner_id, e.chain_id)
UNION
SELECT coalesce(e.customer_id, w.customer_id)
  FROM customers_contact_words_expected e FULL JOIN customers_contactword w USING (contact_id, word)
 WHERE w.id IS NULL OR e.organisation_id IS NULL
    OR (w.customer_id, w.owner_id, w.chain_id) IS DISTINCT FROM (e.customer_id, e.owner_id, e.chain_id)
"""


def find_differences(organisation_id: int) -> list[Difference]:
    """Every customer of the organisation whose projection or search words differ from a recomputation."""
    with system_scope(organisation_id, job="projection check"), connection.cursor() as cursor:
        cursor.execute("SELECT customer_id, kind FROM customers_hot_differences()")
        found = [Difference(*row) for row in cursor.fetchall()]
        cursor.execute(_WORDS)
        return found + [Difference(row[0], "words") for row in cursor.fetchall()]


def rebuild(organisation_id: int) -> Iterator[int]:
    """Project and index every customer again, batch by batch; yields how many are done so far."""
    done, last = 0, 0
    while True:
        with system_scope(organisation_id, job="projection rebuild"):
            ids = rebuild_batch(last)
        if not ids:
            return
        done, last = done + len(ids), ids[-1]
        yield done


def rebuild_batch(last: int) -> list[int]:
    """Project and index the next customers behind the id `last` in the active scope's organisation; their ids in order."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT array_agg(id ORDER BY id) FROM (SELECT id FROM (SELECT id FROM customers_customer WHERE id > %(last)s"
            " UNION SELECT customer_id FROM customers_customerhot WHERE customer_id > %(last)s) both_tables"
            " ORDER BY id LIMIT %(batch)s) ids",
            {"last": last, "batch": BATCH},
        )
        ids: list[int] = cursor.fetchone()[0] or []
        if ids:
            cursor.execute(
                "SELECT customers_project(%(ids)s), customers_index_words(%(ids)s), customers_index_contact_words(%(ids)s)",
                {"ids": ids},
            )
    return ids


def project(ids: Sequence[int]) -> None:
    """Bring the projection of these customers up to date."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT customers_project(%s)", [list(ids)])


def writers_of_values(among: Sequence[str] | None = None) -> list[str]:
    """The transactions that have written values and are not over; with `among` those of them that still go on.

    They hold the table's lock to their end. What they have projected may not know of a field's slot.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT virtualtransaction FROM pg_locks WHERE relation = 'customers_customerfieldvalue'::regclass"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
            " AND mode = 'RowExclusiveLock' AND pid <> pg_backend_pid()"
        )
        found = {row[0] for row in cursor.fetchall()}
    return sorted(found if among is None else found & set(among))


def turn_seasons(scope: Scope) -> int:
    """Project again the seasonal customers of the scope's organisation whose season began or ended since; how many."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT array_agg(c.id) FROM customers_customer c JOIN customers_customerhot h ON h.customer_id = c.id"
            " JOIN organisation_organisation o ON o.id = c.organisation_id"
            " WHERE c.organisation_id = %s AND c.is_seasonal_business AND h.season_now IS DISTINCT FROM"
            " customers_season_now(true, c.seasonal_months, (crm_now() AT TIME ZONE o.zone)::date)",
            [scope.organisation_id],
        )
        ids = cursor.fetchone()[0] or []
        for start in range(0, len(ids), BATCH):
            cursor.execute("SELECT customers_project(%s)", [ids[start : start + BATCH]])
    return len(ids)
