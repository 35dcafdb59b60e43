"""Calls out: attempts, breaker, places and rate, and what is logged of them. Against a small real server."""

from __future__ import annotations

import json
import socket
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import stamina
from django.db import connection as database
from django.db import transaction
from django.utils import timezone

from crm.core.access import activate, system_scope
from outbox import addresses, calling, guards
from outbox.calling import CallRefused, CredentialsRefused, ProviderUnavailable
from outbox.guards import AT_ONCE, FAILURES, Guards
from outbox.models import CallLog, Connection
from tests.outbox.other_side import OK, ask, client_of, logged


@pytest.fixture
def made(calling_out):
    return calling_out


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
    assert away.value.status == 429
    started = time.monotonic()
    with pytest.raises(ProviderUnavailable, match="rate") as spent:
        ask(made)
    assert len(other.asked) == 3, "the bucket is empty until then"
    assert time.monotonic() - started < 2, "no worker waits for what is too far off"
    assert 85 < (spent.value.retry_at - timezone.now()).total_seconds() < 92


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


def test_calls_that_were_under_way_when_it_opened_open_it_no_further(made, other):
    """Eight at once fail together: it opens once, for 30 seconds, not four times for four minutes."""
    other.answers, other.hang = [(500, {}, {})], 0.5

    def one(_n):
        try:
            fail(made, 1)
        finally:
            database.close()

    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(one, range(AT_ONCE)))
    assert len(other.asked) == AT_ONCE
    assert 25 < client_of(made).guards.closed_for() <= 30


@pytest.mark.parametrize("hindrance", ["rate", "bulkhead"])
def test_a_probe_that_came_to_nothing_leaves_its_turn_to_the_next(made, other, monkeypatch, hindrance):
    monkeypatch.setattr(guards, "OPEN_SECONDS", 0.1)
    other.answers = [(500, {}, {})]
    fail(made, FAILURES)
    time.sleep(0.15)
    other.answers = [OK]
    guard = client_of(made).guards
    if hindrance == "rate":
        guard.empty_bucket(120)
    else:
        monkeypatch.setattr(guards, "AT_ONCE", 0)
    with pytest.raises(ProviderUnavailable, match=hindrance):
        ask(made)
    guard.empty_bucket(0)
    monkeypatch.setattr(guards, "AT_ONCE", 8)
    assert ask(made)["status"] == "ok"


def test_a_call_that_ends_late_takes_the_probe_from_nobody(made, other, monkeypatch):
    """While one call probes, others stay out, whatever comes back of those that began before."""
    monkeypatch.setattr(guards, "OPEN_SECONDS", 0.1)
    other.answers = [(500, {}, {})]
    fail(made, FAILURES)
    time.sleep(0.15)
    late, next_one = client_of(made).guards, client_of(made).guards
    with client_of(made).guards.let_in():
        late.through_breaker(lambda: "done", counts=LookupError)
        with pytest.raises(guards.Shut), next_one.let_in():
            pass
    with next_one.let_in():
        pass


def test_what_is_left_of_the_rate_is_told(made):
    guard = Guards(made.pk, calls_per_minute=60)
    assert (guard.rate_left(), guard.size) == (10, 10)
    guard.take_token()
    assert 9 <= guard.rate_left() < 9.5
    guard.empty_bucket(30)
    assert guard.rate_left() == 0


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


def test_an_inner_address_that_nobody_listed_is_never_asked(made, other, settings):
    settings.PRIVATE_HOSTS = frozenset()
    with pytest.raises(ProviderUnavailable, match="address"):
        ask(made)
    assert other.asked == []


def test_a_silent_resolver_is_a_side_that_is_away(made, other, monkeypatch):
    """No refusal for good: the name may be known a minute later. It counts for the breaker."""

    def unknown(_host, _port):
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(addresses, "_resolve", unknown)
    made.base_url = "https://other.example"
    with pytest.raises(ProviderUnavailable, match="address"):
        ask(made)
    assert [row[2] for row in logged(made)] == [1, 2, 3]
    fail(made, 1)
    assert client_of(made).guards.state() == "open"


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
