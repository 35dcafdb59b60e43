"""A filter as it stands in the builder, perhaps not valid yet: groups of conditions, as typed.

Its inputs say where each part stands: `g.r` is the kind of the outermost group, `f.r.0` the field of its first condition,
`o.r.0` the operator, `v.r.0` the values, `m.r.0` the words beside them ("days ago"), `p.r.0` the field that the others
belong to; `f.r.1.0` stands in a group within. So the whole draft is a form's own data, and nothing of it is kept anywhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from django.http import QueryDict

from crm.core.filters import And, FilterField, Leaf, Node, Not, Operator, Or
from crm.core.listing.controls import Input, first_operator, input_of, typed, usual_operators

ROOT: Final = "r"
_PLACE: Final = re.compile(r"[gfpomv]\.r(\.[0-9]{1,3}){0,9}")

USUAL_DAYS: Final = "30"

KINDS: Final = ("all", "any", "none", "not_all")
"""Of a group: every part holds, one at least, none of them, not every one."""


@dataclass(slots=True, eq=False)
class Row:
    """One condition as typed. `problem` says what is wrong with it; `place` is given when the draft is shown."""

    key: str = ""
    operator: str = ""
    values: list[str] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    problem: str = ""
    place: str = ""
    is_new: bool = False


@dataclass(slots=True, eq=False)
class Group:
    """Conditions and groups, held together by one of KINDS."""

    kind: str = "all"
    parts: list[Row | Group] = field(default_factory=list)
    problem: str = ""
    place: str = ROOT
    is_new: bool = False

    @property
    def level(self) -> int:
        """How many groups are around it."""
        return self.place.count(".")

    def numbered(self, place: str = ROOT) -> Group:
        """Give each part its place, in the order in which they stand."""
        self.place = place
        for index, part in enumerate(self.parts):
            if isinstance(part, Group):
                part.numbered(f"{place}.{index}")
            else:
                part.place = f"{place}.{index}"
        return self

    def rows(self) -> Iterator[Row]:
        """Every condition, also those of groups within."""
        for part in self.parts:
            if isinstance(part, Row):
                yield part
            else:
                yield from part.rows()


def names_of(params: QueryDict) -> list[str]:
    """The parameters that are a draft's, and no list's."""
    return [name for name in params if name == "act" or _PLACE.fullmatch(name)]


def is_draft(params: QueryDict) -> bool:
    """Whether a form of the builder was sent, and not the address of a list."""
    return f"g.{ROOT}" in params


def drafted(node: Node) -> Group:
    """The draft of a filter that holds."""
    kind, parts = _taken_apart(node)
    return Group(kind, [_row(part) if isinstance(part, Leaf) else drafted(part) for part in parts])


def _taken_apart(node: Node) -> tuple[str, tuple[Node, ...]]:
    if isinstance(node, And):
        return "all", node.parts
    if isinstance(node, Or):
        return "any", node.parts
    if not isinstance(node, Not):
        return "all", (node,)
    inner = node.part
    if isinstance(inner, Not):
        return _taken_apart(inner.part)
    if isinstance(inner, And):
        return "not_all", inner.parts
    return "none", inner.parts if isinstance(inner, Or) else (inner,)


def _row(leaf: Leaf) -> Row:
    several = _SEVERAL.get(leaf.operator, leaf.operator)
    is_offered = leaf.operator in usual_operators(leaf.field) or several not in leaf.field.operators
    operator = leaf.operator if is_offered else several
    values, words = typed(leaf, input_of(leaf.field, operator))
    return Row(leaf.key, operator.value, values, words)


_SEVERAL: Final = {Operator.EQ: Operator.IN, Operator.NE: Operator.NOT_IN}
"""The builder asks for choices in one way, however many they are."""


def read_draft(params: QueryDict, fields: Mapping[str, FilterField]) -> Group:
    """The draft in a form's data, with what it was asked to do to itself in `act`: "add:r.1", "group:r", "remove:r.0"."""
    places = sorted(
        {name.partition(".")[2] for name in names_of(params) if name[:2] in {"g.", "f."}},
        key=lambda place: [int(number) for number in place.split(".")[1:]],
    )
    root = Group()
    known: dict[str, Group | Row] = {ROOT: root}
    part: Group | Row
    for place in places:
        above = known.get(place.rpartition(".")[0])
        if f"g.{place}" in params:
            kind = params.get(f"g.{place}", "")
            part = root if place == ROOT else Group()
            part.kind = kind if kind in KINDS else "all"
        else:
            part = _read_row(params, place, fields)
        known[place] = part
        if isinstance(above, Group):
            above.parts.append(part)
    _act(root, known, *params.get("act", "").split(":", 1))
    return root


def _read_row(params: QueryDict, place: str, fields: Mapping[str, FilterField]) -> Row:
    key = params.get(f"f.{place}", "")
    found = fields.get(key)
    if found is None or params.get(f"p.{place}") != key:  # another field than before: its values mean nothing here
        return _begun(key, found)
    operator = params.get(f"o.{place}", "")
    if operator not in {each.value for each in found.operators}:
        operator = first_operator(found).value
    return Row(key, operator, params.getlist(f"v.{place}"), params.getlist(f"m.{place}"))


def _begun(key: str, found: FilterField | None) -> Row:
    """A condition whose field has just been chosen."""
    if found is None:
        return Row(key)
    operator = first_operator(found)
    return Row(key, operator.value, [USUAL_DAYS] if input_of(found, operator) is Input.SPAN else [])


def _act(root: Group, known: Mapping[str, Group | Row], wish: str = "", place: str = "") -> None:
    part = known.get(place)
    if wish == "remove" and part is not None and part is not root:
        above = known.get(place.rpartition(".")[0])
        if isinstance(above, Group):
            above.parts.remove(part)
            above.is_new = True
    elif wish in {"add", "group"} and isinstance(part, Group):
        part.parts.append(Row(is_new=True) if wish == "add" else Group("any", [Row(is_new=True), Row()]))


def raw(part: Group | Row, fields: Mapping[str, FilterField]) -> dict[str, Any] | None:
    """The JSON tree of a draft, which may be faulty; None for what was not filled in at all. Raises Unreadable."""
    if isinstance(part, Row):
        return raw_row(part, fields)
    parts = [each for each in (raw(one, fields) for one in part.parts) if each is not None]
    if not parts:
        return None
    negated = part.kind in {"none", "not_all"}
    inside = parts[0] if len(parts) == 1 else {"or" if part.kind in {"any", "none"} else "and": parts}
    return {"not": inside} if negated else inside


def raw_row(row: Row, fields: Mapping[str, FilterField]) -> dict[str, Any] | None:
    """The JSON of one condition; None where no field is chosen. Raises Unreadable for a value of the wrong form."""
    if not row.key:
        return None
    found = fields.get(row.key)
    if found is None:
        return {"field": row.key, "op": row.operator, "value": row.values}
    operator = Operator(row.operator)
    shown = input_of(found, operator)
    written: dict[str, Any] = {"field": row.key, "op": operator.value}
    if shown is Input.NOTHING:
        return written
    value = shown.raw(row.values, row.words)
    single = {several: one for one, several in _SEVERAL.items()}.get(operator)
    if isinstance(value, list) and len(value) == 1 and single in found.operators:
        return written | {"op": single.value, "value": value[0]}
    return written | {"value": value}
