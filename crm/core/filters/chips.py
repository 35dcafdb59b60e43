"""A filter in words, part by part, for the page's chips."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from crm.core.access import Scope
from crm.core.filters.addresses import to_query
from crm.core.filters.kinds import LIST_VALUE, NO_VALUE, Operator
from crm.core.filters.nodes import And, Leaf, Node, Not, conjuncts, join
from crm.core.filters.values import reader_of

_SHOWN = 3  # values of a list that a chip spells out


@dataclass(frozen=True, slots=True)
class Chip:
    """One removable part of a filter. A group is one chip: no label, its whole text in `value`.

    `rest` is the filter without it, `query` the same as URL parameters; `node` is the part itself, `key` its field.
    """

    key: str
    label: str
    operator: str
    value: str
    query: str
    rest: Node
    node: Node

    @property
    def text(self) -> str:
        """All of it in one line."""
        return " ".join(part for part in (self.label, self.operator, self.value) if part)


def describe(node: Node, scope: Scope) -> list[Chip]:
    """The parts that must all hold, in words of the active language."""
    parts = conjuncts(node)
    chips = []
    for index, part in enumerate(parts):
        rest = join(*parts[:index], *parts[index + 1 :])
        if isinstance(part, Leaf):
            words = (part.key, *_words(part, scope))
        else:
            words = ("", "", "", _sentence(part, scope, outermost=True))
        chips.append(Chip(*words, query=to_query(rest), rest=rest, node=part))
    return chips


def in_words(node: Node, scope: Scope) -> str:
    """The whole filter in one line, for tooltips, audit and mails."""
    return _sentence(node, scope, outermost=True)


def _words(leaf: Leaf, scope: Scope) -> tuple[str, str, str]:
    """Label, operator and value."""
    return str(leaf.field.label), leaf.field.operator_label(leaf.operator), _values(leaf, scope)


def _values(leaf: Leaf, scope: Scope) -> str:
    if leaf.operator in NO_VALUE:
        return ""
    reader = reader_of(leaf.field)
    if leaf.operator is Operator.BETWEEN:
        low, high = reader.labels(leaf.value, leaf.field, scope)
        return _("%(low)s and %(high)s") % {"low": low, "high": high}
    if leaf.operator not in LIST_VALUE:
        return reader.labels([leaf.value], leaf.field, scope)[0]
    shown = ", ".join(reader.labels(leaf.value[:_SHOWN], leaf.field, scope))
    more = len(leaf.value) - _SHOWN
    return _("%(values)s and %(count)d more") % {"values": shown, "count": more} if more > 0 else shown


def _sentence(node: Node, scope: Scope, *, outermost: bool = False) -> str:
    if isinstance(node, Leaf):
        return " ".join(word for word in _words(node, scope) if word)
    if isinstance(node, Not):
        return pgettext("filter", "not (%(part)s)") % {"part": _sentence(node.part, scope, outermost=True)}
    word = pgettext("filter", "and") if isinstance(node, And) else pgettext("filter", "or")
    joined = f" {word} ".join(_sentence(part, scope) for part in node.parts)
    return joined if outermost or len(node.parts) < 2 else f"({joined})"
