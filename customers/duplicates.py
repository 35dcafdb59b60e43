"""Is this account here already? A hint while typing: name, postcode and phone, with score and reasons."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from django.db import connection
from django.utils.translation import gettext as _

from crm.core.access import Scope
from crm.core.errors import Invalid
from crm.core.phones import to_e164
from customers.models import Customer

MOST: Final = 5
SURE: Final = 80  # from here on a hidden account is worth a word
FIRST_LETTERS: Final = 3


@dataclass(frozen=True, slots=True)
class Twin:
    """An account that may be the typed one; `score` is 40 to 100."""

    customer: Customer
    score: int
    reasons: list[str]


@dataclass(frozen=True, slots=True)
class Twins:
    """What was found: accounts to show, and whether a hidden one is very likely the same."""

    visible: list[Twin]
    hidden: bool


def find_twins(scope: Scope, *, name: str, postcode: str = "", phone: str = "") -> Twins:
    """Possible duplicates of a typed account; hidden ones are told without any detail. At most two queries."""
    if len(name.strip()) < FIRST_LETTERS:
        return Twins([], hidden=False)
    try:
        number = to_e164(phone)
    except Invalid:
        number = ""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT customer_id, score, name_score, same_postcode, same_phone FROM customers_twins(%s, %s, %s, %s)",
            [name.strip()[:200], postcode.strip()[:10], number, MOST],
        )
        rows = cursor.fetchall()
    ids = [row[0] for row in rows if row[0] is not None]
    customers = Customer.objects.visible_to(scope).select_related("owner").in_bulk(ids)
    visible = [
        Twin(customers[pk], score, _reasons(name_score, same_postcode=same_postcode, same_phone=same_phone))
        for pk, score, name_score, same_postcode, same_phone in rows
        if pk in customers
    ]
    return Twins(visible, hidden=any(row[0] is None and row[1] >= SURE for row in rows))


def _reasons(name_score: float, *, same_postcode: bool, same_phone: bool) -> list[str]:
    reasons = []
    if name_score > 0.99:
        reasons.append(_("Same name"))
    elif name_score >= 0.4:
        reasons.append(_("Similar name"))
    if same_phone:
        reasons.append(_("Same phone"))
    if same_postcode:
        reasons.append(_("Same postcode"))
    return reasons
