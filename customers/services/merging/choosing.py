"""Which of two accounts a value is taken from: suggested by the product, chosen by who merges."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.utils.translation import gettext as _

from crm.core.access import Scope
from crm.core.errors import Invalid
from customers.models import Customer, CustomerFieldValue, FieldDefinition
from customers.services.accounts import EDITABLE, SEASON
from customers.services.fields import writable_fields

WINNER, LOSER = "winner", "loser"
OF_CATALOGUE: Final = "fields."
# The season goes by its switch, as one. Whose rows are personal data is no choice: one of the two is enough.
COLUMNS: Final = (*(name for name in EDITABLE if name not in {*SEASON, "is_natural_person"}), SEASON[0])


@dataclass(frozen=True, slots=True)
class Difference:
    """A field in which the two accounts differ: a column, or with its definition one of the catalogue.

    `name` is the column or `fields.<key>`. `suggested` is the side that is taken where nobody chooses: the filled one before
    the empty one, else that of the account changed last.
    """

    name: str
    definition: FieldDefinition | None
    winner: Any
    loser: Any
    suggested: str


def columns_of(name: str) -> tuple[str, ...]:
    """The columns that one choice decides on."""
    return SEASON if name in SEASON else (name,)


def differences(scope: Scope, winner: Customer, loser: Customer) -> list[Difference]:
    """What there is to choose, columns first. Two queries."""
    found = [
        Difference(name, None, getattr(winner, name), getattr(loser, name), suggest_column(winner, loser, name))
        for name in COLUMNS
        if any(getattr(winner, column) != getattr(loser, column) for column in columns_of(name))
    ]
    rows = values_of(winner, loser)
    for definition in writable_fields(scope).values():
        one, other = (row.value if row else None for row in rows.get(definition.pk, (None, None)))
        if one != other:
            side = _suggest(winner, loser, one, other)
            found.append(Difference(OF_CATALOGUE + definition.key, definition, one, other, side))
    return found


def values_of(
    winner: Customer, loser: Customer
) -> dict[int, tuple[CustomerFieldValue | None, CustomerFieldValue | None]]:
    """The catalogue values of both, by definition. One query."""
    found: dict[int, dict[int, CustomerFieldValue]] = {}
    for row in CustomerFieldValue.objects.filter(customer__in=[winner.pk, loser.pk]).order_by("pk"):
        found.setdefault(row.definition_id, {})[row.customer_id] = row
    return {pk: (rows.get(winner.pk), rows.get(loser.pk)) for pk, rows in found.items()}


def suggest_column(winner: Customer, loser: Customer, name: str) -> str:
    """The side that a column is taken from where nobody chooses."""
    return _suggest(winner, loser, getattr(winner, name), getattr(loser, name))


def suggest_value(
    winner: Customer, loser: Customer, rows: tuple[CustomerFieldValue | None, CustomerFieldValue | None]
) -> str:
    """The side that a catalogue value is taken from where nobody chooses."""
    one, other = (row.value if row else None for row in rows)
    return _suggest(winner, loser, one, other)


def _suggest(winner: Customer, loser: Customer, one: Any, other: Any) -> str:
    """A flag that is off, or zero, counts as empty: what only one account knows is kept."""
    if not one or not other:
        return LOSER if other and not one else WINNER
    return LOSER if loser.updated_at > winner.updated_at else WINNER


def refuse_choices(scope: Scope, choices: Mapping[str, str]) -> None:
    """Raise Invalid (per name) for what is no field, or none that the scope writes, and for what is no side."""
    known = {*COLUMNS, *(OF_CATALOGUE + key for key in writable_fields(scope))}
    errors = {name: _("There is no such field.") for name in choices if name not in known}
    errors |= {name: _("Choose one of the two.") for name, side in choices.items() if side not in {WINNER, LOSER}}
    if errors:
        raise Invalid(_("Please check the marked fields."), errors=errors)
