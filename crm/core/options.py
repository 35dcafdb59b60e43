"""Settings: each declared once in code, with default, limits and documentation; stored values come from a reader.

    TRASH_DAYS = option("trash.days", 30, least=7, most=365, unit=_("days"), label=…, help=…, area=…, nature=…, levels=…)
    option_value(TRASH_DAYS, scope)  # 30, or what the user, else the organisation, else the operator has set

All values of a scope are read by one query at the first question and kept in the scope: each request, job or message reads
anew, so that a change is effective at once in every process. A declaration that does not hold stops the process at its start.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import time
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any, Final, Generic, TypeVar, cast

import structlog
from django.utils.functional import Promise
from django.utils.translation import gettext as _

from crm.core.access import Scope
from crm.core.errors import Invalid

log = structlog.get_logger(__name__)
T = TypeVar("T", bool, int, Decimal, str, time)
Text = str | Promise

KEY: Final = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][A-Za-z0-9_]*)+")
_MEMO: Final = "options"


class Level(StrEnum):
    """Where a value is set; the nearest to the person wins: user, organisation, global, default."""

    USER = "USER"
    ORGANISATION = "ORGANISATION"
    GLOBAL = "GLOBAL"


class Nature(StrEnum):
    """What a setting is: a term of a contract, a rule of the business, or a person's preference."""

    CONTRACT = "CONTRACT"
    BUSINESS = "BUSINESS"
    PREFERENCE = "PREFERENCE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Option(Generic[T]):
    """One setting. Its type is the default's: truth, whole number, decimal, time of day, or one of `choices`.

    `least` and `most` are inclusive; `security` ones are changed by administrators alone.
    """

    key: str
    default: T
    label: Text
    help: Text
    area: Text
    nature: Nature
    levels: frozenset[Level]
    unit: Text = ""
    least: T | None = None
    most: T | None = None
    choices: tuple[tuple[str, Text], ...] = ()
    security: bool = False

    def clean(self, raw: object) -> T:
        """The value that `raw` (of a form, a program or the table) means. Raises Invalid (field value) where it means none."""
        value = _parsed(self.default, raw)
        if value is None:
            raise Invalid(_SHAPES[type(self.default)](), field="value")
        if self.choices and value not in dict(self.choices):
            raise Invalid(_("One of: %(values)s.") % {"values": ", ".join(dict(self.choices))}, field="value")
        if (self.least is not None and value < self.least) or (self.most is not None and value > self.most):
            raise Invalid(_("From %(least)s to %(most)s.") % {"least": self.least, "most": self.most}, field="value")
        return cast("T", value)

    def stored(self, value: T) -> Any:
        """The value as JSON holds it: decimals and times as text."""
        if isinstance(value, Decimal):
            return format(value, "f")
        return value.strftime("%H:%M") if isinstance(value, time) else value


@dataclass(frozen=True, slots=True)
class Found(Generic[T]):
    """The value that holds for a scope, and where it comes from: None is the default."""

    value: T
    level: Level | None


# What stands stored for a scope, by key, level and (for level USER) user.
Stored = Mapping[tuple[str, Level, int | None], Any]
Reader = Callable[[Scope], Stored]


@dataclass(slots=True)
class _Registry:
    options: dict[str, Option[Any]] = field(default_factory=dict)
    read: Reader = field(default=lambda _scope: {})


_registry = _Registry()


def option(
    key: str,
    default: T,
    *,
    label: Text,
    help: Text,
    area: Text,
    nature: Nature,
    levels: Sequence[Level],
    unit: Text = "",
    least: T | None = None,
    most: T | None = None,
    choices: Sequence[tuple[str, Text]] = (),
    security: bool = False,
) -> Option[T]:
    """Declare a setting. `levels` are where it may be set; label, help, area and unit go through gettext.

    Raises ValueError for a malformed or taken key, an unknown type, a default outside its limits, or a level that does not fit.
    """
    made: Option[T] = Option(
        key=key,
        default=default,
        label=label,
        help=help,
        area=area,
        nature=nature,
        levels=frozenset(levels),
        unit=unit,
        least=least,
        most=most,
        choices=tuple(choices),
        security=security,
    )
    fault = _fault(made)
    if fault:
        raise ValueError(f"The setting {key!r} {fault}.")
    _registry.options[key] = made
    return made


