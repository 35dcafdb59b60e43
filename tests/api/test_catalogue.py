"""The field catalogue over the API: what managers do in the administration."""

from __future__ import annotations

import pytest

from organisation.choices import Role
from tests.api.conftest import assert_problem

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fresh_window")]

FIELDS = "/api/field-definitions/"
NEW = {"key": "parking", "type": "INTEGER", "label_de": "Parkplätze", "label_en": "Parking spaces"}


@pytest.fixture
def manager(api, people):
    return api(people(Role.MANAGER))


def test_a_field_is_made_and_at_once_on_every_customer(manager):
    made = manager.post(FIELDS, NEW | {"validation": {"min": 0, "max": 500}, "is_hot": True})
    assert made.status_code == 201, made.content
    body = made.json()
    assert (body["entity"], body["group"], body["is_hot"], body["is_active"]) == ("CUSTOMER", "general", True, True)
    assert made["Location"] == f"{FIELDS}{body['id']}/"
    read = manager.get(made["Location"])
    assert (read.json(), read["ETag"]) == (body, made["ETag"])
    customer = manager.post("/api/customers/", {"company_name": "Neu"}).json()["id"]
    place = f"/api/customers/{customer}/fields/"
    assert manager.patch(place, {"parking": 12}).json() == {"values": {"parking": 12}}
    assert_problem(manager.patch(place, {"parking": 501}), 400, "validation")
    found = manager.get("/api/customers/?fields.parking=12").json()["results"]
    assert [row["id"] for row in found] == [customer]


def test_a_key_is_never_used_again(manager):
    place = manager.post(FIELDS, NEW)["Location"]
    assert_problem(manager.post(FIELDS, NEW), 409, "duplicate")
    assert manager.patch(place, {"is_active": False}).status_code == 200
    assert_problem(manager.post(FIELDS, NEW), 409, "duplicate")
    assert manager.post(FIELDS, NEW | {"entity": "CONTACT"}).status_code == 201


def test_a_field_goes_out_of_use_and_comes_back_with_its_values(manager):
    place = manager.post(FIELDS, NEW)["Location"]
    customer = manager.post("/api/customers/", {"company_name": "Neu"}).json()["id"]
    values = f"/api/customers/{customer}/fields/"
    manager.patch(values, {"parking": 12})
    assert manager.patch(place, {"is_active": False}).json()["is_active"] is False
    assert manager.get(values).json()["results"] == []
    assert manager.get(FIELDS).json()["results"] == []
    assert [row["key"] for row in manager.get(f"{FIELDS}?inactive=1").json()["results"]] == ["parking"]
    assert_problem(manager.get(f"{FIELDS}?inactive=yes"), 400, "validation")
    assert manager.patch(place, {"is_active": True, "label_en": "Places", "is_hot": True}).json()["is_hot"] is True
    (row,) = manager.get(values).json()["results"]
    assert (row["label_en"], row["value"]) == ("Places", 12)


def test_if_match_and_rules_hold(manager):
    made = manager.post(FIELDS, NEW)
    place = made["Location"]
    changed = manager.patch(place, {"position": 5}, If_Match=made["ETag"])
    assert (changed.status_code, changed.json()["position"]) == (200, 5)
    assert_problem(manager.patch(place, {"position": 6}, If_Match=made["ETag"]), 412, "stale")
    assert manager.patch(place, {"is_hot": True}).status_code == 200
    assert_problem(manager.patch(place, {"sensitivity": "RESTRICTED"}), 409, "rule")
    assert_problem(manager.patch(place, {"key": "other"}), 400, "validation")
    assert manager.patch(place, {"is_hot": False, "sensitivity": "RESTRICTED"}).json()["is_hot"] is False


@pytest.mark.parametrize(
    ("values", "pointer"),
    [
        ({"key": "Parking"}, "/key"),
        ({"type": "COLOUR"}, "/type"),
        ({"label_de": ""}, "/label_de"),
        ({"validation": {"least": 1}}, "/validation"),
        ({"validation": {"min": "2026-01-01"}}, "/validation"),
        ({"type": "CHOICE"}, "/validation"),
        ({"type": "CHOICE", "validation": {"choices": [{"value": "a", "label_de": 7}]}}, "/validation"),
        ({"visible_if": {"field": ["cuisine"], "equals": "x"}}, "/visible_if"),
        ({"is_active": False}, "/is_active"),
    ],
)
def test_a_field_that_cannot_be_is_refused_at_its_place(manager, values, pointer):
    refused = assert_problem(manager.post(FIELDS, NEW | values), 400, "validation")
    assert [fault["pointer"] for fault in refused["errors"]] == [pointer]
    assert manager.get(FIELDS).json()["results"] == []


def test_a_restricted_field_is_unknown_to_who_may_not_read_it(manager, api, people):
    rep = api(people(Role.REP))
    place = manager.post(FIELDS, NEW | {"sensitivity": "RESTRICTED"})["Location"]
    hidden, unknown = rep.get(place), rep.get(f"{FIELDS}999999999/")
    assert hidden.json() | {"instance": ""} == unknown.json() | {"instance": ""}
    assert_problem(hidden, 404, "not-found")
    for body in ({"position": 1}, {}):
        assert_problem(rep.patch(place, body), 403, "not-allowed")
    assert_problem(rep.patch(place, {"position": 1}, If_Match='"1"'), 404, "not-found")
    assert_problem(rep.post(FIELDS, NEW | {"key": "other"}), 403, "not-allowed")
