"""Calls out: where they may go, and that they go exactly there."""

from __future__ import annotations

import socket
import time

import httpx2
import pytest
from django.db import transaction

from outbox import addresses, transport
from outbox.addresses import AddressRefused, checked_addresses, checked_url, is_public
from outbox.transport import exchange
from tests.outbox.receiver import Answering, Receiver


@pytest.fixture
def receiver():
    """Somebody who listens on loopback, listed or not."""
    made = Receiver()
    yield made
    made.close()


@pytest.fixture
def resolves(monkeypatch):
    """`resolves([...], [...])`: the answers that the resolver gives, one after the other, the last one for ever."""

    def to(*answers):
        left = list(answers)
        asked = []

        def getaddrinfo(host, port, **_kind):
            asked.append(host)
            found = left.pop(0) if len(left) > 1 else left[0]
            family = {True: socket.AF_INET6, False: socket.AF_INET}
            return [(family[":" in one], socket.SOCK_STREAM, 6, "", (one, port)) for one in found]

        monkeypatch.setattr(
            addresses, "_resolve", lambda host, port: tuple(row[4][0] for row in getaddrinfo(host, port))
        )
        return asked

    return to


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0", "10.1.2.3", "100.64.0.1", "127.0.0.1", "127.8.8.8", "169.254.169.254", "172.16.0.1", "192.0.0.192",
        "192.168.1.1", "198.18.0.1", "203.0.113.5", "224.0.0.1", "255.255.255.255", "168.63.129.16", "100.100.100.200",
        "::", "::1", "::ffff:8.8.8.8", "::ffff:127.0.0.1", "64:ff9b::8.8.8.8", "64:ff9b:1::1", "fc00::1", "fd00:ec2::254",
        "fe80::1", "fe80::1%eth0", "ff02::1", "2001::1", "2001:db8::1", "2002:7f00:1::", "3fff::1", "no address",
    ],
)  # fmt: skip
def test_what_is_not_everybodys_is_refused(address):
    assert not is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "93.184.216.34", "2606:4700:4700::1111", "2a00:1450::1"])
def test_what_is_everybodys_is_allowed(address):
    assert is_public(address)


def test_one_inner_address_among_public_ones_refuses_the_name(resolves):
    resolves(["8.8.8.8", "10.0.0.1"])
    with pytest.raises(AddressRefused):
        checked_addresses("shop.example.com", 443)
    resolves(["8.8.8.8", "1.1.1.1"])
    assert checked_addresses("shop.example.com", 443) == ("8.8.8.8", "1.1.1.1")


def test_unknown_silent_and_inner_names_are_refused_with_the_same_words(monkeypatch, resolves):
    texts = set()

    def unknown(host, port):
        raise socket.gaierror(-2, "unknown")

    for resolve in (unknown, lambda host, port: time.sleep(0.3), lambda host, port: ("10.0.0.1",)):
        monkeypatch.setattr(addresses, "_resolve", resolve)
        with pytest.raises(AddressRefused) as refused:
            checked_addresses("shop.example.com", 443, timeout=0.1)
        texts.add(str(refused.value))
    assert len(texts) == 1


@pytest.mark.parametrize("host", ["localhost", "127.1", "2130706433", "0x7f.1", "0177.0.0.1", "::1"])
def test_other_spellings_of_loopback_are_refused_by_the_real_resolver(host):
    with pytest.raises(AddressRefused):
        checked_addresses(host, 443)


def test_the_operator_lists_a_host_with_its_port_or_with_any(settings):
    settings.PRIVATE_HOSTS = frozenset({"127.0.0.1:8080", "erp.lan"})
    assert checked_addresses("127.0.0.1", 8080) == ("127.0.0.1",)
    with pytest.raises(AddressRefused):
        checked_addresses("127.0.0.1", 8081)
    assert str(checked_url("http://erp.lan:9000/x")) == "http://erp.lan:9000/x"
    with pytest.raises(ValueError, match="https"):
        checked_url("http://erp2.lan:9000/x")


def test_a_name_that_turns_inside_between_check_and_connect_is_refused(receiver, resolves):
    """Rebinding: the first look-up was fine; the connection asks again, and connects to what it was told, or not at all."""
    asked = resolves(["93.184.216.34"], ["127.0.0.1"])
    checked_addresses("shop.example.com", receiver.port)
    with pytest.raises(AddressRefused):
        exchange("POST", f"http://shop.example.com:{receiver.port}/", headers={}, content=b"{}")
    assert asked == ["shop.example.com"] * 2
    assert receiver.came == []


