"""The tree of a filter after parsing. `And(())` is the filter that lets every row pass."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from crm.core.filters.fields import FilterField
from crm.core.filters.kinds import LIST_VALUE, NO_VALUE, Operator
from crm.core.filters.values import reader_of


@dataclass(frozen=True, slots=True)
class Leaf:
    """One condition. `value` is what the type's reader made of the input: relative days and "me" are kept as such."""

    key: str
    operator: Operator
    value: Any
    field: FilterField = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class And:
    """All of its parts hold; without parts always."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """One of its parts holds."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """Its part does not hold, also where that is so for want of a value."""

    part: Node


Node = Leaf | And | Or | Not

EVERYTHING: Final = And(())


def leaves(node: Node) -> Iterator[Leaf]:
    """Every condition of a filter, from left to right."""
    if isinstance(node, Leaf):
        yield node
    elif isinstance(node, Not):
        yield from leaves(node.part)
    else:
        for part in node.parts:
            yield from leaves(part)


def conjuncts(node: Node) -> tuple[Node, ...]:
    """The parts that must all hold: of a top-level AND its parts, flattened; else the node itself."""
    if not isinstance(node, And):
        return (node,)
    return tuple(each for part in node.parts for each in conjuncts(part))


def join(*nodes: Node) -> Node:
    """All of `nodes` at once, flat; a single one stays itself."""
    parts = conjuncts(And(nodes))
    return parts[0] if len(parts) == 1 else And(parts)


def tree(node: Node) -> dict[str, Any]:
    """The JSON tree that `parse` reads back: what saved views and events store. EVERYTHING is {}."""
    if isinstance(node, Leaf):
        written: dict[str, Any] = {"field": node.key, "op": node.operator.value}
        if node.operator in NO_VALUE:
            return written
        as_json = reader_of(node.field).as_json
        if node.operator in LIST_VALUE or node.operator is Operator.BETWEEN:
            return written | {"value": [as_json(each) for each in node.value]}
        return written | {"value": as_json(node.value)}
    if isinstance(node, Not):
        return {"not": tree(node.part)}
    if isinstance(node, Or):
        return {"or": [tree(part) for part in node.parts]}
    return {"and": [tree(part) for part in node.parts]} if node.parts else {}
