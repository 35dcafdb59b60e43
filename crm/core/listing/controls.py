"""How a condition's value is typed in the builder: which input a field and an operator take, and both ways between
what stands in it and the JSON of the filter language."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from enum import Enum
from typing import Any, Final

from django.utils.translation import get_language, gettext_lazy, pgettext_lazy
from django.utils.translation import gettext as _

from crm.core.digits import typed_number, whole_number
from crm.core.filters import FieldType, FilterField, Leaf, Operator
from crm.core.filters.days import SPAN_LABELS, DaysAround, FromToday
from crm.core.filters.kinds import LIST_VALUE, NO_VALUE, TIME_TYPES
from crm.core.filters.values import Unreadable, reader_of

MEMBERS: Final = {FieldType.CHOICE, FieldType.MULTI_CHOICE, FieldType.USER, FieldType.REFERENCE}
NUMBERS: Final = {FieldType.NUMBER, FieldType.MONEY}

DAY, TODAY, AGO, AHEAD = "day", "today", "ago", "ahead"
MOMENT_WORDS: Final = {
    DAY: gettext_lazy("on the day"),
    TODAY: gettext_lazy("today"),
    AGO: gettext_lazy("days ago"),
    AHEAD: gettext_lazy("days from today"),
}
LAST, NEXT = "last_days", "next_days"
SPAN_WORDS: Final = {
    LAST: pgettext_lazy("filter", "the last … days"),
    NEXT: pgettext_lazy("filter", "the next … days"),
    **{f"{which}_{unit}": label for (which, unit), label in SPAN_LABELS.items()},
}
COUNTED: Final = {LAST, NEXT, AGO, AHEAD}
"""Words that a number of days belongs to."""

_FIRST: Final = {
    FieldType.TEXT: Operator.STARTS,
    FieldType.NUMBER: Operator.GTE,
    FieldType.MONEY: Operator.GTE,
    FieldType.DATE: Operator.WITHIN,
    FieldType.DATETIME: Operator.WITHIN,
}


class Input(Enum):
    """What stands beside an operator."""

    NOTHING = "nothing"
    CHOICES = "choices"
    YES_NO = "yes_no"
    TEXT = "text"
    LINES = "lines"
    NUMBER = "number"
    NUMBERS = "numbers"
    MOMENT = "moment"
    MOMENTS = "moments"
    SPAN = "span"

    @property
    def words(self) -> dict[str, Any]:
        """What can be chosen beside the value itself: how a day is meant."""
        if self is Input.SPAN:
            return SPAN_WORDS
        return MOMENT_WORDS if self in {Input.MOMENT, Input.MOMENTS} else {}

    @property
    def count(self) -> int:
        """How many values are typed one beside the other."""
        return 2 if self in {Input.NUMBERS, Input.MOMENTS} else 1

    def raw(self, values: Sequence[str], words: Sequence[str]) -> Any:
        """The JSON value of what was typed. Raises Unreadable."""
        if self is Input.CHOICES:
            return [value for value in values if value]
        if self is Input.LINES:
            return [line.strip() for text in values for line in text.splitlines() if line.strip()]
        filled = [*values, "", ""][: self.count]
        if self is Input.SPAN:
            return _span(filled[0], words)
        if self.words:
            meant = [*words, DAY, DAY]
            found: list[Any] = [_moment(text, word) for text, word in zip(filled, meant, strict=False)]
        elif self in {Input.NUMBER, Input.NUMBERS}:
            found = [typed_number(text.strip()) for text in filled]
        else:
            found = list(filled)
        return found if self.count == 2 else found[0]


def _days(text: str) -> int:
    days = whole_number(text.strip())
    if days is None:
        raise Unreadable(_("A number of days belongs here."))
    return days


def _span(text: str, words: Sequence[str]) -> object:
    word = words[0] if words else LAST
    if word not in COUNTED:
        return word
    return {word: _days(text)}


def _moment(text: str, word: str) -> object:
    if word == TODAY:
        return {"days": 0}
    if word in COUNTED:
        return {"days": -_days(text) if word == AGO else _days(text)}
    return text.strip()


def input_of(field: FilterField, operator: Operator) -> Input:  # noqa: PLR0911 - one answer a kind
    """What a field takes with an operator."""
    if operator in NO_VALUE:
        return Input.NOTHING
    if operator is Operator.WITHIN:
        return Input.SPAN
    if field.type in TIME_TYPES:
        return Input.MOMENTS if operator is Operator.BETWEEN else Input.MOMENT
    if field.type in NUMBERS:
        return Input.NUMBERS if operator is Operator.BETWEEN else Input.NUMBER
    if field.type is FieldType.BOOLEAN:
        return Input.YES_NO
    several = operator in LIST_VALUE
    if several and (field.choices is not None or field.offered is not None):
        return Input.CHOICES
    return Input.LINES if several else Input.TEXT


def usual_operators(field: FilterField) -> list[Operator]:
    """Those that the builder offers: of choices "is one of" alone, which says "is" too."""
    if field.type not in MEMBERS or Operator.IN not in field.operators:
        return list(field.operators)
    return [each for each in field.operators if each not in {Operator.EQ, Operator.NE}]


def first_operator(field: FilterField) -> Operator:
    """The one that a condition begins with."""
    wanted, offered = _FIRST.get(field.type), usual_operators(field)
    return wanted if wanted in offered else offered[0]


def typed(leaf: Leaf, shown: Input) -> tuple[list[str], list[str]]:
    """The values and words that stand in the inputs of a condition that holds."""
    if shown is Input.NOTHING:
        return [], []
    several = leaf.operator in LIST_VALUE or leaf.operator is Operator.BETWEEN
    values = list(leaf.value) if several else [leaf.value]
    if shown is Input.SPAN:
        span = values[0]
        if isinstance(span, DaysAround):
            return [str(abs(span.days))], [LAST if span.days < 0 else NEXT]
        return [""], [str(span)]
    if shown.words:
        pairs = [_moment_typed(value) for value in values]
        return [text for text, _word in pairs], [word for _text, word in pairs]
    if shown in {Input.NUMBER, Input.NUMBERS}:
        texts = [reader_of(leaf.field).as_text(value) for value in values]
        is_english = (get_language() or "").startswith("en")
        return (texts if is_english else [text.replace(".", ",") for text in texts]), []
    texts = [reader_of(leaf.field).as_text(value) for value in values]
    return (["\n".join(texts)] if shown is Input.LINES else texts), []


def _moment_typed(value: date | datetime | FromToday) -> tuple[str, str]:
    if not isinstance(value, FromToday):
        return value.isoformat(), DAY
    if value.days == 0:
        return "", TODAY
    return str(abs(value.days)), AGO if value.days < 0 else AHEAD
