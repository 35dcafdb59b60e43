"""Owner, chain, grants, tags and trash of a customer over the API: what the pages do, with their rules."""

from __future__ import annotations

import pytest
from django.db import transaction

from crm.core.access import activate, system_scope_for
from customers.models import Customer, CustomerUserPermission
from tests.api.conftest import CUSTOMERS, assert_problem, at
from tests.matrix.world import READERS

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fresh_window")]


def stored(world, **lookup) -> Customer:
    with transaction.atomic(), activate(system_scope_for(world.organisation.pk, job="test")):
        return Customer.objects.get(**lookup)


# Owner


def test_a_customer_is_handed_over_with_a_reason_that_stands_in_the_history(world, api):
    manager, rep = api(world.people["manager"]), world.people["rep_stranger"]
    seen = manager.get(at(world))["ETag"]
    done = manager.put(at(world, "owner/"), {"owner_id": rep.pk, "reason": "Neues Gebiet"}, If_Match=seen)
    assert (done.status_code, done.json()["owner_id"]) == (200, rep.pk)
    assert done["ETag"] != seen
    assert_problem(manager.put(at(world, "owner/"), {"owner_id": None}, If_Match=seen), 412, "stale")
    assert stored(world, pk=world.location.pk).owner_id == rep.pk
    changes = manager.get(at(world, "history/")).json()["changes"]
    assert any(change["reason"] == "Neues Gebiet" for change in changes)


def test_who_releases_his_own_sees_it_no_longer(world, api):
    rep = api(world.people["rep_owner"])
    assert rep.put(at(world, "owner/"), {"owner_id": None}).status_code == 204
    assert_problem(rep.get(at(world)), 404, "not-found")
    assert stored(world, pk=world.location.pk).owner_id is None


def test_an_owner_that_may_not_be_is_a_fault_of_its_field(world, api):
    lead = api(world.people["team_lead"])
    for wrong in (world.people["rep_stranger"].pk, 10**30):
        refused = assert_problem(lead.put(at(world, "owner/"), {"owner_id": wrong}), 400, "validation")
        assert refused["errors"][0]["pointer"] == "/owner_id"
    rep = api(world.people["rep_owner"])
    assert_problem(rep.put(at(world, "owner/"), {"owner_id": world.people["manager"].pk}), 403, "not-allowed")
    assert_problem(lead.put(at(world, "owner/"), {}), 400, "validation")


def test_possible_owners_are_those_whom_the_service_takes(world, api):
    def names(who: str) -> set[str]:
        return {row["name"] for row in api(world.people[who]).get(at(world, "possible-owners/")).json()["results"]}

    team = {world.people[name].name for name in ("rep_owner", "team_lead")}
    assert names("team_lead") == team
    assert names("rep_owner") == names("dpo") == set()
    assert {user.name for name, user in world.people.items() if name != "foreign_administrator"} == names("manager")
    page = api(world.people["manager"]).get(at(world, "possible-owners/?size=1")).json()
    assert (len(page["results"]), page["next"] is None) == (1, False)
    assert_problem(api(world.people["rep_stranger"]).get(at(world, "possible-owners/")), 404, "not-found")


# Chain


def test_a_location_moves_between_chains_and_its_access_moves_along(world, api):
    manager, before = api(world.people["manager"]), api(world.people["chain_manager"])
    after = api(world.people["foreign_chain_manager"])
    other = stored(world, customer_number="K-2")
    moved = manager.put(at(world, "chain/"), {"chain_id": other.pk}, If_Match=manager.get(at(world))["ETag"])
    assert (moved.status_code, moved.json()["chain_id"]) == (200, other.pk)
    assert_problem(before.get(at(world)), 404, "not-found")
    assert after.get(at(world)).status_code == 200
    refused = assert_problem(manager.put(at(world, "chain/"), {"chain_id": 999_999_999}), 400, "validation")
    assert refused["errors"][0]["pointer"] == "/chain_id"
    assert_problem(manager.put(f"{CUSTOMERS}{other.pk}/chain/", {"chain_id": world.chain.pk}), 409, "rule")


# Grants


def grants(world) -> set[tuple[int, str]]:
    with transaction.atomic(), activate(system_scope_for(world.organisation.pk, job="test")):
        rows = CustomerUserPermission.objects.filter(content_object=world.location)
        return set(rows.values_list("user_id", "permission__codename"))


def test_a_customer_is_shared_raised_lowered_and_no_longer_shared(world, api):
    manager, colleague = api(world.people["manager"]), world.people["rep_stranger"]
    for level in ("view", "change", "view"):
        given = manager.post(at(world, "grants/"), {"user_id": colleague.pk, "level": level})
        told = {"user_id": colleague.pk, "name": colleague.name, "level": level}
        assert (given.status_code, given.json()) == (200, told)
        assert manager.get(at(world, "grants/")).json() == {"results": [told]}
        assert grants(world) == {(colleague.pk, f"{level}_customer")}
    assert api(colleague).get(at(world)).status_code == 200
    assert_problem(api(colleague).patch(at(world), {"legal_form": "GmbH"}), 403, "not-allowed")
    for _again in range(2):
        assert manager.delete(at(world, f"grants/{colleague.pk}/")).status_code == 204
    assert_problem(api(colleague).get(at(world)), 404, "not-found")
    assert grants(world) == set()