def _fault(made: Option[Any]) -> str:
    """What is wrong with a declaration; nothing where it holds."""
    faults = {
        "has no well-formed key": not KEY.fullmatch(made.key),
        "is declared twice": made.key in _registry.options,
        "has a type that no setting has": type(made.default) not in _SHAPES,
        "is a choice without choices, or has choices without being one": isinstance(made.default, str)
        != bool(made.choices),
        "can be set nowhere": not made.levels,
        "is about security and no user's to set": made.security and Level.USER in made.levels,
    }
    found = next((fault for fault, is_so in faults.items() if is_so), "")
    if not found:
        try:
            made.clean(made.stored(made.default))
        except Invalid:
            found = "has a default outside its limits"
    return found


def forget_option(key: str) -> None:
    """Take a declaration back: for tests that declare their own."""
    _registry.options.pop(key, None)


def all_options() -> list[Option[Any]]:
    """Every declared setting, by key."""
    return [_registry.options[key] for key in sorted(_registry.options)]


def option_named(key: str) -> Option[Any] | None:
    """The setting with that key, or None where this release declares none."""
    return _registry.options.get(key)


def register_reader(read: Reader) -> None:
    """Name the one function that reads what is stored for a scope; the app that owns the rows calls this when it is ready."""
    _registry.read = read


def option_value(option: Option[T], scope: Scope, user_id: int | None = None) -> T:
    """The value that holds: the user's, else the organisation's, else the global one, else the default.

    The user is the scope's own; a job, whose scope has none, names one by `user_id` where it acts for him.
    """
    return option_found(option, scope, user_id).value


def option_found(option: Option[T], scope: Scope, user_id: int | None = None) -> Found[T]:
    """The value that holds, with the level it comes from."""
    for level in Level:
        if level in option.levels:
            value = option_at(option, scope, level, user_id)
            if value is not None:
                return Found(value, level)
    return Found(option.default, None)


def option_at(option: Option[T], scope: Scope, level: Level, user_id: int | None = None) -> T | None:
    """The value set at one level, or None. One that no longer fits its declaration counts as not set, and is logged."""
    user = (user_id or scope.user_id) if level is Level.USER else None
    stored = _stored(scope).get((option.key, level, user))
    if stored is None:
        return None
    try:
        return option.clean(stored)
    except Invalid:
        log.warning("stored setting does not fit", key=option.key, level=level, organisation=scope.organisation_id)
        return None


def options_changed(scope: Scope) -> None:
    """Let the scope read anew: a value was written under it."""
    scope.memo.pop(_MEMO, None)


def _stored(scope: Scope) -> Stored:
    if _MEMO not in scope.memo:
        scope.memo[_MEMO] = _registry.read(scope)
    return cast("Stored", scope.memo[_MEMO])


def _parsed(default: object, raw: object) -> Any:
    """`raw` as the default's type, or None."""
    if isinstance(default, bool):
        return {"true": True, "false": False}.get(str(raw).lower())
    text = str(raw).strip()
    try:
        if isinstance(default, int):
            return None if isinstance(raw, bool) else int(text)
        if isinstance(default, Decimal):
            number = Decimal(text.replace(",", "."))
            is_plain = number.is_finite() and -6 <= int(number.as_tuple().exponent) <= 12
            return number if is_plain else None
        if isinstance(default, time):
            return time.fromisoformat(text).replace(second=0, microsecond=0, tzinfo=None)
    except (ValueError, InvalidOperation):
        return None
    return text


_SHAPES: Final[dict[type, Callable[[], str]]] = {
    bool: lambda: _("Yes or no."),
    int: lambda: _("A whole number."),
    Decimal: lambda: _("A number."),
    time: lambda: _("A time of day such as 07:00."),
    str: lambda: _("One of the choices."),
}
