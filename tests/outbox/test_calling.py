"""Calls out: attempts, breaker, places and rate, and what is logged of them. Against a small real server."""

from __future__ import annotations

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import stamina
from django.db import connection as database
from django.db import transaction

from crm.core.access import activate, system_scope, system_scope_for
from outbox import calling, guards
from outbox.calling import CallRefused, Client, CredentialsRefused, ProviderUnavailable
from outbox.checking import check
from outbox.choices import CheckResult, ConnectionState
from outbox.guards import AT_ONCE, FAILURES, Guards
from outbox.intake_due import due_tasks
from outbox.models import CallLog, Connection, ConnectionCheck, Credential, Event
from outbox.services import connections as services
from tests.outbox.intake import make_connection, reload

OK = (200, {"Content-Type": "application/json"}, {"status": "ok", "more": 1})


class Other:
    """The other side: answers as told, and keeps what it was asked."""

    def __init__(self):
        other = self
        self.answers, self.asked, self.hang, self.running, self.most = [OK], [], 0.0, 0, 0
        self.lock = threading.Lock()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                with other.lock:
                    other.asked.append((self.path, dict(self.headers)))
                    other.running += 1
                    other.most = max(other.most, other.running)
                    status, headers, body = other.answers.pop(0) if len(other.answers) > 1 else other.answers[0]
                time.sleep(other.hang)
                raw = body if isinstance(body, bytes) else json.dumps(body).encode()
                with other.lock:
                    other.running -= 1
                try:
                    self.send_response(status)
                    for name, value in headers.items():
                        self.send_header(name, value)
                    self.send_header("Content-Length", str(len(raw)))
                    self.end_headers()
                    self.wfile.write(raw)
                except OSError:
                    pass

            def log_message(self, *_args):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.host = f"127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def other(settings):
    one = Other()
    settings.PRIVATE_HOSTS = frozenset({one.host})
    yield one
    one.close()


@pytest.fixture
def made(house, other, monkeypatch):
    """A connection to it; attempts follow each other at once."""
    guards.store.cache_clear()
    monkeypatch.setattr(calling, "BACK_OFF_LONGEST", 0.01)
    one = make_connection(house, base_url=f"http://{other.host}")
    guards.store().ask(lambda client: client.delete(*client.keys(f"call:{database.settings_dict['NAME']}:*"), "none"))
    yield one
    guards.store.cache_clear()


def client_of(made, rate=6_000):
    return Client(made, system_scope_for(made.organisation_id, job="test"), calls_per_minute=rate)


def ask(made, **options):
    return client_of(made, **options).get("health", "/readyz", fields=("status",))


def logged(made):
    with system_scope(made.organisation_id, job="test"):
        rows = CallLog.objects.order_by("pk")
        return list(rows.values_list("status", "error", "attempt", "breaker"))


def test_an_answer_is_an_object_and_leaves_one_row(made, other):
    assert ask(made) == {"status": "ok", "more": 1}
    ((path, headers),) = other.asked
    assert path == "/readyz"
    assert headers["user-agent"].startswith("FreshPlan-CRM/")
    with system_scope(made.organisation_id, job="test"):
        row = CallLog.objects.get()
    assert (row.operation, row.method, row.path, row.status, row.attempt, row.error) == (
        "health",
        "GET",
        "/readyz",
        200,
        1,
        "",
    )
    assert row.received_bytes == len(json.dumps(OK[2]))


def test_neither_query_nor_header_is_logged(made):
    client_of(made).get("feed", "/api/events/", query={"token": "canary"}, headers={"authorization": "Bearer canary"})
    with system_scope(made.organisation_id, job="test"):
        assert "canary" not in str(list(CallLog.objects.values()))


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_what_passes_is_tried_three_times(made, other, status):
    other.answers = [(status, {}, {}), (status, {}, {}), OK]
    assert ask(made)["status"] == "ok"
    assert [row[0] for row in logged(made)] == [status, status, 200]
    assert [row[2] for row in logged(made)] == [1, 2, 3]


