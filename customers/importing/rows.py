"""From a row of the file to what is staged: parsed values, and an issue for each cell that was no good."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from django.utils.translation import gettext as _

from crm.core.access import Scope
from crm.core.errors import Invalid
from customers.choices import PATTERN_MONTHS, CustomerStatus, FieldType, SeasonalPattern
from customers.field_values import canonical
from customers.importing.columns import ADDRESS_FIELDS, CUSTOMER_COLUMNS
from customers.importing.mapping import CATALOGUE
from customers.importing.own import Known
from customers.importing.parsing import decimal, phones, split_street, text_up_to, words
from customers.importing.places import Witnesses, country_code, country_of
from customers.importing.report import RowIssue
from customers.models import FieldDefinition

MAX_KEY: Final = 120
MAX_SOURCE: Final = 40
NO_SOURCE: Final = "import"
_STATED_AS_PROSPECT: Final = frozenset({"", "LEAD", CustomerStatus.PROSPECT})


@dataclass(slots=True, kw_only=True)
class ParsedRow:
    """One row of the file, ready to be staged. `customer`, `address`, `fields` hold what it brings, nothing empty."""

    row: int
    customer: dict[str, Any] = field(default_factory=dict)
    address: dict[str, Any] = field(default_factory=dict)
    fields: dict[str, Any] = field(default_factory=dict)
    tags: list[str] = field(default_factory=list)
    source: str = NO_SOURCE
    key: str = ""
    chain_key: str = ""
    chain_name: str = ""
    owner_id: int | None = None
    known: Known | None = None
    issues: list[RowIssue] = field(default_factory=list)

    @property
    def is_rejected(self) -> bool:
        """Whether a required value is missing."""
        return not self.customer.get("company_name")

    @property
    def is_unchanged(self) -> bool:
        """Whether a known customer's row says nothing new."""
        brings = len(self.customer) > 1 or self.address or self.fields or self.tags or self.owner_id or self.key
        return self.known is not None and not brings and not self.chain_key

    def report(self, name: str, raw: str, message: str) -> None:
        """Keep an issue of this row."""
        self.issues.append(RowIssue(self.row, name, raw, message))


