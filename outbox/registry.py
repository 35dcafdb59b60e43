"""Who wants to hear of which event. Handlers register at start-up, when `apps.ready` imports them; none ever leaves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from crm.core.access import Scope
    from outbox.models import Event

H = TypeVar("H", bound="HandlerFunction")
HandlerFunction = Callable[["Event", "Scope"], None]


@dataclass(frozen=True, slots=True)
class Handler:
    """One subscription: a name that never changes (deliveries are kept under it), the types it hears, what to call."""

    name: str
    types: frozenset[str]
    call: HandlerFunction
    in_batches: bool


_handlers: dict[str, Handler] = {}


def handler(*types: str, name: str = "", in_batches: bool = True) -> Callable[[H], H]:
    """Register a function `(event, scope)` for events of these types; a worker calls it after the commit.

    `name` is `<app>.<function>` where not given; deliveries are kept under it, so give it before renaming the function.

    It runs in one transaction with the mark that it ran: what it writes is written exactly once. Whatever else it does
    must bear repetition, with `event.event_id` as key. It must not call out: it writes rows that another worker sends.
    Events of one subject come in order. `in_batches=False` leaves out events of a change set (imports, bulk actions).
    Raises ValueError for a name taken by another function, or without a type.
    """
    if not types:
        raise ValueError("A handler hears at least one type of event.")

    def register(call: H) -> H:
        own_name = name or f"{call.__module__.partition('.')[0]}.{call.__name__}"
        if own_name in _handlers:
            raise ValueError(f"The handler name {own_name!r} is taken.")
        _handlers[own_name] = Handler(own_name, frozenset(types), call, in_batches)
        return call

    return register


def handler_named(name: str) -> Handler | None:
    """The handler with this name, or None where this release has it no longer."""
    return _handlers.get(name)


def subscriptions() -> list[tuple[str, str, bool]]:
    """(type, handler name, in batches) of every subscription, for the relay."""
    return [(kind, one.name, one.in_batches) for one in _handlers.values() for kind in sorted(one.types)]
