"""From a JSON tree to nodes. Every fault is named with its place, a JSON pointer into the tree."""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NoReturn

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from crm.core.access import Scope
from crm.core.errors import Invalid
from crm.core.filters.fields import FilterField
from crm.core.filters.kinds import LIST_VALUE, MOST_JSON, MOST_LEAVES, MOST_LEVELS, MOST_VALUES, NO_VALUE, Operator
from crm.core.filters.nodes import EVERYTHING, And, Leaf, Node, Not, Or
from crm.core.filters.registry import Fields, FilterRegistry, resolve
from crm.core.filters.values import DateReader, Unreadable, reader_of


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault: `place` is a JSON pointer ("/and/0/value") or a URL parameter, `message` says what is right."""

    place: str
    message: str


def parse(raw: object, registry: FilterRegistry | Fields, scope: Scope) -> Node:
    """The filter that a JSON tree stands for; None and {} let everything pass.

    Raises Invalid with all faults, each under the JSON pointer of its place.
    """
    reading = Reading(resolve(registry, scope))
    node = reading.root(raw)
    if reading.problems:
        first = reading.problems[0]
        place = first.place or "/"
        raise Invalid(
            _("The filter is not valid at %(place)s: %(message)s") % {"place": place, "message": first.message},
            errors={problem.place: problem.message for problem in reading.problems},
        )
    return node


def load_json(text: str) -> object:
    """The tree in a text, numbers exact. Raises Unreadable."""
    if len(text) > MOST_JSON:
        raise Unreadable(_("The filter is too large."))
    try:
        return json.loads(text, parse_float=Decimal, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise Unreadable(_("The filter is not valid JSON.")) from None


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)


class Fault(Exception):
    """A part of the input that cannot be read."""

    def __init__(self, place: str, message: str) -> None:
        super().__init__(message)
        self.problem = Problem(place, message)


class Reading:
    """One pass over a tree: collects faults of parts, and counts against the limits."""

    def __init__(self, fields: Fields) -> None:
        self.fields = fields
        self.problems: list[Problem] = []
        self.leaves = 0

    def root(self, raw: object, place: str = "") -> Node:
        """The whole tree. With faults, which are then in `problems`, it means nothing."""
        if raw is None or raw == {}:
            return EVERYTHING
        try:
            return self._node(raw, place, MOST_LEVELS)
        except Fault as fault:
            self.problems.append(fault.problem)
            return EVERYTHING

    def _node(self, raw: object, place: str, levels: int) -> Node:
        if isinstance(raw, dict) and "field" in raw:
            return self._leaf(raw, place)
        if not isinstance(raw, dict) or len(raw) != 1 or not set(raw) <= {"and", "or", "not"}:
            raise Fault(place, _("One of and, or, not belongs here, or a condition with field, op and value."))
        if levels == 0:
            text = ngettext("At most %(count)d level.", "At most %(count)d levels.", MOST_LEVELS)
            raise Fault(place, text % {"count": MOST_LEVELS})
        ((name, content),) = raw.items()
        if name == "not":
            return Not(self._node(content, f"{place}/not", levels - 1))
        return self._group(name, content, f"{place}/{name}", levels - 1)

    def _group(self, name: str, content: object, place: str, levels: int) -> Node:
        if not isinstance(content, list) or not content:
            raise Fault(place, _("A list with at least one part belongs here."))
        if len(content) > MOST_LEAVES:
            raise Fault(place, too_many_conditions())
        parts = []
        for index, part in enumerate(content):
            try:
                parts.append(self._node(part, f"{place}/{index}", levels))
            except Fault as fault:
                self.problems.append(fault.problem)
        return And(tuple(parts)) if name == "and" else Or(tuple(parts))

    def _leaf(self, raw: dict[Any, Any], place: str) -> Leaf:
        self.leaves += 1
        if self.leaves > MOST_LEAVES:
            raise Fault(place, too_many_conditions())
        if extra := set(raw) - {"field", "op", "value"}:
            raise Fault(place, _("A condition has no part “%(name)s”.") % {"name": _printable(min(extra, key=str))})
        field = self.field(raw["field"], f"{place}/field")
        operator = self.operator(raw.get("op"), field, f"{place}/op")
        if operator in NO_VALUE and raw.get("value") is not None:
            raise Fault(f"{place}/value", _("This operator takes no value."))
        if operator not in NO_VALUE and "value" not in raw:
            raise Fault(place, _("The value is missing."))
        return self.leaf(field, operator, raw.get("value"), f"{place}/value")

    def field(self, key: object, place: str) -> FilterField:
        """The field; raises Fault, for hidden and unknown ones the same."""
        field = self.fields.get(key) if isinstance(key, str) else None
        if field is None:
            raise Fault(place, _("There is no filter field “%(name)s”.") % {"name": _printable(key)})
        return field

    def operator(self, name: object, field: FilterField, place: str) -> Operator:
        """The operator, if the field has it; else raises Fault."""
        for operator in field.operators:
            if operator.value == name:
                return operator
        known = ", ".join(operator.value for operator in field.operators)
        raise Fault(
            place,
            _("“%(field)s” has no operator “%(name)s”; it has %(known)s.")
            % {"field": field.label, "name": _printable(name), "known": known},
        )

    def leaf(self, field: FilterField, operator: Operator, raw: object, place: str) -> Leaf:
        """A condition with the value that `raw` stands for; raises Fault at `place` or at one of its values."""
        try:
            return Leaf(field.key, operator, self._operand(field, operator, raw, place), field)
        except Unreadable as unreadable:
            raise Fault(place, str(unreadable)) from None

    def _operand(self, field: FilterField, operator: Operator, raw: object, place: str) -> Any:
        reader = reader_of(field)
        if operator in NO_VALUE:
            return None
        if operator is Operator.BETWEEN:
            if not isinstance(raw, list | tuple) or len(raw) != 2:
                raise Unreadable(_("A list of two values belongs here, from and to."))
            return tuple(self._each(field, raw, place))
        if operator in LIST_VALUE:
            return tuple(dict.fromkeys(self._each(field, raw, place)))
        if operator is Operator.WITHIN and isinstance(reader, DateReader):
            return reader.read_span(raw)
        return reader.read(raw, field)

    def _each(self, field: FilterField, raw: object, place: str) -> list[Any]:
        if not isinstance(raw, list | tuple) or not raw:
            raise Unreadable(_("A list with at least one value belongs here."))
        if len(raw) > MOST_VALUES:
            text = ngettext("At most %(count)d value.", "At most %(count)d values.", MOST_VALUES)
            raise Unreadable(text % {"count": MOST_VALUES})
        values = []
        for index, each in enumerate(raw):
            try:
                values.append(reader_of(field).read(each, field))
            except Unreadable as unreadable:
                raise Fault(f"{place}/{index}", str(unreadable)) from None
        return values


def too_many_conditions() -> str:
    text = ngettext("At most %(count)d condition.", "At most %(count)d conditions.", MOST_LEAVES)
    return text % {"count": MOST_LEAVES}


def _printable(name: object) -> str:
    """What was asked for, short and safe to repeat in a message."""
    return "".join(letter for letter in str(name)[:40] if letter.isprintable()) if isinstance(name, str) else "?"
