"""Numbers, money, days, times, phone numbers in the active language, as filters and as functions.

Built in: no `{% load %}`. German 1.234,56 € · 20.11.2026 · Mi 18.11. · vor 44 T;
English €1,234.56 · 20 Nov 2026 · Wed 18 Nov · 44 d ago.
Days and times are shown on the wall clock of the active scope's organisation.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from zoneinfo import ZoneInfo

import phonenumbers
from django import template
from django.utils.dates import MONTHS_3
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from crm.core.access import active_scope

register = template.Library()

MINUS, NARROW, NBSP = "\u2212", "\u202f", "\u00a0"
NONE = "–"
DAYS_DE = ("Mo", "Di", "Mi", "Do", "Fr", "Sa", "So")
DAYS_EN = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONTHS_EN = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
Figure = int | float | Decimal | str | None


def _german() -> bool:
    return (get_language() or "de").startswith("de")


def _grouped(value: Decimal, places: int) -> str:
    rounded = value.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP)
    text = f"{abs(rounded):,.{places}f}"
    if _german():
        text = text.translate(str.maketrans(",.", ".,"))
    return (MINUS if rounded < 0 else "") + text


def _decimal(value: Figure) -> Decimal | None:
    try:
        return None if value in (None, "") else Decimal(str(value))
    except InvalidOperation:
        return None


@register.filter
def number(value: Figure, places: int = 0) -> str:
    """1.234,56 or 1,234.56 with `places` decimals; "–" for nothing: `{{ n|number }}` `{{ n|number:2 }}`."""
    figure = _decimal(value)
    return NONE if figure is None else _grouped(figure, places)


@register.filter
def money(value: Figure, places: int = 2) -> str:
    """1.234,56 € or €1,234.56; in lists without cents: `{{ volume|money:0 }}`."""
    figure = _decimal(value)
    if figure is None:
        return NONE
    text = _grouped(figure, places)
    if _german():
        return f"{text}{NBSP}€"
    return f"{MINUS}€{text[1:]}" if text.startswith(MINUS) else f"€{text}"


@register.filter
def percent(value: Figure, places: int = 0) -> str:
    """−21 % or −21%; the value is in per cent."""
    figure = _decimal(value)
    if figure is None:
        return NONE
    return _grouped(figure, places) + (f"{NBSP}%" if _german() else "%")


@register.filter
def change(value: Figure, places: int = 0) -> str:
    """A difference in per cent with its sign: +6 % or −21 %."""
    figure = _decimal(value)
    return ("+" if figure is not None and figure > 0 else "") + percent(value, places)


def _zone() -> ZoneInfo:
    scope = active_scope()
    return ZoneInfo(scope.zone if scope else "Europe/Berlin")


def local(value: datetime) -> datetime:
    """An instant on the organisation's wall clock."""
    return value.astimezone(_zone())


def _as_date(value: date | datetime) -> date:
    return local(value).date() if isinstance(value, datetime) else value


def _today() -> date:
    scope = active_scope()
    return scope.today if scope else local(datetime.now(UTC)).date()


@register.filter
def day(value: date | datetime | None) -> str:
    """20.11.2026 or 20 Nov 2026; "–" for nothing."""
    if value is None or value == "":
        return NONE
    on = _as_date(value)
    return f"{on:%d.%m.%Y}" if _german() else f"{on.day} {MONTHS_EN[on.month - 1]} {on.year}"


@register.filter
def weekday(value: date | datetime | None) -> str:
    """Mi 18.11. or Wed 18 Nov; with the year where it is another one."""
    if value is None or value == "":
        return NONE
    on = _as_date(value)
    other_year = on.year != _today().year
    if _german():
        return f"{DAYS_DE[on.weekday()]} {on:%d.%m.}" + (str(on.year) if other_year else "")
    return f"{DAYS_EN[on.weekday()]} {on.day} {MONTHS_EN[on.month - 1]}" + (f" {on.year}" if other_year else "")


@register.filter
def clock(value: datetime | None) -> str:
    """08:42"""
    return NONE if not value else f"{local(value):%H:%M}"


@register.filter
def moment(value: datetime | None) -> str:
    """20.11.2026, 08:42"""
    return NONE if not value else f"{day(value)}, {clock(value)}"


@register.filter
def ago(value: date | datetime | None) -> str:
    """today, yesterday, 44 d ago; in 3 d for what is ahead."""
    if value is None or value == "":
        return NONE
    days = (_today() - _as_date(value)).days
    if days in (0, 1, -1):
        return {0: _("today"), 1: _("yesterday"), -1: _("tomorrow")}[days]
    text = _("%(n)s d ago") if days > 0 else _("in %(n)s d")
    return text % {"n": number(abs(days))}


@register.filter
def recent(value: datetime | None) -> str:
    """08:42 today, else the day: for lists of what came in."""
    if not value:
        return NONE
    return clock(value) if _as_date(value) == _today() else day(value)


@register.filter
def span(value: date, until: date) -> str:
    """20.07.–10.08. or 20 Jul–10 Aug: `{{ start|span:end }}`."""
    if _german():
        years = value.year != until.year
        return f"{value:%d.%m.}{value.year if years else ''}–{until:%d.%m.}{until.year if years else ''}"
    first, last = (f"{d.day} {MONTHS_EN[d.month - 1]}" for d in (value, until))
    return f"{first}–{last}" if value.year == until.year else f"{first} {value.year}–{last} {until.year}"


@register.filter
def month(value: int) -> str:
    """Apr for 4, in the language."""
    return str(MONTHS_3[value]).title()


@register.filter
def phone(value: str | None) -> str:
    """An E.164 number as it is read: German ones nationally in German (030 23125 417), all others internationally."""
    if not value:
        return ""
    try:
        parsed = phonenumbers.parse(value, "DE")
    except phonenumbers.NumberParseException:
        return value
    if not (_german() and parsed.country_code == 49):
        return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.INTERNATIONAL)
    area, _space, rest = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.NATIONAL).partition(" ")
    digits = rest.replace(" ", "")
    return f"{area} {digits[:5]} {digits[5:]}".rstrip() if len(digits) > 6 else f"{area} {digits}".rstrip()


@register.filter
def tel(value: str | None) -> str:
    """The address of a call: `<a href="{{ number|tel }}">`."""
    return f"tel:{value}" if value else ""
