"""Settings over the API: what holds, what is set where, setting it; refusals as everywhere in the API."""

from __future__ import annotations

import pytest

from crm.core.access import system_scope
from crm.core.options import Level, Nature, forget_option, option, option_value
from jobs.options import TRASH_DAYS
from organisation.choices import Role
from organisation.models import SettingValue
from tests.api.conftest import ApiClient, assert_problem, give_token

pytestmark = pytest.mark.django_db
PATH = "/api/settings/trash.days/"
AT_ORGANISATION = f"{PATH}?scope=organisation"


@pytest.fixture
def loud():
    """A preference of everybody's."""
    yield option(
        "test.loud",
        False,
        label="Loud",
        help="Only here.",
        area="Tests",
        nature=Nature.PREFERENCE,
        levels=(Level.USER, Level.ORGANISATION),
    )
    forget_option("test.loud")


def client(user, *scopes: str) -> ApiClient:
    return ApiClient(give_token(user, *scopes)[1])


def test_reading(people):
    api = client(people(Role.REP), "settings.read")
    listed = {one["key"]: one for one in api.get("/api/settings/").json()["results"]}
    assert {"trash.days", "session.idleHours"} <= set(listed)
    one = api.get(PATH).json()
    assert one == listed["trash.days"]
    assert (one["value"], one["source"], one["default"], one["unit"]) == (30, "default", 30, "days")
    assert (one["scopes"], one["least"], one["most"]) == (["organisation", "global"], 7, 90)
    at = api.get(AT_ORGANISATION)
    assert (at.json()["value"], at.json()["source"], at["ETag"]) == (None, None, '"0"')


def test_setting_and_taking_away(organisation, people):
    api = client(people(Role.MANAGER))
    done = api.put(AT_ORGANISATION, {"value": 40, "reason": "Legal"})
    assert done.status_code == 200, done.content
    assert (done.json()["value"], done.json()["source"]) == (40, "organisation")
    assert api.get(PATH).json()["value"] == 40
    with system_scope(organisation.pk, job="test") as scope:
        assert option_value(TRASH_DAYS, scope) == 40
        assert SettingValue.history.get().history_change_reason == "Legal"
        assert SettingValue.history.get().history_source == "api"
    gone = api.put(AT_ORGANISATION, {"value": None, "reason": "Back"})
    assert (gone.status_code, gone.json()["value"]) == (200, None)
    assert api.get(PATH).json()["source"] == "default"


def test_nobody_overwrites_what_he_has_not_seen(people):
    api = client(people(Role.MANAGER))
    seen = api.get(AT_ORGANISATION)["ETag"]
    assert api.put(AT_ORGANISATION, {"value": 40, "reason": "Legal"}, If_Match=seen).status_code == 200
    late = api.put(AT_ORGANISATION, {"value": 50, "reason": "Legal"}, If_Match=seen)
    assert_problem(late, 412, "stale")
    assert api.get(PATH).json()["value"] == 40
    now = api.get(AT_ORGANISATION)["ETag"]
    assert api.put(AT_ORGANISATION, {"value": 50, "reason": "Legal"}, If_Match=now).status_code == 200


def test_faults(people):
    api = client(people(Role.MANAGER))
    body = {"value": 40, "reason": "Legal"}
    assert_problem(api.get("/api/settings/no.such/"), 404, "not-found")
    assert_problem(api.get(f"{PATH}?scope=team"), 400, "validation")
    assert_problem(api.get(f"{PATH}?scope=user&scope=global"), 400, "validation")
    assert_problem(api.get("/api/settings/?q=x"), 400, "validation")
    assert_problem(api.put(PATH, body), 400, "validation")
    for wrong in (
        {**body, "value": 5},
        {**body, "value": "soon"},
        {**body, "value": [1]},
        {**body, "value": True},
        {"value": 40},
        {"reason": "Legal"},
        {**body, "extra": 1},
    ):
        assert_problem(api.put(AT_ORGANISATION, wrong), 400, "validation")
    assert_problem(api.put(f"{PATH}?scope=user", body), 400, "validation")
    assert api.get(PATH).json()["value"] == 30


def test_who_may(people, loud):
    body = {"value": 40, "reason": "Legal"}
    assert_problem(client(people(Role.REP)).put(AT_ORGANISATION, body), 403, "not-allowed")
    assert_problem(client(people(Role.MANAGER), "settings.read").put(AT_ORGANISATION, body), 403, "not-allowed")
    assert_problem(client(people(Role.ADMINISTRATOR)).put(f"{PATH}?scope=global", body), 403, "not-allowed")
    idle = "/api/settings/session.idleHours/?scope=organisation"
    assert_problem(client(people(Role.MANAGER)).put(idle, {"value": 2, "reason": "Legal"}), 403, "not-allowed")
    assert client(people(Role.ADMINISTRATOR)).put(idle, {"value": 2, "reason": "Legal"}).status_code == 200
    rep = client(people(Role.REP))
    assert rep.put("/api/settings/test.loud/?scope=user", {"value": True}).json()["value"] is True
    assert rep.get("/api/settings/test.loud/").json()["source"] == "user"
    assert client(people(Role.REP)).get("/api/settings/test.loud/").json()["value"] is False
