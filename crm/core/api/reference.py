"""The OpenAPI document in the form in which people read it: areas, operations, the fields of their bodies."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from crm.core.api.schema import document

METHODS: Final = ("get", "post", "put", "patch", "delete")
JSON: Final = "application/json"


@dataclass(frozen=True, slots=True)
class Named:
    """A parameter, or a field of a body."""

    name: str
    type: str
    required: bool
    note: str


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one address."""

    key: str
    method: str
    path: str
    summary: str
    text: str
    scope: str
    parameters: list[Named]
    body: list[Named]
    answer: list[Named]
    statuses: list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Area:
    """The operations that one pair of scopes opens."""

    key: str
    label: str
    operations: list[Operation]


@functools.cache
def reference() -> list[Area]:
    """All areas with their operations, in the order of their addresses."""
    made = document()
    areas = {tag["name"]: Area(tag["name"], tag["description"], []) for tag in made["tags"]}
    for path, methods in made["paths"].items():
        for method in METHODS:
            if method in methods:
                operation = methods[method]
                areas[operation["tags"][0]].operations.append(_operation(made, method, path, operation))
    return [area for area in areas.values() if area.operations]


def _operation(made: Mapping[str, Any], method: str, path: str, operation: Mapping[str, Any]) -> Operation:
    answers = operation["responses"]
    good: Mapping[str, Any] = next((answer for status, answer in answers.items() if status.startswith("2")), {})
    return Operation(
        key=operation["operationId"],
        method=method.upper(),
        path=path,
        summary=operation.get("summary", ""),
        text=operation.get("description", ""),
        scope=operation["x-scope"],
        parameters=[
            Named(
                one["name"],
                f"{_type(made, one['schema'])}, {one['in']}",
                bool(one.get("required")),
                one.get("description", ""),
            )
            for one in operation.get("parameters", ())
        ],
        body=list(_fields(made, _json_schema(operation.get("requestBody", {})))),
        answer=list(_fields(made, _json_schema(good))),
        statuses=[(status, answer.get("description", "")) for status, answer in answers.items()],
    )


def _json_schema(part: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = part.get("content", {}).get(JSON, {}).get("schema", {})
    return found


def _resolved(made: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    if "$ref" not in schema:
        return schema
    found: Mapping[str, Any] = made["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return found


def _fields(made: Mapping[str, Any], schema: Mapping[str, Any]) -> Iterator[Named]:
    whole = _resolved(made, schema)
    for name, field in whole.get("properties", {}).items():
        yield Named(name, _type(made, field), name in whole.get("required", ()), field.get("description", ""))


def _type(made: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    """The type in a few words: names of objects, values of choices."""
    if "$ref" in schema:
        target = _resolved(made, schema)
        return _type(made, target) if "enum" in target else schema["$ref"].rpartition("/")[2]
    for group in ("oneOf", "anyOf", "allOf"):
        if group in schema:
            return " | ".join(dict.fromkeys(_type(made, part) for part in schema[group]))
    if "enum" in schema:
        return " | ".join("null" if value is None else str(value) or '""' for value in schema["enum"])
    if schema.get("type") == "array":
        return f"[{_type(made, schema.get('items', {}))}]"
    kind = schema.get("type", "any")
    words = " | ".join(kind) if isinstance(kind, list) else str(kind)
    return f"{words} ({schema['format']})" if "format" in schema else words
