"""/healthz and /readyz: what a supervisor and a load balancer go by."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test import Client

from crm.core import health
from outbox import services


@pytest.fixture
def relay_lives(db):
    services.beat("relay")


def test_live_without_a_database(client: Client):
    answer = client.get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
    assert "no-store" in answer.headers["Cache-Control"]


def test_ready_when_all_parts_are(client, relay_lives):
    answer = client.get("/readyz")
    told = answer.json()
    assert answer.status_code == 200, told
    assert (told["status"], told["database"], told["redis"], told["relay"]) == ("ok", "ok", "ok", "ok")


def test_ready_though_redis_is_away(client, relay_lives, settings):
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    health.redis_client.cache_clear()
    try:
        answer = client.get("/readyz")
    finally:
        health.redis_client.cache_clear()
    assert (answer.status_code, answer.json()["redis"]) == (200, "away")


def test_not_ready_while_the_relay_is_silent(client, db):
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["relay"]) == (503, "silent")


@pytest.mark.parametrize(
    ("fault", "change"),
    [
        ("version", {"VERSION_FLOOR": dict.fromkeys(range(15, 30), 999_999)}),
        ("clock", {"CLOCK_TOLERANCE": -1}),
        ("migrations", {"_last_migrations": lambda: {("customers", "9999_missing")}}),
    ],
)
def test_not_ready_with_a_wrong_database(client, relay_lives, monkeypatch, fault, change):
    for name, value in change.items():
        monkeypatch.setattr(health, name, value)
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["database"]) == (503, f"wrong: {fault}")


def test_not_ready_as_owner(client, committed_db, database_urls):
    from environ import Env

    connection.close()
    served, owner = connection.settings_dict, Env.db_url_config(database_urls["owner"])
    connection.settings_dict = {**served, "USER": owner["USER"], "PASSWORD": owner["PASSWORD"]}
    try:
        answer = client.get("/readyz")
    finally:
        connection.close()
        connection.settings_dict = served
    assert (answer.status_code, answer.json()["database"]) == (503, "wrong: role")


def test_not_ready_without_a_database(client, committed_db):
    connection.close()
    served = connection.settings_dict
    connection.settings_dict = {**served, "PORT": "1"}
    try:
        answer = client.get("/readyz")
    finally:
        connection.close()
        connection.settings_dict = served
    assert (answer.status_code, answer.json()["database"]) == (503, "away")
