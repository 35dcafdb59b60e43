"""Numbers from an organisation's ranges, one or a whole block at once. Gaps are fine, doubles are not."""

from __future__ import annotations

from typing import Final

from django.db import connection

from crm.core.access import Scope

CUSTOMERS: Final = "customer"

# The row's lock makes two writers wait for each other; each gets a block of his own.
_TAKE: Final = """
INSERT INTO organisation_numberrange AS r (organisation_id, kind, next_value) VALUES (%s, %s, 1 + %s)
ON CONFLICT (organisation_id, kind) DO UPDATE SET next_value = r.next_value + %s
RETURNING r.next_value - %s
"""


def take_numbers(scope: Scope, kind: str, count: int) -> range:
    """The next `count` values of the range `kind`; they are used up even where the caller needs fewer."""
    with connection.cursor() as cursor:
        cursor.execute(_TAKE, [scope.organisation_id, kind, count, count, count])
        first = int(cursor.fetchone()[0])
    return range(first, first + count)


def customer_number(value: int) -> str:
    """A customer's number as people read it: `K-000001`."""
    return f"K-{value:06d}"


def take_customer_numbers(scope: Scope, count: int) -> list[str]:
    """The next `count` customer numbers of the scope's organisation."""
    return [customer_number(value) for value in take_numbers(scope, CUSTOMERS, count)]
