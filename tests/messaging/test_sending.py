"""Mails over a real socket: once where the server answered, at least once where it could not be known, later where it is away."""

from __future__ import annotations

import socket
from datetime import timedelta
from email import message_from_bytes, policy

import pytest
from django.core.cache import cache
from django.core.exceptions import ImproperlyConfigured
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from crm.core.access import system_scope
from crm.settings.mail import mail_settings
from messaging import rounds
from messaging.models import Message
from messaging.sending import LEASE, RETRY_AFTER, Sent, busy_organisations, send_due
from messaging.smtp import HeaderBroken, build, new_message_id
from messaging.tasks import send
from tests.conftest import make_user
from tests.messaging.conftest import change_messages, due_again, messages_of, queue, states

pytestmark = pytest.mark.django_db


@pytest.fixture
def reader(people):
    return people(name="Ünal Größe", email="unal@example.org")


def test_a_mail_goes_out_once_with_its_headers(receiver, reader, organisation):
    queue(reader, values={"text": "Grüße\n.\nein Punkt allein"})
    assert [send_due(organisation.pk).attempts for _n in range(2)] == [1, 0]
    ((recipient, raw),) = receiver.mails
    mail = message_from_bytes(raw, policy=policy.default)
    (row,) = messages_of(organisation)
    assert recipient == "unal@example.org"
    assert mail["To"] == "Ünal Größe <unal@example.org>"
    assert mail["From"] == "FreshPlan <post@crm.example.org>"
    assert mail["Subject"] == "Rain"
    assert mail["Message-ID"] == row.message_id
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["X-FreshPlan-Message"] in row.message_id
    assert row.message_id.startswith(f"<m.{row.pk}.")
    assert row.message_id.endswith("@crm.example.org>")
    assert "Grüße\n.\nein Punkt allein" in mail.get_content().replace("\r\n", "\n")
    assert mail["Content-Transfer-Encoding"] == "quoted-printable"
    assert max(len(line) for line in raw.split(b"\r\n")) <= 998
    assert states(organisation) == [("SENT", 1, "")]


def test_one_send_key_is_one_mail(receiver, reader, organisation):
    for _n in range(3):
        queue(reader, key="notice:1")
    send_due(organisation.pk)
    assert len(receiver.mails) == 1


def test_a_rollback_mails_nobody(receiver, reader, organisation):
    with transaction.atomic():
        queue(reader)
        transaction.set_rollback(True)
    assert send_due(organisation.pk).attempts == 0
    assert receiver.mails == []


@pytest.mark.parametrize(
    ("meets", "error"),
    [
        ("RCPT 450", "SMTP 450 at RCPT"),
        ("DATA 421", "SMTP 421 at DATA"),
        ("drop before the dot", "SMTPServerDisconnected"),
    ],
)
def test_what_passes_is_tried_again_with_the_same_id(receiver, reader, organisation, meets, error):
    queue(reader)
    receiver.plan = [meets]
    assert send_due(organisation.pk).attempts == 1
    (row,) = messages_of(organisation)
    assert (row.state, row.attempts) == ("QUEUED", 1)
    assert row.error == error or (meets.startswith("drop") and row.error)
    wait = (row.run_at - timezone.now()).total_seconds()
    assert RETRY_AFTER[0] - 10 < wait <= RETRY_AFTER[0]
    assert send_due(organisation.pk).attempts == 0, "not yet"
    due_again(organisation)
    assert send_due(organisation.pk).attempts == 1
    (mail,) = receiver.mails[-1:]
    assert row.message_id.encode() in mail[1]
    assert states(organisation) == [("SENT", 2, "")]


def test_a_refusal_is_for_good_and_its_text_is_not_kept(receiver, reader, organisation):
    queue(reader)
    receiver.plan = ["RCPT 550"]
    send_due(organisation.pk)
    assert states(organisation) == [("FAILED", 1, "SMTP 550 at RCPT")]
    due_again(organisation)
    assert send_due(organisation.pk).attempts == 0
    assert receiver.mails == []


def test_six_attempts_and_no_more(receiver, reader, organisation):
    queue(reader)
    receiver.plan = ["RCPT 450"] * 10
    waits = []
    for _n in range(8):
        send_due(organisation.pk)
        (row,) = messages_of(organisation)
        if row.state == "QUEUED":
            waits.append(round((row.run_at - timezone.now()).total_seconds(), -1))
        due_again(organisation)
    assert waits == list(RETRY_AFTER)
    assert sum(RETRY_AFTER) <= 6 * 3600
    assert states(organisation) == [("FAILED", 6, "SMTP 450 at RCPT")]


