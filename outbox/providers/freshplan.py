"""Another installation of FreshPlan: its signed deliveries come in and are kept as a log of what happened there.

Contract: `spec/contracts/standard_webhooks.md`. Events are thin (ids, codes, numbers), so the log holds no personal value.
Each is kept once, whatever order they come in; one that says that an earlier one was given up is marked so.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, Final

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.core.access import Scope
from crm.core.errors import Invalid
from outbox import standard_webhooks
from outbox.choices import InboxReason
from outbox.models import Connection, InboxEvent, RemoteEvent
from outbox.providers import (
    DONE,
    NOT_USED,
    CredentialKind,
    Message,
    Option,
    Outcome,
    Part,
    Permanent,
    Provider,
    short_key,
)

if TYPE_CHECKING:
    from outbox.calling import Client

PING: Final = "freshplan.ping"
SIGNING, TOKEN = "signing_secret", "api_token"
_BIGGEST: Final = 2**63 - 1
_MOST_TYPES: Final = 40


def _check_secret(value: str) -> None:
    try:
        length = len(standard_webhooks.secret_bytes(value))
    except ValueError:
        length = 0
    if not value.startswith(standard_webhooks.PREFIX) or length not in standard_webhooks.SECRET_BYTES:
        raise Invalid(_("The secret begins with whsec_; the other installation shows it once."), field="value")


def _check_token(value: str) -> None:
    if not (20 <= len(value) <= 200 and value.isascii() and value.isprintable() and " " not in value):
        raise Invalid(_("A token of 20 to 200 letters, digits and signs, without blanks."), field="value")


def _clean_types(text: str) -> list[str]:
    types = list(dict.fromkeys(text.replace(",", " ").split()))
    for one in types:
        plain = one.removesuffix(".*")
        is_name = len(one) <= 80 and one.isascii() and plain.replace(".", "").replace("_", "").isalnum()
        if one != "*" and (not is_name or (plain != one and "." in plain)):  # an area is one word
            raise Invalid(_("Types such as customer.created, or customer.* for an area, or * for all."), field="types")
    if not 1 <= len(types) <= _MOST_TYPES:
        raise Invalid(_("One to %(count)d types.") % {"count": _MOST_TYPES}, field="types")
    return types


def is_wanted(kind: str, types: Sequence[str]) -> bool:
    """Whether a connection keeps events of this type: `*`, the type itself, or its area as `area.*`."""
    return "*" in types or kind in types or f"{kind.partition('.')[0]}.*" in types


class FreshPlan(Provider):
    """The other side is an installation like this one."""

    key = "freshplan"
    label = gettext_lazy("Another FreshPlan")
    description = gettext_lazy("Keeps a log of what happens in another installation.")
    away = gettext_lazy("New events wait at the other installation for up to 75 hours and come by themselves.")
    set_up: ClassVar = (
        gettext_lazy("In the other installation, make a webhook with the address below."),
        gettext_lazy("Put the secret that it shows once in here."),
        gettext_lazy("Send its test message there, then activate the connection here."),
    )
    media_types = frozenset({"application/cloudevents+json", "application/json"})
    kept_headers = (
        "content-type",
        "user-agent",
        "webhook-id",
        "webhook-timestamp",
        "freshplan-attempt",
        "freshplan-replay",
    )
    open_fields = frozenset(
        {"specversion", "id", "source", "type", "subject", "time", "datacontenttype", "dataschema"}
    )  # numbers and booleans are shown anyway
    credentials = (
        CredentialKind(
            key=SIGNING,
            label=gettext_lazy("Signing secret"),
            help=gettext_lazy("Begins with whsec_. It proves that a message is from there."),
            inbound=True,
            needed=True,
            check=_check_secret,
        ),
        CredentialKind(
            key=TOKEN,
            label=gettext_lazy("Access token"),
            help=gettext_lazy(
                "With it the test reads their feed of events; without one it only asks whether they are there."
            ),
            inbound=False,
            needed=False,
            check=_check_token,
        ),
    )
    options = (
        Option(
            key="types",
            label=gettext_lazy("Types to keep"),
            help=gettext_lazy("For example customer.created, or customer.* for an area; * keeps all."),
            default=["*"],
            show=" ".join,
            clean=_clean_types,
        ),
    )

    def rows_of(self, event: InboxEvent) -> Sequence[QuerySet[Any]]:
        """The one row that an event becomes."""
        return [RemoteEvent.objects.filter(connection_id=event.connection_id, event_id=event.external_key)]

    def verify(self, message: Message, secrets: Sequence[str]) -> int:
        """Standard Webhooks."""
        return standard_webhooks.verify(message.body, message.headers, secrets, message.received_at)

    def dedupe_key(self, message: Message) -> str:
        """The event's id, the same at each retry and replay."""
        return short_key(message.headers["webhook-id"])

    def split(self, message: Message) -> Sequence[Part]:
        """One CloudEvent in structured mode."""
        payload = _parsed(message.body)
        event_id, kind, when = payload.get("id"), payload.get("type"), payload.get("time")
        if not (isinstance(event_id, str) and event_id and isinstance(kind, str) and kind and isinstance(when, str)):
            raise Permanent(InboxReason.BAD_SHAPE)
        subject = payload.get("subject") or ""
        if not isinstance(subject, str) or payload.get("specversion") != "1.0":
            raise Permanent(InboxReason.BAD_SHAPE)
        return [Part(short_key(event_id), kind, subject, _instant(when), payload)]

    def handle(self, part: Part, event: InboxEvent, connection: Connection, scope: Scope) -> Outcome:
        """Keep it, once. The test message and types that nobody asked for leave no row."""
        if part.type == PING or not is_wanted(part.type, connection.options.get("types", ["*"])):
            return NOT_USED
        data, source = part.payload.get("data") or {}, part.payload.get("source")
        if not isinstance(data, dict) or not (isinstance(source, str) and 0 < len(source) <= 200):
            raise Permanent(InboxReason.BAD_SHAPE)
        row = RemoteEvent(
            organisation_id=scope.organisation_id,
            connection=connection,
            event_id=part.external_key,
            source=source,
            type=part.type,
            subject=part.subject,
            occurred_at=part.occurred_at or event.received_at,
            position=_number(part.payload.get("crmposition"), _BIGGEST),
            version=_number(part.payload.get("crmversion"), 2**31 - 1),
            gap=part.payload.get("crmgap") is True,
            data=data,
            kept_at=scope.now,
        )
        RemoteEvent.objects.bulk_create([row], ignore_conflicts=True)
        return DONE

    def check(self, client: Client, credentials: Mapping[str, str]) -> None:
        """With a token the feed must answer, without one the health address."""
        token = credentials.get(TOKEN)
        if token is None:
            client.get("health", "/readyz", fields=("status",))
        else:
            client.get(
                "feed",
                "/api/events/",
                query={"limit": "1"},
                headers={"authorization": f"Bearer {token}"},
                fields=("items", "next"),
            )


def _parsed(body: bytes) -> dict[str, Any]:
    """The body as an object whose every text and number the database can hold."""
    try:
        payload = json.loads(body.decode("utf-8"), parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise Permanent(InboxReason.BAD_JSON) from None
    if not isinstance(payload, dict):
        raise Permanent(InboxReason.BAD_SHAPE)
    try:
        text = json.dumps(payload, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError):  # lone surrogates, infinite numbers
        raise Permanent(InboxReason.BAD_SHAPE) from None
    if b"\\u0000" in text.replace(rb"\\", b""):
        raise Permanent(InboxReason.BAD_SHAPE)
    return payload


def _no_number(_name: str) -> None:
    raise ValueError


def _number(value: object, biggest: int) -> int | None:
    if value is None:
        return None
    if type(value) is not int or not 0 <= value <= biggest:
        raise Permanent(InboxReason.BAD_SHAPE)
    return value


def _instant(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise Permanent(InboxReason.BAD_SHAPE) from None
    if found.tzinfo is None:
        raise Permanent(InboxReason.BAD_SHAPE)
    return found
