"""The door for other systems' messages: `POST /webhooks/<provider>/<key>/` (`spec/integrations.md`, Incoming webhooks).

It answers before sessions, cookies and forms are looked at, and in this order: method and media type, size, key, signature
over the raw bytes, the sender's address where a list narrows it, one INSERT. Nothing is parsed here. What the signature
proves is kept, whatever it says.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

import structlog
from django.core.cache import cache
from django.db import Error, connection, transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseNotAllowed
from django.utils import timezone

from crm.core.access import activate
from crm.core.requests import client_ip
from outbox.choices import Refusal
from outbox.providers import BadSignature, Message, Provider, provider_named
from outbox.senders import may_send
from outbox.services.intake import (
    connection_at,
    count_refusal,
    has_signed_rightly,
    live_secrets,
    provider_scope,
    store_request,
)

log = structlog.get_logger(__name__)

PREFIX: Final = "/webhooks/"
FAILURES: Final = 20  # a minute from one address that never signed rightly
SHUT_SECONDS: Final = 600
RETRY_SECONDS: Final = 30  # after which a provider may try again while the database is away
_ADDRESS: Final = re.compile(r"/webhooks/(?P<provider>[a-z0-9_]{1,40})/(?P<key>wk_[a-z2-7]{24})/")

GetResponse = Callable[[HttpRequest], HttpResponseBase]


class _TooLarge(Exception):
    """The body passes the provider's limit; `size` where it said so itself."""

    def __init__(self, size: int | None = None) -> None:
        super().__init__("too large")
        self.size = size


def webhook_path(provider: str, key: str) -> str:
    """The path of a connection's webhook address."""
    return f"{PREFIX}{provider}/{key}/"


class _Unlisted(Exception):
    """Rightly signed, from an address that the connection's list does not name."""


class DoorMiddleware:
    """Answers webhook addresses itself; an unknown one goes on, and so gets the same 404 as any unknown path."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        address = _ADDRESS.fullmatch(request.path_info)
        provider = provider_named(address["provider"]) if address else None
        if address is None or provider is None:
            return self.get_response(request)
        request.route_name = f"door:{address['provider']}"  # type: ignore[attr-defined] # for /metrics
        try:
            answer = _answer(request, provider, address["key"])
        except Error as error:
            log.error("the door cannot reach the database", error=type(error).__name__)
            connection.close()
            return _empty(503, {"Retry-After": str(RETRY_SECONDS)})
        return self.get_response(request) if answer is None else answer


def _answer(request: HttpRequest, provider: Provider, key: str) -> HttpResponse | None:
    """The answer; None for a key that nobody has."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    if request.content_type not in provider.media_types or request.headers.get("Content-Encoding"):
        return _empty(415)
    with transaction.atomic():
        found = connection_at(provider.key, key)
    if found is not None:
        return _receive(request, provider, *found)
    # Too large is told to everybody alike; what is within the limit is not read for a key that nobody has.
    return _empty(413) if _declared(request) > provider.limit else None


def _receive(request: HttpRequest, provider: Provider, connection_id: int, organisation_id: int) -> HttpResponse:
    """The answer of a connection that is there."""
    scope = replace(
        provider_scope(provider, organisation_id, request.request_id),  # type: ignore[attr-defined]
        now=timezone.now(),
    )
    peer = client_ip(request)
    headers = {name.lower(): value for name, value in request.headers.items()}

    def refuse(kind: Refusal, status: int, body: bytes | None, size: int | None) -> HttpResponse:
        with transaction.atomic(), activate(scope):
            count_refusal(
                scope=scope, connection_id=connection_id, kind=kind, body=body, size=size, headers=headers, address=peer
            )
        return _empty(status)

    try:
        body = _read(request, provider.limit)
    except _TooLarge as error:
        return refuse(Refusal.TOO_LARGE, 413, None, error.size)
    if cache.get(_shut(connection_id, peer)):
        return _empty(429, {"Retry-After": str(SHUT_SECONDS)})
    message = Message(body, headers, scope.now)
    try:
        with transaction.atomic(), activate(scope):
            kinds = [kind.key for kind in provider.credentials if kind.inbound]
            secrets, all_opened = live_secrets(scope=scope, connection_id=connection_id, kinds=kinds)
            secret = secrets[provider.verify(message, [one.value for one in secrets])]
            if not may_send(peer, secret.options):
                raise _Unlisted
            store_request(
                scope=scope,
                connection_id=connection_id,
                provider=provider,
                message=message,
                secret=secret,
                address=peer,
            )
    except BadSignature as error:
        if not all_opened:  # it may be signed with the one that we cannot read now: the provider is to try again
            return _empty(503, {"Retry-After": str(RETRY_SECONDS)})
        with transaction.atomic(), activate(scope):
            _count_failure(
                connection_id,
                peer,
                lambda: has_signed_rightly(scope=scope, connection_id=connection_id, address=peer),
            )
        return refuse(Refusal.STALE if error.stale else Refusal.BAD_SIGNATURE, 401, body, len(body))
    except _Unlisted:
        return refuse(Refusal.SENDER, 401, body, len(body))
    return _empty(202)


def _shut(connection_id: int, peer: str) -> str:
    """Per connection: from one provider's address come the messages of many, and one wrong secret shuts out no other."""
    return f"door:shut:{connection_id}:{peer}"


def _count_failure(connection_id: int, peer: str, has_signed: Callable[[], bool]) -> None:
    """Shut this connection's door for an address that only guesses. Lets pass while Redis is away."""
    key = f"door:failed:{connection_id}:{peer}"
    cache.add(key, 0, 60)
    try:
        failures = cache.incr(key)
    except ValueError:  # the minute ended in between
        return
    if failures >= FAILURES and not has_signed():
        cache.set(_shut(connection_id, peer), 1, SHUT_SECONDS)


def _declared(request: HttpRequest) -> int:
    """The length that the request says, 0 without one."""
    text = request.META.get("CONTENT_LENGTH") or ""
    return int(text) if text.isascii() and text.isdigit() else 0


def _read(request: HttpRequest, limit: int) -> bytes:
    """The raw body. One that says its length is refused before it is read; one in chunks is cut at the limit."""
    declared, stream = _declared(request), request.META["wsgi.input"]
    if declared > limit:
        raise _TooLarge(declared)
    if not declared and not _ends_by_itself(request.META):
        return b""
    wanted = declared or limit + 1
    parts, left = [], wanted
    while left > 0 and (part := stream.read(min(left, 65_536))):
        parts.append(part)
        left -= len(part)
    body = b"".join(parts)
    if len(body) > limit:
        raise _TooLarge
    return body


def _ends_by_itself(environ: Mapping[str, object]) -> bool:
    """Whether the server ends the stream with the request, so that one without a length can be read."""
    return bool(environ.get("wsgi.input_terminated")) and "chunked" in str(environ.get("HTTP_TRANSFER_ENCODING", ""))


def _empty(status: int, headers: Mapping[str, str] | None = None) -> HttpResponse:
    answer = HttpResponse(status=status, headers=dict(headers or {}))
    del answer["Content-Type"]
    answer["Content-Length"] = "0"
    return answer
