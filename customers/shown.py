"""Values of accounts and catalogue fields as people read them, in the active language."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.utils.dates import MONTHS, MONTHS_3
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from crm.core.templatetags.formats import day, moment, money, number, phone
from customers.choices import FieldType
from customers.models import Customer, FieldDefinition

MONEY_COLUMNS = {"expected_annual_volume", "actual_annual_volume", "estimated_volume"}


def upper_first(text: str) -> str:
    """A label with a capital first letter; the rest stays."""
    return text[:1].upper() + text[1:]


def month_name(on: date | None) -> str:
    """The month of a day by its full name, "" for none."""
    return str(MONTHS[on.month]) if on else ""


def months_text(months: Iterable[int]) -> str:
    """Months by their short names."""
    return ", ".join(str(MONTHS_3[month]).title() for month in sorted(months))


def plain_text(value: Any) -> str:
    """A value without meaning beyond its type; "" for nothing."""
    if value is None or value in ("", []):
        return ""
    if isinstance(value, bool):
        return _("Yes") if value else _("No")
    if isinstance(value, datetime):
        return moment(value)
    if isinstance(value, date):
        return day(value)
    if isinstance(value, Decimal | float):
        return number(value, 0 if value == int(value) else 2)
    return str(value)


def column_text(name: str, value: Any) -> str:
    """A value of the account's column `name`; "" for nothing. Owner and chain are the caller's: they need a look-up."""
    column = Customer._meta.get_field(name)
    if value is None or value in ("", []):
        return ""
    if choices := getattr(column, "flatchoices", None):
        return str(dict(choices).get(value, value))
    if name == "phone":
        return phone(value)
    if name == "seasonal_months":
        return months_text(value)
    if name in MONEY_COLUMNS:
        return money(value, 0 if value == int(value) else 2)
    return plain_text(value)


def choice_label(choice: Mapping[str, str]) -> str:
    """A catalogue choice in the active language."""
    name = "label_en" if (get_language() or "").startswith("en") else "label_de"
    return choice.get(name) or choice["value"]


def value_text(definition: FieldDefinition, value: Any, people: Mapping[int, str]) -> str:  # noqa: PLR0911 - one answer a type
    """A catalogue value: labels of choices, names of users, local dates and numbers; "" for nothing."""
    if value is None or value in ("", []):
        return ""
    labels = {choice["value"]: choice_label(choice) for choice in definition.validation.get("choices", [])}
    match definition.type:
        case FieldType.MULTI_CHOICE:
            return ", ".join(labels.get(item, item) for item in value)
        case FieldType.CHOICE:
            return str(labels.get(value, value))
        case FieldType.USER:
            return people.get(value, _("unknown"))
        case FieldType.DATE:
            return day(date.fromisoformat(value))
        case FieldType.MONEY:
            return money(value, 0 if value == int(value) else 2)
        case FieldType.DECIMAL:
            return _without_zeros(value)
        case FieldType.INTEGER:
            return number(value)
        case FieldType.PHONE:
            return phone(value)
    return plain_text(value)


def _without_zeros(value: float) -> str:
    exponent = Decimal(str(value)).normalize().as_tuple().exponent
    return number(value, max(0, -exponent) if isinstance(exponent, int) else 0)
