"""Feature flags over the API: the same services as the page, with If-Match."""

from __future__ import annotations

from datetime import date

import pytest

from crm.core.access import system_scope
from crm.core.flags import Step, flag, forget_flag
from organisation.choices import Role
from organisation.models import FeatureFlag
from tests.api.conftest import ApiClient, assert_problem, give_token
from tests.conftest import make_team, make_user
from tests.organisation.test_flags import put

pytestmark = pytest.mark.django_db
PATH = "/api/flags/probe/"


@pytest.fixture(autouse=True)
def probe():
    """A flag on which nothing stands."""
    yield flag("probe", label="Probe", owner="sales", ends_on=date(2020, 1, 1))
    forget_flag("probe")


def client(user, *scopes: str) -> ApiClient:
    return ApiClient(give_token(user, *scopes)[1])


@pytest.fixture
def admin(people):
    return people(Role.ADMINISTRATOR)


@pytest.fixture
def api(admin):
    return client(admin)


def test_reading(api):
    (one,) = api.get("/api/flags/").json()["results"]
    assert (one["key"], one["owner"], one["ends_on"], one["is_expired"]) == ("probe", "sales", "2020-01-01", True)
    assert (one["step"], one["step_since"], one["version"], one["obstacle"]) == ("OFF", None, 0, "")
    answer = api.get(PATH)
    assert (answer.json(), answer["ETag"]) == (one, '"0"')
    assert_problem(api.get("/api/flags/?q=x"), 400, "validation")
    assert_problem(api.get("/api/flags/no.such/"), 404, "not-found")


def test_one_step_at_a_time_and_off_at_once(api, organisation):
    done = api.post(f"{PATH}advance/")
    assert done.status_code == 200, done.content
    assert (done.json()["step"], done["ETag"]) == ("ADMINISTRATORS", '"1"')
    assert "one day" in done.json()["obstacle"]
    refused = assert_problem(api.post(f"{PATH}advance/"), 409, "rule")
    assert "one day" in refused["detail"]
    put(organisation, "probe", Step.QUARTER)
    assert api.post(f"{PATH}advance/").json()["step"] == "ALL"
    assert_problem(api.post(f"{PATH}advance/"), 409, "rule")
    off = api.post(f"{PATH}off/", {"reason": "Too slow"})
    assert (off.status_code, off.json()["step"]) == (200, "OFF")
    with system_scope(organisation.pk, job="test"):
        history = FeatureFlag.history.order_by("-history_id").first()
        assert (history.history_change_reason, history.history_source) == ("Too slow", "api")


def test_nobody_acts_on_what_he_has_not_seen(api, organisation):
    seen = api.get(PATH)["ETag"]
    assert api.post(f"{PATH}advance/", If_Match=seen).status_code == 200
    put(organisation, "probe", Step.ADMINISTRATORS)
    assert_problem(api.post(f"{PATH}advance/", If_Match=seen), 412, "stale")
    body = {"user_ids": [], "team_ids": []}
    assert_problem(api.put(f"{PATH}first/", body, If_Match=seen), 412, "stale")
    assert api.put(f"{PATH}first/", body, If_Match=api.get(PATH)["ETag"]).status_code == 200


def test_who_has_it_first(api, organisation, other_organisation, people):
    pilot, team = people(Role.REP), make_team(organisation)
    answer = api.put(f"{PATH}first/", {"user_ids": [pilot.pk], "team_ids": [team.pk]})
    assert answer.status_code == 200, answer.content
    assert (answer.json()["user_ids"], answer.json()["team_ids"]) == ([pilot.pk], [team.pk])
    stranger, strange = make_user(other_organisation), make_team(other_organisation)
    for field, pk in (("user_ids", stranger.pk), ("team_ids", strange.pk)):
        wrong = assert_problem(
            api.put(f"{PATH}first/", {"user_ids": [], "team_ids": [], field: [pk]}), 400, "validation"
        )
        assert wrong["errors"][0]["pointer"] == f"/{field}"
    assert api.get(PATH).json()["user_ids"] == [pilot.pk]


def test_faults(api):
    assert_problem(api.post(f"{PATH}off/", {}), 400, "validation")
    assert_problem(api.post(f"{PATH}off/", {"reason": " "}), 400, "validation")
    assert_problem(api.put(f"{PATH}first/", {"user_ids": ["1"], "team_ids": []}), 400, "validation")
    assert_problem(api.post("/api/flags/no.such/advance/"), 404, "not-found")


@pytest.mark.parametrize("role", [Role.REP, Role.MANAGER, Role.AUDITOR])
def test_administrators_alone(people, role):
    api = client(people(role))
    assert_problem(api.get("/api/flags/"), 403, "not-allowed")
    assert_problem(api.get(PATH), 403, "not-allowed")
    assert_problem(api.post(f"{PATH}advance/"), 403, "not-allowed")
    assert_problem(api.post(f"{PATH}off/", {"reason": "x"}), 403, "not-allowed")
    assert_problem(api.put(f"{PATH}first/", {"user_ids": [], "team_ids": []}), 403, "not-allowed")


def test_a_token_that_only_reads_changes_nothing(admin):
    api = client(admin, "settings.read")
    assert api.get(PATH).status_code == 200
    assert_problem(api.post(f"{PATH}advance/"), 403, "not-allowed")
    assert api.get(PATH).json()["step"] == "OFF"