def test_a_server_that_is_away_is_found_out_by_one_mail(receiver, reader, organisation, settings):
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        settings.EMAIL_PORT = nobody.getsockname()[1]
    for number in range(3):
        queue(reader, key=f"probe:{number}")
    assert send_due(organisation.pk) == Sent(1, is_server_there=False)
    assert [state for state, _n, _e in states(organisation)] == ["QUEUED"] * 3
    assert [attempts for _s, attempts, _e in states(organisation)] == [1, 0, 0]


def test_an_answer_after_which_the_server_drops_is_an_answer(receiver, reader, organisation):
    queue(reader)
    receiver.plan = ["drop at quit"]
    send_due(organisation.pk)
    due_again(organisation)
    send_due(organisation.pk)
    assert len(receiver.mails) == 1
    assert states(organisation) == [("SENT", 1, "")]


def test_lost_after_the_dot_it_goes_once_more_and_then_never(receiver, reader, organisation):
    queue(reader)
    receiver.plan = ["drop after the dot"] * 3
    for _n in range(4):
        send_due(organisation.pk)
        due_again(organisation)
    ids = {message_from_bytes(raw, policy=policy.default)["Message-ID"] for _to, raw in receiver.mails}
    assert (len(receiver.mails), len(ids)) == (2, 1)
    ((state, attempts, error),) = states(organisation)
    assert (state, attempts) == ("FAILED", 2)
    assert error.endswith("after the mail")


def test_one_worker_at_a_time_holds_a_server(receiver, reader, organisation):
    queue(reader, key="probe:1")
    queue(reader, key="probe:2")
    with system_scope(organisation.pk, job="test"):
        Message.objects.filter(send_key="probe:1").update(
            state="SENDING", attempts=1, locked_until=timezone.now() + timedelta(seconds=60)
        )
    assert send_due(organisation.pk).attempts == 0


def test_a_worker_whose_lease_ran_out_writes_nothing_more(receiver, reader, organisation, monkeypatch):
    from messaging import sending

    queue(reader)
    real = sending.hand_over

    def slow(mail, to_address):
        answer = real(mail, to_address)
        change_messages(organisation, attempts=2)  # another worker has taken it over meanwhile
        return answer

    monkeypatch.setattr(sending, "hand_over", slow)
    send_due(organisation.pk)
    assert states(organisation) == [("SENDING", 2, "")]


# Without a server, and things that block


def test_without_a_server_mails_wait(reader, organisation, settings):
    settings.SENDS_MAIL = False
    queue(reader)
    assert busy_organisations() == []
    assert send_due(organisation.pk).attempts == 0
    assert states(organisation) == [("QUEUED", 0, "")]
    settings.SENDS_MAIL = True
    assert busy_organisations() == [organisation.pk]


def test_the_round_goes_over_all_organisations(receiver, reader, organisation, other_organisation):
    queue(reader)
    queue(make_user(other_organisation, email="far@example.org"))
    send()
    assert {to for to, _raw in receiver.mails} == {"unal@example.org", "far@example.org"}


def test_one_organisations_trouble_is_not_the_others(receiver, reader, organisation, other_organisation, monkeypatch):
    real = rounds.send_digests

    def broken(pk):
        if pk == organisation.pk:
            raise LookupError
        return real(pk)

    monkeypatch.setattr(rounds, "send_digests", broken)
    queue(reader)
    queue(make_user(other_organisation, email="far@example.org"))
    send()
    assert [to for to, _raw in receiver.mails] == ["far@example.org"]


def test_a_round_goes_on_alone(receiver, reader, organisation, monkeypatch):
    queue(reader)
    held = []
    monkeypatch.setattr(rounds, "answer_resets", lambda: held.append(1) or (len(held) < 5 and send()))
    send()
    assert (held, len(receiver.mails)) == ([1], 1)


