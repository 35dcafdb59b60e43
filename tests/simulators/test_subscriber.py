"""The simulated subscriber against the library that receivers use, and against our own sender's rules."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import urllib.error
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import pytest
from standardwebhooks import Webhook

from bench.simulated import ROOT, simulated

SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"


@pytest.fixture
def subscriber():
    with simulated("subscriber", "--secret", SECRET) as running:
        yield running


def deliver(
    subscriber, number, *, subject="customer/7", message_id=None, at=None, secret=SECRET, change=b"", path="/a"
):
    """Status of one signed delivery; 0 where the line was cut."""
    at = at or datetime.now(UTC)
    message_id = message_id or f"event-{number}"
    body = json.dumps({"id": message_id, "subject": subject, "crmposition": number, "crmgap": number == 3}).encode()
    headers = {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign(message_id, at, body.decode()),
    }
    parts = urlsplit(subscriber.address)
    line = http.client.HTTPConnection(parts.hostname, parts.port, timeout=10)
    try:
        line.request("POST", path, body + change, headers)
        answer = line.getresponse()
        answer.read()
        return answer.status
    except (http.client.HTTPException, ConnectionError):
        return 0
    finally:
        line.close()


def test_a_signed_delivery_is_taken_and_kept(subscriber):
    assert deliver(subscriber, 1) == 204
    (entry,) = subscriber.log()
    assert entry["verdict"] == "ok"
    assert json.loads(entry["body"])["crmposition"] == 1
    assert entry["headers"]["webhook-id"] == "event-1"


@pytest.mark.parametrize(
    ("how", "why"),
    [
        ({"change": b" "}, "unsigned"),
        ({"secret": "whsec_" + "A" * 32}, "unsigned"),
        ({"at": datetime.now(UTC) - timedelta(minutes=6)}, "stale"),
    ],
)
def test_what_a_receiver_must_refuse_is_refused(subscriber, how, why):
    assert deliver(subscriber, 1, **how) == 401
    assert subscriber.state()["refused"] == {why: 1}
    assert subscriber.state()["accepted"] == 0


def test_repeats_gaps_and_order_per_subject_are_reported(subscriber):
    for number in (1, 3, 2, 2):
        assert deliver(subscriber, number) == 204
    assert deliver(subscriber, 1, subject="customer/8", message_id="other") == 204
    assert deliver(subscriber, 1, path="/b", message_id="elsewhere") == 204
    state = subscriber.state()
    assert (state["accepted"], state["repeats"], state["disorder"], state["gaps"]) == (5, 1, 1, 1)


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        ({"error": {"status": 503, "retry_after": 5}}, 503),
        ({"redirect": "http://127.0.0.1/"}, 302),
        ({"error": {"status": 410}}, 410),
        ({"drop": True}, 0),
        ({"reset": True}, 0),
        ({"hang": 0.2}, 0),
        ({"huge": 100_000}, 200),
        ({"latency": 0.1}, 204),
    ],
)
def test_it_answers_as_told_until_told_otherwise(subscriber, fault, status):
    subscriber.faults(**fault)
    assert deliver(subscriber, 1) == status
    subscriber.faults()
    assert deliver(subscriber, 1) == 204


def test_who_hangs_goes_on_when_the_fault_ends(subscriber):
    subscriber.faults(hang=60)
    parts = urlsplit(subscriber.address)
    line = http.client.HTTPConnection(parts.hostname, parts.port, timeout=10)
    body = b'{"id": "x", "subject": "customer/1", "crmposition": 1, "crmgap": false}'
    now = datetime.now(UTC)
    signature = Webhook(SECRET).sign("x", now, body.decode())
    headers = {"webhook-id": "x", "webhook-timestamp": str(int(now.timestamp())), "webhook-signature": signature}
    line.request("POST", "/", body, headers)
    subscriber.faults()
    with pytest.raises((http.client.HTTPException, ConnectionError)):
        line.getresponse()
    line.close()


@pytest.mark.parametrize("fault", [{"quake": True}, {"error": 500}, {"error": {"status": 999}}, {"hang": "long"}])
def test_a_fault_that_nobody_knows_or_that_is_told_badly_is_refused(subscriber, fault):
    with pytest.raises(urllib.error.HTTPError, match="400"):
        subscriber.faults(**fault)
    assert subscriber.state()["faults"] == {}


def test_what_is_no_event_is_refused(subscriber):
    assert deliver(subscriber, "first") == 401
    assert subscriber.state()["refused"] == {"malformed": 1}


def test_a_secret_that_is_none_is_one_clear_line():
    command = [sys.executable, "-m", "simulators", "subscriber", "--secret", "whsec_?"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 2
    assert "whsec_" in done.stderr.splitlines()[-1]
