"""What apps tell messaging when they are ready: kinds of notices, and what notices may be about."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from django.urls import NoReverseMatch, reverse
from django.utils.functional import Promise

from messaging.choices import Channel

if TYPE_CHECKING:
    from crm.core.access import Scope

Seers = Callable[["Scope", int, Sequence[int]], set[int]]
_PARAMETER: Final = re.compile(r"%\((\w+)\)")


@dataclass(frozen=True, slots=True)
class NoticeKind:
    """One kind of notice. `title` and `text` hold placeholders as `%(name)s`; `default` is how it reaches who chose nothing."""

    key: str
    label: str | Promise
    title: str | Promise
    text: str | Promise
    mandatory: bool
    default: Channel
    icon: str
    tone: str
    tells_actor: bool
    roles: frozenset[str] = frozenset()

    def concerns(self, role: str) -> bool:
        """Whether people of that role are ever told: others have nothing to choose."""
        return not self.roles or role in self.roles

    @property
    def parameters(self) -> frozenset[str]:
        """The names that both texts together need."""
        return frozenset(_PARAMETER.findall(f"{self.title} {self.text}"))

    @property
    def channels(self) -> list[Channel]:
        """What a user may choose."""
        return [one for one in Channel if not (self.mandatory and one is Channel.OFF)]

    def render(self, parameters: Mapping[str, Any]) -> tuple[str, str]:
        """Title and text in the active language. Raises KeyError for a missing parameter."""
        return str(self.title) % parameters, str(self.text) % parameters


@dataclass(frozen=True, slots=True)
class Subject:
    """What a notice may be about: the name of its page (one argument, the id, or none) and who sees it."""

    type: str
    url_name: str
    has_page_each: bool
    seers: Seers


_kinds: dict[str, NoticeKind] = {}
_subjects: dict[str, Subject] = {}


def notice_kind(
    key: str,
    title: str | Promise,
    text: str | Promise,
    *,
    label: str | Promise = "",
    mandatory: bool = False,
    default: Channel = Channel.IN_APP,
    icon: str = "bell",
    tone: str = "blue",
    tells_actor: bool = False,
    roles: Collection[str] = (),
) -> NoticeKind:
    """Register a kind of notice, with lazily translated texts and their placeholders: `%(name)s`.

    `mandatory` kinds (protection, GDPR deadlines, security) cannot be switched off. `tells_actor` also tells who caused it,
    and passes quiet hours: notes about one's own account. `tone` as in components: green, blue, amber, red, slate.
    `roles` are those who are ever told, for the page of choices; none means everybody. `label` names the kind there; a
    title without placeholders serves. Raises ValueError for a taken key, or without a label.
    """
    if key in _kinds:
        raise ValueError(f"The notice kind {key!r} is taken.")
    if not label and _PARAMETER.search(str(title)):
        raise ValueError(f"The notice kind {key!r} needs a label.")
    kind = NoticeKind(key, label or title, title, text, mandatory, default, icon, tone, tells_actor, frozenset(roles))
    _kinds[key] = kind
    return kind


def notice_subject(type: str, *, url_name: str, seers: Seers, has_page_each: bool = True) -> None:
    """Register what notices may be about: `type` as in events, `seers(scope, id, user_ids)` tells which of them may see it.

    The check is asked under a scope that sees the whole organisation. Raises ValueError for a taken type.
    """
    if type in _subjects:
        raise ValueError(f"The notice subject {type!r} is taken.")
    _subjects[type] = Subject(type, url_name, has_page_each, seers)


def kind_named(key: str) -> NoticeKind | None:
    """The kind, or None where this release has it no longer."""
    return _kinds.get(key)


def all_kinds() -> list[NoticeKind]:
    """Every kind, by key."""
    return [_kinds[key] for key in sorted(_kinds)]


def subject_named(type: str) -> Subject | None:
    """The subject, or None where nobody registered it."""
    return _subjects.get(type)


def address_of(subject_type: str, subject_id: int | None) -> str:
    """The path of a subject's page, "" where it has none in this release."""
    subject = _subjects.get(subject_type)
    if subject is None:
        return ""
    try:
        return reverse(subject.url_name, args=[subject_id] if subject.has_page_each else [])
    except NoReverseMatch:
        return ""
