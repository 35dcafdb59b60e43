"""The short form of a filter in a URL.

`status=AKTIV&status=RISIKO` (one of), `owner=me`, `renewal_date=2026-01-01..2026-03-31`, `volume=1000..`,
`renewal_date=next_90_days`; other operators by name: `name__starts=mu`, `status__not_in=ARCHIVIERT`, `owner__empty=1`.
All hold together. What does not fit, such as groups, is a tree in `filter=<json>`.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.http import QueryDict
from django.utils.translation import gettext as _

from crm.core.access import Scope
from crm.core.filters.days import read_span
from crm.core.filters.fields import FilterField
from crm.core.filters.kinds import LIST_VALUE, MOST_LEAVES, NO_VALUE, RANGE_TYPES, TIME_TYPES, FieldType, Operator
from crm.core.filters.nodes import Leaf, Node, conjuncts, join, leaves, tree
from crm.core.filters.parsing import Fault, Problem, Reading, load_json, too_many_conditions
from crm.core.filters.registry import RESERVED, Fields, FilterRegistry, resolve
from crm.core.filters.values import Unreadable, reader_of

_ONE_OF = frozenset({FieldType.TEXT, FieldType.CHOICE, FieldType.MULTI_CHOICE, FieldType.USER, FieldType.REFERENCE})


@dataclass(frozen=True, slots=True)
class Read:
    """What a URL's parameters gave. With problems, `node` lacks the faulty parts and so lets *more* rows pass.

    A page may show that beside the problems; whoever acts on all rows must refuse.
    """

    node: Node
    problems: tuple[Problem, ...]


def from_query(
    params: QueryDict, registry: FilterRegistry | Fields, scope: Scope, *, reserved: Collection[str] = ()
) -> Read:
    """The filter in a URL's parameters. Blank values are passed over, as empty inputs of a form send them.

    Unknown names outside RESERVED and `reserved` are problems, never ignored: a mistyped filter would show too much.
    """
    reading = Reading(resolve(registry, scope))
    found: list[Node] = []
    for name, texts in params.lists():
        values = [text for text in texts if text.strip()]
        if name in RESERVED or name in reserved or not values:
            continue
        try:
            found.append(_parameter(reading, name, values))
        except Fault as fault:
            # A list's faulty value has its own place, such as status/1; a URL knows only the parameter.
            reading.problems.append(Problem(name, fault.problem.message))
    for text in params.getlist("filter"):
        if text.strip():
            found.append(_tree(reading, text))
    node = join(*found)
    if sum(1 for _leaf in leaves(node)) > MOST_LEAVES:
        reading.problems.append(Problem("filter", too_many_conditions()))
        node = join()
    return Read(node, tuple(reading.problems))


def _tree(reading: Reading, text: str) -> Node:
    before = len(reading.problems)
    try:
        node = reading.root(load_json(text), "filter")
    except Unreadable as unreadable:
        reading.problems.append(Problem("filter", str(unreadable)))
        return join()
    # A group that lost a part means something else: leave all of it out.
    return node if len(reading.problems) == before else join()


def _parameter(reading: Reading, name: str, values: list[str]) -> Leaf:
    if name in reading.fields:
        return _plain(reading, reading.fields[name], name, values)
    key, mark, suffix = name.rpartition("__")
    field = reading.field(key if mark else name, name)
    operator = reading.operator(suffix, field, name)
    if operator in NO_VALUE or operator in LIST_VALUE:
        return reading.leaf(field, operator, values, name)
    text = _single(name, values)
    return reading.leaf(field, operator, text.split("..") if operator is Operator.BETWEEN else text, name)


def _single(name: str, values: list[str]) -> str:
    if len(values) > 1:
        raise Fault(name, _("Only one value belongs here."))
    return values[0]


def _plain(reading: Reading, field: FilterField, name: str, values: list[str]) -> Leaf:
    """A parameter named like its field: one value, several, a range or a span."""
    wanted: Operator
    raw: object
    if field.type in _ONE_OF and len(values) > 1:
        wanted, raw = Operator.IN, values
    else:
        wanted, raw = _meaning(field, _single(name, values))
    return reading.leaf(field, reading.operator(wanted.value, field, name), raw, name)


def _meaning(field: FilterField, text: str) -> tuple[Operator, object]:
    """Operator and value of a single text."""
    if field.type not in RANGE_TYPES:
        return Operator.IS if field.type is FieldType.BOOLEAN else Operator.EQ, text
    low, dots, high = text.partition("..")
    if dots and low and high:
        return Operator.BETWEEN, [low, high]
    if dots:
        return (Operator.GTE, low) if low else (Operator.LTE, high)
    is_span = field.type in TIME_TYPES and read_span(text) is not None
    return Operator.WITHIN if is_span else Operator.EQ, text


def to_query(node: Node) -> str:
    """The URL parameters of a filter, without a leading "?"; "" for the one that lets everything pass."""
    return urlencode(to_pairs(node))


def to_pairs(node: Node) -> list[tuple[str, str]]:
    """The URL parameters of a filter as names and values. `from_query` reads them back."""
    pairs: list[tuple[str, str]] = []
    rest: list[Node] = []
    taken: set[str] = set()
    for part in conjuncts(node):
        name, texts = _short(part) if isinstance(part, Leaf) else ("filter", [])
        if name == "filter" or name in taken:
            rest.append(part)
            continue
        taken.add(name)
        pairs.extend((name, text) for text in texts)
    if rest:
        pairs.append(("filter", json.dumps(tree(join(*rest)), ensure_ascii=False, separators=(",", ":"))))
    return pairs


def _short(leaf: Leaf) -> tuple[str, list[str]]:
    """The parameter's name and values."""
    operator, write = leaf.operator, reader_of(leaf.field).as_text
    texts = ["1"] if operator in NO_VALUE else [write(each) for each in _values(leaf)]
    if operator is Operator.BETWEEN:
        return leaf.key, ["..".join(texts)]
    if leaf.field.type in RANGE_TYPES and operator in {Operator.GTE, Operator.LTE}:
        return leaf.key, [f"{texts[0]}.." if operator is Operator.GTE else f"..{texts[0]}"]
    is_plain = operator in {Operator.EQ, Operator.IS, Operator.WITHIN} or (operator is Operator.IN and len(texts) > 1)
    return (leaf.key if is_plain else f"{leaf.key}__{operator.value}"), texts


def _values(leaf: Leaf) -> tuple[Any, ...]:
    several = leaf.operator in LIST_VALUE or leaf.operator is Operator.BETWEEN
    return tuple(leaf.value) if several else (leaf.value,)


def hidden_pairs(pairs: Iterable[tuple[str, str]], *, without: Collection[str]) -> list[tuple[str, str]]:
    """The pairs that a form must carry on as hidden inputs, without those it has inputs for."""
    return [(name, value) for name, value in pairs if name not in without]
