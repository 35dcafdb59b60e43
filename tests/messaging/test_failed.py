"""Failed mails: who sees them, why they failed, once more."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import transaction
from django.urls import reverse
from django.utils import timezone, translation

from crm.core.access import activate, system_scope
from crm.core.errors import Conflict, Forbidden, NotFound
from messaging.metrics import figures
from messaging.models import Message, Notice
from messaging.sending import send_due
from messaging.services import read_all_notices, send_again
from messaging.shown import reason_of
from organisation.choices import Role
from organisation.models import User
from tests.conftest import make_user, scope_of
from tests.messaging.conftest import messages_of, queue, states

pytestmark = pytest.mark.django_db
PAGE = "/messages/failed/"


@pytest.fixture
def admin(people):
    return people(Role.ADMINISTRATOR)


@pytest.fixture
def failed(people, receiver, organisation, admin):
    """A mail whose recipient the server does not know."""
    reader = people(name="Rieke Sander")
    message = queue(reader)
    receiver.plan = ["RCPT 550"]
    send_due(organisation.pk)
    assert states(organisation) == [("FAILED", 1, "SMTP 550 at RCPT")]
    return message


def again(user, message):
    with transaction.atomic(), activate(scope_of(user)) as scope:
        return send_again(scope=scope, message_id=message.pk)


def test_an_administrator_reads_why_and_sends_it_again_to_the_address_of_today(
    as_user, admin, failed, receiver, organisation
):
    client = as_user(admin)
    page = client.get(PAGE).content.decode()
    assert "Rieke Sander" in page
    assert "does not take this recipient (550)" in page
    assert "It rains." not in page, "what it says is its recipient's alone"
    with system_scope(organisation.pk, job="test"):
        User.objects.filter(pk=failed.user_id).update(email="right@example.org")
    first_id = messages_of(organisation)[0].message_id
    done = client.post(reverse("messaging:send_again", args=[failed.pk]))
    assert (done.status_code, done["Location"]) == (302, PAGE)
    assert states(organisation) == [("QUEUED", 0, "")]
    assert "Rieke Sander" not in client.get(PAGE).content.decode()
    send_due(organisation.pk)
    assert [to for to, _mail in receiver.mails] == ["right@example.org"]
    (message,) = messages_of(organisation)
    assert (message.state, message.message_id) == ("SENT", first_id)


def test_all_its_attempts_begin_anew(admin, failed, receiver, organisation):
    again(admin, failed)
    receiver.plan = ["RCPT 450"]
    send_due(organisation.pk)
    assert states(organisation) == [("QUEUED", 1, "SMTP 450 at RCPT")]


def test_others_see_and_send_nothing(people, other_organisation, failed, organisation):
    with system_scope(organisation.pk, job="test"):
        Message.objects.create(
            organisation=organisation,
            user_id=failed.user_id,
            to_address="a@example.org",
            language="de",
            template="notice",
            send_key="waits",
            run_at=timezone.now(),
        )
    seen = {}
    for name, user in {
        "administrator": people(Role.ADMINISTRATOR),
        "manager": people(Role.MANAGER),
        "rep": people(Role.REP),
        "foreign administrator": make_user(other_organisation, Role.ADMINISTRATOR),
    }.items():
        with transaction.atomic(), activate(scope_of(user)) as scope:
            python = set(Message.objects.visible_to(scope).values_list("pk", flat=True))
            assert python == set(Message.objects.values_list("pk", flat=True)), name
            seen[name] = python
        if name != "administrator":
            with pytest.raises((Forbidden, NotFound)):
                again(user, failed)
    assert seen == {"administrator": {failed.pk}, "manager": set(), "rep": set(), "foreign administrator": set()}


def test_a_page_of_others_is_refused(as_user, people, failed):
    client = as_user(people(Role.MANAGER))
    assert client.get(PAGE).status_code == 403
    assert client.post(reverse("messaging:send_again", args=[failed.pk])).status_code == 403


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"template": "account.set_up"}, "link is gone"),
        ({"template": "of an older release"}, "link is gone"),
        ({"expires_at": timezone.now() - timedelta(seconds=1)}, "link is gone"),
    ],
)
def test_what_cannot_go_again_says_why(admin, failed, organisation, change, why):
    with system_scope(organisation.pk, job="test"):
        Message.objects.update(**change)
    with translation.override("en"), pytest.raises(Conflict, match=why):
        again(admin, failed)
    assert states(organisation)[0][0] == "FAILED"


def test_nobody_is_written_to_whose_account_has_ended(admin, failed, organisation):
    with system_scope(organisation.pk, job="test"):
        User.objects.filter(pk=failed.user_id).update(is_active=False)
    with pytest.raises(Conflict):
        again(admin, failed)


def test_metrics_count_what_waits_and_what_failed(people, failed, other_organisation):
    queue(people(), "due")
    queue(make_user(other_organisation), "due too")
    queue(people(), "later", run_at=timezone.now() + timedelta(hours=1))
    assert {one.name: one.value for one in figures()} == {"freshplan_mail_waiting": 2, "freshplan_mail_failed": 1}


def test_what_has_not_failed_is_not_sent_again(admin, failed):
    again(admin, failed)
    with pytest.raises(NotFound):
        again(admin, failed)


def test_administrators_hear_of_it_once_until_they_have_read_it(people, admin, failed, receiver, organisation):
    def told():
        with system_scope(organisation.pk, job="test"):
            return list(Notice.objects.order_by("pk").values_list("user", "kind", "times"))

    assert told() == [(admin.pk, "mail.failed", 1)]
    receiver.plan = ["RCPT 550"]
    queue(people(), "second")
    send_due(organisation.pk)
    assert told() == [(admin.pk, "mail.failed", 2)]
    with transaction.atomic(), activate(scope_of(admin)) as scope:
        read_all_notices(scope=scope)
    receiver.plan = ["RCPT 550"]
    queue(people(), "third")
    send_due(organisation.pk)
    assert told() == [(admin.pk, "mail.failed", 2), (admin.pk, "mail.failed", 1)]


def test_what_waits_for_a_mail_server_is_counted(as_user, admin, people, settings):
    settings.SENDS_MAIL = False
    queue(people(), "one")
    queue(people(), "two")
    page = as_user(admin).get(PAGE).content.decode()
    assert "No mail server is set." in page
    assert "2 mails wait for it" in page


@pytest.mark.parametrize(
    ("error", "attempts", "words"),
    [
        ("SMTP 535 at sign-in", 6, "refuses our sign-in (535)"),
        ("SMTP 554 at mail", 1, "refuses the mail (554)"),
        ("no value: title", 1, "no value: title"),
        ("worker lost", 2, "lost twice"),
        ("SMTPServerDisconnected after the mail", 2, "lost twice"),
        ("address beyond ASCII", 1, "such letters"),
        ("ConnectionRefusedError", 6, "six hours (ConnectionRefusedError)"),
        ("HeaderBroken", 1, "could not be written (HeaderBroken)"),
    ],
)
def test_reasons_in_words(error, attempts, words):
    with translation.override("en"):
        assert words in reason_of(Message(error=error, attempts=attempts))
