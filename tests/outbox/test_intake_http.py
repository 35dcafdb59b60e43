"""The webhook door behind the server that the product runs on: bodies in chunks, wrong lengths, many at once."""

from __future__ import annotations

import json
import socket
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.core.cache import cache

from outbox.door import webhook_path
from outbox.providers import MEBIBYTE
from tests.outbox.intake import MEDIA, envelope, kept, make_connection, requests, signed, work
from tests.outbox.served import call, served

MESSAGES, AT_ONCE = 200, 8


@pytest.fixture
def made(house):
    cache.clear()
    return make_connection(house)


@pytest.fixture
def server(made, database_urls):
    """The port of the product's server."""
    with served(database_urls) as port:
        yield port


def post(port, made, event, *, body=None, pieces=None, **headers):
    raw = json.dumps(event).encode() if body is None else body
    sent = {"Content-Type": MEDIA, **signed(raw, message_id=event["id"]), **headers}
    if pieces:
        sent["Transfer-Encoding"] = "chunked"
        raw = iter([raw[n : n + pieces] for n in range(0, len(raw), pieces)])
    return call(port, "POST", webhook_path("freshplan", made.key), raw, sent, chunked=bool(pieces))


def test_bodies_with_a_length_in_chunks_and_beyond_the_limit(server, made):
    event = envelope(1)
    status, body, headers = post(server, made, event)
    assert (status, body) == (202, b"")
    assert "set-cookie" not in {name.lower() for name in headers}
    assert post(server, made, envelope(2), pieces=50)[0] == 202
    whole = json.dumps(envelope(3)).encode().ljust(MEBIBYTE)
    assert post(server, made, envelope(3), body=whole, pieces=65_536)[0] == 202
    assert post(server, made, envelope(4), body=whole + b" ", pieces=65_536)[0] == 413
    assert post(server, made, envelope(4), body=whole + b" ")[0] == 413
    assert [row.size for row in requests(made)][2] == MEBIBYTE
    assert len(requests(made)) == 3
    assert post(server, made, envelope(5), **{"Content-Encoding": "gzip"})[0] == 415
    assert post(server, made, envelope(5), **{"webhook-timestamp": "1"})[:2] == (401, b"")
    assert call(server, "GET", webhook_path("freshplan", made.key))[0] == 405


def test_a_giant_is_refused_before_it_is_sent(server, made):
    """Only the head goes out; the answer comes without a byte of the body."""
    head = (
        f"POST {webhook_path('freshplan', made.key)} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {MEDIA}\r\n"
        f"Content-Length: {10 * 1024 * MEBIBYTE}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", server), timeout=10) as line:
        line.sendall(head.encode())
        assert b" 413 " in line.recv(200)


def test_a_body_that_is_cut_off_is_not_kept(server, made):
    raw = json.dumps(envelope(1)).encode()
    marks = "".join(f"{name}: {value}\r\n" for name, value in signed(raw, message_id=envelope(1)["id"]).items())
    head = (
        f"POST {webhook_path('freshplan', made.key)} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {MEDIA}\r\n"
        f"Content-Length: {len(raw)}\r\n{marks}\r\n"
    )
    with socket.create_connection(("127.0.0.1", server), timeout=10) as line:
        line.sendall(head.encode() + raw[:20])
        line.shutdown(socket.SHUT_WR)
        line.recv(200)
    assert requests(made) == []
    assert post(server, made, envelope(1))[0] == 202


def test_many_at_once_are_answered_fast_and_each_has_one_effect(server, made):
    """200 messages from 8 senders, a quarter of them twice: all kept, each applied once."""

    def send(number):
        started = time.perf_counter()
        status = post(server, made, envelope(number))[0]
        return status, time.perf_counter() - started

    numbers = [*range(1, MESSAGES + 1), *range(1, MESSAGES // 4 + 1)]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = list(pool.map(send, numbers))
    assert {status for status, _took in answers} == {202}
    assert sorted(took for _status, took in answers)[len(answers) // 2] < 0.5
    assert len(requests(made)) == MESSAGES
    assert sum(row.seen for row in requests(made)) == len(numbers)
    while work(made):
        pass
    assert sorted(row.position for row in kept(made)) == list(range(1, MESSAGES + 1))
