"""The published schema of the language for one entity, as one scope may use it."""

from __future__ import annotations

from typing import Any

from crm.core.access import Scope
from crm.core.filters.days import MOST_DAYS, NEIGHBOURS, UNITS
from crm.core.filters.fields import FilterField
from crm.core.filters.kinds import (
    LIST_VALUE,
    MOST_LEAVES,
    MOST_LETTERS,
    MOST_LEVELS,
    MOST_VALUES,
    NO_VALUE,
    VERSION,
    Operator,
)
from crm.core.filters.registry import Fields, FilterRegistry, resolve
from crm.core.filters.values import reader_of

_SPAN: dict[str, Any] = {
    "oneOf": [
        *(
            {
                "type": "object",
                "properties": {name: {"type": "integer", "minimum": 1, "maximum": MOST_DAYS}},
                "required": [name],
                "additionalProperties": False,
            }
            for name in ("last_days", "next_days")
        ),
        *(
            {
                "type": "object",
                "properties": {name: {"enum": list(UNITS)}},
                "required": [name],
                "additionalProperties": False,
            }
            for name in NEIGHBOURS
        ),
    ]
}


def schema(registry: FilterRegistry | Fields, scope: Scope, *, entity: str = "") -> dict[str, Any]:
    """JSON schema (2020-12) of a filter tree, with version, limits and the fields that this scope may use.

    `fields` lists label, type, operators with their labels and choices, for whoever builds a filter by hand.
    """
    fields = resolve(registry, scope)
    name = entity or (registry.entity if isinstance(registry, FilterRegistry) else "")
    node = {"$ref": "#/$defs/node"}
    group = {"type": "array", "items": node, "minItems": 1, "maxItems": MOST_LEAVES}
    groups = [
        {"type": "object", "properties": {key: inner}, "required": [key], "additionalProperties": False}
        for key, inner in (("and", group), ("or", group), ("not", node))
    ]
    conditions = [_leaf(field, operator) for field in fields.values() for operator in field.operators]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:freshplan:filter:{name}:{VERSION}",
        "title": f"filter of {name}",
        "version": VERSION,
        "limits": {"levels": MOST_LEVELS, "leaves": MOST_LEAVES, "values": MOST_VALUES, "letters": MOST_LETTERS},
        "anyOf": [{"type": "object", "maxProperties": 0}, node],
        "$defs": {"node": {"anyOf": [*groups, *conditions]}},
        "fields": [_field(field) for field in fields.values()],
    }


def _leaf(field: FilterField, operator: Operator) -> dict[str, Any]:
    properties: dict[str, Any] = {"field": {"const": field.key}, "op": {"const": operator.value}}
    required = ["field", "op"]
    if operator in NO_VALUE:
        properties["value"] = {"type": "null"}
    else:
        properties["value"] = _value(field, operator)
        required.append("value")
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def _value(field: FilterField, operator: Operator) -> dict[str, Any]:
    one = dict(reader_of(field).json_type)
    if (known := field.choice_labels) is not None:
        one = {"enum": list(known)}
    if operator is Operator.WITHIN:
        return _SPAN
    if operator is Operator.BETWEEN:
        return {"type": "array", "items": one, "minItems": 2, "maxItems": 2}
    if operator in LIST_VALUE:
        return {"type": "array", "items": one, "minItems": 1, "maxItems": MOST_VALUES}
    return one


def _field(field: FilterField) -> dict[str, Any]:
    described: dict[str, Any] = {
        "key": field.key,
        "label": str(field.label),
        "group": str(field.group),
        "type": field.type.value,
        "operators": [{"op": each.value, "label": field.operator_label(each)} for each in field.operators],
    }
    if (known := field.choice_labels) is not None:
        described["choices"] = [{"value": value, "label": label} for value, label in known.items()]
    if field.help_text:
        described["help"] = str(field.help_text)
    return described | dict(field.extra)
