"""Wordings: shipped in both languages, edited as versions, placeholders held to their list, restored, tested."""

from __future__ import annotations

import pytest
from django.db import ProgrammingError, transaction

from crm.core.access import activate
from crm.core.errors import Conflict, Forbidden, Invalid, NotFound
from messaging import services
from messaging.models import TemplateVersion
from messaging.services import restore_wording, save_wording, send_test_mail, wording_in_force
from messaging.wordings import FOLDER, TEMPLATES, PlaceholderEmpty, Wording, shipped
from organisation.choices import Language
from tests.conftest import make_user, scope_of
from tests.messaging.conftest import messages_of, queue

pytestmark = pytest.mark.django_db
NOTICE = {"key": "notice", "language": "en"}


@pytest.fixture
def scope(people):
    with activate(scope_of(people("MANAGER"))) as active:
        yield active


@pytest.mark.parametrize("key", sorted(TEMPLATES))
@pytest.mark.parametrize("language", Language.values)
def test_each_shipped_wording_is_whole(key, language):
    wording, template = shipped(key, language), TEMPLATES[key]
    assert wording.names() <= template.placeholders
    assert template.secret <= wording.names()
    subject, body = wording.fill(dict.fromkeys(template.placeholders, "VALUE"))
    assert "{{" not in subject + body
    assert "\n" not in subject


def test_there_are_no_other_files():
    assert {path.name for path in FOLDER.iterdir()} == {
        f"{key}.{one}.txt" for key in TEMPLATES for one in Language.values
    }


def test_values_are_not_read_as_placeholders():
    assert Wording("{{ title }}", "x").fill({"title": "{{ text }}", "text": "leak"})[0] == "{{ text }}"
    with pytest.raises(PlaceholderEmpty, match="title"):
        Wording("x", "{{title}}").fill({"title": 0 or ""})


def test_an_edited_wording_holds_from_its_save_on(scope, people, organisation):
    before = queue(people(), key="probe:1")
    row = save_wording(scope=scope, **NOTICE, version=0, subject="News: {{ title }}", body="{{ text }}\r\nBye")
    after = queue(people(), key="probe:2")
    assert (row.number, row.body) == (1, "{{ text }}\nBye\n")
    with activate(scope):
        assert wording_in_force(scope=scope, **NOTICE).subject == "News: {{ title }}"
        assert wording_in_force(scope=scope, key="notice", language="de") == shipped("notice", "de")
    assert [services.shown_mail(one).subject for one in messages_of(organisation)] == ["Rain", "News: Rain"]
    assert (before.template_version, after.template_version) == (0, 1)


def test_the_shipped_wording_comes_back(scope, people, organisation):
    save_wording(scope=scope, **NOTICE, version=0, subject="{{ title }}", body="{{ text }}")
    row = restore_wording(scope=scope, **NOTICE, version=1)
    assert (row.number, row.is_shipped) == (2, True)
    assert wording_in_force(scope=scope, **NOTICE) == shipped("notice", "en")
    assert queue(people()).template_version == 0
    with pytest.raises(Conflict):
        save_wording(scope=scope, **NOTICE, version=1, subject="{{ title }}", body="{{ text }}")


@pytest.mark.parametrize(
    ("key", "subject", "body", "field"),
    [
        ("notice", "", "x", "subject"),
        ("notice", "x" * 201, "x", "subject"),
        ("notice", "a\nBcc: b", "x", "subject"),
        ("notice", "x", "  ", "body"),
        ("notice", "x", "{{ password }}", "body"),
        ("notice", "{{ secret }}", "x", "subject"),
        ("notice", "x", "{% include 'x' %}", "body"),
        ("notice", "x", "{{ title", "body"),
        ("account.reset", "{{ address }}", "{{ address }}", "subject"),
        ("account.reset", "x", "no link", "body"),
    ],
)
def test_what_a_wording_may_not_be(scope, key, subject, body, field):
    with pytest.raises(Invalid) as refused:
        save_wording(scope=scope, key=key, language="de", version=0, subject=subject, body=body)
    assert refused.value.field == field
    assert not TemplateVersion.objects.exists()


def test_two_at_once_do_not_overwrite_each_other(scope):
    save_wording(scope=scope, **NOTICE, version=0, subject="First", body="x")
    with pytest.raises(Conflict):
        save_wording(scope=scope, **NOTICE, version=0, subject="Second", body="x")
    assert wording_in_force(scope=scope, **NOTICE).subject == "First"


@pytest.mark.parametrize("role", ["REP", "TEAM_LEAD", "CHAIN_MANAGER", "DPO", "AUDITOR"])
def test_managers_and_administrators_alone_edit(people, role):
    with activate(scope_of(people(role))) as scope:
        with pytest.raises(Forbidden):
            save_wording(scope=scope, **NOTICE, version=0, subject="x", body="x")
        with pytest.raises(Forbidden):
            restore_wording(scope=scope, **NOTICE, version=0)
        with pytest.raises(Forbidden):
            send_test_mail(scope=scope, **NOTICE)
        assert not TemplateVersion.objects.exists()


def test_unknown_ones_do_not_exist(scope):
    for wrong in ({"key": "other", "language": "de"}, {"key": "notice", "language": "fr"}):
        with pytest.raises(NotFound):
            save_wording(scope=scope, **wrong, version=0, subject="x", body="x")


def test_another_organisation_keeps_its_own(scope, other_organisation):
    save_wording(scope=scope, **NOTICE, version=0, subject="Ours", body="x")
    with activate(scope_of(make_user(other_organisation, "MANAGER"))) as theirs:
        assert not TemplateVersion.objects.exists()
        assert wording_in_force(scope=theirs, **NOTICE) == shipped("notice", "en")


def test_versions_are_not_changed(scope):
    row = save_wording(scope=scope, **NOTICE, version=0, subject="First", body="x")
    for change in (lambda: TemplateVersion.objects.update(subject="y"), row.delete):
        with pytest.raises(ProgrammingError), transaction.atomic():
            change()


@pytest.mark.parametrize("key", sorted(TEMPLATES))
def test_a_test_mail_goes_to_oneself_and_lets_nobody_in(people, organisation, key):
    me = people("MANAGER", language="de")
    with activate(scope_of(me)) as scope:
        send_test_mail(scope=scope, key=key, language="de")
    (message,) = messages_of(organisation)
    shown = services.shown_mail(message)
    assert (message.to_address, shown.gap) == (me.email, "")
    assert "set-up/example" in shown.body or "/accounts/" not in shown.body
