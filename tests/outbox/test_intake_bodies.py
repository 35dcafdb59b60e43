"""Bodies that nobody expects: given up at once and said, shown without harm, and never in the way of others."""

from __future__ import annotations

import json

import pytest
from django.db import DataError, ProgrammingError, transaction
from django.test import Client
from django.utils import timezone

from crm.core.access import system_scope
from outbox.choices import InboxReason
from outbox.door import webhook_path
from outbox.models import Event, InboxRequest
from outbox.providers import Permanent
from outbox.services import connections, inbox
from outbox.shown import body_text
from tests.outbox.intake import envelope, kept, make_connection, requests, rows, send, work
from tests.outbox.models import Effect
from tests.outbox.providers import Probe

pytestmark = pytest.mark.usefixtures("open_door")


@pytest.fixture
def made(house):
    return make_connection(house)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b" ", "BAD_JSON"),
        (b"{", "BAD_JSON"),
        (b"\xff", "BAD_JSON"),
        (b"[" * 100_000, "BAD_JSON"),
        (b'{"id": NaN}', "BAD_JSON"),
        (b"[]", "BAD_SHAPE"),
        (b'"text"', "BAD_SHAPE"),
        (b"{}", "BAD_SHAPE"),
        (json.dumps(envelope(1) | {"id": ""}).encode(), "BAD_SHAPE"),
        (json.dumps(envelope(1) | {"type": "x" * 81}).encode(), "BAD_SHAPE"),
        (json.dumps(envelope(1) | {"subject": 7}).encode(), "BAD_SHAPE"),
        (json.dumps(envelope(1) | {"time": "yesterday"}).encode(), "BAD_SHAPE"),
        (json.dumps(envelope(1) | {"time": "2026-11-20T09:30:00"}).encode(), "BAD_SHAPE"),
        (json.dumps(envelope(1) | {"time": "0001-01-01T00:00:00+14:00"}).encode(), "BAD_SHAPE"),
        (json.dumps(envelope(1) | {"time": "9999-12-31T23:59:59-14:00"}).encode(), "BAD_SHAPE"),
        (json.dumps(envelope(1) | {"crmposition": "1"}).encode(), "BAD_SHAPE"),
        (json.dumps(envelope(1) | {"crmposition": 2**63}).encode(), "BAD_SHAPE"),
        (json.dumps(envelope(1) | {"specversion": "2.0"}).encode(), "BAD_SHAPE"),
        (json.dumps(envelope(1) | {"data": [1]}).encode(), "BAD_SHAPE"),
        (json.dumps(envelope(1) | {"data": {"a": "\0"}}).encode(), "BAD_SHAPE"),
        (json.dumps(envelope(1) | {"data": {"a": "\ud800"}}).encode(), "BAD_SHAPE"),
        (json.dumps(envelope(1)).replace('"number": 1', '"number": 1e999').encode(), "BAD_SHAPE"),
    ],
)
def test_what_cannot_be_read_is_given_up_at_once_and_said(made, body, reason):
    assert send(made, envelope(1), body=body).status_code == 202
    work(made)
    assert [(row.state, row.reason) for row in rows(made)] == [("DEAD", reason)]
    assert kept(made) == []


def test_harmless_oddities_are_kept(made):
    data = {"a": "\\u0000", "b": "ß😀", "c": 10**40, "d": None}
    send(made, envelope(1, data=data, more={"unknown": [1]}, crmposition=None))
    work(made)
    assert [row.data for row in kept(made)] == [data]


# Rows that stay as they are


def test_a_raw_body_is_never_changed_only_forgotten(made):
    send(made, envelope(1))
    with system_scope(made.organisation_id, job="test"):
        for values in ({"body": b"{}"}, {"dedupe_key": "x"}, {"received_at": timezone.now()}):
            with pytest.raises((ProgrammingError, DataError), match="never changed"), transaction.atomic():
                InboxRequest.objects.update(**values)
        assert InboxRequest.objects.update(body=None) == 1


# A provider that stumbles


def tell(probe, body):
    answer = Client().post(
        webhook_path("probe", probe.key),
        data=json.dumps(body).encode(),
        content_type="application/json",
        headers={"x-word": "please"},
    )
    assert answer.status_code == 202


def test_a_message_that_a_provider_stumbles_over_holds_nothing_behind_it(house):
    """Its class expects a list and meets an object: that one is given up as an error of ours, the next one is done."""
    probe = make_connection(house, provider="probe")
    with system_scope(house.pk, job="test") as scope:
        connections.set_credential(scope=scope, connection_id=probe.pk, kind="word", value="please")
    tell(probe, {"unexpected": 1})
    tell(probe, [{"key": "a", "do": "count", "subject": 1, "number": 1}])
    assert work(probe) == 1
    assert [(row.state, row.reason, row.error) for row in rows(probe)] == [
        ("DEAD", "BUG", "TypeError"),
        ("DONE", "", ""),
    ]
    with system_scope(house.pk, job="test"):
        assert Event.objects.get(type="inbox.dead").data["reason"] == "BUG"


def test_what_a_later_release_can_read_is_taken_apart_by_its_replay(house, monkeypatch):
    """All its parts, each under its own key, type and subject; what one of them was known for is no second event."""
    probe = make_connection(house, provider="probe")
    parts = [{"key": str(number), "do": "count", "subject": number, "number": 1} for number in (1, 2)]
    with system_scope(house.pk, job="test") as scope:
        connections.set_credential(scope=scope, connection_id=probe.pk, kind="word", value="please")
    with monkeypatch.context() as before:

        def unreadable(_provider, _message):
            raise Permanent(InboxReason.BAD_SHAPE)

        before.setattr(Probe, "split", unreadable)
        tell(probe, parts)
        work(probe)
    tell(probe, parts[:1])
    work(probe)
    assert [(row.state, row.type) for row in rows(probe)] == [("DEAD", ""), ("DONE", "count")]
    with system_scope(house.pk, job="test") as scope:
        inbox.replay_events(scope=scope, event_ids=[rows(probe)[0].pk], reason="Neue Fassung")
    work(probe)
    assert [(row.state, row.type, row.subject) for row in rows(probe)] == [
        ("SUPERSEDED", "", ""),
        ("DONE", "count", "1"),
        ("DONE", "count", "2"),
    ]
    assert [row.known_parts for row in requests(probe)] == [1, 0]
    with system_scope(house.pk, job="test"):
        assert sorted(Effect.objects.values_list("subject_id", flat=True)) == [1, 2]


# As they are shown


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("body", [b'{"a": "\\ud800"}', b"[" * 900 + b"]" * 900, b"\xff\xfe", b"1e400", b""])
def test_every_body_can_be_shown(body, whole):
    body_text(body, None, whole=whole).encode()


def test_the_page_of_a_dead_message_with_half_a_character_opens(made, administrator, as_user):
    send(made, envelope(1), body=json.dumps(envelope(1) | {"data": {"a": "\ud800"}}).encode())
    work(made)
    (event,) = rows(made)
    with transaction.atomic():
        client = as_user(administrator)
    answer = client.get(f"/settings/inbox/{event.pk}/")
    assert answer.status_code == 200
    assert "ud800" in answer.content.decode()
