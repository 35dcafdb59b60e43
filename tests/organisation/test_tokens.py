"""API tokens: made, shown once, used, revoked; the page and the services behind it; kept answers."""

from __future__ import annotations

import time
from datetime import timedelta
from urllib.parse import quote
from zoneinfo import ZoneInfo

import pytest
from django.core.cache import cache
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from crm.core.access import activate, system_scope, system_scope_for
from crm.core.errors import Conflict, Forbidden, Invalid, NotFound
from messaging import handlers
from messaging.models import Message, Notice
from organisation import services
from organisation.answers import AnswerRows, forget_answers
from organisation.choices import Role
from organisation.models import ApiToken, IdempotencyKey, OneTimeLink
from organisation.services.tokens import MOST_TOKENS
from outbox.models import Event
from tests.api.conftest import ApiClient, give_token
from tests.conftest import PASSWORD, scope_of

pytestmark = pytest.mark.django_db

PAGE = "/settings/tokens/"
GOOD = {"name": "Nightly export", "scopes": ["customers.read"], "days": 30}


def tokens_of(user) -> list[str]:
    with system_scope(user.organisation_id, job="test"):
        return list(ApiToken.objects.filter(user=user).values_list("name", flat=True))


@pytest.fixture(autouse=True)
def _fresh_window():
    cache.clear()


def test_a_token_is_kept_as_its_digest_alone_and_made_known(people):
    rep = people(Role.REP)
    with transaction.atomic(), activate(scope_of(rep)) as scope:
        row, token = services.create_token(scope=scope, **GOOD)
        assert token.startswith("fp_")
        assert len(token) == 46  # 256 bits
        assert token not in {str(value) for value in ApiToken.objects.values_list().get()}
        assert row.expires_at == scope.now + timedelta(days=30)
    with transaction.atomic(), activate(system_scope_for(rep.organisation_id, job="test")):
        event = Event.objects.get(type="token.created")
        assert event.data == {"user_id": rep.pk, "token_id": row.pk, "scopes": ["customers.read"]}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": " "}, "name"),
        ({"name": "a" * 81}, "name"),
        ({"scopes": []}, "scopes"),
        ({"scopes": ["customers.read", "nonsense.read"]}, "scopes"),
        ({"days": 0}, "days"),
        ({"days": 366}, "days"),
    ],
)
def test_a_token_that_cannot_be_is_refused_at_its_field(people, change, field):
    with transaction.atomic(), activate(scope_of(people(Role.REP))) as scope:
        with pytest.raises(Invalid) as refused:
            services.create_token(scope=scope, **(GOOD | change))
        assert refused.value.field == field
        assert not ApiToken.objects.exists()


def test_there_is_an_end_to_the_number_of_live_tokens(people):
    rep = people(Role.REP)
    for _number in range(MOST_TOKENS):
        row, _token = give_token(rep)
    with transaction.atomic(), activate(scope_of(rep)) as scope:
        with pytest.raises(Conflict):
            services.create_token(scope=scope, **GOOD)
        services.revoke_token(scope=scope, token_id=row.pk)
        services.create_token(scope=scope, **GOOD)


def test_who_has_not_the_right_makes_none(people):
    from dataclasses import replace

    with (
        transaction.atomic(),
        activate(replace(scope_of(people(Role.REP)), rights=frozenset())) as scope,
        pytest.raises(Forbidden),
    ):
        services.create_token(scope=scope, **GOOD)


def test_a_revoked_token_is_refused_at_once_and_others_tokens_are_not_there(people):
    rep, other = people(Role.REP), people(Role.ADMINISTRATOR)
    row, token = give_token(rep)
    assert ApiClient(token).get("/api/customers/").status_code == 200
    with transaction.atomic(), activate(scope_of(other)) as scope, pytest.raises(NotFound):
        services.revoke_token(scope=scope, token_id=row.pk)
    assert ApiClient(token).get("/api/customers/").status_code == 200
    with transaction.atomic(), activate(scope_of(rep)) as scope:
        services.revoke_token(scope=scope, token_id=row.pk)
    assert ApiClient(token).get("/api/customers/").status_code == 401


def test_tokens_end_with_the_access_and_do_not_come_back_with_it(people):
    admin, rep = people(Role.ADMINISTRATOR), people(Role.REP)
    row, token = give_token(rep)
    with transaction.atomic(), activate(scope_of(admin)) as scope:
        off = services.deactivate_user(scope=scope, user_id=rep.pk, version=rep.version)
        services.reactivate_user(scope=scope, user_id=rep.pk, version=off.version)
    assert ApiClient(token).get("/api/customers/").status_code == 401
    with transaction.atomic(), activate(scope_of(rep)):
        assert ApiToken.objects.get(pk=row.pk).revoked_at is not None


