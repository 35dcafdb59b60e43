"""What the frame offers, registered by each app once it works: areas at the left, the "New" menu, tools of the top bar.

An app calls `register(NavEntry(...))` and `register_new(NewEntry(...))` when it is ready.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from django.utils.functional import Promise

from crm.core.access import Scope


def everybody(_scope: Scope) -> bool:
    """Open to every signed-in user."""
    return True


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


def register(entry: NavEntry) -> None:
    """Add an area; the same key replaces."""
    _areas[entry.key] = entry


def register_new(entry: NewEntry) -> None:
    """Add an entry of the "New" menu; the same key replaces."""
    _news[entry.key] = entry


def register_tool(tool: Tool) -> None:
    """Add a button to the top bar; the same key replaces."""
    _tools[tool.key] = tool


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
