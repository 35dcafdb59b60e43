"""Locking a row that a rival's claim may hold for a moment."""

from __future__ import annotations

from typing import TypeVar

from django.db import OperationalError, connection, transaction
from django.db.models import Model, QuerySet

M = TypeVar("M", bound=Model)


def locked(rows: QuerySet[M]) -> M | None:
    """The first of `rows`, locked; a claim that found another worker at it lets it go at once and is waited for.

    None where there is no such row, or somebody works on it for longer than a second.
    """
    row = rows.select_for_update(of=("self",), skip_locked=True).first()
    if row is not None:
        return row
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL lock_timeout = '1s'")
            row = rows.select_for_update(of=("self",)).first()
            cursor.execute("SET LOCAL lock_timeout = 0")
    except OperationalError:
        return None
    return row
