"""Rows that came from a file of ours: they name a customer by his number, and bring what was changed in the file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from crm.core.access import Scope, activate
from crm.core.folding import fold
from customers.importing.mapping import NUMBER
from customers.importing.written import Cells, cells_of
from customers.models import Customer

_TOGETHER: Final = ("address.", "season", "is_season", "chain.", "external_key")
"""Beginnings of fields that are read together: where one differs, all of them are read again."""


@dataclass(frozen=True, slots=True)
class Known:
    """The customer of a number, as the file of ours would have him. `is_hidden`: out of the actor's sight; `in_trash`: deleted."""

    customer_id: int = 0
    name_key: str = ""
    cells: Mapping[str, str] | None = None
    is_hidden: bool = False
    in_trash: bool = False

    def is_meant_by(self, row: Mapping[str, str]) -> bool:
        """Whether the row means him: other systems give the same numbers to others, so the name must be his too."""
        return self.is_hidden or fold(row.get("company_name", "")) == self.name_key

    def changes(self, row: Mapping[str, str]) -> dict[str, str]:
        """The fields of the row that do not stand as the file of ours had them."""
        own = self.cells or {}
        different = {name for name, text in row.items() if own.get(name, "").strip() != text}
        begun = tuple(start for start in _TOGETHER if any(name.startswith(start) for name in different))
        return {name: text for name, text in row.items() if name in different or (begun and name.startswith(begun))}


def known_customers(scope: Scope, rows: Sequence[Mapping[str, str]]) -> dict[str, Known]:
    """Who has the numbers that the rows name. Hidden ones are there without anything but that they are."""
    numbers = {row[NUMBER] for row in rows if NUMBER in row}
    if not numbers:
        return {}
    found: dict[str, Known] = {}
    if not scope.sees_all:
        with activate(scope.widened("import: numbers that others have")):
            taken = Customer.objects.filter(organisation_id=scope.organisation_id, customer_number__in=numbers)
            found = {number: Known(is_hidden=True) for number in taken.values_list("customer_number", flat=True)}
    seen = Customer.objects.known_to(scope).filter(customer_number__in=numbers)
    lines = list(seen.values_list("pk", "customer_number", "name_key", "deleted_at"))
    cells: dict[int, Cells] = cells_of(scope, [pk for pk, *_rest in lines])
    for pk, number, name_key, deleted_at in lines:
        found[number] = Known(pk, name_key, cells.get(pk), in_trash=deleted_at is not None)
    return found
