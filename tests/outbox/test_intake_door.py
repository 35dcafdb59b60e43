"""The webhook door over HTTP: what it keeps, what it refuses, in which order, and how it says so."""

from __future__ import annotations

import gzip
import json
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection as database
from django.test import Client
from django.utils import timezone

from crm.core.access import system_scope
from organisation.services import set_value
from outbox import door
from outbox.choices import ConnectionState, CredentialRole, Refusal
from outbox.door import webhook_path
from outbox.models import Credential, InboxRefusal
from outbox.options import OVERLAP_HOURS
from outbox.providers import MEBIBYTE, BadSignature
from outbox.services import connections
from outbox.standard_webhooks import verify
from tests.conftest import REAL_DATA, make_organisation
from tests.outbox.intake import envelope, kept, make_connection, reload, requests, rows, secret, send, work

VECTORS = REAL_DATA / "webhooks" / "standard"


pytestmark = pytest.mark.usefixtures("open_door")


@pytest.fixture
def made(house):
    return make_connection(house)


def nothing_kept(made):
    return requests(made) == [] and rows(made) == []


# What is let in


def test_a_signed_message_is_kept_as_it_came_and_answered_202_with_nothing(made):
    event = envelope(1)
    body = json.dumps(event, indent=3, ensure_ascii=False).encode() + b"\n"
    answer = send(made, event, body=body, headers={"freshplan-attempt": "1", "cookie": "a=b"})

    assert (answer.status_code, answer.content) == (202, b"")
    assert not answer.cookies
    (row,) = requests(made)
    assert bytes(row.body) == body
    assert (row.size, row.seen, row.dedupe_key, row.credential_role) == (len(body), 1, event["id"], "CURRENT")
    assert row.address == "127.0.0.1"
    assert {"webhook-id", "webhook-timestamp", "freshplan-attempt", "content-type"} == set(row.headers)
    assert row.split_at is None, "the door parses nothing"


def test_a_repeat_is_counted_answered_the_same_and_changes_nothing(made):
    first, second = (send(made, envelope(1)) for _n in range(2))
    assert (first.status_code, second.status_code, second.content) == (202, 202, b"")
    other = send(made, envelope(1) | {"type": "customer.deleted"})
    assert other.status_code == 202
    (row,) = requests(made)
    assert (row.seen, json.loads(bytes(row.body))["type"]) == (3, "customer.created")


@pytest.mark.parametrize("body", [b"no json at all", b"[1,2]", b'{"id": 1}', b"\xff\xfe", b" "])
def test_what_the_signature_proves_is_kept_whatever_it_says(made, body):
    assert send(made, envelope(1), body=body).status_code == 202
    assert [bytes(row.body) for row in requests(made)] == [body]


@pytest.mark.parametrize("state", [ConnectionState.DRAFT, ConnectionState.PAUSED])
def test_a_connection_that_is_not_active_keeps_and_waits(house, state):
    made = make_connection(house, state=state)
    assert send(made, envelope(1)).status_code == 202
    assert work(made) == 0
    assert (len(requests(made)), rows(made)) == (1, [])
    with system_scope(house.pk, job="test") as scope:
        connections.move_connection(scope=scope, connection_id=made.pk, target=ConnectionState.ACTIVE)
    assert work(made) == 1
    assert len(kept(made)) == 1


def test_a_key_leads_to_its_own_organisation_alone(made):
    other = make_connection(make_organisation("Andere"), value=secret("b"))
    assert send(other, envelope(1)).status_code == 401, "another organisation's secret"
    assert send(other, envelope(1), secrets=[secret("b")]).status_code == 202
    assert send(made, envelope(1), secrets=[secret("b")]).status_code == 401
    assert requests(made) == []
    assert [row.organisation_id for row in requests(other)] == [other.organisation_id]
    assert work(other) == 1
    assert (len(kept(other)), kept(made)) == (1, [])


# What is refused


