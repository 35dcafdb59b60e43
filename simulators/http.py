"""As much of HTTP/1.1 as a simulator needs: one request a connection, a body with a length."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

HOST = "127.0.0.1"
LONGEST = 1024 * 1024  # bytes of a body


@dataclass(frozen=True, slots=True)
class Request:
    """What came; header names in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back. `cut_after` bytes of it are sent before the line is cut: 0 sends none, -50 all but the last 50."""

    status: int = 204
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    cut_after: int | None = None


async def listen(port: int, answer: Callable[[Request], Awaitable[Answer]]) -> None:
    """Serve on loopback until cancelled; the address is the first line on stdout."""

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if (request := await _read(reader)) is not None:
                writer.write(_bytes(await answer(request)))
                await writer.drain()
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError, ValueError):
            pass  # who cuts off, or speaks something else, gets no answer
        finally:
            writer.close()

    server = await asyncio.start_server(take, HOST, port, backlog=512)
    print(f"http://{HOST}:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


async def _read(reader: asyncio.StreamReader) -> Request | None:
    """The request. Raises ValueError for what is none."""
    first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")[:-2]
    method, path, _version = first.split(" ")
    headers = {name.lower(): value.strip() for name, _colon, value in (line.partition(":") for line in lines)}
    length = int(headers.get("content-length", "0"))
    if not 0 <= length <= LONGEST:
        return None
    return Request(method, path, headers, await reader.readexactly(length))


def _bytes(answer: Answer) -> bytes:
    headers = {"connection": "close", **answer.headers}
    if answer.status != HTTPStatus.NO_CONTENT:
        headers["content-length"] = str(len(answer.body))
    lines = [f"HTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    head = "\r\n".join(lines) + "\r\n\r\n"
    return (head.encode("latin-1") + answer.body)[: answer.cut_after]