def test_after_three_attempts_it_is_unavailable_with_a_time(made, other):
    other.answers = [(503, {}, {})]
    with pytest.raises(ProviderUnavailable) as away:
        ask(made)
    assert (len(other.asked), away.value.status, away.value.kind) == (3, 503, "status")


@pytest.mark.parametrize(("status", "error"), [(401, CredentialsRefused), (403, CredentialsRefused), (404, CallRefused),
                                               (302, CallRefused)])  # fmt: skip
def test_what_would_be_no_better_is_asked_once_and_never_opens_the_breaker(made, other, status, error):
    other.answers = [(status, {"Location": "/elsewhere"}, {})]
    for _n in range(FAILURES + 1):
        with pytest.raises(error):
            ask(made)
    assert len(other.asked) == FAILURES + 1
    assert client_of(made).guards.state() == "closed"


@pytest.mark.parametrize(
    "answer",
    [
        (200, {"Content-Type": "text/html"}, b"<p>welcome</p>"),
        (200, {"Content-Type": "application/json"}, b"{"),
        (200, {"Content-Type": "application/json"}, b"[1]"),
        (200, {"Content-Type": "application/json"}, {"other": 1}),
        (200, {"Content-Type": "application/json"}, b"[" * 50_000),
    ],
)
def test_an_answer_that_nobody_expects_is_a_failure(made, other, answer):
    other.answers = [answer]
    with pytest.raises(ProviderUnavailable):
        ask(made)
    assert [row[1] for row in logged(made)] == ["shape"]


def test_an_answer_too_large_is_cut(made, other, monkeypatch):
    monkeypatch.setattr(calling, "LONGEST_ANSWER", 1_000)
    other.answers = [(200, {"Content-Type": "application/json"}, b" " * 1_001)]
    with pytest.raises(ProviderUnavailable, match="too large"):
        ask(made)


def test_retry_after_is_waited_for_and_a_long_one_ends_the_call(made, other):
    other.answers = [(503, {"Retry-After": "1"}, {}), OK]
    started = time.monotonic()
    ask(made)
    assert 0.9 < time.monotonic() - started < 4
    other.answers = [(429, {"Retry-After": "90"}, {})]
    with pytest.raises(ProviderUnavailable) as away:
        ask(made)
    assert len(other.asked) == 3
    with pytest.raises(ProviderUnavailable, match="rate"):
        ask(made)
    assert len(other.asked) == 3, "the bucket is empty until then"
    assert away.value.status == 429


# Breaker


def fail(made, times):
    for _n in range(times):
        with pytest.raises(ProviderUnavailable):
            ask(made)


def test_a_side_that_hangs_opens_the_breaker_within_five_calls_and_then_costs_nothing(made, other, monkeypatch):
    monkeypatch.setattr(calling, "TOTAL_SECONDS", 0.2)
    other.hang = 1.0
    fail(made, 2)
    assert len(other.asked) == FAILURES, "three attempts, then two"
    guard = client_of(made)
    times = []
    for _n in range(20):
        started = time.perf_counter()
        with pytest.raises(ProviderUnavailable, match="breaker"):
            guard.get("health", "/readyz")
        times.append(time.perf_counter() - started)
    assert sorted(times)[10] < 0.001
    assert len(other.asked) == FAILURES


def test_another_process_knows_that_it_is_open(made, other):
    other.answers = [(500, {}, {})]
    fail(made, FAILURES)
    guards.store.cache_clear()  # as a process that has just started
    with pytest.raises(ProviderUnavailable, match="breaker"):
        ask(made)
    assert len(other.asked) == FAILURES


def test_after_its_time_one_call_goes_through_and_two_successes_close_it(made, other, monkeypatch):
    monkeypatch.setattr(guards, "OPEN_SECONDS", 0.3)
    other.answers = [(500, {}, {})]
    fail(made, FAILURES)
    time.sleep(0.35)
    fail(made, 1)
    assert len(other.asked) == FAILURES + 1, "one probe"
    assert 0.4 < client_of(made).guards.closed_for() <= 0.6, "twice as long"
    time.sleep(0.65)
    other.answers = [OK]
    ask(made)
    assert client_of(made).guards.state() == "half-open"
    ask(made)
    assert client_of(made).guards.state() == "closed"
    assert guards._Storage(f"call:{database.settings_dict['NAME']}:{made.pk}:breaker").read()["opens"] == "0"


