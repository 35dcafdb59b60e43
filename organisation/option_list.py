"""Settings as a page shows them: each with its value, where that comes from, and what was changed when by whom."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import time
from decimal import Decimal
from typing import Any, Final

from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.core.access import Scope
from crm.core.errors import Invalid
from crm.core.options import Level, Nature, Option, all_options, option_at, option_found
from crm.core.templatetags.formats import moment, number
from organisation.models import SettingValue, User
from organisation.services.settings import may_set
from organisation.stored_options import level_of

MOST_CHANGES: Final = 20
LEVELS: Final = {
    Level.USER: gettext_lazy("Own preference"),
    Level.ORGANISATION: gettext_lazy("Organisation"),
    Level.GLOBAL: gettext_lazy("All organisations"),
}
NATURES: Final = {
    Nature.CONTRACT: gettext_lazy("Contract"),
    Nature.BUSINESS: gettext_lazy("Business rule"),
    Nature.PREFERENCE: gettext_lazy("Preference"),
}


@dataclass(frozen=True, slots=True)
class Place:
    """A level at which the scope may set a value: the value there ("" where none is set) and its version (0 then)."""

    level: Level
    label: str
    value: Any
    text: str
    version: int


@dataclass(frozen=True, slots=True)
class OptionRow:
    """A setting as the scope sees it."""

    option: Option[Any]
    text: str
    default: str
    source: str
    nature: str
    changed: bool
    places: list[Place]


def option_rows(scope: Scope, *, area: str = "", changed: bool = False, words: str = "") -> list[OptionRow]:
    """Every setting by area and key; narrowed to one area, to changed ones, to those that hold all the words. Two queries."""
    versions = _versions(scope)
    rows = [option_row(scope, option, versions) for option in all_options() if area in ("", area_of(option))]
    wanted = words.lower().split()
    return [
        row for row in rows if (row.changed or not changed) and all(word in _searched(row.option) for word in wanted)
    ]


def option_row(scope: Scope, option: Option[Any], versions: Mapping[tuple[str, Level], int] | None = None) -> OptionRow:
    """One setting. Two queries at the most."""
    known = _versions(scope) if versions is None else versions
    found = option_found(option, scope)
    places = []
    for level in Level:
        if may_set(scope, option, level):
            value = option_at(option, scope, level)
            text = "" if value is None else value_text(option, value)
            places.append(Place(level, str(LEVELS[level]), value, text, known.get((option.key, level), 0)))
    return OptionRow(
        option=option,
        text=value_text(option, found.value),
        default=value_text(option, option.default),
        source=str(LEVELS[found.level]) if found.level else _("Default"),
        nature=str(NATURES[option.nature]),
        changed=found.level is not None,
        places=places,
    )


def areas() -> list[tuple[str, str]]:
    """The areas of all settings, as (name in the address, label)."""
    found = {area_of(option): str(option.area) for option in all_options()}
    return sorted(found.items(), key=lambda area: area[1])


def area_of(option: Option[Any]) -> str:
    """The first word of its key."""
    return option.key.partition(".")[0]


def value_text(option: Option[Any], value: Any) -> str:
    """A value as people read it, with its unit."""
    if isinstance(value, bool):
        return _("Yes") if value else _("No")
    if isinstance(value, time):
        text = f"{value:%H:%M}"
    elif isinstance(value, Decimal):
        text = number(value, max(0, -int(value.as_tuple().exponent)))
    elif isinstance(value, int):
        text = number(value)
    else:
        text = str(dict(option.choices).get(value, value))
    return f"{text} {option.unit}".strip()


def changes_of(scope: Scope, option: Option[Any]) -> list[dict[str, Any]]:
    """The newest changes of a setting that the scope may read, for the table of changes. Two queries."""
    mine = Q() if scope.role == "SYSTEM" else Q(user_id=None) | Q(user_id=scope.user_id)
    rule = Q(organisation_id=None) | (Q(organisation_id=scope.organisation_id) & mine)
    rows = list(
        SettingValue.history.filter(rule, key=option.key).order_by("-history_date", "-history_id").values()[:200]
    )
    people: dict[int, str] = dict(User.objects.visible_to(scope).values_list("pk", "name"))
    before: dict[int, Any] = {}
    told = []
    for row in reversed(rows):
        gone = row["history_type"] == "-"
        told.append(
            {
                "when": moment(row["history_date"]),
                "who": _who(row["history_actor"], row["history_user_id"], people),
                "field": LEVELS[level_of(row["organisation_id"], row["user_id"])],
                "old": _past(option, row["value"] if gone else before.get(row["id"])),
                "new": _("reset") if gone else _past(option, row["value"]),
                "cause": row["history_change_reason"] or "",
            }
        )
        before[row["id"]] = row["value"]
    return told[::-1][:MOST_CHANGES]


def version_at(scope: Scope, option: Option[Any], level: Level) -> int:
    """The version of what is set at a level, 0 where nothing is."""
    return _versions(scope).get((option.key, level), 0)


def _versions(scope: Scope) -> dict[tuple[str, Level], int]:
    rows = SettingValue.objects.visible_to(scope).values_list("key", "organisation_id", "user_id", "version")
    return {
        (key, level_of(organisation, user)): version
        for key, organisation, user, version in rows
        if user in (None, scope.user_id)
    }


def _searched(option: Option[Any]) -> str:
    return f"{option.key} {option.label} {option.help} {option.area}".lower()


def _past(option: Option[Any], stored: Any) -> str:
    """A stored value of the past as text; one that the setting no longer takes as it was stored."""
    if stored is None:
        return ""
    try:
        return value_text(option, option.clean(stored))
    except Invalid:
        return str(stored)


def _who(actor: str, user_id: int | None, people: Mapping[int, str]) -> str:
    if user_id is not None:
        return people.get(user_id, _("Former user"))
    return _("Operator") if actor.startswith("command:") else actor.partition(":")[2] or actor