def test_it_connects_to_the_very_address_that_was_checked_with_the_name_in_host(receiver, resolves, settings):
    settings.PRIVATE_HOSTS = frozenset({"shop.example.com"})
    asked = resolves(["127.0.0.1"])
    answer = exchange("POST", f"http://shop.example.com:{receiver.port}/hook", headers={"a": "b"}, content=b"{}")
    assert (answer.status, answer.body, asked) == (200, b"ok", ["shop.example.com"])
    assert receiver.came[0].headers["host"] == f"shop.example.com:{receiver.port}"


def test_the_name_goes_into_the_handshake(receiver, resolves, settings, monkeypatch, request):
    """TLS is asked for by name although the connection leads to an address; a plain server breaks it off there."""
    settings.PRIVATE_HOSTS = frozenset({"shop.example.com"})
    resolves(["127.0.0.1"])
    names = []
    context = transport._tls()
    real = context.wrap_socket

    class Noting:
        def __getattr__(self, name):
            return getattr(context, name)

        def wrap_socket(self, sock, server_hostname=None, **kwargs):
            names.append(server_hostname)
            return real(sock, server_hostname=server_hostname, **kwargs)

    monkeypatch.setattr(transport, "_tls", Noting)
    monkeypatch.setattr(transport.httpx2.HTTPTransport, "__init__", lambda self, **kwargs: None)
    transport._transport.cache_clear()
    request.addfinalizer(transport._transport.cache_clear)
    with pytest.raises(httpx2.ConnectError):
        exchange("POST", f"https://shop.example.com:{receiver.port}/", headers={}, content=b"{}", total=3)
    assert names == ["shop.example.com"]


def test_a_redirect_comes_back_as_it_is(receiver, settings):
    settings.PRIVATE_HOSTS = frozenset({"127.0.0.1"})
    receiver.answer = Answering(status=302, headers={"location": receiver.url})
    assert exchange("POST", receiver.url, headers={}, content=b"{}").status == 302
    assert len(receiver.came) == 1


def test_an_answer_is_read_so_far_and_no_further(receiver, settings):
    settings.PRIVATE_HOSTS = frozenset({"127.0.0.1"})
    receiver.answer = Answering(body=b"x" * 10_000_000)
    answer = exchange("POST", receiver.url, headers={}, content=b"{}")
    assert (len(answer.body), answer.cut) == (64 * 1024, True)


def test_a_hanging_server_costs_the_total_time_and_no_more(receiver, settings):
    settings.PRIVATE_HOSTS = frozenset({"127.0.0.1"})
    receiver.answer = Answering(seconds=2)
    started = time.monotonic()
    with pytest.raises(httpx2.ReadTimeout):
        exchange("POST", receiver.url, headers={}, content=b"{}", total=0.3)
    assert time.monotonic() - started < 0.6


def test_a_dripping_server_too(settings):
    """One byte every 50 ms never lets a single read time out: the whole exchange has an end all the same."""
    settings.PRIVATE_HOSTS = frozenset({"127.0.0.1"})
    with socket.create_server(("127.0.0.1", 0)) as server:
        import threading

        def drip():
            line, _who = server.accept()
            with line:
                line.recv(65_536)
                try:
                    for byte in b"HTTP/1.1 200 OK\r\nx-long: " + b"y" * 200:
                        line.sendall(bytes([byte]))
                        time.sleep(0.05)
                except OSError:
                    return

        thread = threading.Thread(target=drip)
        thread.start()
        started = time.monotonic()
        with pytest.raises(httpx2.ReadTimeout):
            exchange("POST", f"http://127.0.0.1:{server.getsockname()[1]}/", headers={}, content=b"{}", total=0.4)
        assert time.monotonic() - started < 0.8
        thread.join()


@pytest.mark.django_db
def test_inside_a_transaction_nothing_is_called(receiver, settings):
    settings.PRIVATE_HOSTS = frozenset({"127.0.0.1"})
    with transaction.atomic(), pytest.raises(RuntimeError, match="transaction"):
        exchange("POST", receiver.url, headers={}, content=b"{}")
    assert receiver.came == []
