"""Systems that we can be connected to. Each is a class, registered by its app's `apps.py`; nothing else asks which it is.

What comes in goes through four steps of its provider: `verify` (before anything is parsed), `dedupe_key`, `split`, `handle`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, Final

from django.db.models import QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from crm.core.access import Scope
from outbox import senders
from outbox.choices import InboxReason, InboxState

if TYPE_CHECKING:
    from outbox.calling import Client
    from outbox.models import Connection, InboxEvent

MEBIBYTE: Final = 1024 * 1024
LONGEST_KEY: Final = 200  # characters of a key against repeats; a longer one is kept as its digest


class BadSignature(Exception):
    """Nothing proves that the request is from who it says; `stale` where only its time is too far off."""

    def __init__(self, *, stale: bool = False) -> None:
        super().__init__("stale" if stale else "signature")
        self.stale = stale


class Permanent(Exception):
    """Trying again would not mend it: the event is given up at once, with this reason."""

    def __init__(self, reason: InboxReason) -> None:
        super().__init__(reason)
        self.reason = reason


class Temporary(Exception):
    """The cause lies elsewhere and passes: the event is tried again by the plan."""


@dataclass(frozen=True, slots=True)
class Message:
    """A request as it came; header names are in lower case."""

    body: bytes
    headers: Mapping[str, str]
    received_at: datetime


@dataclass(frozen=True, slots=True)
class Part:
    """One event of a message: what tells it from others, what it is about, and its content."""

    external_key: str
    type: str
    subject: str
    occurred_at: datetime | None
    payload: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the handling of an event ended: DONE, IGNORED, SUPERSEDED or WAITING."""

    state: InboxState = InboxState.DONE
    reason: InboxReason | str = ""


DONE: Final = Outcome()
NOT_USED: Final = Outcome(InboxState.IGNORED, InboxReason.TYPE_NOT_USED)
SUPERSEDED: Final = Outcome(InboxState.SUPERSEDED)
WAITING: Final = Outcome(InboxState.WAITING, InboxReason.UNKNOWN_OBJECT)


@dataclass(frozen=True, slots=True)
class CredentialKind:
    """One secret of a connection. `check` raises Invalid for what cannot be one; `inbound` ones verify messages."""

    key: str
    label: str | Promise
    help: str | Promise
    inbound: bool
    needed: bool
    check: Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Option:
    """One setting of a connection: a line of text in the form, what `clean` makes of it in the row (raises Invalid).

    Where the default is empty, the line may be.
    """

    key: str
    label: str | Promise
    help: str | Promise
    default: Any
    show: Callable[[Any], str]
    clean: Callable[[str], Any]


class Provider:
    """What a provider says and does. Subclasses set the attributes and override the methods below."""

    key: ClassVar[str]
    label: ClassVar[str | Promise]
    description: ClassVar[str | Promise]
    away: ClassVar[str | Promise]  # what waits while it is away
    set_up: ClassVar[Sequence[str | Promise]]  # the steps at the other side, in order
    media_types: ClassVar[frozenset[str]] = frozenset({"application/json"})
    limit: ClassVar[int] = MEBIBYTE  # bytes of a request
    calls_per_minute: ClassVar[int] = 60  # that the other side bears from us
    kept_headers: ClassVar[tuple[str, ...]] = ("content-type", "user-agent")
    open_fields: ClassVar[frozenset[str]] = frozenset()  # fields of a body that hold no personal value
    credentials: ClassVar[tuple[CredentialKind, ...]] = ()
    options: ClassVar[tuple[Option, ...]] = ()

    def rows_of(self, event: InboxEvent) -> Sequence[QuerySet[Any]]:
        """The rows that its handler writes for one event: a dry run shows them before and after."""
        raise NotImplementedError

    def verify(self, message: Message, secrets: Sequence[str]) -> int:
        """Which of `secrets` signed this message, compared in constant time. Raises BadSignature."""
        raise NotImplementedError

    def dedupe_key(self, message: Message) -> str:
        """What a repeat of this message has in common with it; the body's digest where the contract names nothing."""
        return hashlib.sha256(message.body).hexdigest()

    def split(self, message: Message) -> Sequence[Part]:
        """The events in it, always the same for the same body. Raises Permanent (BAD_JSON, BAD_SHAPE)."""
        raise NotImplementedError

    def handle(self, part: Part, event: InboxEvent, connection: Connection, scope: Scope) -> Outcome:
        """Apply one event: rows of ours, in the caller's transaction. Bears repetition. Raises Permanent, Temporary."""
        raise NotImplementedError

    def check(self, client: Client, credentials: Mapping[str, str]) -> None:
        """Ask the other side whether it is there, by `client` (see its errors) with the opened `credentials` by kind."""
        raise NotImplementedError


@dataclass(slots=True)
class _Registry:
    providers: dict[str, Provider] = field(default_factory=dict)


_registry = _Registry()


SENDERS: Final = Option(
    key=senders.KEY,
    label=_("Addresses that may send"),
    help=_("Networks such as 203.0.113.0/24, with blanks between; empty: any. The signature is asked all the same."),
    default=[],
    show=" ".join,
    clean=senders.clean_networks,
)


def options_of(provider: Provider) -> tuple[Option, ...]:
    """What can be set at its connections: its own settings, and those that every connection has."""
    takes_in = any(kind.inbound for kind in provider.credentials)
    return (*provider.options, SENDERS) if takes_in else provider.options


def register_provider(provider: Provider) -> None:
    """Add a provider; its app calls this when it is ready. Raises ValueError for a key that is taken."""
    if provider.key in _registry.providers:
        raise ValueError(f"The provider {provider.key!r} is registered already.")
    _registry.providers[provider.key] = provider


def provider_named(key: str) -> Provider | None:
    """The provider with this key, or None where this release has none."""
    return _registry.providers.get(key)


def all_providers() -> list[Provider]:
    """Every registered provider, by key."""
    return [_registry.providers[key] for key in sorted(_registry.providers)]


def short_key(key: str) -> str:
    """`key` where it is short enough to be kept as it is, else its digest."""
    fits = 0 < len(key) <= LONGEST_KEY and key.isprintable()
    return key if fits else hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()
