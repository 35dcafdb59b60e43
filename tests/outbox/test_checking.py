"""The health call of a connection: asked by a worker, its answer kept, told once, and what it says of the credentials."""

from __future__ import annotations

import pytest
from django.db import connection as database
from django.utils import timezone

from crm.core.access import system_scope
from outbox import guards
from outbox.checking import check
from outbox.choices import CheckResult, ConnectionState
from outbox.intake_due import due_tasks
from outbox.models import ConnectionCheck, Credential
from outbox.services import connections as services
from tests.outbox.intake import make_connection, reload
from tests.outbox.other_side import OK, told


@pytest.fixture
def made(calling_out):
    return calling_out


def state_of(made):
    with system_scope(made.organisation_id, job="test"):
        return ConnectionCheck.objects.get(connection=made)


def test_a_test_from_the_page_is_asked_by_a_worker_and_its_answer_kept(made, as_relay):
    with system_scope(made.organisation_id, job="test") as scope:
        services.ask_check(scope=scope, connection_id=made.pk)
    with as_relay():
        assert due_tasks() == [("outbox.tasks.check_connection", (made.organisation_id, made.pk))]
        assert due_tasks() == []
    assert check(made.organisation_id, made.pk) == CheckResult.OK
    row = state_of(made)
    assert (row.result, row.status, row.locked_until) == ("OK", 200, None)
    assert (row.due_at - row.checked_at).total_seconds() == 60
    assert told(made) == []


def test_a_side_that_goes_away_and_comes_back_is_told_once_each(made, other):
    check(made.organisation_id, made.pk)
    other.answers = [(503, {}, {})]
    assert check(made.organisation_id, made.pk) == CheckResult.AWAY
    assert check(made.organisation_id, made.pk) == CheckResult.AWAY
    assert reload(made).state == ConnectionState.ACTIVE
    other.answers = [OK]
    guards.store().ask(lambda client: client.delete(f"call:{database.settings_dict['NAME']}:{made.pk}:breaker"))
    assert check(made.organisation_id, made.pk) == CheckResult.OK
    assert told(made) == ["integration.degraded", "integration.recovered"]


def with_token(made, value="t" * 24):
    with system_scope(made.organisation_id, job="test") as scope:
        return services.set_credential(scope=scope, connection_id=made.pk, kind="api_token", value=value)


FEED = (200, {"Content-Type": "application/json"}, {"items": [], "next": 0, "more": False})


def test_with_a_token_the_feed_is_asked_and_a_refused_one_breaks_the_connection(made, other):
    with_token(made)
    other.answers = [FEED]
    assert check(made.organisation_id, made.pk) == CheckResult.OK
    path, headers = other.asked[-1]
    assert (path, headers["authorization"]) == ("/api/events/?limit=1", f"Bearer {'t' * 24}")
    other.answers = [(401, {}, {})]
    assert check(made.organisation_id, made.pk) == CheckResult.REFUSED
    assert reload(made).state == ConnectionState.BROKEN
    other.answers = [FEED]
    assert check(made.organisation_id, made.pk) == CheckResult.OK
    assert reload(made).state == ConnectionState.ACTIVE
    assert told(made) == ["integration.credentials.refused", "integration.recovered"]


def test_a_new_token_is_proven_before_it_is_used(made, other):
    with_token(made)
    with_token(made, "n" * 24)
    other.answers = [(401, {}, {}), FEED]
    assert check(made.organisation_id, made.pk) == CheckResult.OK, "the old one still works"
    with system_scope(made.organisation_id, job="test"):
        kept = Credential.objects.filter(kind="api_token")
        assert dict(kept.values_list("ending", "role")) == {"tttt": "CURRENT", "nnnn": "NEXT"}
    other.answers = [FEED]
    check(made.organisation_id, made.pk)
    assert other.asked[-1][1]["authorization"].endswith("n" * 24)
    with system_scope(made.organisation_id, job="test"):
        assert dict(kept.values_list("ending", "role")) == {"tttt": "PREVIOUS", "nnnn": "CURRENT"}


def test_a_refused_connection_is_asked_again_after_it_was_changed_and_at_once_with_a_new_token(made, other):
    """Changing its name, or the token that was wrong, must not be the end of asking."""
    with_token(made)
    other.answers = [(401, {}, {})]
    check(made.organisation_id, made.pk)
    broken = reload(made)
    assert broken.state == ConnectionState.BROKEN
    with system_scope(made.organisation_id, job="test") as scope:
        services.change_connection(
            scope=scope, connection_id=made.pk, version=broken.version, label="Nordost", base_url=broken.base_url
        )
    assert state_of(made).due_at is not None
    with system_scope(made.organisation_id, job="test"):
        ConnectionCheck.objects.update(due_at=None)
    with_token(made, "n" * 24)
    assert state_of(made).due_at <= timezone.now()
    other.answers = [FEED]
    assert check(made.organisation_id, made.pk) == CheckResult.OK
    assert reload(made).state == ConnectionState.ACTIVE


def test_nobody_is_asked_without_an_address(house):
    made = make_connection(house)
    assert check(house.pk, made.pk) is None


def test_a_secret_whose_key_is_gone_is_an_answer_too_and_can_be_replaced(made, other, settings):
    """Neither the page nor the next check waits for ever."""
    with_token(made)
    settings.CREDENTIAL_KEYS = ["new-" * 11]
    assert check(made.organisation_id, made.pk) == CheckResult.WRONG
    assert state_of(made).due_at > timezone.now()
    assert told(made) == ["integration.degraded"]
    assert with_token(made, "n" * 24).role == "NEXT"
    other.answers = [FEED]
    assert check(made.organisation_id, made.pk) == CheckResult.OK
    assert other.asked[-1][1]["authorization"].endswith("n" * 24)
