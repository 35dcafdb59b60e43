"""The stock held against itself: pairs that may be the same company, by `customers_stock_pairs`, a stretch of keys at a time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db import connection

from crm.core.access import Scope
from customers.models import DuplicatePair

KINDS: Final = ("place", "phone", "vat", "web")
STRETCH: Final = 5_000  # keys a transaction: a few seconds of work
MOST_OF_BLOCK: Final = 60  # accounts that share a key; what more share tells nothing of one company

_KEEP: Final = """
INSERT INTO customers_duplicatepair AS kept (organisation_id, first_id, second_id, score, verdict, reasons, seen_at)
SELECT crm_organisation(), p.first_id, p.second_id, p.score, p.verdict, p.reasons, %(since)s
  FROM scanned_pairs p WHERE p.first_id IS NOT NULL ORDER BY p.first_id, p.second_id
ON CONFLICT (first_id, second_id) DO UPDATE
   SET score = excluded.score, verdict = excluded.verdict, reasons = excluded.reasons, seen_at = excluded.seen_at
"""


@dataclass(frozen=True, slots=True)
class Scanned:
    """How far a stretch went ("": nothing was left) and how many pairs it found."""

    upto: str
    pairs: int


def scan(scope: Scope, kind: str, after: str, since: str) -> Scanned:
    """Weigh the next stretch of one kind of key and keep its pairs. The scope sees all, or nothing is found."""
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS pg_temp.scanned_pairs")
        cursor.execute(
            "CREATE TEMPORARY TABLE scanned_pairs ON COMMIT DROP AS SELECT * FROM customers_stock_pairs(%s, %s, %s, %s)",
            [kind, after, STRETCH, MOST_OF_BLOCK],
        )
        cursor.execute("SELECT upto FROM scanned_pairs LIMIT 1")
        row = cursor.fetchone()
        cursor.execute(_KEEP, {"since": since})
        return Scanned(row[0] if row else "", cursor.rowcount)


def forget(scope: Scope, since: str) -> int:
    """Pairs that the scan begun at `since` (ISO 8601) has not found again; how many went. Those told apart stay so."""
    rows = DuplicatePair.objects.filter(organisation_id=scope.organisation_id, parted_at=None)
    return rows.filter(seen_at__lt=datetime.fromisoformat(since)).delete()[0]
