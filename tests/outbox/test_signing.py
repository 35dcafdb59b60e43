"""Signatures, both ways: ours against the package and the vectors, theirs against our check."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from standardwebhooks import webhooks
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from outbox.providers import BadSignature
from outbox.signing import new_secret, signatures
from outbox.standard_webhooks import secret_bytes, verify
from tests.conftest import REAL_DATA

FOLDER = REAL_DATA / "webhooks" / "standard"
VECTORS = json.loads((FOLDER / "vectors.json").read_text())
OUTGOING = json.loads((FOLDER / "outgoing_vectors.json").read_text())


def body_of(vector):
    return vector["body"].encode() if "body" in vector else (FOLDER / vector["body_file"]).read_bytes()


def freeze(monkeypatch, now):
    class Frozen(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime.fromtimestamp(now, tz)

    monkeypatch.setattr(webhooks, "datetime", Frozen)


@pytest.mark.parametrize("vector", OUTGOING, ids=lambda vector: vector["name"])
def test_we_sign_as_the_outgoing_vectors_say(vector):
    """Each secret of a vector makes one of its signatures, where it is to be accepted."""
    headers = vector["headers"]
    ours = signatures(
        body_of(vector),
        message_id=headers["webhook-id"],
        timestamp=int(headers["webhook-timestamp"]),
        secrets=[vector["secret"]],
    )
    is_among = ours in headers["webhook-signature"].split(" ")
    fresh = abs(vector["now"] - int(headers["webhook-timestamp"])) <= 300
    assert (is_among and fresh) == (vector["expect"] == "accept")


@pytest.mark.parametrize("vector", VECTORS + OUTGOING, ids=lambda vector: vector["name"])
def test_the_package_and_our_check_judge_alike(vector, monkeypatch):
    freeze(monkeypatch, vector["now"])
    body, now = body_of(vector), datetime.fromtimestamp(vector["now"], UTC)

    def theirs():
        try:
            Webhook(vector["secret"]).verify(body, vector["headers"], json_parse=False)
        except (WebhookVerificationError, ValueError):
            return "reject"
        return "accept"

    def ours():
        try:
            verify(body, vector["headers"], [vector["secret"]], now)
        except BadSignature:
            return "reject"
        return "accept"

    assert (theirs(), ours()) == (vector["expect"],) * 2


def test_two_secrets_make_two_signatures_the_new_one_first():
    old, new, body = new_secret(), new_secret(), '{"a":"ü"}'.encode()
    at = datetime.now(UTC).replace(microsecond=0)
    header = signatures(body, message_id="x", timestamp=int(at.timestamp()), secrets=[new, old])
    assert header.split(" ") == [Webhook(one).sign("x", at, body.decode()) for one in (new, old)]
    for one in (new, old):
        Webhook(one).verify(
            body, {"webhook-id": "x", "webhook-timestamp": str(int(at.timestamp())), "webhook-signature": header}
        )


def test_what_the_package_signs_we_accept_and_not_five_minutes_later():
    secret, body, at = new_secret(), b'{"a":1}', datetime(2026, 9, 29, 6, 5, 32, tzinfo=UTC)
    headers = {
        "webhook-id": "x",
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign("x", at, body.decode()),
    }
    assert verify(body, headers, [secret], at + timedelta(seconds=300)) == 0
    with pytest.raises(BadSignature):
        verify(body, headers, [secret], at + timedelta(seconds=301))


def test_a_new_secret_has_32_random_bytes():
    made = {new_secret() for _n in range(50)}
    assert len(made) == 50
    assert {len(secret_bytes(one)) for one in made} == {32}
