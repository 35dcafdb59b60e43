"""The columns of a file of customers: what an import takes under its own names, then what the list shows beside."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from django.db.models import Model
from django.utils.translation import gettext as _

from crm.core.access import Scope
from crm.core.listing import Column
from customers.choices import FieldEntity, FieldType
from customers.importing.columns import ADDRESS_FIELDS, CUSTOMER_COLUMNS
from customers.importing.mapping import CATALOGUE, NUMBER
from customers.importing.written import LISTED
from customers.models import Address, Customer, FieldDefinition
from customers.shown import MONEY_COLUMNS, upper_first

IMPORTED: Final = {
    "name": "company_name",
    "number": NUMBER,
    "city": "address.city",
    "postcode": "address.postcode",
    "lead_source": "source",
    "expected_volume": "expected_annual_volume",
    **{key: key for key in ("status", "owner", "renewal_date", "business_type", "kitchen_size")},
}
"""Columns of the list that the file holds under the name that imports know."""

_NUMERIC: Final = {"employee_count", "branch_count", *MONEY_COLUMNS, "address.latitude", "address.longitude"}
_NUMERIC_TYPES: Final = {FieldType.INTEGER, FieldType.DECIMAL, FieldType.MONEY}


@dataclass(frozen=True, slots=True)
class ExportColumn:
    """One column: its key (an import's field, or a column of the list), what stands above it, whether its cells are numbers."""

    key: str
    header: str
    numeric: bool = False


def columns_for(scope: Scope, listed: Iterable[Column]) -> list[ExportColumn]:
    """The columns for who may read them, in the active language: the list's own first, in their order.

    Two of the same name are told apart by their keys. `listed` are the columns that the list shows.
    """
    known = {column.key: column for column in _imported(scope)}
    chosen: dict[str, ExportColumn] = {NUMBER: known[NUMBER]}
    for column in listed:
        key = IMPORTED.get(column.key, column.key)
        if key in known:
            chosen[key] = known[key]
        elif key in LISTED:
            chosen[key] = ExportColumn(key, str(column.label), LISTED[key])
    return list(_told_apart((chosen | {key: one for key, one in known.items() if key not in chosen}).values()))


def _told_apart(columns: Iterable[ExportColumn]) -> Iterator[ExportColumn]:
    seen: set[str] = set()
    for column in columns:
        header = column.header if column.header not in seen else f"{column.header} ({column.key})"
        seen.add(header)
        yield ExportColumn(column.key, header, column.numeric)


def _imported(scope: Scope) -> Iterator[ExportColumn]:
    for key, header in imported_headers():
        if key not in MONEY_COLUMNS or scope.allows("money.read"):
            yield ExportColumn(key, header, key in _NUMERIC)
    for definition in FieldDefinition.objects.catalogue(scope, FieldEntity.CUSTOMER):
        yield ExportColumn(f"{CATALOGUE}{definition.key}", definition.label, definition.type in _NUMERIC_TYPES)


def imported_headers() -> Iterator[tuple[str, str]]:
    """Every fixed field of an import with what it is called in the active language."""
    yield NUMBER, _("Customer number")
    for name in CUSTOMER_COLUMNS:
        yield name, _label(Customer, name)
    for name in ADDRESS_FIELDS:
        if name != "address.text":
            yield (
                name,
                _("Kind of address") if name == "address.kind" else _label(Address, name.removeprefix("address.")),
            )
    yield "owner", _label(Customer, "owner")
    yield "status", _label(Customer, "status")
    yield "tags", _label(Customer, "tags")
    yield "external_key", _("External key")
    yield "external_key.source", _("Source of the external key")
    yield "chain.key", _("Key of the chain")
    yield "chain.name", _("Chain")


def _label(model: type[Model], name: str) -> str:
    field: Any = model._meta.get_field(name)
    return upper_first(str(field.verbose_name))