def test_half_open_lets_one_of_many_through(made, other, monkeypatch):
    monkeypatch.setattr(guards, "OPEN_SECONDS", 0.2)
    other.answers = [(500, {}, {})]
    fail(made, FAILURES)
    time.sleep(0.25)
    other.answers, other.hang = [OK], 0.3

    def one(_n):
        try:
            return ask(made)["status"]
        except ProviderUnavailable as away:
            return away.kind
        finally:
            database.close()

    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(one, range(6)))
    assert sorted(found) == ["breaker"] * 5 + ["ok"]


# Places, rate, transactions


def test_as_many_at_once_as_there_are_places(made, other):
    other.hang = 2.0

    def one(_n):
        try:
            return ask(made)["status"]
        except ProviderUnavailable as full:
            return full.kind
        finally:
            database.close()

    with ThreadPoolExecutor(AT_ONCE + 4) as pool:
        found = list(pool.map(one, range(AT_ONCE + 4)))
    assert (found.count("ok"), found.count("bulkhead")) == (AT_ONCE, 4)
    assert other.most <= AT_ONCE
    assert ask(made)["status"] == "ok", "the places are free again"


def test_the_rate_holds_over_all_who_share_it(made):
    """4 in parallel, 100 a minute (a bucket of 16): no more than the bucket and what came in meanwhile."""
    started, waits = time.time(), []

    def one(_n):
        guard, passed = Guards(made.pk, calls_per_minute=100), 0
        for _try in range(10):
            try:
                guard.take_token()
                passed += 1
            except guards.TooFast as fast:
                waits.append(fast.seconds)
        return passed

    with ThreadPoolExecutor(4) as pool:
        passed = sum(pool.map(one, range(4)))
    assert len(waits) == 40 - passed
    assert 0 < max(waits) <= 0.61
    assert 16 <= passed <= 16 + (time.time() - started) * 100 / 60 + 1


def test_never_inside_a_transaction(made, other):
    with transaction.atomic(), pytest.raises(RuntimeError, match="transaction"):
        ask(made)
    assert other.asked == []


def test_an_inner_address_that_nobody_listed_is_refused(made, other, settings):
    settings.PRIVATE_HOSTS = frozenset()
    with pytest.raises(CallRefused, match="address"):
        ask(made)
    assert other.asked == []


def test_without_redis_each_process_keeps_its_own_guards(made, other, settings):
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    guards.store.cache_clear()
    assert ask(made, rate=240_000)["status"] == "ok"
    other.answers = [(500, {}, {})]
    for _n in range(FAILURES):
        with pytest.raises(ProviderUnavailable):
            ask(made, rate=240_000)
    with pytest.raises(ProviderUnavailable, match="breaker"):
        ask(made, rate=240_000)
    assert len(other.asked) == FAILURES + 1


# The health call


def state_of(made):
    with system_scope(made.organisation_id, job="test"):
        return ConnectionCheck.objects.get(connection=made)


def told(made):
    with system_scope(made.organisation_id, job="test"):
        return list(Event.objects.filter(type__startswith="integration.").order_by("pk").values_list("type", flat=True))


def test_a_test_from_the_page_is_asked_by_a_worker_and_its_answer_kept(made, as_relay):
    with system_scope(made.organisation_id, job="test") as scope:
        services.ask_check(scope=scope, connection_id=made.pk)
    with as_relay():
        assert due_tasks() == [("outbox.tasks.check_connection", (made.organisation_id, made.pk))]
        assert due_tasks() == []
    assert check(made.organisation_id, made.pk) == CheckResult.OK
    row = state_of(made)
    assert (row.result, row.status, row.locked_until) == ("OK", 200, None)
    assert (row.due_at - row.checked_at).total_seconds() == 60
    assert told(made) == []


