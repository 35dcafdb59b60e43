"""How the columns of a file become fields: read from JSON, checked before a row is touched."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self

from django.utils.translation import gettext as _

from crm.core.errors import Invalid
from customers.importing.columns import ADDRESS_FIELDS, CUSTOMER_COLUMNS

NUMBER: Final = "customer_number"
OTHER_FIELDS: Final = frozenset(
    {NUMBER, "external_key", "external_key.source", "chain.key", "chain.name", "owner", "status", "tags"}
)
CATALOGUE: Final = "fields."


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportMapping:
    """`columns` HEADER → FIELD, `constants` FIELD → VALUE where a row has none, `values` FIELD → {FROM: TO}."""

    columns: Mapping[str, str]
    constants: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    @classmethod
    def from_json(cls, data: object) -> Self:
        """The mapping in `data`, as json.loads gives it; Invalid says what is wrong with it."""
        if not isinstance(data, dict) or not isinstance(data.get("columns"), dict):
            raise Invalid(_('The mapping needs "columns": {HEADER: FIELD}.'), field="mapping")
        unknown = set(data) - {"columns", "constants", "values"}
        if unknown:
            raise Invalid(
                _("The mapping has unknown parts: %(parts)s.") % {"parts": ", ".join(sorted(unknown))}, field="mapping"
            )
        mapping = cls(
            columns=_texts(data["columns"]),
            constants=_texts(data.get("constants", {})),
            values={str(name): _texts(table) for name, table in _table(data.get("values", {})).items()},
        )
        mapping.check_fields()
        return mapping

    @classmethod
    def from_file(cls, path: Path) -> Self:
        """The mapping in a JSON file (UTF-8)."""
        try:
            data = json.loads(path.read_text(encoding="utf-8-sig"))
        except (OSError, ValueError) as error:
            raise Invalid(_("The mapping cannot be read: %(error)s") % {"error": error}, field="mapping") from error
        return cls.from_json(data)

    @property
    def fields(self) -> frozenset[str]:
        """Every field that rows may bring."""
        return frozenset(self.columns.values()) | frozenset(self.constants)

    @property
    def catalogue_keys(self) -> frozenset[str]:
        """Keys of the catalogue fields among them."""
        return frozenset(name.removeprefix(CATALOGUE) for name in self.fields if name.startswith(CATALOGUE))

    def check_fields(self) -> None:
        """Raise Invalid for fields nobody knows, for two columns of one field, and where `company_name` is missing."""
        known = set(CUSTOMER_COLUMNS) | set(ADDRESS_FIELDS) | OTHER_FIELDS
        unknown = sorted(
            name for name in self.fields | set(self.values) if name not in known and not name.startswith(CATALOGUE)
        )
        if unknown:
            raise Invalid(
                _("Unknown fields in the mapping: %(fields)s.") % {"fields": ", ".join(unknown)}, field="mapping"
            )
        targets = list(self.columns.values())
        double = sorted({name for name in targets if targets.count(name) > 1})
        if double:
            raise Invalid(
                _("More than one column is mapped to: %(fields)s.") % {"fields": ", ".join(double)}, field="mapping"
            )
        if "company_name" not in self.fields:
            raise Invalid(_("No column is mapped to company_name."), field="mapping")

    def check_headers(self, headers: Iterable[str]) -> None:
        """Raise Invalid where the file lacks a mapped column."""
        missing = sorted(set(self.columns) - set(headers))
        if missing:
            raise Invalid(_("The file has no column: %(columns)s.") % {"columns": ", ".join(missing)}, field="file")

    def apply(self, raw: Mapping[str, str]) -> dict[str, str]:
        """Field → text of one row: trimmed, without empty ones; constants where it has nothing, values translated."""
        row = {name: (raw.get(header) or "").replace("\x00", "").strip() for header, name in self.columns.items()}
        row = {name: value for name, value in row.items() if value}
        for name, constant in self.constants.items():
            row.setdefault(name, constant)
        for name, table in self.values.items():
            if name in row:
                row[name] = table.get(row[name], row[name])
        return {name: value for name, value in row.items() if value}


def _table(data: object) -> dict[Any, Any]:
    if not isinstance(data, dict):
        raise Invalid(_("The parts of a mapping are objects."), field="mapping")
    return data


def _texts(data: object) -> dict[str, str]:
    return {str(name): _text(value) for name, value in _table(data).items()}


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    raise Invalid(_("Names and values of a mapping are texts."), field="mapping")