def test_grants_keep_to_the_table_of_who_may_give_them(world, api):
    colleague, place = world.people["rep_stranger"].pk, at(world, "grants/")
    lead = assert_problem(
        api(world.people["team_lead"]).post(place, {"user_id": colleague, "level": "view"}), 400, "validation"
    )
    assert lead["errors"][0]["pointer"] == "/user_id"
    keeper = api(world.people["chain_manager"])
    assert keeper.post(place, {"user_id": colleague, "level": "view"}).status_code == 200
    assert_problem(keeper.post(place, {"user_id": colleague, "level": "change"}), 403, "not-allowed")
    assert_problem(
        api(world.people["rep_owner"]).post(place, {"user_id": colleague, "level": "view"}), 403, "not-allowed"
    )
    manager = api(world.people["manager"])
    unknown = assert_problem(manager.post(place, {"user_id": 999_999_999, "level": "view"}), 400, "validation")
    foreign = world.people["foreign_administrator"].pk
    hidden = assert_problem(manager.post(place, {"user_id": foreign, "level": "view"}), 400, "validation")
    assert unknown["errors"] == hidden["errors"]
    assert_problem(manager.post(place, {"user_id": colleague, "level": "own"}), 400, "validation")
    assert grants(world) == {(colleague, "view_customer")}


def test_possible_readers_are_those_whom_the_service_takes(world, api):
    def count(who: str) -> int:
        return len(api(world.people[who]).get(at(world, "possible-readers/")).json()["results"])

    assert {who: count(who) for who in ("rep_owner", "team_lead", "dpo")} == {"rep_owner": 0, "team_lead": 2, "dpo": 0}
    assert count("manager") == count("chain_manager") == len(world.people) - 1


# Tags


def test_tags_are_given_as_a_whole_and_compared_where_asked(world, api):
    rep, place = api(world.people["rep_owner"]), at(world, "tags/")
    first = rep.put(place, {"tags": ["Messe", "Bio", "Bio "]})
    assert (first.status_code, first.json()) == (200, {"tags": ["Bio", "Messe"]})
    assert rep.get(place)["ETag"] == first["ETag"]
    manager = api(world.people["manager"])
    assert manager.put(place, {"tags": ["Bio", "Neu"]}, If_Match=first["ETag"]).status_code == 200
    assert_problem(rep.put(place, {"tags": []}, If_Match=first["ETag"]), 412, "stale")
    assert rep.get(place).json() == {"tags": ["Bio", "Neu"]}
    for wrong in ({"tags": ["x" * 41]}, {"tags": [""]}, {"tags": "Bio"}, {}):
        assert_problem(rep.put(place, wrong), 400, "validation")


# Trash


def test_what_was_deleted_is_listed_and_restored(world, api):
    rep, manager = api(world.people["rep_owner"]), api(world.people["manager"])
    assert rep.delete(at(world)).status_code == 204
    (row,) = rep.get(f"{CUSTOMERS}trash/").json()["results"]
    assert (row["id"], row["deleted_by_id"]) == (world.location.pk, world.people["rep_owner"].pk)
    assert {one["id"] for one in manager.get(f"{CUSTOMERS}trash/").json()["results"]} == {row["id"], world.deleted.pk}
    assert api(world.people["foreign_lead"]).get(f"{CUSTOMERS}trash/").json()["results"] == []
    assert_problem(rep.post(at(world, "restore/"), If_Match='"99"'), 412, "stale")
    back = rep.post(at(world, "restore/"), If_Match=f'"{row["version"]}"')
    assert (back.status_code, back.json()["company_name"]) == (200, "Kantinenwerk Tor 3")
    assert rep.get(at(world)).status_code == 200
    assert_problem(rep.post(at(world, "restore/")), 404, "not-found")


def test_a_location_waits_for_its_chain(world, api):
    manager = api(world.people["manager"])
    for pk in (world.location.pk, world.twin.pk, world.chain.pk):
        assert manager.delete(f"{CUSTOMERS}{pk}/").status_code == 204
    assert_problem(manager.post(at(world, "restore/")), 409, "rule")
    assert manager.post(f"{CUSTOMERS}{world.chain.pk}/restore/").status_code == 200
    assert manager.post(at(world, "restore/")).status_code == 200


# Duplicates


def test_one_that_is_there_is_told_to_who_sees_it_and_hinted_at_to_others(world, api):
    typed = {"company_name": "Kantinenwerk Tor 3", "postcode": "50667"}
    likest = api(world.people["rep_owner"]).post("/api/duplicates/check/", typed).json()["results"][0]
    assert (likest["id"], likest["score"]) == (world.location.pk, 95)
    assert likest["reasons"] == ["Same name", "Same postcode"]
    hidden = api(world.people["rep_stranger"]).post("/api/duplicates/check/", typed)
    assert (hidden.status_code, hidden.json()) == (200, {"results": [], "hidden": True})
    elsewhere = api(world.people["foreign_administrator"]).post("/api/duplicates/check/", typed)
    assert elsewhere.json() == {"results": [], "hidden": False}
    assert_problem(api(world.people["auditor"]).post("/api/duplicates/check/", typed), 403, "not-allowed")
    assert_problem(api(world.people["manager"]).post("/api/duplicates/check/", {}), 400, "validation")


@pytest.mark.parametrize("suffix", ["grants/", "tags/", "possible-owners/", "possible-readers/"])
def test_what_hangs_on_a_hidden_customer_answers_as_of_an_unknown_one(world, api, suffix):
    for name, user in world.people.items():
        response = api(user).get(at(world, suffix))
        if name in READERS:
            assert response.status_code == 200, name
        else:
            unknown = api(user).get(f"{CUSTOMERS}999999999/{suffix}")
            assert response.json() | {"instance": ""} == unknown.json() | {"instance": ""}
            assert_problem(response, 404, "not-found")
