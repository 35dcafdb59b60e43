"""Is this account here already? The hint while typing, and the rule behind it: `customers_match` in sql/matching.sql."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Final

from django.db import connection
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from crm.core.access import Scope
from crm.core.errors import Invalid
from crm.core.phones import to_e164
from customers.models import Customer

MOST: Final = 5
FIRST_LETTERS: Final = 3
SAME, POSSIBLE, OTHER_OPERATOR, DIFFERENT = "SAME", "POSSIBLE", "SAME_PREMISES_OTHER_OPERATOR", "DIFFERENT"
REASONS: Final[dict[str, str | Promise]] = {
    "SAME_NAME": _("Same name"),
    "SIMILAR_NAME": _("Similar name"),
    "SAME_VAT_ID": _("Same VAT id"),
    "OTHER_VAT_ID": _("Another VAT id"),
    "SAME_PHONE": _("Same phone"),
    "SAME_WEB": _("Same website or e-mail domain"),
    "SAME_PLACE": _("Same place"),
    "NEAR_PLACE": _("A few steps away"),
    "SAME_POSTCODE": _("Same postcode"),
    "OTHER_PLACE": _("Another place"),
    OTHER_OPERATOR: _("Same place, another operator"),
}

_CLUES: Final = (
    "customers_clues_of(ARRAY[%(name)s, %(trading_name)s], ARRAY[%(phone)s], ARRAY[%(website)s, %(email)s],"
    " %(vat_id)s, ARRAY[customers_place_of(%(street)s, %(house_number)s, %(postcode)s, %(city)s,"
    " %(latitude)s::float8, %(longitude)s::float8)])"
)
_TWINS: Final = (
    "SELECT customer_id, score, verdict, reasons"  # noqa: S608 - constants
    f" FROM customers_twins(%(name)s, %(number)s, {_CLUES}, %(most)s)"
)
_MATCH: Final = (
    "SELECT score, verdict, reasons FROM"  # noqa: S608 - constants
    f" customers_match({_CLUES.replace('%(', '%(a_')}, {_CLUES.replace('%(', '%(b_')})"
)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of an account; what is missing speaks neither for nor against. Coordinates in degrees."""

    name: str
    trading_name: str = ""
    phone: str = ""
    email: str = ""
    website: str = ""
    vat_id: str = ""
    street: str = ""
    house_number: str = ""
    postcode: str = ""
    city: str = ""
    latitude: float | None = None
    longitude: float | None = None


@dataclass(frozen=True, slots=True)
class Match:
    """What the rule says of two accounts: 0 to 100, a verdict, and the codes of its reasons. SAME begins at 80."""

    score: int
    verdict: str
    reasons: list[str]


@dataclass(frozen=True, slots=True)
class Twin:
    """An account that may be the typed one, or that was at the same place before it; reasons to show."""

    customer: Customer
    score: int
    verdict: str
    reasons: list[str]


@dataclass(frozen=True, slots=True)
class Twins:
    """What was found: accounts to show, and whether a hidden one is the same by the rule."""

    visible: list[Twin]
    hidden: bool


def match(one: Evidence, other: Evidence) -> Match:
    """Whether two accounts are the same company. One query, no row is read."""
    with connection.cursor() as cursor:
        cursor.execute(_MATCH, _values(one, "a_") | _values(other, "b_"))
        return Match(*cursor.fetchone())


def find_twins(scope: Scope, typed: Evidence) -> Twins:
    """Possible duplicates of a typed account; hidden ones are told without any detail. At most two queries."""
    if len(typed.name.strip()) < FIRST_LETTERS:
        return Twins([], hidden=False)
    try:
        number = to_e164(typed.phone)
    except Invalid:
        number = ""
    with connection.cursor() as cursor:
        cursor.execute(
            _TWINS,
            _values(typed) | {"number": number, "most": MOST},
        )
        rows = cursor.fetchall()
    ids = [row[0] for row in rows if row[0] is not None]
    customers = Customer.objects.visible_to(scope).select_related("owner").in_bulk(ids)
    visible = [
        Twin(customers[pk], score, verdict, _shown(verdict, reasons))
        for pk, score, verdict, reasons in rows
        if pk in customers
    ]
    return Twins(visible, hidden=any(row[0] is None and row[2] == SAME for row in rows))


def _values(evidence: Evidence, prefix: str = "") -> dict[str, Any]:
    """Texts cut to the longest that a column takes, so that nothing typed makes the comparison long."""
    values = {field.name: getattr(evidence, field.name) for field in fields(evidence)}
    return {prefix + name: value.strip()[:300] if isinstance(value, str) else value for name, value in values.items()}


def _shown(verdict: str, reasons: list[str]) -> list[str]:
    codes = [OTHER_OPERATOR, *reasons] if verdict == OTHER_OPERATOR else reasons
    return [str(REASONS[code]) for code in codes if not (verdict == OTHER_OPERATOR and code == "SAME_PLACE")]