@dataclass(frozen=True, slots=True, kw_only=True)
class RowReader:
    """Reads rows under a scope: with the catalogue fields it may write and the owners it may name."""

    scope: Scope
    definitions: Mapping[str, FieldDefinition]
    owners: Mapping[str, int]
    key_source: str = NO_SOURCE

    def read(self, number: int, row: Mapping[str, str], known: Known | None = None) -> ParsedRow:
        """The row `number` (from 1), given as field → text without empty ones. Of a `known` customer only changes are read."""
        parsed = ParsedRow(row=number, known=known)
        if known is not None:
            parsed.customer["company_name"] = (known.cells or row)["company_name"]
            row = known.changes(row)
        for name, column in CUSTOMER_COLUMNS.items():
            if name in row and name != "phone":
                self._take(parsed, parsed.customer, name, name, row[name], column.parse)
        if "company_name" not in row and known is None:
            parsed.report("company_name", "", _("Required; the row is left out."))
        self._read_address(parsed, row)
        self._read_phone(parsed, row)
        _complete_season(parsed)
        self._read_keys(parsed, row)
        self._read_fields(parsed, row)
        self._read_status_and_owner(parsed, row)
        for tag in words(row.get("tags", "")):
            if len(tag) > 40:
                parsed.report("tags", tag, _("A tag has at most 40 characters."))
            else:
                parsed.tags.append(tag)
        return parsed

    def _take(self, parsed: ParsedRow, into: dict[str, Any], key: str, name: str, raw: str, parse: Any) -> None:
        try:
            value = parse(raw)
        except ValueError as error:
            parsed.report(name, raw, str(error))
            return
        if value not in ("", None):
            into[key] = value

    def _read_address(self, parsed: ParsedRow, row: Mapping[str, str]) -> None:
        for name, column in ADDRESS_FIELDS.items():
            if name in row and name not in {"address.country", "address.text"}:
                self._take(parsed, parsed.address, name.removeprefix("address."), name, row[name], column.parse)
        address = parsed.address
        if ("latitude" in address) != ("longitude" in address):
            parsed.report("address.latitude", row.get("address.latitude", ""), _("Coordinates come in pairs."))
            address.pop("latitude", None)
            address.pop("longitude", None)
        if "street" in address and "house_number" not in address:
            street, house_number = split_street(address["street"])
            address["street"] = street
            if house_number:
                address["house_number"] = house_number
        if not set(address) - {"kind"}:
            address.clear()
            return
        stated = row.get("address.country", "")
        country = country_of(_witnesses(row, address))
        address["country"] = country.code
        if country.doubt or not country.code:
            parsed.report(
                "address.country", stated or row.get("address.text", ""), _country_message(country.code, stated)
            )

    def _read_phone(self, parsed: ParsedRow, row: Mapping[str, str]) -> None:
        if "phone" not in row:
            return
        known = parsed.known.cells if parsed.known else None
        country = parsed.address.get("country") or (known or {}).get("address.country")
        numbers, others = phones(row["phone"], country or "DE")
        if numbers:
            parsed.customer["phone"] = numbers[0]
        if others:
            parsed.report("phone", row["phone"], _("No phone number; one has an area code, for example 030 23125 417."))
        elif len(numbers) > 1:
            parsed.report("phone", row["phone"], _("Only the first of several numbers is kept."))

    def _read_keys(self, parsed: ParsedRow, row: Mapping[str, str]) -> None:
        parsed.source = (row.get("external_key.source") or self.key_source)[:MAX_SOURCE]
        for name in ("external_key", "chain.key"):
            key = row.get(name, "")
            if len(key) > MAX_KEY - len("chain:"):
                parsed.report(
                    name,
                    key,
                    _("At most %(length)s characters, here %(here)s.") % {"length": MAX_KEY, "here": len(key)},
                )
                key = ""
            if name == "external_key":
                parsed.key = key
            else:
                parsed.chain_key = key
        if parsed.chain_key:
            name = row.get("chain.name") or parsed.customer.get("company_name") or parsed.chain_key
            chain: dict[str, str] = {}
            self._take(parsed, chain, "name", "chain.name", name, text_up_to(200))
            parsed.chain_name = chain.get("name") or parsed.chain_key

    def _read_fields(self, parsed: ParsedRow, row: Mapping[str, str]) -> None:
        for key, definition in self.definitions.items():
            name = f"{CATALOGUE}{key}"
            if name not in row:
                continue
            if definition.type == FieldType.MULTI_CHOICE:
                self._read_choices(parsed, definition, name, row[name])
                continue
            try:
                value = canonical(definition, _number(definition, row[name]), self.scope)
            except (Invalid, ValueError) as error:
                parsed.report(name, row[name], getattr(error, "message", str(error)))
                continue
            if value is not None:
                parsed.fields[key] = value

    def _read_choices(self, parsed: ParsedRow, definition: FieldDefinition, name: str, raw: str) -> None:
        """The choices known stay; the unknown ones are reported together."""
        known: list[str] = []
        unknown: list[str] = []
        message = ""
        for part in words(raw):
            try:
                known += canonical(definition, [part], self.scope) or []
            except Invalid as error:
                unknown.append(part)
                message = error.message
        if known:
            parsed.fields[definition.key] = list(dict.fromkeys(known))
        if unknown:
            parsed.report(name, raw, message)

    def _read_status_and_owner(self, parsed: ParsedRow, row: Mapping[str, str]) -> None:
        status = row.get("status", "").strip().upper()
        if status not in _STATED_AS_PROSPECT:
            parsed.report(
                "status", row["status"], _("Imported as a prospect: active begins with the first delivered order.")
            )
        owner = row.get("owner", "").strip().lower()
        if owner:
            parsed.owner_id = self.owners.get(owner)
            if parsed.owner_id is None:
                parsed.report("owner", row["owner"], _("The e-mail address of a user whom this role may make owner."))


def _number(definition: FieldDefinition, text: str) -> str:
    """Numbers in the German way of writing them become plain ones before the catalogue's own check."""
    if definition.type in {FieldType.INTEGER, FieldType.DECIMAL, FieldType.MONEY}:
        return format(decimal(text), "f")
    return text


def _witnesses(row: Mapping[str, str], address: Mapping[str, Any]) -> Witnesses:
    return Witnesses(
        stated=row.get("address.country", ""),
        text=row.get("address.text", ""),
        postcode=address.get("postcode", ""),
        city=address.get("city", ""),
        phone=row.get("phone", ""),
        latitude=float(address["latitude"]) if "latitude" in address else None,
        longitude=float(address["longitude"]) if "longitude" in address else None,
    )


def _country_message(code: str, stated: str) -> str:
    if stated and not country_code(stated):
        return _("No country of this name.")
    if code:
        return _("The address lies elsewhere; stored with the country %(country)s.") % {"country": code}
    return _("The country cannot be told; it stays empty.")


def _complete_season(parsed: ParsedRow) -> None:
    """Season fields hang together: a template brings its months, months make it seasonal, no months make it none."""
    customer = parsed.customer
    pattern = customer.get("seasonal_pattern")
    if pattern in PATTERN_MONTHS:
        customer["seasonal_months"] = list(PATTERN_MONTHS[pattern])
    if customer.get("is_seasonal_business") is False or not customer.get("seasonal_months"):
        if customer.get("is_seasonal_business") or pattern:
            parsed.report("seasonal_months", "", _("A seasonal business needs at least one month in season."))
        for name in ("is_seasonal_business", "seasonal_months", "seasonal_pattern"):
            customer.pop(name, None)
        return
    customer["is_seasonal_business"] = True
    customer.setdefault("seasonal_pattern", str(SeasonalPattern.CUSTOM))
