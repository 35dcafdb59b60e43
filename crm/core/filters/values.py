"""Values of the filter language: how each type reads them from JSON or a URL, writes, shows and compares them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar, Final

from babel.dates import format_date, format_datetime
from babel.numbers import format_currency, format_decimal
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from crm.core.access import Scope
from crm.core.filters.days import (
    MOST_DAYS,
    CalendarSpan,
    DaysAround,
    FromToday,
    Moment,
    day_of,
    instants_of,
    read_moment,
    read_span,
)
from crm.core.filters.fields import FilterField
from crm.core.filters.kinds import MOST_LETTERS, FieldType, Operator
from crm.core.folding import fold

Lookups = tuple[tuple[str, Any], ...]

LARGEST: Final = 9_223_372_036_854_775_807
_NUMBER = re.compile(r"[+-]?[0-9]{1,19}(\.[0-9]{1,10})?")
_ID = re.compile(r"[0-9]{1,19}")
AFTER_ALL_TEXT: Final = "\U0010ffff"  # behind every letter in the collation "C"


class Unreadable(Exception):
    """A value of the wrong form; the message says, in the user's language, what is right."""


def format_locale() -> str:
    """Babel's name of the active language, for numbers and dates."""
    return "de_DE" if (get_language() or "").startswith("de") else "en_GB"


class Reader:
    """What a type of field does with its values. One scalar at a time; lists are the parser's."""

    def read(self, raw: object, field: FilterField) -> Any:
        """The value that JSON or a URL's text stands for; raises Unreadable."""
        raise NotImplementedError

    def as_json(self, value: Any) -> Any:
        """Its form in a tree."""
        return value

    def as_text(self, value: Any) -> str:
        """Its form in a URL."""
        return str(value)

    def lookups(self, operator: Operator, value: Any, field: FilterField, scope: Scope) -> Lookups:
        """Django lookups that say the operator without its negation, with values of the column's type."""
        if operator in {Operator.IN, Operator.NOT_IN}:
            return (("in", [self.database(each, field, scope) for each in value]),)
        if operator is Operator.ALL:
            return tuple(("exact", self.database(each, field, scope)) for each in value)
        return (("exact", self.database(value, field, scope)),)

    def database(self, value: Any, field: FilterField, scope: Scope) -> Any:
        """The value as the column holds it."""
        return value

    def labels(self, values: Sequence[Any], field: FilterField, scope: Scope) -> list[str]:
        """The values as a person reads them."""
        return [str(value) for value in values]

    # The JSON schema of one value.
    json_type: ClassVar[Mapping[str, Any]] = {"type": "string"}


def _text(raw: object) -> str:
    if not isinstance(raw, str):
        raise Unreadable(_("A text belongs here."))
    if len(raw) > MOST_LETTERS:
        raise Unreadable(_("At most %(count)d characters.") % {"count": MOST_LETTERS})
    if not raw.strip():
        raise Unreadable(_("The text is empty."))
    if "\0" in raw or any("\ud800" <= letter <= "\udfff" for letter in raw):
        raise Unreadable(_("The text has characters that cannot be stored."))
    return raw


class TextReader(Reader):
    """Whole texts and beginnings, both folded where the column is. No search within texts: that has its own index."""

    json_type = {"type": "string", "minLength": 1, "maxLength": MOST_LETTERS}

    def read(self, raw: object, field: FilterField) -> str:
        text = _text(raw)
        if field.folded and not fold(text):
            raise Unreadable(_("The text is empty."))
        return text

    def database(self, value: str, field: FilterField, scope: Scope) -> str:
        return fold(value) if field.folded else value

    def lookups(self, operator: Operator, value: Any, field: FilterField, scope: Scope) -> Lookups:
        if operator is Operator.STARTS:
            beginning = self.database(value, field, scope)
            return (("gte", beginning), ("lt", beginning + AFTER_ALL_TEXT))
        return super().lookups(operator, value, field, scope)


class ChoiceReader(Reader):
    """One of the field's choices."""

    def read(self, raw: object, field: FilterField) -> str:
        text = _text(raw)
        known = field.choice_labels
        if known is not None and text not in known:
            raise Unreadable(_("“%(value)s” is none of the choices.") % {"value": text})
        return text

    def database(self, value: str, field: FilterField, scope: Scope) -> str:
        return fold(value) if field.folded else value

    def labels(self, values: Sequence[str], field: FilterField, scope: Scope) -> list[str]:
        known = field.choice_labels or {}
        return [known.get(value, value) for value in values]


