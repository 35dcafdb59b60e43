"""Days in filters: fixed ones, ones counted from today, spans such as "this month"; on the organisation's clock."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext_lazy

from crm.core.access import Scope

MOST_DAYS: Final = 36_500
FIRST_YEAR, LAST_YEAR = 1900, 9998  # instants stay clear of the calendar's ends, where zones overflow
UNITS: Final = ("week", "month", "quarter", "year")
NEIGHBOURS: Final = {"last": -1, "this": 0, "next": 1}

_RELATIVE: Final = re.compile(r"today|([-+ ][0-9]{1,6})d")
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_INSTANT: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]{5,15}(Z|[-+ ][0-9]{2}:[0-9]{2})")

SPAN_LABELS: Final = {
    ("last", "week"): pgettext_lazy("filter", "last week"),
    ("this", "week"): pgettext_lazy("filter", "this week"),
    ("next", "week"): pgettext_lazy("filter", "next week"),
    ("last", "month"): pgettext_lazy("filter", "last month"),
    ("this", "month"): pgettext_lazy("filter", "this month"),
    ("next", "month"): pgettext_lazy("filter", "next month"),
    ("last", "quarter"): pgettext_lazy("filter", "last quarter"),
    ("this", "quarter"): pgettext_lazy("filter", "this quarter"),
    ("next", "quarter"): pgettext_lazy("filter", "next quarter"),
    ("last", "year"): pgettext_lazy("filter", "last year"),
    ("this", "year"): pgettext_lazy("filter", "this year"),
    ("next", "year"): pgettext_lazy("filter", "next year"),
}


def _shift(day: date, days: int) -> date:
    """`day` plus days; stops at the calendar's ends."""
    try:
        return day + timedelta(days=days)
    except OverflowError:
        return date.max if days > 0 else date.min


@dataclass(frozen=True, slots=True)
class FromToday:
    """A day counted from today: 0 is today, -90 is ninety days ago.

    JSON {"days": -90}, in URLs `today`, `-90d`, `+30d`.
    """

    days: int

    def day(self, scope: Scope) -> date:
        """The date it is for this scope."""
        return _shift(scope.today, self.days)

    def as_json(self) -> object:
        """Its form in a tree."""
        return {"days": self.days}

    def __str__(self) -> str:
        return f"{self.days:+d}d" if self.days else "today"

    @property
    def label(self) -> str:
        """In the active language."""
        if self.days == 0:
            return _("today")
        count = abs(self.days)
        if self.days < 0:
            return ngettext("%(count)d day ago", "%(count)d days ago", count) % {"count": count}
        return ngettext("in %(count)d day", "in %(count)d days", count) % {"count": count}


@dataclass(frozen=True, slots=True)
class DaysAround:
    """Today and the `days` before it (negative) or after it.

    JSON {"last_days": 30}, {"next_days": 90}; in URLs `last_30_days`.
    """

    days: int

    def ends(self, scope: Scope) -> tuple[date, date]:
        """First and last day, both included; today is one of them."""
        first, last = sorted((scope.today, _shift(scope.today, self.days)))
        return first, last

    def as_json(self) -> object:
        """Its form in a tree."""
        return {"last_days": -self.days} if self.days < 0 else {"next_days": self.days}

    def __str__(self) -> str:
        return f"last_{-self.days}_days" if self.days < 0 else f"next_{self.days}_days"

    @property
    def label(self) -> str:
        """In the active language."""
        count = abs(self.days)
        if self.days < 0:
            return ngettext("the last %(count)d day", "the last %(count)d days", count) % {"count": count}
        return ngettext("the next %(count)d day", "the next %(count)d days", count) % {"count": count}


@dataclass(frozen=True, slots=True)
class CalendarSpan:
    """A whole week (from Monday), month, quarter or year.

    JSON {"this": "month"}, {"last": …}, {"next": …}; in URLs `this_month`.
    """

    which: str
    unit: str

    def ends(self, scope: Scope) -> tuple[date, date]:
        """First and last day, both included."""
        first = _start(scope.today, self.unit)
        for _step in range(abs(NEIGHBOURS[self.which])):
            first = _start(_shift(first, -1), self.unit) if self.which == "last" else _next(first, self.unit)
        return first, _shift(_next(first, self.unit), -1)

    def as_json(self) -> object:
        """Its form in a tree."""
        return {self.which: self.unit}

    def __str__(self) -> str:
        return f"{self.which}_{self.unit}"

    @property
    def label(self) -> str:
        """In the active language."""
        return str(SPAN_LABELS[self.which, self.unit])


