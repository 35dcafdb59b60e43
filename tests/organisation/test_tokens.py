"""API tokens: made, shown once, used, revoked; the page and the services behind it; kept answers."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.cache import cache
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from crm.core.access import activate, system_scope_for
from crm.core.errors import Conflict, Forbidden, Invalid, NotFound
from organisation import services
from organisation.answers import AnswerRows, forget_answers
from organisation.choices import Role
from organisation.models import ApiToken, IdempotencyKey
from organisation.services.tokens import MOST_TOKENS
from outbox.models import Event
from tests.api.conftest import ApiClient, give_token
from tests.conftest import scope_of

pytestmark = pytest.mark.django_db

PAGE = "/settings/tokens/"
GOOD = {"name": "Nightly export", "scopes": ["customers.read"], "days": 30}


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


def test_the_page_makes_a_token_and_shows_it_once(as_user, people):
    client = as_user(people(Role.REP))
    assert "No token yet" in client.get(PAGE).content.decode()
    made = client.post(PAGE, GOOD | {"days": "30"})
    assert (made.status_code, made["Location"]) == (302, PAGE)
    page = client.get(PAGE)
    assert "no-store" in page["Cache-Control"]
    token = page.content.decode().partition('value="fp_')[2].partition('"')[0]
    assert ApiClient(f"fp_{token}").get("/api/customers/").status_code == 200
    again = client.get(PAGE).content.decode()
    assert token not in again
    assert "Nightly export" in again
    assert f"fp_{token[:6]}" in again


def test_the_page_says_what_is_wrong_and_revokes(as_user, people):
    rep = people(Role.REP)
    row, token = give_token(rep)
    client = as_user(rep)
    wrong = client.post(PAGE, {"name": "", "days": "30"})
    assert wrong.status_code == 422
    done = client.post(reverse("organisation:revoke_token", args=[row.pk]))
    assert done.status_code == 302
    assert "revoked" in client.get(PAGE).content.decode()
    assert ApiClient(token).get("/api/customers/").status_code == 401
    other, _token = give_token(people(Role.REP))
    assert client.post(reverse("organisation:revoke_token", args=[other.pk])).status_code == 404


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
