"""Mails about accounts: the same work for every address, links encrypted while they wait and gone with the last step."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.core.cache import cache
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from crm.core.access import activate, system_scope
from messaging import services
from messaging.models import Message, ResetRequest
from messaging.sending import send_due
from messaging.services.accounts import answer_resets
from messaging.tasks import send
from organisation.mails import _Registry
from tests.conftest import make_user, scope_of
from tests.messaging.conftest import messages_of, notices_of
from tests.organisation.factors import code, give_app

pytestmark = pytest.mark.django_db
RESET = "/accounts/password/reset/"


@pytest.fixture(autouse=True)
def fresh_limits():
    cache.clear()


@pytest.fixture
def member(people):
    return people(email="Rieke@example.org", language="de", name="Rieke Sander")


def asked() -> int:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT set_config('app.actor', 'job:test', true)")
        count = ResetRequest.objects.count()
        cursor.execute("SELECT set_config('app.actor', '', true)")
    return count


def link_in(message) -> str:
    return re.search(r"https?://[^/]+(/accounts/\S+)", services.shown_mail(message).body)[1]


def test_a_known_address_costs_what_an_unknown_one_costs(member):
    statements = {}
    for email in (member.email, "nobody@example.org", "RIEKE@EXAMPLE.ORG"):
        with CaptureQueriesContext(connection) as caught:
            answer = Client().post(RESET, {"email": email})
        assert answer.status_code == 302
        statements[email] = [re.sub(r"'[^']*'|\d+", "", one["sql"])[:60] for one in caught]
    first = statements.pop(member.email)
    assert list(statements.values()) == [first, first]
    assert not any("organisation_user" in one for one in first), "nobody looks whose address it is"
    assert asked() == 3
    assert messages_of(member.organisation) == []


def test_the_worker_finds_out_whose_address_it_is(client, member, other_organisation):
    gone = make_user(other_organisation, email="gone@example.org", is_active=False)
    for email in (" rieke@EXAMPLE.org ", "nobody@example.org", gone.email):
        client.post(RESET, {"email": email})
    assert answer_resets() == 3
    assert (answer_resets(), asked()) == (0, 0)
    (message,) = messages_of(member.organisation)
    assert messages_of(other_organisation) == []
    assert (message.to_address, message.language, message.template) == ("Rieke@example.org", "de", "account.reset")
    assert "Guten Tag Rieke Sander" in services.shown_mail(message).body
    opened = client.get(link_in(message))
    assert "set-password" in opened.url


def test_a_reset_asked_for_is_read_by_the_worker_alone(client, member, people):
    client.post(RESET, {"email": member.email})
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM messaging_resetrequest")
        assert cursor.fetchone() == (0,)
    with activate(scope_of(people("ADMINISTRATOR"))):
        assert not ResetRequest.objects.exists()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT set_config('app.actor', 'job:test', true)")
        cursor.execute("SELECT sealed FROM messaging_resetrequest")
        assert b"rieke" not in bytes(cursor.fetchone()[0]).lower()
        cursor.execute("SELECT set_config('app.actor', '', true)")


def test_afterwards_the_sign_in_names_nobody(client, member):
    client.post(RESET, {"email": member.email})
    answer_resets()
    with connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(current_setting('app.login', true), '')")
        assert cursor.fetchone() == ("",)


def test_links_lie_encrypted_and_go_with_the_mail(client, member, receiver, organisation):
    client.post(RESET, {"email": member.email})
    answer_resets()
    (waiting,) = messages_of(organisation)
    path = link_in(waiting)
    row = {name: str(value) for name, value in waiting.__dict__.items()}
    assert not any("/accounts/" in value for value in row.values())
    assert path.encode() not in bytes(waiting.sealed)
    send_due(organisation.pk)
    (sent,) = messages_of(organisation)
    assert (sent.state, sent.sealed) == ("SENT", None)
    assert "(link erased)" in services.shown_mail(sent).body or "(Link" in services.shown_mail(sent).body
    assert path.encode() in receiver.mails[0][1].replace(b"=\r\n", b"")


def test_a_link_that_ended_is_not_sent_any_more(client, member, receiver, organisation):
    client.post(RESET, {"email": member.email})
    answer_resets()
    (waiting,) = messages_of(organisation)
    assert timedelta(minutes=59) < waiting.expires_at - timezone.now() <= timedelta(hours=1)
    with system_scope(organisation.pk, job="test"):
        Message.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    send()
    (message,) = messages_of(organisation)
    assert (message.state, message.rule, message.sealed) == ("SUPPRESSED", "EXPIRED", None)
    assert receiver.mails == []


def test_a_refused_mail_loses_its_link_too(client, member, receiver, organisation):
    client.post(RESET, {"email": member.email})
    answer_resets()
    receiver.plan = ["RCPT 550"]
    send_due(organisation.pk)
    (message,) = messages_of(organisation)
    assert (message.state, message.sealed) == ("FAILED", None)


def test_a_sealed_link_opens_in_its_own_row_alone(client, member, people, receiver, organisation):
    for user in (member, people()):
        client.post(RESET, {"email": user.email})
    answer_resets()
    first, second = messages_of(organisation)
    with system_scope(organisation.pk, job="test"):
        Message.objects.filter(pk=first.pk).update(sealed=second.sealed)
    send_due(organisation.pk)
    assert [(one.state, one.error) for one in messages_of(organisation)] == [("FAILED", "SealBroken"), ("SENT", "")]


def test_the_set_up_link_waits_as_a_mail(client, as_user, people, organisation):
    as_user(people("ADMINISTRATOR"))
    values = {
        "name": "New Person",
        "email": "new@example.org",
        "role": "REP",
        "team": "",
        "phone": "",
        "language": "de",
    }
    assert client.post("/settings/people/new/", values).status_code == 302
    (message,) = messages_of(organisation)
    assert (message.template, message.to_address, message.language) == ("account.set_up", "new@example.org", "de")
    assert client.get(link_in(message), follow=True).status_code == 200
    assert timedelta(days=6) < message.expires_at - timezone.now() <= timedelta(days=7)


def test_a_new_password_is_told_in_the_app_and_by_mail(client, as_user, people, organisation):
    member = people()
    give_app(member)
    as_user(member)
    from tests.conftest import PASSWORD

    values = {"oldpassword": PASSWORD, "password1": "a quite new sentence", "password2": "a quite new sentence"}
    assert client.post("/accounts/password/change/", values, headers={"user-agent": "Probe 1.0"}).status_code == 302
    (notice,) = notices_of(member)
    (message,) = messages_of(organisation)
    assert (notice.kind, notice.parameters["address"]) == ("security.password_changed", "127.0.0.1")
    assert "Probe 1.0" in notice.text
    assert (message.user_id, services.shown_mail(message).subject) == (member.pk, "Password changed")


def test_so_is_a_reset_before_anybody_is_signed_in(client, member, organisation):
    client.post(RESET, {"email": member.email})
    answer_resets()
    (message,) = messages_of(organisation)
    form = client.get(link_in(message)).url
    done = client.post(form, {"password1": "a quite new sentence", "password2": "a quite new sentence"})
    assert done.status_code == 302
    assert [one.kind for one in notices_of(member)] == ["security.password_changed"]
    assert [one.template for one in messages_of(organisation)] == ["account.reset", "notice"]


def test_a_new_second_factor_is_told(client, people, organisation, django_capture_on_commit_callbacks):
    from tests.conftest import PASSWORD

    member = people()
    client.post("/accounts/login/", {"login": member.email, "password": PASSWORD})
    secret = client.get("/accounts/second-factor/app/").context["form"].secret
    with django_capture_on_commit_callbacks(execute=True):
        assert client.post("/accounts/second-factor/app/", {"code": code(secret)}).status_code == 302
    assert "security.factor_added" in [one.kind for one in notices_of(member)]


def test_mails_are_there_only_where_the_house_is_put_together(monkeypatch):
    from organisation import mails

    monkeypatch.setattr(mails, "_registry", _Registry())
    with pytest.raises(RuntimeError):
        mails.account_mails()
