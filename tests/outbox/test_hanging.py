"""Another system that accepts every call and says nothing for a minute: what our pages feel of it, and when we stop asking."""

from __future__ import annotations

import re
import socket
import threading
import time
from statistics import quantiles

import pytest
from django.conf import settings as configured
from django.core.cache import cache
from django.db import connection as database
from django.db import transaction

from outbox import guards
from outbox.checking import check
from outbox.choices import CheckResult
from outbox.guards import FAILURES, Guards
from outbox.services import connections
from tests.outbox.intake import envelope, make_connection, send
from tests.outbox.served import call, served

SILENT_SECONDS = 60.0
PAGE_SECONDS = 2.0  # that no page takes longer (integrations.md, Outgoing client)
PAGE_P95 = 0.5  # seconds (integrations.md, To reach)


class Silent:
    """Takes each request, and closes the line a minute later without a word."""

    def __init__(self) -> None:
        self.asked: list[float] = []
        self._over = threading.Event()
        self._server = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.host = f"127.0.0.1:{self._server.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while not self._over.is_set():
            try:
                line, _address = self._server.accept()
            except OSError:
                return
            threading.Thread(target=self._hold, args=(line,), daemon=True).start()

    def _hold(self, line: socket.socket) -> None:
        with line:
            if line.recv(65_536):
                self.asked.append(time.monotonic())
                self._over.wait(SILENT_SECONDS)

    def close(self) -> None:
        self._over.set()
        self._server.close()


@pytest.fixture
def silent(settings):
    one = Silent()
    settings.PRIVATE_HOSTS = frozenset({one.host})
    yield one
    one.close()


@pytest.fixture
def made(house, silent):
    """A connection whose other side is silent, with a message that came in before."""
    cache.clear()
    guards.store.cache_clear()
    one = make_connection(house, base_url=f"http://{silent.host}")
    guards.store().ask(lambda client: client.delete(f"call:{database.settings_dict['NAME']}:{one.pk}:breaker"))
    assert send(one, envelope(1)).status_code == 202
    yield one
    guards.store.cache_clear()


@pytest.fixture
def cookie(administrator, as_user):
    """The session of an administrator, as a header."""
    with transaction.atomic():
        client = as_user(administrator)
    name = configured.SESSION_COOKIE_NAME
    return {"Cookie": f"{name}={client.cookies[name].value}"}


@pytest.mark.fault
def test_a_side_that_hangs_for_a_minute_costs_no_page_its_time(
    made, silent, cookie, administrator, doing, database_urls
):
    """Workers ask it by the real limits (10 s an attempt); four web threads serve the pages that show it, all the while."""
    found: list[CheckResult | None] = []
    guard = Guards(made.pk, calls_per_minute=60)

    def work() -> None:
        try:
            while guard.state() == "closed":
                doing(administrator, connections.ask_check, connection_id=made.pk)
                found.append(check(made.organisation_id, made.pk))
        finally:
            database.close()

    here = f"/settings/connections/{made.pk}/"
    pages = ("/settings/connections/", here, f"{here}check/", "/settings/inbox/")
    took: list[float] = []
    with served(database_urls) as port:
        for page in pages:  # the first request of a process reads templates and translations
            assert call(port, "GET", page, headers=cookie)[0] == 200
        worker = threading.Thread(target=work)
        started = time.monotonic()
        worker.start()
        while worker.is_alive():
            for page in pages:
                before = time.perf_counter()
                status, _body, _headers = call(port, "GET", page, headers=cookie)
                took.append(time.perf_counter() - before)
                assert status == 200
            time.sleep(0.1)
        opened_after = time.monotonic() - started
        shown = call(port, "GET", here, headers=cookie)[1].decode()

    assert set(found) == {CheckResult.AWAY}
    assert guard.state() == "open"
    assert len(silent.asked) <= FAILURES
    p95 = quantiles(took, n=20)[-1]
    print(
        f"{len(took)} pages, p95 {p95 * 1000:.0f} ms, slowest {max(took) * 1000:.0f} ms;"
        f" the breaker opened after {len(silent.asked)} calls, {opened_after:.0f} s"
    )
    assert max(took) < PAGE_SECONDS
    assert p95 <= PAGE_P95
    assert re.search("failed five times in a row|fünfmal hintereinander versagt", shown)
    asked, before = len(silent.asked), time.monotonic()
    assert check(made.organisation_id, made.pk) == CheckResult.AWAY
    assert time.monotonic() - before < 1
    assert len(silent.asked) == asked, "while it is open nobody is sent there"
