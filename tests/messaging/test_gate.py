"""Mail to a contact: refused as long as no consent gate is registered, asked again when it is sent."""

from __future__ import annotations

import pytest

from crm.core.access import activate
from crm.core.errors import Conflict, Invalid
from messaging import gates
from messaging.gates import Verdict, register_consent_gate
from messaging.sending import send_due
from messaging.services import queue_contact_mail
from tests.conftest import scope_of
from tests.messaging.conftest import messages_of

pytestmark = pytest.mark.django_db

MAIL = {
    "contact_id": 7,
    "to_address": "kueche@example.org",
    "to_name": "Küche",
    "language": "de",
    "purpose": "MARKETING",
    "template": "notice",
    "values": {
        "name": "Küche",
        "title": "Neues",
        "text": "Es gibt Neues.",
        "address": "http://x/",
        "organisation": "O",
    },
    "send_key": "contact:7",
}


@pytest.fixture(autouse=True)
def no_gate(monkeypatch):
    monkeypatch.setattr(gates, "_registry", gates._Registry())


def write(people, **changes):
    with activate(scope_of(people("MANAGER"))) as scope:
        queue_contact_mail(scope=scope, **MAIL | changes)


def test_without_a_gate_it_is_refused(people, organisation):
    with pytest.raises(Conflict) as refused:
        write(people)
    assert refused.value.extra == {"rule": "NO_GATE"}
    assert messages_of(organisation) == []


def test_with_a_gate_that_says_yes_it_goes(people, organisation, receiver):
    asked = []
    register_consent_gate(lambda scope, pk, purpose: asked.append((pk, purpose)) or Verdict(True, "GRANTED"))
    write(people)
    send_due(organisation.pk)
    assert [to for to, _raw in receiver.mails] == ["kueche@example.org"]
    assert asked == [(7, "MARKETING")] * 2, "at queueing and at sending"


def test_a_no_is_a_no(people, organisation):
    register_consent_gate(lambda *_: Verdict(False, "WITHDRAWN"))
    with pytest.raises(Conflict) as refused:
        write(people)
    assert refused.value.extra == {"rule": "WITHDRAWN"}
    assert messages_of(organisation) == []


def test_a_withdrawal_stops_what_is_queued(people, organisation, receiver):
    answers = [Verdict(True, "GRANTED"), Verdict(False, "WITHDRAWN")]
    register_consent_gate(lambda *_: answers.pop(0))
    write(people)
    send_due(organisation.pk)
    (message,) = messages_of(organisation)
    assert (receiver.mails, message.state, message.rule) == ([], "SUPPRESSED", "WITHDRAWN")


def test_a_gate_that_fails_is_a_no(people, organisation):
    def broken(*_):
        raise LookupError

    register_consent_gate(broken)
    with pytest.raises(Conflict) as refused:
        write(people)
    assert refused.value.extra == {"rule": "GATE_FAILED"}
    assert messages_of(organisation) == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"to_address": "a@example.org\r\nBcc: b@example.org"},
        {"to_name": "A\nB"},
        {"to_address": "nonsense"},
        {"values": MAIL["values"] | {"text": ""}},
    ],
)
def test_a_mail_that_cannot_be_is_refused_at_once(people, organisation, wrong):
    register_consent_gate(lambda *_: Verdict(True, "GRANTED"))
    with pytest.raises(Invalid):
        write(people, **wrong)
    assert messages_of(organisation) == []


def test_there_is_one_gate():
    register_consent_gate(lambda *_: Verdict(True, "x"))
    with pytest.raises(ValueError, match="already"):
        register_consent_gate(lambda *_: Verdict(True, "y"))
