"""Signs that stand in rows and heads: status, person, kind, due date, season. Cached, since lists show hundreds."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from functools import lru_cache
from math import cos, pi, sin
from typing import NamedTuple
from zlib import crc32

from django.utils.dates import MONTHS, MONTHS_3
from django.utils.functional import Promise
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from crm.core.components.html import NOTHING, icon


class Look(NamedTuple):
    """How a value is shown. The icon's shape differs within a set, so that colour is never the only sign."""

    label: str | Promise
    icon: str
    tone: str = ""


STATUS: dict[str, Look] = {
    "PROSPECT": Look(gettext_lazy("Prospect"), icon="circle-dashed", tone="blue"),
    "AKTIV": Look(gettext_lazy("Active"), icon="circle-check--filled", tone="green"),
    "RISIKO": Look(gettext_lazy("At risk"), icon="alert-triangle--filled", tone="amber"),
    "INAKTIV": Look(gettext_lazy("Inactive"), icon="circle-minus", tone="slate"),
    "ARCHIVIERT": Look(gettext_lazy("Archived"), icon="archive", tone="slate"),
}

KINDS: dict[str, Look] = {
    "RESTAURANT": Look(gettext_lazy("Restaurant"), icon="tools-kitchen-2"),
    "HOTEL": Look(gettext_lazy("Hotel"), icon="bed"),
    "CATERING": Look(gettext_lazy("Catering"), icon="truck-delivery"),
    "CANTEEN": Look(gettext_lazy("Canteen"), icon="soup"),
    "HOSPITAL": Look(gettext_lazy("Hospital"), icon="building-hospital"),
    "CARE_HOME": Look(gettext_lazy("Care home"), icon="heart-handshake"),
    "SCHOOL": Look(gettext_lazy("School"), icon="school"),
    "RETAIL": Look(gettext_lazy("Retail"), icon="basket"),
    "ICE_CREAM": Look(gettext_lazy("Ice-cream parlour"), icon="ice-cream-2"),
    "BEER_GARDEN": Look(gettext_lazy("Beer garden"), icon="beer"),
    "OTHER": Look(gettext_lazy("Other"), icon="building-store"),
}

DUE: dict[str, Look] = {
    "overdue": Look("", icon="alarm--filled"),
    "today": Look("", icon="clock"),
    "later": Look("", icon="calendar"),
    "none": Look("", icon="circle-dashed"),
}


@lru_cache(maxsize=256)
def kbd(keys: str) -> SafeString:
    """Keys beside the action they start: `{% kbd "G K" %}`."""
    caps = format_html_join("", "<kbd>{}</kbd>", ((key,) for key in keys.split()))
    return format_html('<span class="fp-keys" aria-hidden="true">{}</span>', caps)


@lru_cache(maxsize=8)
def logo(size: int = 20) -> SafeString:
    """Twelve months in a ring; the season, April to September, is lit."""
    ticks = format_html_join(
        "",
        '<path d="M{}L{}" class="{}"/>',
        ((_at(n, 6), _at(n, 10), "is-on" if 2 <= n <= 8 else "") for n in range(12)),
    )
    return format_html(
        '<svg class="fp-logo" width="{0}" height="{0}" viewBox="0 0 24 24" aria-hidden="true">{1}</svg>', size, ticks
    )


def _at(tick: int, radius: float) -> str:
    angle = (tick - 0.5) * pi / 6
    return f"{12 + radius * sin(angle):.2f} {12 - radius * cos(angle):.2f}"


@lru_cache(maxsize=4)
def year() -> SafeString:
    """The large ring of weeks beside the sign-in form."""

    def at(tick: int, radius: float) -> str:
        angle = (tick - 2) * pi / 24
        return f"{100 + radius * sin(angle):.1f} {100 - radius * cos(angle):.1f}"

    lit = range(12, 36)
    ticks = format_html_join(
        "",
        '<path d="M{}L{}" class="{}"/>',
        ((at(n, 48 if n in lit else 58), at(n, 84), "is-on" if n in lit else "") for n in range(48)),
    )
    return format_html('<svg class="fp-year" viewBox="0 0 200 200" aria-hidden="true">{}</svg>', ticks)


def initials(name: str) -> str:
    """First letters of the first and the last word: "Miriam Schröder" is MS."""
    words = [word for word in name.replace("(", " ").split() if word[0].isalnum()]
    return "".join(word[0] for word in (words[:1] + words[1:][-1:])).upper()


@lru_cache(maxsize=4096)
def avatar(name: str, size: str = "") -> SafeString:
    """Initials in a disc, the same hue for the same name: `{% avatar user.name %}`, `size` s 18, "26", l 32 px."""
    hue = crc32(name.encode()) % 6 + 1
    extra = f" fp-avatar--{size}" if size else ""
    return format_html(
        '<span class="fp-avatar fp-avatar--{}{}" aria-hidden="true">{}</span>', hue, extra, initials(name)
    )


def person(name: str | None, short: bool = False) -> SafeString:
    """Avatar and name; `short` the first name. Without a name: "nobody". `{% person customer.owner.name short=True %}`"""
    return _person(name, short) if name else format_html('<span class="fp-mute">{}</span>', _("nobody"))


@lru_cache(maxsize=4096)
def _person(name: str, short: bool) -> SafeString:
    shown = name.split(maxsplit=1)[0] if short else name
    return format_html(
        '<span class="fp-person">{}<span class="fp-person__name" title="{}">{}</span></span>', avatar(name), name, shown
    )


def mark(kind: str | None, size: str = "") -> SafeString:
    """The sign of a business type: `{% mark customer.business_type %}`, `size` l in heads."""
    return _mark(kind or "OTHER", size, get_language() or "")


