"""From a raw request to its events and their effects, by its provider; the same for a worker and for a dry run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from crm.core.access import Scope
from crm.core.errors import DomainError
from outbox.choices import InboxReason
from outbox.models import InboxEvent, InboxRequest
from outbox.providers import Message, Outcome, Part, Permanent, Provider

MOST_PARTS: Final = 1_000
PLAUSIBLE_YEARS: Final = range(1970, 2200)  # of what happened: no clock of ours shows what lies at the calendar's ends
_LENGTHS: Final = {"external_key": 200, "type": 80, "subject": 200}


def message_of(request: InboxRequest) -> Message:
    """The request as its provider gets it. Raises Permanent where the body was forgotten."""
    if request.body is None:
        raise Permanent(InboxReason.GONE_THERE)
    return Message(bytes(request.body), request.headers, request.received_at)


def parts_of(provider: Provider, message: Message) -> Sequence[Part]:
    """The events of a message. Raises Permanent (BAD_JSON, BAD_SHAPE): too many, or keys that no row can hold, as well."""
    parts = provider.split(message)
    if len(parts) > MOST_PARTS:
        raise Permanent(InboxReason.BAD_SHAPE)
    for part in parts:
        for name, longest in _LENGTHS.items():
            text = getattr(part, name)
            if len(text) > longest or (text and not text.isprintable()):
                raise Permanent(InboxReason.BAD_SHAPE)
        if part.occurred_at is not None and part.occurred_at.year not in PLAUSIBLE_YEARS:
            raise Permanent(InboxReason.BAD_SHAPE)
    return parts


def apply_event(provider: Provider, event: InboxEvent, scope: Scope) -> Outcome:
    """Run the provider's handler under the active `scope`; its effects lie in the caller's transaction.

    Raises Permanent (a domain rule's refusal too), and whatever the handler raises beside.
    """
    part = parts_of(provider, message_of(event.request))[event.n]
    try:
        return provider.handle(part, event, event.connection, scope)
    except DomainError as error:
        raise Permanent(InboxReason.REFUSED_BY_RULE) from error
