"""/metrics: names that dashboards and alerts rest on, the truth over several processes, and who may read it."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.conf import settings
from prometheus_client.parser import text_string_to_metric_families

from crm.core.access import system_scope
from crm.launcher.backups import shelf
from jobs.models import JobRun
from outbox import guards, services
from outbox.models import Connection, Delivery, Event
from outbox.services.connections import create_connection

TOKEN = "t" * 40
# A name here is a contract: it is added to, never renamed.
NAMES = {
    "freshplan_backup_age_seconds": [],
    "freshplan_backup_bytes": [],
    "freshplan_backup_proof_age_seconds": [],
    "freshplan_backups": [],
    "freshplan_breakers": ["provider", "state"],
    "freshplan_connections": ["provider", "state"],
    "freshplan_database_up": [],
    "freshplan_heartbeat_age_seconds": ["process"],
    "freshplan_http_database_queries": ["route"],
    "freshplan_http_database_seconds": ["route"],
    "freshplan_http_request_seconds": ["route", "status"],
    "freshplan_http_requests": ["method", "route", "status"],
    "freshplan_inbox_dead": [],
    "freshplan_inbox_open": [],
    "freshplan_job_done_age_seconds": ["job"],
    "freshplan_job_runs": ["job", "state"],
    "freshplan_job_seconds": ["job"],
    "freshplan_mail_failed": [],
    "freshplan_mail_waiting": [],
    "freshplan_outbox_attempts": ["handler", "result"],
    "freshplan_outbox_dead": [],
    "freshplan_outbox_lag_seconds": [],
    "freshplan_outbox_undelivered": [],
    "freshplan_projection_late_rows": [],
    "freshplan_projection_oldest_seconds": [],
    "freshplan_projection_rows": [],
    "freshplan_queue_length": [],
    "freshplan_redis_up": [],
    "freshplan_webhook_attempts": ["result"],
    "freshplan_webhook_dead": [],
    "freshplan_webhook_subscriptions": ["state"],
    "freshplan_webhook_undelivered": [],
}


@pytest.fixture
def token(settings) -> None:
    settings.METRICS_TOKEN = TOKEN


def scrape(client) -> dict[str, dict[tuple[tuple[str, str], ...], float]]:
    """Name of the sample: its labels: its value."""
    answer = client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    assert answer.status_code == 200
    found: dict[str, dict[tuple[tuple[str, str], ...], float]] = {}
    for family in text_string_to_metric_families(answer.content.decode()):
        for sample in family.samples:
            found.setdefault(sample.name, {})[tuple(sorted(sample.labels.items()))] = sample.value
    return found


def families(client) -> dict[str, set[str]]:
    answer = client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    return {
        family.name: set().union(*(sample.labels.keys() - {"le"} for sample in family.samples))
        for family in text_string_to_metric_families(answer.content.decode())
    }


def test_names_and_labels_are_the_contract(client, organisation, token, tmp_path, monkeypatch):
    from outbox.metrics import ATTEMPTS, SENT

    monkeypatch.setenv("BACKUP_DIR", str(tmp_path))
    (tmp_path / shelf.name_for(datetime.now(UTC) - timedelta(hours=5))).write_bytes(b"x" * 100)
    shelf.note_proof(shelf.backups(tmp_path)[0], datetime.now(UTC) - timedelta(hours=4))
    services.beat("relay")
    with system_scope(organisation.pk, job="test") as scope:
        create_connection(scope=scope, provider="freshplan", label="Nord", base_url="https://other.example")
        JobRun.objects.create(
            job="test.job", organisation=organisation, period=datetime.now(UTC), state="DONE",
            locked_until=datetime.now(UTC), finished_at=datetime.now(UTC) + timedelta(seconds=3),
        )  # fmt: skip
    ATTEMPTS.labels("test.handler", "done").inc()
    SENT.labels("done").inc()
    client.get("/accounts/login/")

    told = families(client)

    assert {name: sorted(labels) for name, labels in told.items() if name.startswith("freshplan_")} == NAMES
    values = scrape(client)
    assert 5 * 3600 <= values["freshplan_backup_age_seconds"][()] < 5 * 3600 + 60
    assert 4 * 3600 <= values["freshplan_backup_proof_age_seconds"][()] < 4 * 3600 + 60
    assert values["freshplan_backup_bytes"][()] == 100


def test_connections_and_breakers_by_state(client, organisation, other_organisation, token):
    guards.store.cache_clear()
    for one, state in ((organisation, "ACTIVE"), (other_organisation, "BROKEN"), (other_organisation, "BROKEN")):
        with system_scope(one.pk, job="test") as scope:
            made = create_connection(scope=scope, provider="freshplan", label="Nord", base_url="https://other.example")
            Connection.objects.filter(pk=made.pk).update(state=state)
    guard = guards.Guards(made.pk, calls_per_minute=60)
    for _n in range(guards.FAILURES):
        with pytest.raises(LookupError):
            guard.through_breaker(lambda: {}["none"], counts=LookupError)
    told = scrape(client)
    guards.store.cache_clear()

    def of(name: str, state: str) -> float:
        return told[name][("provider", "freshplan"), ("state", state)]

    assert [of("freshplan_connections", one) for one in ("draft", "active", "paused", "broken")] == [0, 1, 0, 2]
    assert [of("freshplan_breakers", one) for one in ("closed", "half-open", "open")] == [2, 0, 1]


def test_requests_are_counted_by_route_and_status(client, organisation, token):
    before = scrape(client)
    for path in ("/accounts/login/", "/accounts/login/", "/nowhere/"):
        client.get(path)
    after = scrape(client)

    def more(name: str, **labels: str) -> float:
        key = tuple(sorted(labels.items()))
        return after[name].get(key, 0) - before.get(name, {}).get(key, 0)

    login = {"route": "account_login", "status": "200"}
    assert more("freshplan_http_requests_total", method="GET", **login) == 2
    assert more("freshplan_http_requests_total", method="GET", route="none", status="404") == 1
    assert more("freshplan_http_request_seconds_count", **login) == 2
    assert more("freshplan_http_request_seconds_bucket", le="10.0", **login) == 2
    assert more("freshplan_http_request_seconds_sum", **login) > 0
    assert more("freshplan_http_database_queries_total", route="account_login") >= 2
    assert more("freshplan_http_database_seconds_total", route="account_login") > 0


def test_what_waits_and_what_was_given_up_of_all_organisations(client, organisation, other_organisation, token):
    for house, states in ((organisation, ["WAITING", "DEAD", "DONE"]), (other_organisation, ["WAITING"])):
        with system_scope(house.pk, job="test"):
            for number, state in enumerate(states):
                event = Event.objects.create(
                    organisation=house, type="x", subject_type="x", subject_id=1, actor="job:test", source="job",
                    occurred_at=datetime.now(UTC), position=house.pk * 100 + number,
                )  # fmt: skip
                Delivery.objects.create(
                    organisation=house, event=event, handler="x", subject_type="x", subject_id=1,
                    position=event.position, state=state,
                )  # fmt: skip
    values = scrape(client)
    assert values["freshplan_outbox_undelivered"][()] == 2
    assert values["freshplan_outbox_dead"][()] == 1


def test_failed_jobs_are_told_apart(client, organisation, token):
    now = datetime.now(UTC)
    with system_scope(organisation.pk, job="test"):
        for number, state in enumerate(["DONE", "FAILED", "FAILED"]):
            JobRun.objects.create(
                job="a.job", organisation=organisation, period=now - timedelta(hours=number), state=state,
                locked_until=now, started_at=now - timedelta(seconds=90), finished_at=now - timedelta(seconds=60),
            )  # fmt: skip
    values = scrape(client)
    assert values["freshplan_job_runs"][("job", "a.job"), ("state", "FAILED")] == 2
    assert values["freshplan_job_runs"][("job", "a.job"), ("state", "DONE")] == 1
    assert values["freshplan_job_seconds"][(("job", "a.job"),)] == 30
    assert 60 <= values["freshplan_job_done_age_seconds"][(("job", "a.job"),)] < 90


@pytest.mark.parametrize(
    "headers", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": "Bearer"}, {"Authorization": "Bearer " + "ü"}]
)
def test_without_the_token_there_is_no_such_address(client, organisation, token, headers):
    answer = client.get("/metrics", headers=headers)
    unknown = client.get("/no-such-address", headers=headers)
    assert answer.status_code == unknown.status_code == 404
    assert b"freshplan_" not in answer.content


def test_without_a_secret_nobody_reads(client, organisation, settings):
    settings.METRICS_TOKEN = ""
    assert client.get("/metrics", headers={"Authorization": "Bearer "}).status_code == 404


def test_signed_in_administrators_have_no_way_in(as_user, people, token):
    assert as_user(people("ADMINISTRATOR")).get("/metrics").status_code == 404


def test_processes_add_up(client, organisation, token):
    """Other processes, one of them killed, count into what this one tells."""
    code = (
        "import os, signal, django; django.setup();"
        "from crm.core.metrics import REQUESTS; REQUESTS.labels('test.route', 'GET', 200).inc(5);"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    env = os.environ | {
        "DJANGO_SETTINGS_MODULE": "tests.settings",
        "CRM_DATA_DIR": str(settings.DATA_DIR),
        "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[2]), *sys.path]),
    }
    key = (("method", "GET"), ("route", "test.route"), ("status", "200"))
    before = scrape(client).get("freshplan_http_requests_total", {}).get(key, 0)
    for _ in range(2):
        assert subprocess.run([sys.executable, "-c", code], env=env, check=False).returncode == -9
    assert scrape(client)["freshplan_http_requests_total"][key] == before + 10


def test_redis_away_is_a_figure(client, organisation, token, settings):
    from crm.core import health

    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    health.redis_client.cache_clear()
    try:
        values = scrape(client)
    finally:
        health.redis_client.cache_clear()
    assert values["freshplan_redis_up"][()] == 0
    assert "freshplan_queue_length" not in values