def test_nobody_reads_anothers_tokens_but_administrators(people, other_organisation):
    from tests.conftest import make_user

    rep = people(Role.REP)
    give_token(rep)
    counts = {}
    for name, user in {
        "self": rep,
        "colleague": people(Role.MANAGER),
        "administrator": people(Role.ADMINISTRATOR),
        "stranger": make_user(other_organisation, Role.ADMINISTRATOR),
    }.items():
        with transaction.atomic(), activate(scope_of(user)) as scope:
            python, sql = ApiToken.objects.visible_to(scope).count(), ApiToken.objects.count()
            assert python == sql, name
            counts[name] = sql
    assert counts == {"self": 1, "colleague": 0, "administrator": 1, "stranger": 0}


def test_the_page_makes_a_token_after_a_fresh_sign_in_and_shows_it_once(as_user, people):
    rep = people(Role.REP)
    client = as_user(rep)
    assert "No token yet" in client.get(PAGE).content.decode()
    asked = client.post(PAGE, GOOD | {"days": "30"})
    assert (asked.status_code, asked["Location"]) == (302, f"/accounts/reauthenticate/?next={quote(PAGE, safe='')}")
    assert client.post(asked["Location"], {"password": "wrong wrong wrong", "next": PAGE}).status_code == 200
    assert tokens_of(rep) == []
    made = client.post(asked["Location"], {"password": PASSWORD, "next": PAGE})
    assert (made.status_code, made["Location"]) == (302, PAGE)
    assert tokens_of(rep) == ["Nightly export"], "what was typed before is not lost"
    page = client.get(PAGE)
    assert "no-store" in page["Cache-Control"]
    token = page.content.decode().partition('value="fp_')[2].partition('"')[0]
    assert ApiClient(f"fp_{token}").get("/api/customers/").status_code == 200
    again = client.get(PAGE).content.decode()
    assert token not in again
    assert "Nightly export" in again
    assert f"fp_{token[:6]}" in again


def test_the_sign_in_is_fresh_for_five_minutes(as_user, people, monkeypatch):
    client = as_user(people(Role.REP))
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    assert client.post(PAGE, GOOD | {"days": "30"})["Location"] == PAGE
    monkeypatch.setattr("allauth.account.internal.flows.reauthentication.time.time", lambda: time.time_ns() / 1e9 + 301)
    assert client.post(PAGE, GOOD | {"days": "30"})["Location"].startswith("/accounts/reauthenticate/")


def test_who_tries_the_demo_by_one_click_makes_one_without_a_password(client, settings):
    from tests.conftest import make_organisation, make_user

    settings.EMBEDDED = settings.ON_LOOPBACK = True
    user = make_user(make_organisation(is_demo=True), Role.REP)
    here = {"headers": {"host": "127.0.0.1:8000"}, "REMOTE_ADDR": "127.0.0.1"}
    client.post("/accounts/login/demo/", {"user": user.pk}, **here)
    settings.ON_LOOPBACK = False
    assert client.post(PAGE, GOOD | {"days": "30"}, **here)["Location"].startswith("/accounts/reauthenticate/")
    settings.ON_LOOPBACK = True
    assert client.post(PAGE, GOOD | {"days": "30"}, **here)["Location"] == PAGE
    assert tokens_of(user) == ["Nightly export"]
    other = client.get("/accounts/second-factor/codes/new/", **here)
    assert "reauthenticate" in other["Location"], "the sign-in itself is guarded as everywhere"


def test_the_page_says_what_is_wrong_and_revokes(as_user, people):
    rep = people(Role.REP)
    row, token = give_token(rep)
    client = as_user(rep)
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    wrong = client.post(PAGE, {"name": "", "days": "30"})
    assert wrong.status_code == 422
    done = client.post(reverse("organisation:revoke_token", args=[row.pk]))
    assert done.status_code == 302
    assert "revoked" in client.get(PAGE).content.decode()
    assert ApiClient(token).get("/api/customers/").status_code == 401
    other, _token = give_token(people(Role.REP))
    assert client.post(reverse("organisation:revoke_token", args=[other.pk])).status_code == 404


# Before and after the end


def told(organisation):
    with system_scope(organisation.pk, job="test"):
        rows = Event.objects.filter(type="token.ending").order_by("id")
        return [(one.data["token_id"], one.data["days"]) for one in rows]


def tell(organisation, days_on: float) -> int:
    """What the job does on a later day."""
    later = timezone.now() + timedelta(days=days_on)
    with system_scope(organisation.pk, job="test", now=later) as scope:
        return services.tell_endings(scope=scope)


