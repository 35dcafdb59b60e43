"""Search over all records, and every action by its name: what the command palette shows.

An app registers a `Source` for each kind of record that it finds; actions are what the navigation holds already.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _

from crm.core import navigation
from crm.core.access import Scope
from crm.core.folding import fold_words

LONGEST: Final = 120  # letters that are read of what is typed
SHORTEST: Final = (
    2  # letters or digits before records are asked for: half of all have a word that begins with a given one
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A record: what its line shows, and its page. `sign` is the markup before the title, a component's."""

    title: str
    subtitle: str
    url: str
    sign: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A kind of record: `find(scope, text, most)` gives at most `most` that the scope sees, the best first."""

    key: str
    label: str | Promise
    icon: str
    position: int
    find: Callable[[Scope, str, int], Sequence[Hit]]


@dataclass(frozen=True, slots=True)
class Group:
    """What one source found; `icon` stands where a hit has no sign of its own."""

    key: str
    label: str
    icon: str
    hits: Sequence[Hit]


@dataclass(frozen=True, slots=True)
class Action:
    """Something to do or to open."""

    label: str
    url: str
    icon: str


_sources: dict[str, Source] = {}


def register_source(source: Source) -> None:
    """Add a kind of record to the search; the same key replaces."""
    _sources[source.key] = source


def find_records(scope: Scope, text: str, most: int) -> list[Group]:
    """What the sources find, in their order; those that find nothing are left out."""
    typed = text[:LONGEST].strip()
    if len("".join(fold_words(typed))) < SHORTEST:
        return []
    ordered = sorted(_sources.values(), key=lambda source: source.position)
    groups = [Group(one.key, str(one.label), one.icon, one.find(scope, typed, most)) for one in ordered]
    return [group for group in groups if group.hits]


def find_actions(scope: Scope, text: str) -> list[Action]:
    """What the scope may do whose name has a word that begins with each typed one; without text what people do most."""
    typed = fold_words(text[:LONGEST])
    return [
        action
        for action, is_usual in _actions(scope)
        if (
            all(any(word.startswith(part) for word in fold_words(action.label)) for part in typed)
            if typed
            else is_usual
        )
    ]


def _actions(scope: Scope) -> Iterator[tuple[Action, bool]]:
    """Everything that the navigation offers, and whether it is shown before anything is typed."""
    for new in navigation.news(scope):
        yield Action(_("New: %(name)s") % {"name": new.label}, reverse(new.url_name), "plus"), True
    for area in navigation.areas(scope):
        yield Action(_("Go to %(name)s") % {"name": area.label}, reverse(area.url_name), area.icon), True
    for _group, entries in navigation.settings_groups(scope):
        for entry in entries:
            yield Action(_("Settings: %(name)s") % {"name": entry.label}, reverse(entry.url_name), "settings"), False
