"""Who is told what: silence, folding, access, choices, quiet hours, the digest; and the wall between users."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

import pytest
from django.db import ProgrammingError, connection, transaction
from django.test.utils import CaptureQueriesContext

from crm.core.access import activate, system_scope
from crm.core.errors import Invalid, NotFound
from messaging import digest, services
from messaging.choices import Channel
from messaging.models import Notice, NoticePreference
from messaging.options import DIGEST_AT
from messaging.registry import NoticeKind, all_kinds, notice_kind, notice_subject
from messaging.services import change_notice_settings, notify, read_all_notices, read_notice
from organisation.services import set_value
from tests.conftest import make_user, scope_of
from tests.messaging.conftest import messages_of, notices_of

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 11, 20, 11, tzinfo=UTC)
NIGHT = datetime(2026, 11, 20, 23, tzinfo=UTC)  # midnight in Berlin


@pytest.fixture
def actor(people):
    return people("MANAGER")


def choose(user, **channels):
    hours = {name: channels.pop(name) for name in ("begins", "ends") if name in channels}
    with activate(scope_of(user)) as scope:
        change_notice_settings(
            scope=scope, channels={key.replace("_", "."): one for key, one in channels.items()}, **hours
        )


def test_a_user_is_told_and_sees_his_own_alone(actor, people, tell):
    reader, other, administrator = people(), people(), people("ADMINISTRATOR")
    assert tell(actor, "probe.app", reader, about=7) == 1
    (notice,) = notices_of(reader)
    assert (notice.title, notice.text, notice.times, notice.read_at) == ("Probe", "rain happened", 1, None)
    for user in (other, administrator, actor):
        assert notices_of(user) == []
        with activate(scope_of(user)) as scope:
            assert not Notice.objects.exists(), "the wall in SQL"
            with pytest.raises(NotFound):
                read_notice(scope=scope, notice_id=notice.pk)
    assert notices_of(reader)[0].read_at is None


def test_nobody_writes_a_notice_into_somebody_elses_list_by_himself(people, organisation):
    with activate(scope_of(people())) as scope, pytest.raises(ProgrammingError), transaction.atomic():
        Notice.objects.create(
            organisation=organisation, user=people(), kind="probe.app", fold_key="x", created_at=scope.now
        )


def test_own_acts_are_silent_unless_they_concern_ones_account(actor, people, tell):
    assert tell(actor, "probe.app", actor, people()) == 1
    assert notices_of(actor) == []
    assert tell(actor, "probe.must", actor) == 1
    assert len(notices_of(actor)) == 1


def test_equal_ones_fold_while_they_are_unread(actor, people, tell):
    reader = people()
    for what in ("rain", "snow", "hail"):
        tell(actor, "probe.app", reader, about=7, what=what)
    tell(actor, "probe.app", reader, about=8)
    first, second = notices_of(reader)
    assert [(first.times, first.text), (second.times, second.text)] == [(3, "hail happened"), (1, "rain happened")]
    with activate(scope_of(reader)) as scope:
        read_notice(scope=scope, notice_id=first.pk)
    tell(actor, "probe.app", reader, about=7)
    assert [one.times for one in notices_of(reader)] == [3, 1, 1]


def test_without_a_subject_the_same_words_are_equal(actor, people, tell):
    reader = people()
    for what in ("rain", "rain", "snow"):
        tell(actor, "probe.app", reader, what=what)
    assert [one.times for one in notices_of(reader)] == [2, 1]


def test_who_may_not_see_the_subject_is_left_out(actor, people, tell):
    blind, seeing = people(), people()
    assert tell(actor, "probe.mail", blind, seeing, about=blind.pk) == 1
    assert (notices_of(blind), len(notices_of(seeing))) == ([], 1)
    assert [one.user_id for one in messages_of(actor.organisation)] == [seeing.pk]


def test_the_inactive_and_strangers_are_left_out(actor, people, tell, other_organisation):
    gone, stranger = people(is_active=False), make_user(other_organisation)
    assert tell(actor, "probe.mail", gone, stranger) == 0
    assert messages_of(actor.organisation) == messages_of(other_organisation) == []


def test_programming_errors_are_loud(actor, people, kinds):
    with activate(scope_of(actor)) as scope:
        told = {"scope": scope, "users": [people().pk], "subject": None, "parameters": {"what": "x"}}
        with pytest.raises(ValueError, match="no notice kind"):
            notify(**told | {"kind": "probe.unknown"})
        with pytest.raises(ValueError, match="lacks"):
            notify(**told | {"kind": "probe.app", "parameters": {}})
        with pytest.raises(ValueError, match="no notice subject"):
            notify(**told | {"kind": "probe.app", "subject": ("unknown", 1)})
    with pytest.raises(ValueError, match="taken"):
        notice_kind("probe.app", "x", "y")
    with pytest.raises(ValueError, match="needs a label"):
        notice_kind("probe.bare", "%(x)s", "y")
    with pytest.raises(ValueError, match="taken"):
        notice_subject("thing", url_name="x", seers=lambda *_: set())


def test_it_is_gone_with_what_caused_it(actor, people, tell):
    reader = people()
    with transaction.atomic():
        tell(actor, "probe.mail", reader)
        transaction.set_rollback(True)
    assert (notices_of(reader), messages_of(actor.organisation)) == ([], [])


def test_a_hundred_are_told_by_as_many_statements_as_one(actor, people, tell):
    one, many = [people()], [people() for _n in range(40)]

    def count(users) -> int:
        with CaptureQueriesContext(
            connection,
        ) as caught:
            tell(actor, "probe.mail", *users, about=1)
        return len(caught)

    assert count(one) == count(many)
    assert len(messages_of(actor.organisation)) == 41


# Choices


def test_a_choice_decides_how_one_is_told(actor, people, tell):
    reader = people()
    for channel, mails in (("IN_APP", 0), ("MAIL", 1), ("DIGEST", 1), ("OFF", 1)):
        choose(reader, probe_mail=channel)
        tell(actor, "probe.mail", reader, what=channel)
        assert len(messages_of(actor.organisation)) == mails, channel
    told = {one.parameters["what"]: one.digest_at is not None for one in notices_of(reader)}
    assert told == {"IN_APP": False, "MAIL": False, "DIGEST": True}


def test_what_protects_cannot_be_switched_off(actor, people, tell, organisation):
    reader = people()
    with pytest.raises(Invalid):
        choose(reader, probe_must="OFF")
    with pytest.raises(Invalid):
        choose(reader, probe_unknown="IN_APP")
    with system_scope(organisation.pk, job="test"):  # written past the service: it is told all the same
        NoticePreference.objects.create(organisation=organisation, user=reader, kind="probe.must", channel="OFF")
    tell(actor, "probe.must", reader)
    assert len(messages_of(organisation)) == 1
    mandatory = {kind.key for kind in all_kinds() if kind.mandatory}
    assert {key for key in mandatory if key.startswith("security.")} == {
        "security.password_changed",
        "security.factor_added",
        "security.factor_removed",
        "security.codes_made",
    }
    assert all(Channel.OFF not in kind.channels for kind in all_kinds() if kind.mandatory)


def test_choices_are_ones_own(people, kinds, organisation):
    me, other = people(), people("ADMINISTRATOR")
    choose(me, probe_app="OFF", begins=time(22), ends=time(7))
    choose(me, probe_app="MAIL", begins=time(21), ends=time(7))
    with activate(scope_of(other)) as scope:
        assert not NoticePreference.objects.exists()
        assert not NoticePreference.objects.visible_to(scope).exists()
    with system_scope(organisation.pk, job="test"):
        assert list(NoticePreference.objects.values_list("user", "channel")) == [(me.pk, "MAIL")]


@pytest.mark.parametrize("hours", [{"begins": time(22)}, {"ends": time(7)}, {"begins": time(7), "ends": time(7)}])
def test_half_quiet_hours_are_refused(people, hours):
    with pytest.raises(Invalid) as refused:
        choose(people(), **hours)
    assert refused.value.field == "ends"


# Mails of notices


def told_at(now, actor, kind, reader, what="rain"):
    with activate(scope_of(actor)) as scope, activate(type(scope)(**_values(scope) | {"now": now})) as then:
        return notify(scope=then, kind=kind, users=[reader.pk], subject=None, parameters={"what": what})


def _values(scope):
    return {name: getattr(scope, name) for name in scope.__dataclass_fields__}


def test_a_mail_goes_once_in_the_readers_language(actor, people, tell, organisation):
    reader = people(language="de", name="Rieke Sander")
    for _n in range(3):
        tell(actor, "probe.mail", reader, about=7)
    (message,) = messages_of(organisation)
    shown = services.shown_mail(message)
    assert (message.to_address, message.language, message.state) == (reader.email, "de", "QUEUED")
    assert shown.subject == "Probe rain"
    assert "Guten Tag Rieke Sander" in shown.body
    assert "It was rain" in shown.body


def test_a_line_break_in_a_name_does_not_reach_the_subject(actor, people, tell, organisation):
    tell(actor, "probe.mail", people(), what="rain\r\nBcc: all@example.org")
    (message,) = messages_of(organisation)
    assert services.shown_mail(message).subject == "Probe rain Bcc: all@example.org"


def test_quiet_hours_hold_mails_but_not_notes_about_the_account(actor, people, kinds, organisation):
    reader = people()
    choose(reader, begins=time(22), ends=time(7))
    told_at(NOON, actor, "probe.mail", reader)
    told_at(NIGHT, actor, "probe.mail", reader, what="snow")
    told_at(NIGHT, actor, "probe.must", reader)
    assert [one.run_at for one in messages_of(organisation)] == [NOON, NIGHT + timedelta(hours=7), NIGHT]


def test_the_digest_gathers_what_is_unread_once(actor, people, kinds, organisation):
    reader, other = people(language="de"), people()
    for what in ("rain", "snow"):
        told_at(NOON, actor, "probe.digest", reader, what=what)
    told_at(NOON, actor, "probe.digest", other)
    with activate(scope_of(other)) as scope:
        read_all_notices(scope=scope)
    with system_scope(organisation.pk, job="test"):
        assert {one.digest_at for one in Notice.objects.filter(user=reader)} == {NOON + timedelta(hours=19)}
        Notice.objects.filter(user=reader).update(digest_at=NOON)
    assert messages_of(organisation) == []
    assert [digest.send_digests(organisation.pk) for _n in range(2)] == [1, 0]
    (message,) = messages_of(organisation)
    shown = services.shown_mail(message)
    assert (message.user_id, shown.subject) == (reader.pk, "FreshPlan: Hinweise (2)")
    assert shown.body.index("Probe snow") < shown.body.index("Probe rain")


def test_the_organisation_says_when_its_digest_comes(actor, people, kinds, organisation):
    reader = people()
    with activate(scope_of(actor)) as scope:
        set_value(scope=scope, key=DIGEST_AT.key, level="ORGANISATION", value="17:30", reason="Probe")
    told_at(NOON, actor, "probe.digest", reader)
    with system_scope(organisation.pk, job="test"):
        assert Notice.objects.get(user=reader).digest_at == NOON + timedelta(hours=5, minutes=30)


def test_a_digest_that_is_not_due_waits(actor, people, tell, organisation):
    tell(actor, "probe.digest", people())
    assert digest.send_digests(organisation.pk) == 0
    assert messages_of(organisation) == []


# Reading


def test_the_count_is_capped(actor, people, tell, organisation):
    reader = people()
    with system_scope(organisation.pk, job="test") as scope:
        Notice.objects.bulk_create(
            Notice(organisation=organisation, user=reader, kind="probe.app", fold_key=str(n), created_at=scope.now)
            for n in range(120)
        )
    with activate(scope_of(reader)) as scope:
        assert services.unread_count(scope) == 100
        assert read_all_notices(scope=scope) == 120
        assert services.unread_count(scope) == 0


def test_a_kind_of_an_older_release_still_shows(actor, people, tell, organisation):
    reader = people()
    with system_scope(organisation.pk, job="test") as scope:
        for kind in ("gone.kind", "probe.app"):
            Notice.objects.create(organisation=organisation, user=reader, kind=kind, fold_key="x", created_at=scope.now)
    assert [(one.title, one.address) for one in notices_of(reader)] == [("gone.kind", ""), ("probe.app", "")]


def test_the_parameters_of_a_kind_are_those_of_both_texts():
    kind = NoticeKind("x", "x", "%(a)s", "%(b)s and %(a)s", False, Channel.IN_APP, "bell", "blue", False)
    assert kind.parameters == {"a", "b"}
