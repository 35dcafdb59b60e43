"""The one way out: every connection of ours leads to an address that was checked in the moment of connecting.

Checking and connecting are one step, so a name that changes in between changes nothing. The name stays in the URL, and with
it in SNI, certificate check and Host. Redirects are never followed; times and sizes have an end.
"""

from __future__ import annotations

import contextlib
import ssl
import time
from collections.abc import Iterable, Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import httpcore2
import httpx2
from django.db import connection

from outbox.addresses import MOST_AT_ONCE, checked_addresses

TRIED: Final = 3  # addresses of one name tried one after the other
KEPT_ANSWER: Final = 64 * 1024  # bytes of an answer that are read

_deadline: ContextVar[float | None] = ContextVar("deadline", default=None)


@contextlib.contextmanager
def within(seconds: float) -> Iterator[None]:
    """Every exchange inside ends after so many seconds in total, however slowly the other side drips its answer."""
    end = time.monotonic() + seconds
    outer = _deadline.get()
    token = _deadline.set(end if outer is None else min(end, outer))
    try:
        yield
    finally:
        _deadline.reset(token)


def _left(timeout: float | None, error: type[Exception]) -> float | None:
    """Seconds that one step may take; raises `error` where nothing is left."""
    end = _deadline.get()
    if end is None:
        return timeout
    left = end - time.monotonic()
    if left <= 0:
        raise error("The time is over.")
    return left if timeout is None else min(timeout, left)


class _TimedStream(httpcore2.NetworkStream):
    """A connection whose every step looks at the deadline."""

    def __init__(self, stream: httpcore2.NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _left(timeout, httpcore2.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, _left(timeout, httpcore2.WriteTimeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.NetworkStream:
        left = _left(timeout, httpcore2.ConnectTimeout)
        return _TimedStream(self._stream.start_tls(ssl_context, server_hostname, left))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class _CheckedBackend(httpcore2.SyncBackend):
    """Connects to the addresses that `checked_addresses` gave, and to nothing else."""

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.NetworkStream:
        seconds = _left(timeout, httpcore2.ConnectTimeout)
        end = None if seconds is None else time.monotonic() + seconds
        addresses = checked_addresses(host, port, **({} if seconds is None else {"timeout": seconds}))
        last: Exception = httpcore2.ConnectTimeout("The time is over.")
        for address in addresses[:TRIED]:
            left = None if end is None else end - time.monotonic()
            if left is not None and left <= 0:
                break
            try:
                stream = super().connect_tcp(address, port, left, local_address, socket_options)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                last = error
                continue
            return _TimedStream(stream)
        raise last

    def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.NetworkStream:
        raise httpcore2.ConnectError("No sockets of this machine.")


class GuardedTransport(httpx2.HTTPTransport):
    """For `httpx2.Client(transport=…)`: checked addresses, HTTP/1.1, TLS always verified, no proxy of the environment.

    `keep_seconds` keeps a connection for the next call of the same client; 0 connects (and checks) anew each time.
    """

    def __init__(self, *, keep_seconds: float = 0.0, max_connections: int = 10) -> None:
        super().__init__(verify=_tls(), trust_env=False)
        self._pool = httpcore2.ConnectionPool(
            ssl_context=_tls(),
            max_connections=max_connections,
            max_keepalive_connections=max_connections if keep_seconds else 0,
            keepalive_expiry=keep_seconds,
            network_backend=_CheckedBackend(),
        )

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Raises RuntimeError inside a transaction (it would be held open by a stranger), AddressRefused, HTTPError."""
        if connection.in_atomic_block:
            raise RuntimeError("A call out inside a transaction.")
        return super().handle_request(request)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: at most so many bytes of the body as were asked for, as they came (never unpacked)."""

    status: int
    headers: httpx2.Headers
    body: bytes
    cut: bool
    milliseconds: int


def exchange(
    method: str,
    url: str | httpx2.URL,
    *,
    headers: Mapping[str, str],
    content: bytes,
    connect: float = 5.0,
    total: float = 15.0,
    kept: int = KEPT_ANSWER,
) -> Answer:
    """One request on a connection of its own, to the end or `total` seconds; redirects come back as they are.

    `connect` and `total` in seconds; `kept` bytes of the body are read, then the line is cut.
    Raises AddressRefused, RuntimeError inside a transaction, and httpx2's HTTPError with its kinds.
    """
    started = time.monotonic()
    request = httpx2.Request(
        method,
        url,
        headers={"accept-encoding": "identity", "connection": "close", **headers},
        content=content,
        extensions={"timeout": httpx2.Timeout(total, connect=connect).as_dict()},
    )
    with within(total):
        # Without a client: nothing of one exchange (cookies, redirects, authentication) may reach the next.
        response = _transport().handle_request(request)
        try:
            body, cut = bytearray(), False
            for part in response.iter_raw():
                body += part
                if len(body) > kept:
                    cut = True
                    break
        finally:
            response.close()
    took = round((time.monotonic() - started) * 1000)
    return Answer(response.status_code, response.headers, bytes(body[:kept]), cut, took)


@cache
def _transport() -> GuardedTransport:
    """One for the process; each exchange has a connection of its own all the same."""
    return GuardedTransport(max_connections=MOST_AT_ONCE)


@cache
def _tls() -> ssl.SSLContext:
    """One for the process: reading the certificates of the system takes a while."""
    return httpx2.create_ssl_context()
