"""The fault rounds: what they count, what they write down, and one round on a product of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
from django.db import transaction

from bench.faults import report, truth
from bench.faults.load import Write
from crm.core.access import activate
from crm.launcher.children import leftovers
from crm.launcher.environment import ROOT
from customers import services
from tests.conftest import make_organisation, make_user, scope_of

MARK = "Faultlauf 7"
ALL = [f"{MARK} 0-{number}" for number in range(3)]


@pytest.fixture
def written(committed_db, database_urls):
    """Three customers with their events, as the load makes them; a connection of the owner's."""
    user = make_user(make_organisation())
    for name in ALL:
        with transaction.atomic():
            scope = scope_of(user)
            with activate(scope):
                services.create_customer(scope=scope, values={"company_name": name, "business_type": "HOTEL"})
    with psycopg.connect(database_urls["owner"], autocommit=True) as owner:
        yield owner


def said_yes(*names: str) -> list[Write]:
    return [Write(name, 0.0, 0.01, acknowledged=True) for name in names]


def test_what_is_there_is_neither_lost_nor_doubled(written):
    count = truth.count(written, [*said_yes(*ALL), Write(f"{MARK} 0-9", 0.0, 1.0, acknowledged=False)], MARK, feed=True)
    assert (count.acknowledged, count.lost, count.doubled, count.unplaced) == (3, 0, 0, 3)


def test_what_was_promised_and_is_not_there_is_lost(written):
    assert truth.count(written, said_yes(*ALL, f"{MARK} 0-5"), MARK, feed=False).lost == 1
    written.execute("DELETE FROM outbox_event WHERE subject_id = (SELECT min(id) FROM customers_customer)")
    assert truth.count(written, said_yes(*ALL), MARK, feed=False).lost == 1


def test_what_is_there_twice_is_doubled(written):
    written.execute(
        "INSERT INTO outbox_event (organisation_id, event_id, type, version, subject_type, subject_id, data, actor, source,"
        " request_id, cause, occurred_at) SELECT organisation_id, gen_random_uuid(), type, version, subject_type, subject_id,"
        " data, actor, source, request_id, cause, occurred_at FROM outbox_event LIMIT 1"
    )
    assert truth.count(written, said_yes(*ALL), MARK, feed=False).doubled == 1


def test_a_feed_with_a_hole_is_found(written):
    written.execute("UPDATE outbox_event SET position = 10 + id")
    count = truth.count(written, said_yes(*ALL), MARK, feed=True)
    assert (count.unplaced, count.gaps > 0) == (0, True)


def heard(event_id: str, **values: object) -> dict:
    return {"headers": {"webhook-id": event_id}, "verdict": "ok", "status": 204, "cut": False} | values


def test_what_a_subscriber_did_not_get_or_nobody_took_in_is_counted(written):
    rows = written.execute(
        "SELECT event_id::text FROM outbox_event WHERE type = 'customer.created' ORDER BY id"
    ).fetchall()
    first, second, third = [event_id for (event_id,) in rows]
    log = [heard(first), heard(second), heard(second), heard(third, status=500)]
    assert truth.ends(written, said_yes(*ALL), log, 0) == truth.Ends(1, 1, 0, 3, 0)
    assert truth.ends(written, said_yes(*ALL[:2]), log, 4) == truth.Ends(0, 1, 4, 2, 0)


def outcome(number: int, fault: str, recovery: float, lost: int = 0) -> report.Outcome:
    return report.Outcome(number, fault, fault.split(maxsplit=1)[0], 1.0, 2.0, 30, 1, lost, 0, recovery)


def test_the_page_tells_every_round():
    text = report.document(
        [outcome(n, fault, n + 0.5, lost=n - 1) for n in (1, 2) for fault in ("web killed", "relay killed")],
        report.Conditions(
            "./freshplan faults", 7, 600, 6, [10.0] * 95 + [50.0] * 5, [11.0], 0, 0, truth.Ends(0, 2, 0, 0, 0)
        ),
    )
    assert "| web killed | 2 | 60 | 2 | 1 | 0 | 1.5 s | 2.5 s |" in text
    assert "| with Redis | 100 | 10 ms | 10 ms |" in text
    assert "| 2 | web: 2.5 s | relay: 2.5 s |" in text
    assert "seed 7" in text
    assert "0 events never reached the subscriber, 2 did more than once" in text


def test_writes_are_told_apart_by_redis():
    writes = [Write("a", 1.0, 0.01, True), Write("b", 5.0, 0.02, True), Write("c", 5.5, 9.0, False)]
    assert report.windows(writes, [(4.0, 6.0)]) == ([10.0], [20.0])


@pytest.mark.fault
def test_one_round_on_a_product_of_its_own(tmp_path: Path):
    ours = ("DATABASE_", "REDIS_", "CRM_", "TEST_", "SECRET_", "DJANGO_", "PYTEST_", "ALLOWED_", "PYTHON")
    env = {key: value for key, value in os.environ.items() if not key.startswith(ours)}
    command = [sys.executable, str(ROOT / "freshplan"), "faults", "--rounds", "1", "--seed", "7", "--no-document"]
    done = subprocess.run(
        [*command, "--faults", "relay killed,worker killed"],
        env=env | {"CRM_DATA_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr[-3000:]
    assert done.stdout.splitlines()[-1] == "1 rounds, 0 lost, 0 doubled"
    assert len(done.stdout.splitlines()) == 3
    assert leftovers(tmp_path / "faults") == []