@pytest.mark.parametrize(
    ("case", "change"),
    [
        ("a changed byte", {"change": lambda raw: raw.replace(b"customer.created", b"customer.createe")}),
        ("a byte more", {"change": lambda raw: raw + b" "}),
        ("an old timestamp", {"off": -302}),
        ("a future timestamp", {"off": 302}),
        ("another secret", {"secrets": [secret("z")]}),
        ("another id", {"headers": {"webhook-id": "0199"}}),
        ("no signature", {"headers": {"webhook-signature": ""}}),
        ("another version", {"headers": {"webhook-signature": "v2,AAAA"}}),
        ("a timestamp that is none", {"headers": {"webhook-timestamp": "soon"}}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_not_proven_is_refused_with_nothing(made, case, change):
    off = change.get("off")
    how = {"at": time.time() + off} if off else change
    answer = send(made, envelope(1), **how)
    assert (answer.status_code, answer.content) == (401, b"")
    assert nothing_kept(made)
    (refusal,) = rows(made, InboxRefusal)
    assert refusal.kind == (Refusal.STALE if case.endswith("timestamp") else Refusal.BAD_SIGNATURE)
    assert (refusal.count, refusal.network, len(refusal.digest)) == (1, "127.0.0.0/24", 64)
    assert "webhook-id" in refusal.header_names
    assert send(made, envelope(1)).status_code == 202, "the same message, rightly signed, is let in"


@pytest.mark.parametrize("at", [-298, 298])
def test_a_clock_that_is_a_little_off_is_borne(made, at):
    assert send(made, envelope(1), at=time.time() + at).status_code == 202


@pytest.mark.parametrize("method", ["get", "put", "patch", "delete", "head", "options"])
def test_only_post(made, method):
    answer = getattr(Client(), method)(webhook_path("freshplan", made.key))
    assert (answer.status_code, answer["Allow"]) == (405, "POST")


@pytest.mark.parametrize(
    "media", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""]
)
def test_other_media_types_are_refused(made, media):
    assert send(made, envelope(1), content_type=media).status_code == 415
    assert nothing_kept(made)
    assert send(made, envelope(1), content_type="application/json").status_code == 202


def test_a_packed_body_is_refused_before_anything_is_unpacked(made):
    body = gzip.compress(json.dumps(envelope(1)).encode())
    assert send(made, envelope(1), body=body, headers={"content-encoding": "gzip"}).status_code == 415
    assert nothing_kept(made)


def test_the_limit_is_a_mebibyte(made):
    event = envelope(1)
    padded = json.dumps(event).encode().ljust(MEBIBYTE)
    assert send(made, event, body=padded + b" ").status_code == 413
    assert [(one.kind, one.size) for one in rows(made, InboxRefusal)] == [("TOO_LARGE", MEBIBYTE + 1)]
    assert nothing_kept(made)
    assert send(made, event, body=padded).status_code == 202


def unlike(answer):
    """The page without what differs at each request."""
    body = answer.content.decode().replace(answer["X-Request-Id"], "").replace(answer["X-Request-Id"][:12], "")
    return answer.status_code, {name for name in answer.headers if name != "X-Request-Id"}, len(body)


def test_an_unknown_key_is_answered_as_any_unknown_path(made):
    with system_scope(made.organisation_id, job="test") as scope:
        old = made.key
        connections.renew_key(scope=scope, connection_id=made.pk)
    unknown = Client().post("/webhooks/freshplan-x/", data=b"{}", content_type="application/json")
    for path in (
        webhook_path("freshplan", old),
        webhook_path("freshplan", "wk_" + "a" * 24),
        webhook_path("nobody", reload(made).key),
        webhook_path("freshplan", "wk_short"),
        "/nowhere/",
    ):
        answer = Client().post(path, data=b"{}", content_type="application/json")
        assert unlike(answer) == unlike(unknown), path
    assert unknown.status_code == 404
    assert send(reload(made), envelope(1)).status_code == 202


def test_a_deleted_connection_is_unknown(house):
    made = make_connection(house, state=ConnectionState.DRAFT)
    assert send(made, envelope(1)).status_code == 202
    with system_scope(house.pk, job="test") as scope:
        connections.delete_connection(scope=scope, connection_id=made.pk)
    assert send(made, envelope(2)).status_code == 404
    assert len(requests(made)) == 1, "what it brought stays"


def test_an_address_that_only_guesses_is_shut_out_for_a_while(made):
    for _n in range(door.FAILURES):
        assert send(made, envelope(1), secrets=[secret("z")]).status_code == 401
    shut = send(made, envelope(1))
    assert (shut.status_code, shut["Retry-After"]) == (429, "600")
    assert send(made, envelope(1), REMOTE_ADDR="198.51.100.7").status_code == 202, "another address is not"
    assert sum(one.count for one in rows(made, InboxRefusal)) == door.FAILURES


def test_one_wrong_secret_shuts_out_no_other_connection(made):
    """A provider sends for many from one address: what one of them has wrong is no other's loss."""
    other = make_connection(make_organisation("Andere"), value=secret("b"))
    for _n in range(door.FAILURES):
        assert send(other, envelope(1)).status_code == 401
    assert send(other, envelope(1), secrets=[secret("b")]).status_code == 429
    assert send(made, envelope(1)).status_code == 202


def test_an_address_that_once_signed_rightly_is_never_shut_out(made):
    assert send(made, envelope(1)).status_code == 202
    for _n in range(door.FAILURES + 1):
        assert send(made, envelope(2), secrets=[secret("z")]).status_code == 401
    assert send(made, envelope(2)).status_code == 202


def test_without_redis_the_door_goes_on(made, settings):
    from outbox import wakeup

    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    settings.CACHES = {"default": settings.CACHES["default"] | {"LOCATION": settings.REDIS_URL}}
    wakeup._bell.cache_clear()
    try:
        started = time.monotonic()
        assert send(made, envelope(1)).status_code == 202
        assert send(made, envelope(2), secrets=[secret("z")]).status_code == 401
        assert time.monotonic() - started < 2
    finally:
        wakeup._bell.cache_clear()
    assert work(made) == 1


def test_without_the_database_the_answer_is_503_and_the_message_can_come_again(made):
    served = dict(database.settings_dict)
    database.close()
    database.settings_dict["PORT"] = "1"
    try:
        answer = send(made, envelope(1))
    finally:
        database.close()
        database.settings_dict.update(served)
    assert (answer.status_code, answer.content, answer["Retry-After"]) == (503, b"", "30")
    assert send(made, envelope(1)).status_code == 202


def test_a_secret_whose_key_is_gone_costs_no_message(made, settings):
    keys = settings.CREDENTIAL_KEYS
    settings.CREDENTIAL_KEYS = ["new-" * 11]
    answer = send(made, envelope(1))
    assert (answer.status_code, answer.content, answer["Retry-After"]) == (503, b"", "30")
    with system_scope(made.organisation_id, job="test") as scope:
        connections.set_credential(scope=scope, connection_id=made.pk, kind="signing_secret", value=secret("n"))
    assert send(made, envelope(2), secrets=[secret("n")]).status_code == 202, "another one is put in"
    settings.CREDENTIAL_KEYS = keys
    assert send(made, envelope(1)).status_code == 202


# Addresses that may send


def test_a_list_of_addresses_narrows_what_the_signature_proves(house):
    made = make_connection(house, options={"senders": "203.0.113.0/24, 2001:db8::/32 198.51.100.7"})
    for address in ("203.0.113.9", "2001:db8::5", "198.51.100.7", "::ffff:203.0.113.9"):
        assert send(made, envelope(1), REMOTE_ADDR=address).status_code == 202, address
    for address in ("198.51.100.8", "127.0.0.1", "10.0.0.1", "::1", ""):
        answer = send(made, envelope(2), REMOTE_ADDR=address)
        assert (answer.status_code, answer.content) == (401, b""), address
    assert len(requests(made)) == 1
    assert {one.kind for one in rows(made, InboxRefusal)} == {Refusal.SENDER}


def test_a_listed_address_still_has_to_sign(house):
    made = make_connection(house, options={"senders": "127.0.0.1"})
    assert send(made, envelope(1), secrets=[secret("z")]).status_code == 401
    assert send(made, envelope(1)).status_code == 202
    assert [one.kind for one in rows(made, InboxRefusal)] == [Refusal.BAD_SIGNATURE]


# Secrets that change


def test_a_new_secret_is_proven_by_its_first_message_and_the_old_one_runs_out(made, monkeypatch):
    with system_scope(made.organisation_id, job="test") as scope:
        connections.set_credential(scope=scope, connection_id=made.pk, kind="signing_secret", value=secret("n"))

    def roles():
        with system_scope(made.organisation_id, job="test"):
            return dict(Credential.objects.values_list("ending", "role"))

    old, new = secret()[-4:], secret("n")[-4:]
    assert send(made, envelope(1)).status_code == 202
    assert roles() == {old: "CURRENT", new: "NEXT"}, "the old one alone signed"
    assert send(made, envelope(2), secrets=[secret(), secret("n")]).status_code == 202
    assert roles() == {old: "PREVIOUS", new: "CURRENT"}
    assert send(made, envelope(3)).status_code == 202, "a straggler, within the day"
    assert [row.credential_role for row in requests(made)] == ["CURRENT", "NEXT", "PREVIOUS"]

    later = timezone.now() + timezone.timedelta(hours=24, seconds=1)
    monkeypatch.setattr(door.timezone, "now", lambda: later)
    at = later.timestamp()
    assert send(made, envelope(4), at=at).status_code == 401, "its day is over"
    assert send(made, envelope(4), at=at, secrets=[secret("n")]).status_code == 202


def test_how_long_the_old_secret_counts_is_a_setting(made, administrator, doing):
    doing(administrator, set_value, key=OVERLAP_HOURS.key, level="ORGANISATION", value=2, reason="Probe")
    with system_scope(made.organisation_id, job="test") as scope:
        connections.set_credential(scope=scope, connection_id=made.pk, kind="signing_secret", value=secret("n"))
    assert send(made, envelope(1), secrets=[secret("n")]).status_code == 202
    with system_scope(made.organisation_id, job="test"):
        until = Credential.objects.get(role="PREVIOUS").valid_until
    assert 7_100 < (until - timezone.now()).total_seconds() <= 7_200


def test_a_secret_changes_under_load_and_nothing_is_refused(made):
    """8 senders at once while the secret is rotated: each message is signed with old and new, or with one that lives."""
    with system_scope(made.organisation_id, job="test") as scope:
        connections.set_credential(scope=scope, connection_id=made.pk, kind="signing_secret", value=secret("n"))
    ways = [[secret()], [secret(), secret("n")], [secret("n")]]

    def one(number):
        try:
            return send(made, envelope(number), secrets=ways[number % 3]).status_code
        finally:
            database.close()

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(one, range(1, 61)))
    assert set(answers) == {202}
    assert len(requests(made)) == 60
    with system_scope(made.organisation_id, job="test"):
        assert dict(Credential.objects.values_list("ending", "role")) == {
            secret()[-4:]: CredentialRole.PREVIOUS,
            secret("n")[-4:]: CredentialRole.CURRENT,
        }


def test_the_database_holds_no_third_secret(made, owner_db):
    from django.db import IntegrityError

    with pytest.raises(IntegrityError), system_scope(made.organisation_id, job="test"):
        Credential.objects.create(
            organisation_id=made.organisation_id,
            connection=made,
            kind="signing_secret",
            role="CURRENT",
            sealed=b"x",
            ending="xxxx",
            set_at=timezone.now(),
        )


# Vectors


def vector_cases():
    cases = []
    for name in ("vectors.json", "outgoing_vectors.json"):
        cases += json.loads((VECTORS / name).read_text(encoding="utf-8"))
    return cases


@pytest.mark.parametrize("case", vector_cases(), ids=lambda case: case["name"])
def test_the_vectors_of_standard_webhooks(case):
    body = (VECTORS / case["body_file"]).read_bytes() if "body_file" in case else case["body"].encode()
    now = timezone.datetime.fromtimestamp(case["now"], timezone.get_current_timezone())

    def judged():
        try:
            return verify(body, case["headers"], [case["secret"]], now) == 0
        except BadSignature:
            return False

    assert judged() is (case["expect"] == "accept")