def test_the_end_is_told_thirty_and_seven_days_before_once_each(organisation, people):
    rep, now = people(Role.REP), timezone.now()
    year, _token = give_token(rep, until=now + timedelta(days=365))
    month, _token = give_token(rep, until=now + timedelta(days=30))
    week, _token = give_token(rep, until=now + timedelta(days=7))
    revoked, _token = give_token(rep, until=now + timedelta(days=365))
    with system_scope(organisation.pk, job="test"):
        ApiToken.objects.filter(pk=revoked.pk).update(revoked_at=now)
    happened = {day: tell(organisation, day) for day in (0, 1, 22, 24, 25, 334, 335.5, 336, 357, 359, 360, 366)}
    assert {day: count for day, count in happened.items() if count} == {24: 1, 335.5: 1, 359: 1}
    assert told(organisation) == [(month.pk, 5), (year.pk, 29), (year.pk, 5)]
    assert week.pk not in {pk for pk, _days in told(organisation)}, "made for a week: its maker knows"


def test_a_job_that_stood_still_tells_once_all_the_same(organisation, people):
    year, _token = give_token(people(Role.REP), until=timezone.now() + timedelta(days=365))
    assert [tell(organisation, day) for day in (362, 362, 363)] == [1, 0, 0]
    assert told(organisation) == [(year.pk, 2)]


def test_the_owner_is_told_by_mail(organisation, people):
    rep, other = people(Role.REP), people(Role.ADMINISTRATOR)
    row, _token = give_token(rep, until=timezone.now() + timedelta(days=365), name="Nightly export")
    tell(organisation, 340)
    with system_scope(organisation.pk, job="test", now=timezone.now() + timedelta(days=340)) as scope:
        event = Event.objects.get(type="token.ending")
        handlers.tell_token_ending(event, scope)
        notice = Notice.objects.get()
        assert (notice.user_id, notice.address) == (rep.pk, PAGE)
        assert f"{row.expires_at.astimezone(ZoneInfo(scope.zone)):%d.%m.%Y}" in notice.text
        assert "Nightly export" in notice.text
        assert [one.user_id for one in Message.objects.all()] == [rep.pk]
        assert "Nightly export" not in str(event.data)
        Notice.objects.all().delete()
        ApiToken.objects.update(revoked_at=scope.now)
        handlers.tell_token_ending(event, scope)
        assert not Notice.objects.exists(), f"revoked meanwhile, {other} is not told either"


def test_tokens_and_links_are_forgotten_thirty_days_after_their_end(organisation, people):
    rep, now = people(Role.REP), timezone.now()
    days = timedelta(days=1)
    kept = [
        give_token(rep, until=now + 365 * days)[0],
        give_token(rep, made_at=now - 60 * days, until=now - 29 * days)[0],
    ]
    give_token(rep, made_at=now - 60 * days, until=now - 31 * days)
    early = give_token(rep, until=now + 365 * days)[0]
    with system_scope(organisation.pk, job="test") as scope:
        ApiToken.objects.filter(pk=early.pk).update(revoked_at=now - 31 * days)
        for number, age in enumerate((29, 31)):
            OneTimeLink.objects.create(
                organisation=organisation,
                user=rep,
                purpose="SET_UP",
                digest=bytes([number] * 32),
                expires_at=now - age * days,
            )
        assert services.forget_tokens(scope=scope) == 3
        assert set(ApiToken.objects.values_list("pk", flat=True)) == {row.pk for row in kept}
        assert OneTimeLink.objects.count() == 1


# Kept answers


def test_an_answer_is_forgotten_after_a_day(people):
    from crm.core.api.callers import Kept

    rep = people(Role.REP)
    rows, answer = AnswerRows(), Kept(201, {"ETag": '"1"'}, "{}")
    yesterday = timezone.now() - timedelta(hours=25)
    with transaction.atomic(), activate(scope_of(rep)) as scope:
        from dataclasses import replace

        rows.keep(scope=replace(scope, now=yesterday), key="old", fingerprint=b"1", answer=answer)
        rows.keep(scope=scope, key="new", fingerprint=b"1", answer=answer)
        assert rows.find(scope=scope, key="old", fingerprint=b"2") is None, "free again, for another request too"
        assert rows.find(scope=scope, key="new", fingerprint=b"1") == answer
        rows.keep(scope=scope, key="old", fingerprint=b"2", answer=answer)
        rows.keep(scope=replace(scope, now=yesterday), key="older", fingerprint=b"1", answer=answer)
    with transaction.atomic(), activate(system_scope_for(rep.organisation_id, job="test")) as scope:
        assert forget_answers(scope) == 1
        assert set(IdempotencyKey.objects.values_list("key", flat=True)) == {"old", "new"}


def test_nobody_reads_anothers_answers(people):
    from crm.core.api.callers import Kept

    rep, admin = people(Role.REP), people(Role.ADMINISTRATOR)
    with transaction.atomic(), activate(scope_of(rep)) as scope:
        AnswerRows().keep(scope=scope, key="key", fingerprint=b"1", answer=Kept(200, {}, "{}"))
        assert IdempotencyKey.objects.count() == 1
    with transaction.atomic(), activate(scope_of(admin)) as scope:
        assert IdempotencyKey.objects.count() == IdempotencyKey.objects.visible_to(scope).count() == 0
