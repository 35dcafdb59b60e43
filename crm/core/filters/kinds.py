"""The words of the filter language: types of fields, operators and which type takes which, limits."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

VERSION: Final = 1
MOST_LEVELS: Final = 5  # groups and negations around a leaf
MOST_LEAVES: Final = 50
MOST_VALUES: Final = 200  # in one list
MOST_LETTERS: Final = 200  # in one text
MOST_JSON: Final = 50_000  # characters of a tree as text


class FieldType(StrEnum):
    """What a field holds. NUMBER and MONEY are bigint columns (see `FilterField.scale`), USER and REFERENCE ids."""

    TEXT = "TEXT"
    CHOICE = "CHOICE"
    MULTI_CHOICE = "MULTI_CHOICE"
    NUMBER = "NUMBER"
    MONEY = "MONEY"
    DATE = "DATE"
    DATETIME = "DATETIME"
    BOOLEAN = "BOOLEAN"
    USER = "USER"
    REFERENCE = "REFERENCE"


class Operator(TextChoices):
    """How a leaf compares. `ne`, `not_in` and `not` hold for rows without a value too: no value is not that value."""

    EQ = "eq", pgettext_lazy("filter", "is")
    NE = "ne", pgettext_lazy("filter", "is not")
    IN = "in", pgettext_lazy("filter", "is one of")
    NOT_IN = "not_in", pgettext_lazy("filter", "is none of")
    ALL = "all", pgettext_lazy("filter", "has all of")
    STARTS = "starts", pgettext_lazy("filter", "starts with")
    LT = "lt", pgettext_lazy("filter", "less than")
    LTE = "lte", pgettext_lazy("filter", "at most")
    GT = "gt", pgettext_lazy("filter", "more than")
    GTE = "gte", pgettext_lazy("filter", "at least")
    BETWEEN = "between", pgettext_lazy("filter", "between")
    WITHIN = "within", pgettext_lazy("filter", "in")
    IS = "is", pgettext_lazy("filter", "is")
    EMPTY = "empty", pgettext_lazy("filter", "is empty")
    NOT_EMPTY = "not_empty", pgettext_lazy("filter", "is not empty")


O = Operator  # noqa: E741 - only for the table below
_PRESENCE: Final = (O.EMPTY, O.NOT_EMPTY)
_ORDER: Final = (O.EQ, O.NE, O.LT, O.LTE, O.GT, O.GTE, O.BETWEEN)
_MEMBER: Final = (O.EQ, O.NE, O.IN, O.NOT_IN)

OPERATORS: Final[dict[FieldType, tuple[Operator, ...]]] = {
    FieldType.TEXT: (O.EQ, O.NE, O.IN, O.STARTS, *_PRESENCE),
    FieldType.CHOICE: (*_MEMBER, *_PRESENCE),
    FieldType.MULTI_CHOICE: (*_MEMBER, O.ALL, *_PRESENCE),
    FieldType.NUMBER: (*_ORDER, *_PRESENCE),
    FieldType.MONEY: (*_ORDER, *_PRESENCE),
    FieldType.DATE: (*_ORDER, O.WITHIN, *_PRESENCE),
    FieldType.DATETIME: (*_ORDER, O.WITHIN, *_PRESENCE),
    FieldType.BOOLEAN: (O.IS, *_PRESENCE),
    FieldType.USER: (*_MEMBER, *_PRESENCE),
    FieldType.REFERENCE: (*_MEMBER, *_PRESENCE),
}

NO_VALUE: Final = frozenset(_PRESENCE)
LIST_VALUE: Final = frozenset({O.IN, O.NOT_IN, O.ALL})
NEGATIVE: Final = frozenset({O.NE, O.NOT_IN, O.NOT_EMPTY})
RANGE_TYPES: Final = frozenset({FieldType.NUMBER, FieldType.MONEY, FieldType.DATE, FieldType.DATETIME})
TIME_TYPES: Final = frozenset({FieldType.DATE, FieldType.DATETIME})

_TIME_LABELS: Final = {
    O.LT: pgettext_lazy("filter", "before"),
    O.LTE: pgettext_lazy("filter", "until"),
    O.GT: pgettext_lazy("filter", "after"),
    O.GTE: pgettext_lazy("filter", "from"),
}
_ROWS_LABELS: Final = {
    O.EQ: pgettext_lazy("filter", "has"),
    O.NE: pgettext_lazy("filter", "has not"),
    O.IN: pgettext_lazy("filter", "has one of"),
    O.NOT_IN: pgettext_lazy("filter", "has none of"),
}


def operator_label(operator: Operator, type_: FieldType) -> str:
    """The operator in the active language, as it reads between a field of that type and a value."""
    if type_ in TIME_TYPES and operator in _TIME_LABELS:
        return str(_TIME_LABELS[operator])
    if type_ is FieldType.MULTI_CHOICE and operator in _ROWS_LABELS:
        return str(_ROWS_LABELS[operator])
    return str(operator.label)


TYPE_LABELS: Final = {
    FieldType.TEXT: _("Text"),
    FieldType.CHOICE: _("Choice"),
    FieldType.MULTI_CHOICE: _("Several choices"),
    FieldType.NUMBER: _("Number"),
    FieldType.MONEY: _("Amount"),
    FieldType.DATE: _("Date"),
    FieldType.DATETIME: _("Point in time"),
    FieldType.BOOLEAN: _("Yes or no"),
    FieldType.USER: _("Person"),
    FieldType.REFERENCE: _("Record"),
}