def test_a_side_that_goes_away_and_comes_back_is_told_once_each(made, other):
    check(made.organisation_id, made.pk)
    other.answers = [(503, {}, {})]
    assert check(made.organisation_id, made.pk) == CheckResult.AWAY
    assert check(made.organisation_id, made.pk) == CheckResult.AWAY
    assert reload(made).state == ConnectionState.ACTIVE
    other.answers = [OK]
    guards.store().ask(lambda client: client.delete(f"call:{database.settings_dict['NAME']}:{made.pk}:breaker"))
    assert check(made.organisation_id, made.pk) == CheckResult.OK
    assert told(made) == ["integration.degraded", "integration.recovered"]


def with_token(made, value="t" * 24):
    with system_scope(made.organisation_id, job="test") as scope:
        return services.set_credential(scope=scope, connection_id=made.pk, kind="api_token", value=value)


FEED = (200, {"Content-Type": "application/json"}, {"items": [], "next": 0, "more": False})


def test_with_a_token_the_feed_is_asked_and_a_refused_one_breaks_the_connection(made, other):
    with_token(made)
    other.answers = [FEED]
    assert check(made.organisation_id, made.pk) == CheckResult.OK
    path, headers = other.asked[-1]
    assert (path, headers["authorization"]) == ("/api/events/?limit=1", f"Bearer {'t' * 24}")
    other.answers = [(401, {}, {})]
    assert check(made.organisation_id, made.pk) == CheckResult.REFUSED
    assert reload(made).state == ConnectionState.BROKEN
    other.answers = [FEED]
    assert check(made.organisation_id, made.pk) == CheckResult.OK
    assert reload(made).state == ConnectionState.ACTIVE
    assert told(made) == ["integration.credentials.refused", "integration.recovered"]


def test_a_new_token_is_proven_before_it_is_used(made, other):
    with_token(made)
    with_token(made, "n" * 24)
    other.answers = [(401, {}, {}), FEED]
    assert check(made.organisation_id, made.pk) == CheckResult.OK, "the old one still works"
    with system_scope(made.organisation_id, job="test"):
        kept = Credential.objects.filter(kind="api_token")
        assert dict(kept.values_list("ending", "role")) == {"tttt": "CURRENT", "nnnn": "NEXT"}
    other.answers = [FEED]
    check(made.organisation_id, made.pk)
    assert other.asked[-1][1]["authorization"].endswith("n" * 24)
    with system_scope(made.organisation_id, job="test"):
        assert dict(kept.values_list("ending", "role")) == {"tttt": "PREVIOUS", "nnnn": "CURRENT"}


def test_nobody_is_asked_without_an_address(house):
    made = make_connection(house)
    assert check(house.pk, made.pk) is None


def test_stamina_is_really_retrying():
    assert stamina.is_active()


def test_nothing_but_the_transport_opens_a_way_out():
    """The client goes through `transport.exchange`; no other module of ours imports an HTTP library."""
    import ast
    from pathlib import Path

    root = Path(calling.__file__).parent.parent
    found = {
        str(path.relative_to(root))
        for app in ("crm", "outbox", "organisation", "jobs", "customers", "messaging")
        for path in (root / app).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for name in ([node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names])
        if name.split(".")[0] in {"httpx2", "httpcore2", "requests", "httpx", "aiohttp"} or name == "http.client"
    }
    assert {name for name in found if not name.startswith("outbox/")} == set()


def test_rows_of_calls_are_read_by_those_who_look_after_them_alone(made, people_of):
    ask(made)
    for role, sees in (("REP", 0), ("DPO", 0), ("MANAGER", 1), ("ADMINISTRATOR", 1)):
        with transaction.atomic(), activate(people_of(role)) as scope:
            assert CallLog.objects.visible_to(scope).count() == CallLog.objects.count() == sees, role
            assert Connection.objects.count() == sees


@pytest.fixture
def people_of(house):
    from tests.conftest import make_user, scope_of

    def scope(role):
        return scope_of(make_user(house, role))

    return scope
