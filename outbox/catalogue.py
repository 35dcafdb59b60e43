"""Every type of event that this release publishes: its words, schema and sample, from the classes themselves."""

from __future__ import annotations

import dataclasses
import inspect
import types as builtin_types
import typing
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from typing import Any, Final

from outbox.envelope import PING, origin, schema_address
from outbox.events import DomainEvent
from outbox.matching import is_area
from outbox.models import Event

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"

# What a field of a payload becomes in JSON, and an example of it.
_SCALARS: Final[dict[Any, tuple[dict[str, Any], Any]]] = {
    bool: ({"type": "boolean"}, True),
    int: ({"type": "integer"}, 123),
    float: ({"type": "number"}, 1.5),
    str: ({"type": "string"}, "text"),
    Decimal: ({"type": "string"}, "19.90"),
    datetime: ({"type": "string", "format": "date-time"}, "2026-09-29T06:05:31.204Z"),
    date: ({"type": "string", "format": "date"}, "2026-09-29"),
}
_ORIGIN_SCHEMA: Final[dict[str, Any]] = {
    "actor": {
        "type": "object",
        "properties": {"kind": {"type": "string"}, "id": {"type": "string"}},
        "required": ["kind", "id"],
    },
    "source": {"type": "string"},
    "request_id": {"type": ["string", "null"]},
    "cause": {"type": ["string", "null"]},
    "change_set": {"type": ["integer", "null"]},
}


@dataclass(frozen=True, slots=True)
class EventType:
    """One type and version, with what integrators need of it."""

    type: str
    version: int
    description: str
    subject_type: str
    schema: dict[str, Any]
    sample: dict[str, Any]


@cache
def event_types() -> tuple[EventType, ...]:
    """All of them, by name; complete once the apps are ready."""
    found = {(kind.type, kind.version): kind for kind in _classes(DomainEvent)}
    return tuple(_describe(found[key]) for key in sorted(found))


def event_type(kind: str, version: int) -> EventType | None:
    """One of them, or None."""
    return next((one for one in event_types() if (one.type, one.version) == (kind, version)), None)


def is_known(pattern: str) -> bool:
    """Whether a type of a subscription (exact or `area.*`) can ever match."""
    names = {one.type for one in event_types()}
    return pattern in names or (is_area(pattern) and any(name.startswith(pattern[:-1]) for name in names))


def _classes(base: type[DomainEvent]) -> Iterator[type[DomainEvent]]:
    # A class with slots exists twice, before and after its decorator: the later one is the one in its module.
    for kind in base.__subclasses__():
        if "type" in vars(kind) and getattr(inspect.getmodule(kind), kind.__name__, None) is kind:
            yield kind
        yield from _classes(kind)


def _describe(kind: type[DomainEvent]) -> EventType:
    hints = typing.get_type_hints(kind)
    names = [] if kind.type == PING else [field.name for field in dataclasses.fields(kind)]
    shapes = {name: _shape(hints[name]) for name in names}
    properties = {name: schema for name, (schema, _example) in shapes.items()}
    data = {name: example for name, (_schema, example) in shapes.items()}
    if kind.type != PING:
        sample = Event(actor="user:7", source="page", request_id="0199a3f06b1e7c229b1d5a0e4c7d2f10")
        properties, data = properties | _ORIGIN_SCHEMA, data | origin(sample)
    schema = {
        "$schema": DIALECT,
        "$id": schema_address(kind.type, kind.version),
        "title": kind.type,
        "description": inspect.getdoc(kind) or "",
        "type": "object",
        "properties": properties,
        "required": list(properties),
    }
    envelope = {
        "specversion": "1.0",
        "id": "0199a3f0-6b1e-7c22-9b1d-5a0e4c7d2f10",
        "source": "/organisations/1",
        "type": kind.type,
        "subject": f"{kind.subject_type}/123",
        "time": "2026-09-29T06:05:31.204Z",
        "datacontenttype": "application/json",
        "dataschema": schema_address(kind.type, kind.version),
        "crmversion": kind.version,
        "crmposition": 918273,
        "crmgap": False,
        "data": data,
    }
    return EventType(kind.type, kind.version, inspect.getdoc(kind) or "", kind.subject_type, schema, envelope)


def _shape(hint: Any) -> tuple[dict[str, Any], Any]:
    """Schema and example of a field's type."""
    if hint in _SCALARS:
        return _SCALARS[hint]
    origin_of, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin_of in {list, tuple, set, frozenset} and inner:
        schema, example = _shape(inner[0])
        return {"type": "array", "items": schema}, [example]
    if origin_of in {typing.Union, builtin_types.UnionType}:
        schemas = [_shape(one) for one in inner if one is not type(None)]
        return {"anyOf": [*(schema for schema, _example in schemas), {"type": "null"}]}, schemas[0][1]
    if origin_of is dict:
        return {"type": "object"}, {}
    return {}, None