class NumberReader(Reader):
    """Decimal numbers, money in euros; the column holds them times the field's scale as bigint (money: cents)."""

    json_type = {"anyOf": [{"type": "number"}, {"type": "string", "pattern": "^[+-]?[0-9]{1,19}([.][0-9]{1,10})?$"}]}

    def read(self, raw: object, field: FilterField) -> Decimal:
        text = _plain_number(raw)
        if not _NUMBER.fullmatch(text):
            raise Unreadable(_("A number belongs here, such as 12.5."))
        number = Decimal(text)
        units = number * field.scale
        if units != units.to_integral_value():
            places = len(str(field.scale)) - 1
            if not places:
                raise Unreadable(_("A whole number belongs here."))
            raise Unreadable(_("At most %(count)d decimal places.") % {"count": places})
        if abs(units) > LARGEST:
            raise Unreadable(_("The number is too large."))
        return number

    def as_json(self, value: Decimal) -> int | str:
        return int(value) if value == value.to_integral_value() else f"{value:f}"

    def as_text(self, value: Decimal) -> str:
        return str(self.as_json(value))

    def database(self, value: Decimal, field: FilterField, scope: Scope) -> int:
        return int(value * field.scale)

    def lookups(self, operator: Operator, value: Any, field: FilterField, scope: Scope) -> Lookups:
        if operator is Operator.BETWEEN:
            low, high = (self.database(each, field, scope) for each in value)
            return (("gte", low), ("lte", high))
        if operator in _ORDER_LOOKUPS:
            return ((operator.value, self.database(value, field, scope)),)
        return super().lookups(operator, value, field, scope)

    def labels(self, values: Sequence[Decimal], field: FilterField, scope: Scope) -> list[str]:
        if field.type is FieldType.MONEY:
            return [self._money(value) for value in values]
        return [str(format_decimal(value, locale=format_locale(), decimal_quantization=False)) for value in values]

    def _money(self, value: Decimal) -> str:
        digits = "#,##0" if value == value.to_integral_value() else "#,##0.00"
        pattern = f"{digits}\N{NO-BREAK SPACE}¤" if format_locale() == "de_DE" else f"¤{digits}"
        return str(format_currency(value, "EUR", pattern, locale=format_locale(), currency_digits=False))


_ORDER_LOOKUPS: Final = frozenset({Operator.LT, Operator.LTE, Operator.GT, Operator.GTE})


def _plain_number(raw: object) -> str:
    if isinstance(raw, bool) or not isinstance(raw, int | float | Decimal | str):
        return ""
    if isinstance(raw, str):
        return raw.strip()
    number = Decimal(str(raw))
    # Before it is written out: 1e999999999 would be a text of as many digits.
    if not number.is_finite() or abs(number.adjusted()) > len(str(LARGEST)):
        return ""
    return f"{number:f}"


class DateReader(Reader):
    """Dates, fixed or counted from today on the organisation's wall clock, compared with a date column."""

    json_type = {
        "anyOf": [
            {"type": "string", "description": "YYYY-MM-DD, today, -90d, +30d"},
            {
                "type": "object",
                "properties": {"days": {"type": "integer", "minimum": -MOST_DAYS, "maximum": MOST_DAYS}},
                "required": ["days"],
                "additionalProperties": False,
            },
        ]
    }
    with_time = False

    def read(self, raw: object, field: FilterField) -> Moment:
        moment = read_moment(raw, with_time=self.with_time)
        if moment is None:
            raise Unreadable(_("A date belongs here, such as 2026-03-31 or today."))
        return moment

    def read_span(self, raw: object) -> DaysAround | CalendarSpan:
        """The span of `within`; raises Unreadable."""
        span = read_span(raw)
        if span is None:
            raise Unreadable(_("A span belongs here, such as last_30_days or this_month."))
        return span

    def as_json(self, value: Any) -> Any:
        return value.isoformat() if hasattr(value, "isoformat") else value.as_json()

    def as_text(self, value: Any) -> str:
        return str(value.isoformat() if hasattr(value, "isoformat") else value)

    def lookups(self, operator: Operator, value: Any, field: FilterField, scope: Scope) -> Lookups:
        if operator in {Operator.BETWEEN, Operator.WITHIN}:
            first, last = value if operator is Operator.BETWEEN else value.ends(scope)
            return (("gte", day_of(first, scope)), ("lte", day_of(last, scope)))
        day = day_of(value, scope)
        return ((operator.value, day),) if operator in _ORDER_LOOKUPS else (("exact", day),)

    def labels(self, values: Sequence[Any], field: FilterField, scope: Scope) -> list[str]:
        return [_moment_label(value, scope) for value in values]


