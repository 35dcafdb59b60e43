"""The matrix's rows of the API once more with tokens: a good one is let in, each bad one is refused and changes nothing."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.cache import cache
from django.db import transaction
from django.urls import resolve, reverse
from django.utils import timezone

from crm.core.access import activate, system_scope_for
from crm.core.api.callers import token_scopes
from crm.core.api.views import ApiView
from organisation.models import ApiToken
from tests.api.conftest import ApiClient, assert_problem, give_token
from tests.matrix.routes import ROUTES, Row
from tests.matrix.test_routes import checksums
from tests.matrix.world import World, build_world

pytestmark = pytest.mark.django_db


def view_of(url: str) -> type[ApiView] | None:
    """The endpoint behind an address; None for a page."""
    found = getattr(resolve(url).func, "cls", None)
    return found if found is not None and issubclass(found, ApiView) else None


def cases() -> list[tuple[str, Row]]:
    """Every row of an endpoint."""
    return [(name, row) for name, rows in ROUTES.items() for row in rows if "_api:" in name]


def send(world: World, name: str, row: Row, token: str):
    """The call of a row with a token; its writes are taken back by the caller."""
    url = row.url(name, world)
    body = None if row.method in {"GET", "DELETE"} else dict(row.data(world))
    return ApiClient(token).call(row.method, url, body)


def bad_tokens(world: World, area: str, user) -> dict[str, tuple[str, int, str]]:
    """Each bad token with the status and the name of its refusal."""
    now = timezone.now()
    _row, expired = give_token(user, made_at=now - timedelta(days=2), until=now - timedelta(days=1))
    revoked_row, revoked = give_token(user)
    with transaction.atomic(), activate(system_scope_for(world.organisation.pk, job="test")):
        ApiToken.objects.filter(pk=revoked_row.pk).update(revoked_at=now)
    others = [scope for scope in token_scopes() if not scope.startswith(f"{area}.")]
    _row, elsewhere = give_token(user, *others)
    _row, good = give_token(user)
    return {
        "expired": (expired, 401, "not-authenticated"),
        "revoked": (revoked, 401, "not-authenticated"),
        "unknown": (good[:-1] + ("A" if good[-1] != "A" else "B"), 401, "not-authenticated"),
        "of other areas": (elsewhere, 403, "not-allowed"),
    }


NAMED_IN_BODY = frozenset({"webhooks_api:replays"})  # what is not there for the caller is wrong at its field


@pytest.mark.parametrize(("name", "row"), cases(), ids=[f"{name}-{row.method}" for name, row in cases()])
def test_a_good_token_is_let_in_and_each_bad_one_refused(name, row):
    cache.clear()
    world = build_world()
    who = "administrator" if "administrator" in row.open_to else sorted(row.open_to)[0]
    user = world.people[who]
    area = view_of(reverse(name, kwargs=dict(row.arguments(world)))).area
    tokens = bad_tokens(world, area, user)
    if row.method not in {"GET"}:
        _row, reading = give_token(user, f"{area}.read")
        tokens["for reading"] = (reading, 403, "not-allowed")
    _row, good = give_token(user, f"{area}.read" if row.method == "GET" else f"{area}.write")
    before = checksums(world)
    for kind, (token, status, problem) in tokens.items():
        with transaction.atomic():
            assert_problem(send(world, name, row, token), status, problem)
            assert checksums_but_use(world) == {**before, "organisation_apitoken": None}, kind
            transaction.set_rollback(True)
    with transaction.atomic():
        assert send(world, name, row, good).status_code < 300
        transaction.set_rollback(True)


@pytest.mark.parametrize(
    ("name", "row"),
    [(name, row) for name, row in cases() if "foreign_administrator" not in row.open_to],
    ids=[f"{name}-{row.method}" for name, row in cases() if "foreign_administrator" not in row.open_to],
)
def test_a_token_of_another_organisation_finds_nothing(name, row):
    cache.clear()
    world = build_world()
    _row, foreign = give_token(world.people["foreign_administrator"])
    before = checksums(world)
    answer = (400, "validation") if name in NAMED_IN_BODY else (404, "not-found")
    with transaction.atomic():
        assert_problem(send(world, name, row, foreign), *answer)
        assert checksums(world) == before
        transaction.set_rollback(True)


def checksums_but_use(world: World) -> dict:
    """As `checksums`, without the tokens' own table: a refused scope is a use that its owner sees."""
    return {**checksums(world), "organisation_apitoken": None}
