"""From nodes to a Django Q with parameters."""

from __future__ import annotations

from django.db.models import Q

from crm.core.access import Scope
from crm.core.filters.fields import Condition
from crm.core.filters.kinds import NEGATIVE, NO_VALUE
from crm.core.filters.nodes import And, Leaf, Node, Not
from crm.core.filters.values import reader_of


def compile(node: Node, scope: Scope) -> Q:
    """The Q of a filter for this scope: "me" and days counted from today become its user and its date.

    Logic is two-valued: a comparison with a missing value is false, so `ne`, `not_in` and `not` hold for it. Django
    sees to it: within NOT, a nullable column's comparison is followed by `AND col IS NOT NULL`.
    """
    if isinstance(node, Leaf):
        return _leaf(node, scope)
    if isinstance(node, Not):
        return ~compile(node.part, scope)
    parts = [compile(part, scope) for part in node.parts]
    if isinstance(node, And):
        return Q(*parts)
    return Q(*parts, _connector=Q.OR)


def _leaf(leaf: Leaf, scope: Scope) -> Q:
    if leaf.operator in NO_VALUE:
        lookups: tuple[tuple[str, object], ...] = (("isnull", True),)
    else:
        lookups = reader_of(leaf.field).lookups(leaf.operator, leaf.value, leaf.field, scope)
    return leaf.field.build(Condition(leaf.operator, lookups, leaf.operator in NEGATIVE, scope))
