"""What the frame offers, registered by each app once it works: areas at the left, the "New" menu, tools of the top bar,
pages of the settings.

An app calls `register(NavEntry(...))`, `register_new(NewEntry(...))`, `register_settings(SettingsEntry(...))` when it is ready.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from crm.core.access import Scope


def everybody(_scope: Scope) -> bool:
    """Open to every signed-in user."""
    return True


def with_right(right: str) -> Callable[[Scope], bool]:
    """Open to who has the right."""
    return lambda scope: scope.allows(right)


@dataclass(frozen=True, slots=True, kw_only=True)
class NavEntry:
    """An area. `go` is the letter that follows `g`; `group` work (first) or manage."""

    key: str
    label: str | Promise
    url_name: str
    icon: str
    position: int
    allowed: Callable[[Scope], bool] = everybody
    go: str = ""
    group: str = "work"


class SettingsGroup(StrEnum):
    """Under which heading a page of the settings stands; in this order."""

    OWN = "own"
    ORGANISATION = "organisation"
    SYSTEMS = "systems"

    @property
    def label(self) -> str | Promise:
        """The heading."""
        return _GROUPS[self]


_GROUPS = {
    SettingsGroup.OWN: _("Personal"),
    SettingsGroup.ORGANISATION: _("Organisation"),
    SettingsGroup.SYSTEMS: _("Other systems"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingsEntry:
    """A page of the settings; its views name `key` as `tab`. `demo_only`: only where the organisation is a demo."""

    key: str
    label: str | Promise
    url_name: str
    group: SettingsGroup
    position: int
    allowed: Callable[[Scope], bool] = everybody
    demo_only: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEntry:
    """Something that can be created from every page."""

    key: str
    label: str | Promise
    url_name: str
    icon: str
    position: int
    allowed: Callable[[Scope], bool] = everybody


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A button of the top bar: its template, and what that shows as `tool`, asked for when a page with a frame is drawn."""

    key: str
    template: str
    position: int
    shown: Callable[[Scope], dict[str, object]]


_areas: dict[str, NavEntry] = {}
_news: dict[str, NewEntry] = {}
_tools: dict[str, Tool] = {}
_settings: dict[str, SettingsEntry] = {}


def register(entry: NavEntry) -> None:
    """Add an area; the same key replaces."""
    _areas[entry.key] = entry


def register_new(entry: NewEntry) -> None:
    """Add an entry of the "New" menu; the same key replaces."""
    _news[entry.key] = entry


def register_tool(tool: Tool) -> None:
    """Add a button to the top bar; the same key replaces."""
    _tools[tool.key] = tool


def register_settings(*entries: SettingsEntry) -> None:
    """Add pages to the settings; the same key replaces."""
    _settings.update({entry.key: entry for entry in entries})


def settings_groups(scope: Scope) -> list[tuple[SettingsGroup, list[SettingsEntry]]]:
    """The headings of the settings with the pages that `scope` may open, in order; none without a page."""
    open_to = sorted((one for one in _settings.values() if one.allowed(scope)), key=lambda one: one.position)
    groups = [(group, [one for one in open_to if one.group is group]) for group in SettingsGroup]
    return [(group, entries) for group, entries in groups if entries]


def areas(scope: Scope, group: str = "") -> list[NavEntry]:
    """What `scope` may open, in order; all groups, or one."""
    found = [entry for entry in _areas.values() if entry.allowed(scope) and group in ("", entry.group)]
    return sorted(found, key=lambda entry: (entry.group != "work", entry.position))


def news(scope: Scope) -> list[NewEntry]:
    """What `scope` may create, in order."""
    return sorted((entry for entry in _news.values() if entry.allowed(scope)), key=lambda entry: entry.position)


def tools() -> list[Tool]:
    """The buttons of the top bar, in order."""
    return sorted(_tools.values(), key=lambda tool: tool.position)
