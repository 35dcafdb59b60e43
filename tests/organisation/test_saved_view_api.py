"""Saved views over the API: the same services and rights as the pages, with If-Match."""

from __future__ import annotations

import pytest
from django.db import transaction

from crm.core.access import activate
from customers.choices import FieldEntity, FieldType, Sensitivity
from customers.models import FieldDefinition
from organisation.choices import Role
from tests.api.conftest import ApiClient, assert_problem, give_token
from tests.conftest import make_team, scope_of
from tests.organisation.test_saved_views import RISKY, save

pytestmark = pytest.mark.django_db
PATH = "/api/saved-views/"


def client(user, *scopes: str) -> ApiClient:
    return ApiClient(give_token(user, *scopes)[1])


def names(answer) -> list[str]:
    return [one["name"] for one in answer.json()["results"]]


def test_kept_read_changed_copied_pinned_deleted(people):
    rep = people()
    api = client(rep)
    made = api.post(PATH, {"list": "customers", "name": "Sorgen", "state": RISKY})
    assert made.status_code == 201, made.content
    one = made.json()
    place = f"{PATH}{one['id']}/"
    assert (made["Location"], made["ETag"]) == (place, '"1"')
    assert (one["owner_id"], one["audience"], one["team_id"], one["is_pinned"]) == (rep.pk, "PRIVATE", None, True)
    assert one["state"] == {"q": "", **RISKY, "density": ""}
    assert one["url"].startswith("/customer-management/customers/?status=RISIKO&sort=-city&columns=city%2Cstatus&view=")
    assert api.get(place).json() == one
    renamed = api.patch(place, {"name": "Kummer"}, If_Match=made["ETag"])
    assert (renamed.json()["name"], renamed["ETag"]) == ("Kummer", '"2"')
    assert_problem(api.patch(place, {"name": "Leid"}, If_Match=made["ETag"]), 412, "stale")
    copied = api.post(f"{place}copy/", {})
    assert (copied.status_code, copied.json()["name"]) == (201, "Kummer (2)")
    assert api.put(f"{place}pin/", {"is_pinned": False}).json()["is_pinned"] is False
    assert names(api.get(f"{PATH}?list=customers&size=1")) == ["Kummer"]
    assert names(api.get(api.get(f"{PATH}?size=1").json()["next"])) == ["Kummer (2)"]
    assert_problem(api.delete(place, If_Match='"1"'), 412, "stale")
    assert api.delete(place, If_Match='"2"').status_code == 204
    assert_problem(api.get(place), 404, "not-found")


def test_faults_stand_at_their_place(people):
    api = client(people())
    body = {"list": "customers", "name": "Sorgen"}
    wrong = {"filter": {"field": "nothing", "op": "eq", "value": 1}, "sort": "nothing"}
    problem = assert_problem(api.post(PATH, body | {"state": wrong}), 400, "validation")
    assert {one["pointer"] for one in problem["errors"]} == {"/state/filter/field", "/state/sort"}
    assert_problem(api.post(PATH, body | {"state": {"rows": [1]}}), 400, "validation")
    assert_problem(api.post(PATH, body | {"list": "nothing"}), 404, "not-found")
    assert_problem(api.get(f"{PATH}?list=nothing"), 400, "validation")
    assert_problem(api.get(f"{PATH}?nothing=1"), 400, "validation")
    assert names(api.get(PATH)) == []


def test_rights_are_those_of_the_pages(organisation, people):
    team = make_team(organisation)
    manager, rep = people(Role.MANAGER), people(team=team)
    view = save(manager, audience="TEAM", team_id=team.pk)
    hidden, place = save(manager, name="Geheim"), f"{PATH}{view.pk}/"
    api, deciding = client(rep), client(manager)
    assert (names(api.get(PATH)), names(deciding.get(PATH))) == (["Sorgen"], ["Geheim", "Sorgen"])
    assert_problem(api.patch(place, {"name": "Meins"}), 403, "not-allowed")
    assert_problem(api.delete(place), 403, "not-allowed")
    assert_problem(api.get(f"{PATH}{hidden.pk}/"), 404, "not-found")
    own = api.post(f"{place}copy/", {"name": "Meins"}).json()
    assert_problem(api.patch(f"{PATH}{own['id']}/", {"audience": "ORGANISATION"}), 403, "not-allowed")
    assert_problem(api.patch(f"{PATH}{own['id']}/", {"team_id": team.pk}), 400, "validation")
    assert deciding.patch(place, {"audience": "ORGANISATION", "team_id": None}).json()["audience"] == "ORGANISATION"
    reading = client(rep, "views.read")
    assert reading.get(PATH).status_code == 200
    assert_problem(reading.delete(f"{PATH}{own['id']}/"), 403, "not-allowed")


def test_a_condition_that_is_not_the_callers_is_not_told(organisation, people):
    manager, rep = people(Role.MANAGER), people()
    with transaction.atomic(), activate(scope_of(manager)):
        FieldDefinition.objects.create(
            organisation=organisation,
            entity=FieldEntity.CUSTOMER,
            key="terms",
            label_de="Konditionen",
            label_en="Terms",
            type=FieldType.TEXT,
            sensitivity=Sensitivity.RESTRICTED,
        )
    condition = {"field": "fields.terms", "op": "eq", "value": "Geheimwert"}
    view = save(manager, state={"filter": condition}, audience="ORGANISATION")
    save(manager, name="Spalte", state={"columns": ["fields.terms", "city"]}, audience="ORGANISATION")
    answer = client(rep).get(PATH)
    by_name = {one["name"]: one for one in answer.json()["results"]}
    refused, column = by_name["Sorgen"], by_name["Spalte"]
    assert (refused["is_refused"], refused["state"], refused["url"]) == (True, None, None)
    assert column["state"]["columns"] == ["city"]
    assert "terms" not in answer.content.decode()
    assert_problem(client(rep).post(f"{PATH}{view.pk}/copy/", {}), 403, "not-allowed")
    told = client(manager).get(f"{PATH}{view.pk}/").json()
    assert (told["is_refused"], told["state"]["filter"]) == (False, condition)
