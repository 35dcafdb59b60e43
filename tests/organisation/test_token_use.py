"""The use of a token is noted at the request's end: nobody waits for it."""

from __future__ import annotations

import psycopg
import pytest
from django.core.cache import cache
from django.db import connection, transaction

from crm.core.access import activate
from organisation import services
from organisation.choices import Role
from organisation.models import ApiToken
from organisation.tokens import digest_of
from tests.api.conftest import ApiClient, give_token
from tests.conftest import make_organisation, make_user, scope_of

CUSTOMERS = "/api/customers/"


@pytest.fixture
def token(committed_db):
    """A committed token with its row."""
    cache.clear()
    with transaction.atomic():
        return give_token(make_user(make_organisation("Cook&Fresh"), Role.REP))


def used_at(row):
    with transaction.atomic(), activate(scope_of(row.user)):
        return ApiToken.objects.get(pk=row.pk).last_used_at


def test_revoking_waits_for_no_request_that_goes_on(token, database_urls):
    """Such as that of a waiting reader of the feed."""
    row, plain = token
    with psycopg.connect(database_urls["app"]) as going_on:  # what a request does first
        going_on.execute("SELECT * FROM organisation_open_token(%s)", [digest_of(plain)])
        with transaction.atomic(), activate(scope_of(row.user)) as scope, connection.cursor() as cursor:
            cursor.execute("SET LOCAL lock_timeout = '1s'")
            services.revoke_token(scope=scope, token_id=row.pk)
    assert ApiClient(plain).get(CUSTOMERS).status_code == 401


def test_a_use_is_noted_once_a_minute_also_of_a_refused_request(token):
    row, plain = token
    assert ApiClient(plain).get(f"{CUSTOMERS}?nonsense=1").status_code == 400
    first = used_at(row)
    assert first is not None
    assert ApiClient(plain).get(CUSTOMERS).status_code == 200
    assert used_at(row) == first


def test_a_use_that_is_noted_just_now_is_not_waited_for(token, database_urls):
    row, plain = token
    with psycopg.connect(database_urls["app"]) as other:
        other.execute("SELECT organisation_note_token(%s)", [digest_of(plain)])
        assert ApiClient(plain).get(CUSTOMERS).status_code == 200
        other.rollback()
    assert used_at(row) is None