def test_a_round_that_took_too_long_leaves_the_mark_of_the_next_one(monkeypatch):
    """Its own mark ran out meanwhile: taken away, a third round would begin beside the second."""
    key = f"messaging:round:{connection.settings_dict['NAME']}"

    def next_round_comes():
        cache.set(key, "of the next round", 60)

    monkeypatch.setattr(rounds, "answer_resets", next_round_comes)
    send()
    try:
        assert cache.get(key) == "of the next round"
    finally:
        cache.delete(key)


def test_a_round_is_marked_for_longer_than_it_can_take():
    assert rounds.TURN + LEASE.total_seconds() < rounds.HELD


def test_a_wording_that_is_gone_stops_no_other_mail(receiver, reader, organisation):
    queue(reader, key="probe:1")
    with system_scope(organisation.pk, job="test"):
        Message.objects.update(template="gone")
    queue(reader, key="probe:2")
    assert send_due(organisation.pk).attempts == 2
    assert states(organisation) == [("FAILED", 1, "FileNotFoundError"), ("SENT", 1, "")]


@pytest.mark.parametrize(
    "values", [{"title": "Rain\r\nBcc: all@example.org"}, {"title": "Rain\nX: y"}, {"title": "Rain\0"}]
)
def test_a_header_is_not_broken_out_of(receiver, reader, organisation, values):
    if "\0" in values["title"]:
        with pytest.raises(HeaderBroken):
            build(to_address="a@example.org", to_name="", subject=values["title"], body="x", message_id="<x@y>")
        return
    queue(reader, values=values)
    send_due(organisation.pk)
    assert receiver.mails == []
    assert states(organisation) == [("FAILED", 1, "HeaderBroken")]


@pytest.mark.parametrize("wrong", [{"to_address": "a@example.org\r\nRCPT TO:<b@example.org>"}, {"to_name": "A\nB: c"}])
def test_nor_by_a_recipient(receiver, reader, organisation, wrong):
    queue(reader, **wrong)
    send_due(organisation.pk)
    assert receiver.mails == []
    assert [state for state, _n, _e in states(organisation)] == ["FAILED"]


def test_a_name_with_signs_of_addresses_stays_one_recipient():
    mail = build(
        to_address="a@example.org", to_name='Eve" <eve@example.org>, "x', subject="s", body="b", message_id="<x@y>"
    )
    assert [one.addr_spec for one in mail["To"].addresses] == ["a@example.org"]


@pytest.mark.parametrize("gap", ["", None, "  "])
def test_a_placeholder_without_value_blocks(receiver, reader, organisation, gap):
    queue(reader, values={"text": gap})
    send_due(organisation.pk)
    assert receiver.mails == []
    assert states(organisation) == [("FAILED", 1, "no value: text")]


def test_message_ids_are_ours_and_differ():
    ids = {new_message_id(pk) for pk in range(1, 50)}
    assert len(ids) == 49
    assert new_message_id(7) == new_message_id(7)


def test_the_database_knows_the_states(reader, organisation):
    queue(reader)
    for wrong in ({"state": "DELIVERED"}, {"contact_id": 7}, {"state": "SENT", "sealed": b"x"}):
        with pytest.raises(IntegrityError), transaction.atomic():
            change_messages(organisation, **wrong)


def test_mails_are_out_of_everybodys_sight(people, reader, organisation):
    from crm.core.access import activate
    from tests.conftest import scope_of

    queue(reader)
    for user in (reader, people("ADMINISTRATOR"), people("AUDITOR")):
        with activate(scope_of(user)) as scope:
            assert not Message.objects.exists()
            assert not Message.objects.visible_to(scope).exists()


# EMAIL_URL


def test_the_address_of_a_mail_server():
    server = mail_settings("smtp+tls://user%40x:p%3Aw@mail.example.org")
    assert (server.host, server.port, server.user, server.password) == ("mail.example.org", 587, "user@x", "p:w")
    assert (server.starts_tls, server.is_tls) == (True, False)
    assert mail_settings("smtp+ssl://mail.example.org").port == 465
    assert mail_settings("smtp://mailpit:1025").port == 1025
    assert mail_settings("smtp://10.0.0.7").port == 25


@pytest.mark.parametrize(
    "wrong",
    [
        "smtp://mail.example.org",
        "smtp://8.8.8.8:25",
        "filemail:///tmp",
        "smtp+tls://",
        "smtp+tls://host:port",
        "nonsense",
    ],
)
def test_a_server_that_must_not_be(wrong):
    with pytest.raises(ImproperlyConfigured):
        mail_settings(wrong)