@lru_cache(maxsize=256)
def _mark(kind: str, size: str, _language: str) -> SafeString:
    look = KINDS.get(kind, KINDS["OTHER"])
    extra = f" fp-mark--{size}" if size else ""
    return format_html(
        '<span class="fp-mark{}" title="{}">{}<span class="visually-hidden">{}</span></span>',
        extra,
        look.label,
        icon(look.icon),
        look.label,
    )


def status(value: str, look: str = "plain", label: str = "") -> SafeString:
    """A customer's status: `look` plain in rows, pill in heads, icon in worklists. `{% status customer.status look="pill" %}`"""
    return _status(value, look, str(label), get_language() or "")


@lru_cache(maxsize=512)
def _status(value: str, look: str, label: str, _language: str) -> SafeString:
    text, name, tone = STATUS[value]
    return format_html(
        '<span class="fp-status fp-status--{} fp-tone-{}">{}<span class="fp-status__text">{}</span></span>',
        look,
        tone,
        icon(name),
        label or text,
    )


def tag(text: object, tone: str = "plain", icon: str = "", title: str = "") -> SafeString:
    """A small label: `{% tag _("Shared") tone="slate" icon="users" %}`."""
    return _tag(str(text), tone, icon, str(title))


@lru_cache(maxsize=1024)
def _tag(text: str, tone: str, name: str, title: str) -> SafeString:
    return format_html(
        '<span class="fp-tag fp-tone-{}"{}>{}{}</span>',
        tone,
        format_html(' title="{}"', title) if title else NOTHING,
        icon(name) if name else NOTHING,
        text,
    )


def count(number: object, tone: str = "plain") -> SafeString:
    """A figure in a capsule: `{% count 4 tone="accent" %}`."""
    return format_html('<span class="fp-count fp-tone-{}">{}</span>', tone, number)


def due(text: object = "", day: date | None = None, today: date | None = None, state: str = "") -> SafeString:
    """A next step with its urgency: `{% due step day=step_on today=scope.today %}`, or `state` overdue, today, later, none.

    Without a text: "no step".
    """
    if not text:
        return format_html(
            '<span class="fp-due fp-due--none">{}<span class="fp-mute">{}</span></span>',
            icon(DUE["none"].icon),
            _("no step"),
        )
    chosen = state or due_state(day, today)
    spoken = {"overdue": _("overdue"), "today": _("today")}.get(chosen, "")
    hidden = format_html('<span class="visually-hidden">, {}</span>', spoken) if spoken else NOTHING
    return format_html(
        '<span class="fp-due fp-due--{}">{}<span>{}{}</span></span>', chosen, icon(DUE[chosen].icon), text, hidden
    )


def due_state(day: date | None, today: date | None) -> str:
    """overdue, today or later, by the date."""
    if day is None or today is None or day > today:
        return "later"
    return "today" if day == today else "overdue"


def season(months: Iterable[int] | None, look: str = "full", now: int | date | None = None) -> SafeString:
    """Active months: `{% season customer.season_months now=scope.today %}`, `look="mini"` twelve bars in a row of a list.

    No months or all twelve: all year. `now` is the month (or a day in it) that is marked.
    """
    month = now.month if isinstance(now, date) else (now or 0)
    return _season(frozenset(months or ()), look, month, get_language() or "")


@lru_cache(maxsize=4096)
def _season(months: frozenset[int], look: str, now: int, _language: str) -> SafeString:
    if look == "mini":
        if not months or len(months) == 12:
            return format_html('<span class="fp-mute">{}</span>', _("all year"))
        return _mini(months, now)
    on = months or frozenset(range(1, 13))
    lines = ((_season_class(n, on, now), MONTHS_3[n].title(), _season_text(n, on, now)) for n in range(1, 13))
    months_html = format_html_join(
        "", '<li class="{}"><span aria-hidden="true">{}</span><span class="visually-hidden">{}</span></li>', lines
    )
    return format_html('<ol class="fp-season" aria-label="{}">{}</ol>', _("Months of the season"), months_html)


def _season_class(month: int, on: frozenset[int], now: int) -> str:
    return " ".join(name for name, is_so in (("is-on", month in on), ("is-now", month == now)) if is_so)


def _season_text(month: int, on: frozenset[int], now: int) -> str:
    state = _("active") if month in on else _("pause")
    return f"{MONTHS[month]}: {state}" + (f", {_('now')}" if month == now else "")


def _mini(months: frozenset[int], now: int) -> SafeString:
    def bar(month: int) -> tuple[int, int, int, str]:
        on = month in months
        return (month - 1) * 5, 1 if on else 9, 12 if on else 4, _season_class(month, months, now)

    bars = format_html_join(
        "",
        '<rect x="{}" y="{}" width="3.4" height="{}" rx="1" class="{}"/>',
        (bar(month) for month in range(1, 13)),
    )
    dot = format_html('<path d="M{} 15.4h0" class="fp-season-mini__now"/>', (now - 1) * 5 + 1.7) if now else NOTHING
    title = _("Season: %(months)s") % {"months": ", ".join(str(MONTHS_3[m]).title() for m in sorted(months))}
    spoken = _("in season") if now in months else _("season pause")
    return format_html(
        '<span class="fp-season-mini" title="{}"><svg viewBox="0 0 60 16" width="60" height="16" aria-hidden="true">{}{}</svg>'
        '<span class="visually-hidden">{}</span></span>',
        title,
        bars,
        dot,
        f"{spoken}. {title}" if now else title,
    )