class DateTimeReader(DateReader):
    """Days and instants compared with an instant column; a day is from midnight to midnight in the scope's zone."""

    with_time = True

    def lookups(self, operator: Operator, value: Any, field: FilterField, scope: Scope) -> Lookups:
        if operator in {Operator.BETWEEN, Operator.WITHIN}:
            first, last = value if operator is Operator.BETWEEN else value.ends(scope)
        else:
            first = last = value
        begins, ends = instants_of(first, scope)[0], instants_of(last, scope)[1]
        if operator is Operator.LT:
            return (("lt", begins),)
        if operator is Operator.LTE:
            return (("lt", ends),)
        if operator is Operator.GT:
            return (("gte", ends),)
        if operator is Operator.GTE:
            return (("gte", begins),)
        return (("gte", begins), ("lt", ends))


def _moment_label(value: Any, scope: Scope) -> str:
    if isinstance(value, datetime):
        return str(format_datetime(value, "short", tzinfo=scope.zone, locale=format_locale()))  # type: ignore[arg-type]
    if isinstance(value, FromToday | DaysAround | CalendarSpan):
        return value.label
    return str(format_date(value, "dd.MM.yyyy" if format_locale() == "de_DE" else "d MMM y", locale=format_locale()))


class BooleanReader(Reader):
    """Yes or no."""

    json_type = {"type": "boolean"}

    def read(self, raw: object, field: FilterField) -> bool:
        known = {"true": True, "1": True, "false": False, "0": False}
        if isinstance(raw, bool):
            return raw
        if not isinstance(raw, str) or raw not in known:
            raise Unreadable(_("true or false belongs here."))
        return known[raw]

    def as_text(self, value: bool) -> str:
        return "true" if value else "false"

    def labels(self, values: Sequence[bool], field: FilterField, scope: Scope) -> list[str]:
        return [_("yes") if value else _("no") for value in values]


class ReferenceReader(Reader):
    """The id of a record."""

    json_type = {"type": "integer", "minimum": 1}

    def read(self, raw: object, field: FilterField) -> Any:
        text = str(raw) if isinstance(raw, int | str) and not isinstance(raw, bool) else ""
        if not _ID.fullmatch(text) or not 1 <= int(text) <= LARGEST:
            raise Unreadable(_("The number of a record belongs here."))
        return int(text)

    def labels(self, values: Sequence[Any], field: FilterField, scope: Scope) -> list[str]:
        ids = [value for value in values if isinstance(value, int)]
        names = field.names(scope, ids) if field.names and ids else {}
        return [names.get(value, f"#{value}") for value in values]


ME: Final = "me"


class UserReader(ReferenceReader):
    """The id of a user, or "me": who asks, also in a view that others share."""

    json_type = {"anyOf": [{"type": "integer", "minimum": 1}, {"const": ME}]}

    def read(self, raw: object, field: FilterField) -> Any:
        return ME if raw == ME else super().read(raw, field)

    def database(self, value: Any, field: FilterField, scope: Scope) -> int:
        # A job is nobody; no user has the number 0.
        return (scope.user_id or 0) if value == ME else int(value)

    def labels(self, values: Sequence[Any], field: FilterField, scope: Scope) -> list[str]:
        named = super().labels(values, field, scope)
        return [_("me") if value == ME else name for value, name in zip(values, named, strict=True)]


READERS: Final[dict[FieldType, Reader]] = {
    FieldType.TEXT: TextReader(),
    FieldType.CHOICE: ChoiceReader(),
    FieldType.MULTI_CHOICE: ChoiceReader(),
    FieldType.NUMBER: NumberReader(),
    FieldType.MONEY: NumberReader(),
    FieldType.DATE: DateReader(),
    FieldType.DATETIME: DateTimeReader(),
    FieldType.BOOLEAN: BooleanReader(),
    FieldType.USER: UserReader(),
    FieldType.REFERENCE: ReferenceReader(),
}


def reader_of(field: FilterField) -> Reader:
    """The reader of a field's type."""
    return READERS[field.type]
