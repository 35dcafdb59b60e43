"""What an import writes into the account and its address: each field with its SQL type and its parser."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from customers.choices import AddressKind, BusinessType, KitchenSize, SeasonalPattern
from customers.importing import parsing
from customers.models import Address, Customer


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the staged row: `parse` raises ValueError with a sentence for the report."""

    sql: str
    parse: Callable[[str], Any]


def _text(name: str, model: type[Customer] | type[Address] = Customer) -> Column:
    length: int | None = model._meta.get_field(name).max_length  # type: ignore[union-attr]
    return Column("text", parsing.text_up_to(length or 10_000))


_PAINS = [
    field.name for field in Customer._meta.fields if field.name.startswith("pain_") and field.name != "pain_notes"
]

CUSTOMER_COLUMNS: Final[dict[str, Column]] = {
    **{name: _text(name) for name in ("company_name", "trading_name", "pain_notes", "vat_id", "legal_form", "source")},
    "business_type": Column("text", parsing.one_of(BusinessType)),
    "kitchen_size": Column("text", parsing.one_of(KitchenSize)),
    "seasonal_pattern": Column("text", parsing.one_of(SeasonalPattern)),
    "seasonal_months": Column("smallint[]", parsing.months),
    **{
        name: Column("boolean", parsing.boolean)
        for name in ("is_chain", "is_natural_person", "is_seasonal_business", *_PAINS)
    },
    **{name: Column("integer", parsing.whole_number) for name in ("employee_count", "branch_count")},
    **{name: Column("numeric", parsing.money) for name in ("estimated_volume", "expected_annual_volume")},
    "renewal_date": Column("date", parsing.date),
    "phone": Column("text", str),  # read beside the row's country: rows.py
    "email": Column("text", parsing.mail),
    "website": Column("text", parsing.website),
}

ADDRESS_FIELDS: Final[dict[str, Column]] = {
    **{f"address.{name}": _text(name, Address) for name in ("street", "house_number", "postcode", "city")},
    "address.kind": Column("text", parsing.one_of(AddressKind)),
    "address.country": Column("text", str),  # weighed against coordinates and text: places.py
    "address.text": Column("text", str),  # the whole address as one text: a witness for the country, not stored
    "address.latitude": Column("numeric", parsing.degrees(90)),
    "address.longitude": Column("numeric", parsing.degrees(180)),
}
