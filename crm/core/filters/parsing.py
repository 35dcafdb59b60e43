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
        raise Invalid(
            _("The filter is not valid at %(place)s: %(message)s") % {"place": first.place or "/", "message": first.message},
            errors={problem.place: problem.message for problem in reversed(reading.problems)},
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


class Reading:
    """One pass over a tree: collects nodes and faults, and counts against the limits."""

    def __init__(self, fields: Fields) -> None:
        self.fields = fields
        self.problems: list[Problem] = []
        self.leaves = 0

    def root(self, raw: object, place: str = "") -> Node:
        """The whole tree."""
        if raw is None or raw == {}:
            return EVERYTHING
        return self._node(raw, place, MOST_LEVELS) or EVERYTHING

    def _node(self, raw: object, place: str, levels: int) -> Node | None:
        if not isinstance(raw, dict):
            return self._fault(place, _("An object belongs here: and, or, not, or a condition with field, op and value."))
        if "field" in raw:
            return self._leaf(raw, place)
        if len(raw) != 1 or not set(raw) <= {"and", "or", "not"}:
            return self._fault(place, _("One of and, or, not belongs here, or a condition with field, op and value."))
        ((name, content),) = raw.items()
        if levels == 0:
            return self._fault(
                place, ngettext("At most %(count)d level.", "At most %(count)d levels.", MOST_LEVELS) % {"count": MOST_LEVELS}
            )
        if name == "not":
            part = self._node(content, f"{place}/not", levels - 1)
            return Not(part) if part else None
        if not isinstance(content, list) or not content:
            return self._fault(f"{place}/{name}", _("A list with at least one part belongs here."))
        if len(content) > MOST_LEAVES:
            return self._too_many(f"{place}/{name}")
        found = [self._node(part, f"{place}/{name}/{index}", levels - 1) for index, part in enumerate(content)]
        parts = tuple(part for part in found if part)
        return And(parts) if name == "and" else Or(parts)

    def _leaf(self, raw: dict[Any, Any], place: str) -> Leaf | None:
        self.leaves += 1
        if self.leaves > MOST_LEAVES:
            return self._too_many(place) if self.leaves == MOST_LEAVES + 1 else None
        if extra := set(raw) - {"field", "op", "value"}:
            return self._fault(place, _("A condition has no part “%(name)s”.") % {"name": str(min(extra, key=str))[:40]})
        field = self.field(raw["field"], f"{place}/field")
        if field is None:
            return None
        operator = self.operator(raw.get("op"), field, f"{place}/op")
        if operator is None:
            return None
        if operator in NO_VALUE:
            return (
                Leaf(field.key, operator, None, field)
                if raw.get("value") is None
                else self._fault(f"{place}/value", _("This operator takes no value."))
            )
        if "value" not in raw:
            return self._fault(place, _("The value is missing."))
        return self.leaf(field, operator, raw["value"], f"{place}/value")

    def field(self, key: object, place: str) -> FilterField | None:
        """The field, or a fault: hidden and unknown ones look the same."""
        field = self.fields.get(key) if isinstance(key, str) else None
        if field is None:
            return self._fault(place, _("There is no filter field “%(name)s”.") % {"name": _printable(key)})
        return field

    def operator(self, name: object, field: FilterField, place: str) -> Operator | None:
        """The operator, if the field has it."""
        for operator in field.operators:
            if operator.value == name:
                return operator
        return self._fault(
            place,
            _("“%(field)s” has no operator “%(name)s”; it has %(known)s.")
            % {
                "field": field.label,
                "name": _printable(name),
                "known": ", ".join(operator.value for operator in field.operators),
            },
        )

    def leaf(self, field: FilterField, operator: Operator, raw: object, place: str) -> Leaf | None:
        """A condition with the value that `raw` stands for, or a fault at `place`."""
        reader = reader_of(field)
        try:
            if operator in LIST_VALUE:
                return self._listed(field, operator, raw, place)
            if operator is Operator.BETWEEN:
                if not isinstance(raw, list | tuple) or len(raw) != 2:
                    raise Unreadable(_("A list of two values belongs here, from and to."))
                return Leaf(field.key, operator, tuple(reader.read(each, field) for each in raw), field)
            if operator is Operator.WITHIN and isinstance(reader, DateReader):
                return Leaf(field.key, operator, reader.read_span(raw), field)
            return Leaf(field.key, operator, reader.read(raw, field), field)
        except Unreadable as unreadable:
            return self._fault(place, str(unreadable))

    def _listed(self, field: FilterField, operator: Operator, raw: object, place: str) -> Leaf | None:
        if not isinstance(raw, list | tuple) or not raw:
            return self._fault(place, _("A list with at least one value belongs here."))
        if len(raw) > MOST_VALUES:
            return self._fault(
                place, ngettext("At most %(count)d value.", "At most %(count)d values.", MOST_VALUES) % {"count": MOST_VALUES}
            )
        reader, values = reader_of(field), []
        for index, each in enumerate(raw):
            try:
                values.append(reader.read(each, field))
            except Unreadable as unreadable:
                self._fault(f"{place}/{index}", str(unreadable))
        return Leaf(field.key, operator, tuple(dict.fromkeys(values)), field)

    def _too_many(self, place: str) -> None:
        return self._fault(
            place,
            ngettext("At most %(count)d condition.", "At most %(count)d conditions.", MOST_LEAVES) % {"count": MOST_LEAVES},
        )

    def _fault(self, place: str, message: str) -> None:
        self.problems.append(Problem(place, message))


def _printable(name: object) -> str:
    """What was asked for, short and safe to repeat in a message."""
    return "".join(letter for letter in str(name)[:40] if letter.isprintable()) if isinstance(name, str) else "?"