Span = DaysAround | CalendarSpan
Moment = date | datetime | FromToday


def _start(day: date, unit: str) -> date:
    """The first day of the unit that `day` lies in."""
    if unit == "week":
        return day - timedelta(days=day.weekday())
    if unit == "month":
        return day.replace(day=1)
    if unit == "quarter":
        return date(day.year, (day.month - 1) // 3 * 3 + 1, 1)
    return date(day.year, 1, 1)


def _next(first: date, unit: str) -> date:
    """The first day of the unit after the one that begins on `first`."""
    days = {"week": 7, "month": 31, "quarter": 92, "year": 366}[unit]
    return _start(first + timedelta(days=days), unit)


def read_span(raw: object) -> Span | None:
    """The span that a tree or a URL names, or None where it names none."""
    if isinstance(raw, dict) and len(raw) == 1:
        ((name, value),) = raw.items()
        if name in {"last_days", "next_days"} and isinstance(value, int) and not isinstance(value, bool):
            return _around(name.removesuffix("_days"), value)
        if name in NEIGHBOURS and value in UNITS:
            return CalendarSpan(name, value)
    if isinstance(raw, str):
        if match := re.fullmatch(r"(last|next)_([0-9]{1,6})_days", raw):
            return _around(match[1], int(match[2]))
        which, _bar, unit = raw.partition("_")
        if which in NEIGHBOURS and unit in UNITS:
            return CalendarSpan(which, unit)
    return None


def _around(which: str, days: int) -> DaysAround | None:
    if not 1 <= days <= MOST_DAYS:
        return None
    return DaysAround(-days if which == "last" else days)


def read_moment(raw: object, *, with_time: bool) -> Moment | None:
    """The day (or, `with_time`, the instant with its offset) that a tree or a URL names, or None."""
    if isinstance(raw, dict) and set(raw) == {"days"}:
        return _from_today(raw["days"])
    if not isinstance(raw, str):
        return None
    if match := _RELATIVE.fullmatch(raw):
        # A "+" arrives from URLs as a blank.
        return _from_today(int(match[1].replace(" ", "+")) if match[1] else 0)
    try:
        return _fixed(raw, with_time=with_time)
    except ValueError:
        return None


def _fixed(raw: str, *, with_time: bool) -> date | datetime | None:
    if _DATE.fullmatch(raw):
        return date.fromisoformat(raw)
    if with_time and _INSTANT.fullmatch(raw):
        return _instant(raw)
    return None


def _from_today(days: object) -> FromToday | None:
    if isinstance(days, int) and not isinstance(days, bool) and abs(days) <= MOST_DAYS:
        return FromToday(days)
    return None


def _instant(raw: str) -> datetime | None:
    instant = datetime.fromisoformat(raw.replace(" ", "+"))
    return instant if FIRST_YEAR <= instant.year <= LAST_YEAR else None


def day_of(moment: Moment, scope: Scope) -> date:
    """The date of a moment on the organisation's wall clock."""
    if isinstance(moment, FromToday):
        return moment.day(scope)
    if isinstance(moment, datetime):
        return moment.astimezone(ZoneInfo(scope.zone)).date()
    return moment


def instants_of(moment: Moment, scope: Scope) -> tuple[datetime, datetime]:
    """First instant of a moment and the first one after it: of a day its two midnights in the zone."""
    if isinstance(moment, datetime):
        return moment, moment + timedelta(microseconds=1)
    zone = ZoneInfo(scope.zone)
    day = min(max(day_of(moment, scope), date(FIRST_YEAR, 1, 1)), date(LAST_YEAR, 12, 31))
    return datetime.combine(day, time.min, zone), datetime.combine(day + timedelta(days=1), time.min, zone)
