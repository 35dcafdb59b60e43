"""The filter language: one JSON tree for lists, saved views, bulk actions, exports, routing, segments and reports.

    {"and": [{"field": "status", "op": "in", "value": ["AKTIV", "RISIKO"]},
             {"or": [{"field": "owner", "op": "eq", "value": "me"}, {"field": "owner", "op": "empty"}]},
             {"not": {"field": "renewal_date", "op": "within", "value": {"next_days": 90}}}]}

An app declares a `FilterRegistry` of `FilterField`s. `parse` reads a tree, `from_query` a URL's short form, `compile`
makes the Q, `describe` the chips, `to_query` the URL, `tree` the JSON again, `schema` what is published.
Nothing else in the product parses a condition.
"""

from crm.core.filters.addresses import Read, from_query, hidden_pairs, to_pairs, to_query
from crm.core.filters.chips import Chip, describe, in_words
from crm.core.filters.compiling import compile
from crm.core.filters.fields import Condition, FilterField, column, present, through
from crm.core.filters.kinds import OPERATORS, VERSION, FieldType, Operator, operator_label
from crm.core.filters.nodes import EVERYTHING, And, Leaf, Node, Not, Or, conjuncts, join, leaves, tree
from crm.core.filters.parsing import Problem, parse
from crm.core.filters.publication import schema
from crm.core.filters.registry import RESERVED, Fields, FilterRegistry

__all__ = [
    "EVERYTHING", "OPERATORS", "RESERVED", "VERSION", "And", "Chip", "Condition", "FieldType", "Fields", "FilterField",
    "FilterRegistry", "Leaf", "Node", "Not", "Operator", "Or", "Problem", "Read", "column", "compile", "conjuncts",
    "describe", "from_query", "hidden_pairs", "in_words", "join", "leaves", "operator_label", "parse", "present",
    "schema",
    "through", "to_pairs", "to_query", "tree",
]  # fmt: skip
