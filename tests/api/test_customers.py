"""Customers over the API: what is told, what is refused, and that it is the pages' own rules."""

from __future__ import annotations

import pytest
from django.db import transaction
from structlog.testing import capture_logs

from crm.core.access import activate, system_scope_for
from customers.choices import FieldType
from customers.models import Customer, CustomerFieldValue, FieldDefinition
from tests.api.conftest import CUSTOMERS, assert_problem, at
from tests.matrix.world import CANARY, READERS, WRITERS

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fresh_window")]


def stored(world, model=Customer, **lookup):
    with transaction.atomic(), activate(system_scope_for(world.organisation.pk, job="test")):
        return model.objects.get(**lookup)


# Reading


def test_who_sees_a_customer_on_the_pages_sees_him_here(world, api):
    for name, user in world.people.items():
        response = api(user).get(at(world))
        if name in READERS:
            assert response.status_code == 200, name
            assert response["ETag"] == f'"{response.json()["version"]}"'
        else:
            assert_problem(response, 404, "not-found")


def test_a_hidden_customer_answers_as_an_unknown_one(world, api):
    stranger = api(world.people["rep_stranger"])
    for suffix in ("", "contacts/", "addresses/", "fields/", "history/"):
        hidden = stranger.get(at(world, suffix))
        unknown = stranger.get(f"{CUSTOMERS}999999999/{suffix}")
        plain = [response.json() | {"instance": ""} for response in (hidden, unknown)]
        assert plain[0] == plain[1]
        assert hidden.status_code == 404


def test_money_is_absent_for_who_may_not_read_it(world, api):
    money = {"expected_annual_volume", "actual_annual_volume", "estimated_volume"}
    assert money & set(api(world.people["dpo"]).get(at(world)).json()) == set()
    assert money <= set(api(world.people["manager"]).get(at(world)).json())


def test_the_list_is_filtered_sorted_searched_and_walked_by_cursor(world, api):
    manager = api(world.people["manager"])
    for number in range(5):
        made = manager.post(CUSTOMERS, {"company_name": f"Gasthof {number}", "business_type": "HOTEL"})
        assert made.status_code == 201
    hotels = manager.get(f"{CUSTOMERS}?business_type=HOTEL&sort=-name&size=2").json()
    assert [row["company_name"] for row in hotels["results"]] == ["Gasthof 4", "Gasthof 3"]
    second = manager.get(hotels["next"]).json()
    assert [row["company_name"] for row in second["results"]] == ["Gasthof 2", "Gasthof 1"]
    assert second["next"].startswith(CUSTOMERS)
    last = manager.get(second["next"]).json()
    assert ([row["company_name"] for row in last["results"]], last["next"]) == (["Gasthof 0"], None)
    assert manager.get(last["previous"]).json()["results"] == second["results"]
    found = manager.get(f"{CUSTOMERS}?q=gasthof+3").json()
    assert [row["company_name"] for row in found["results"]] == ["Gasthof 3"]


def test_the_list_holds_what_the_caller_sees(world, api):
    def names(who: str) -> set[str]:
        return {row["company_name"] for row in api(world.people[who]).get(CUSTOMERS).json()["results"]}

    own = {"Kantinenwerk Tor 3", "Kantinenwerk Tor 4"}
    assert names("rep_owner") == own
    assert names("rep_stranger") == set()
    assert names("manager") == {"Kantinenwerk", "Andere Kette", "Stille Stube", *own}
    assert names("foreign_administrator") == set()


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("nonsense=1", "nonsense"),
        ("status=NONSENSE", "status"),
        ("sort=nonsense", "sort"),
        ("size=0", "size"),
        ("after=nonsense", "after"),
        ("filter={", "filter"),
        (f"fields.purchase_terms={CANARY}", "fields.purchase_terms"),
    ],
)
def test_a_faulty_parameter_is_named_and_nothing_is_shown(world, api, query, parameter):
    body = assert_problem(api(world.people["rep_owner"]).get(f"{CUSTOMERS}?{query}"), 400, "validation")
    assert [fault["parameter"] for fault in body["errors"]] == [parameter]


def test_a_restricted_field_is_unknown_to_who_may_not_read_it(world, api):
    rep, manager = api(world.people["rep_owner"]), api(world.people["manager"])
    assert CANARY not in rep.get(at(world, "fields/")).content.decode()
    assert CANARY not in rep.get(at(world, "history/")).content.decode()
    assert "purchase_terms" not in rep.get("/api/field-definitions/").content.decode()
    rows = {row["key"]: row for row in manager.get(at(world, "fields/")).json()["results"]}
    assert (rows["purchase_terms"]["value"], rows["purchase_terms"]["writable"]) == (CANARY, True)
    refused = assert_problem(rep.patch(at(world, "fields/"), {"purchase_terms": "neu"}), 400, "validation")
    unknown = assert_problem(rep.patch(at(world, "fields/"), {"nonsense_key": "neu"}), 400, "validation")
    assert refused["errors"][0]["detail"] == unknown["errors"][0]["detail"]
    assert stored(world, CustomerFieldValue, definition=world.secret).value == CANARY


def test_reading_restricted_values_to_supervise_leaves_a_trace(world, api):
    for who, suffix, traces in (("dpo", "fields/", 1), ("auditor", "history/", 1), ("manager", "fields/", 0)):
        client = api(world.people[who])
        with capture_logs() as logs:
            assert client.get(at(world, suffix)).status_code == 200
        found = [entry for entry in logs if entry["event"] == "restricted fields read"]
        assert len(found) == traces, who
        assert all(entry["fields"] == ["purchase_terms"] for entry in found)


def test_money_of_the_catalogue_is_unknown_to_who_may_not_read_it(world, api):
    with transaction.atomic(), activate(system_scope_for(world.organisation.pk, job="test")):
        FieldDefinition.objects.create(
            organisation=world.organisation, key="budget", label_de="Etat", label_en="Budget", type=FieldType.MONEY
        )
    assert "budget" not in api(world.people["dpo"]).get(at(world, "fields/")).content.decode()
    assert "budget" in api(world.people["auditor"]).get(at(world, "fields/")).content.decode()


def test_a_chain_tells_the_locations_that_the_caller_sees(world, api):
    below = f"{CUSTOMERS}{world.chain.pk}/locations/"
    for who in ("manager", "chain_manager"):
        found = api(world.people[who]).get(below).json()
        assert [row["id"] for row in found["results"]] == [world.location.pk, world.twin.pk], who
    assert_problem(api(world.people["rep_owner"]).get(below), 404, "not-found")
    assert api(world.people["manager"]).get(at(world, "locations/")).json()["results"] == []
    assert_problem(api(world.people["manager"]).get(f"{below}?nonsense=1"), 400, "validation")


# Writing


def test_a_customer_is_created_with_a_number_and_told_where(world, api):
    body = {"company_name": "Neu", "phone": "030 1234567", "seasonal_months": [], "expected_annual_volume": "12000.50"}
    response = api(world.people["rep_owner"]).post(CUSTOMERS, body)
    assert response.status_code == 201
    made = response.json()
    assert (made["status"], made["owner_id"]) == ("PROSPECT", world.people["rep_owner"].pk)
    assert (made["phone"], made["expected_annual_volume"]) == ("+49301234567", "12000.50")
    assert response["Location"] == f"{CUSTOMERS}{made['id']}/"
    assert response["ETag"] == f'"{made["version"]}"'


def test_a_hidden_chain_and_a_strange_owner_are_faults_of_their_field(world, api):
    lead = api(world.people["team_lead"])
    body = {"company_name": "Neu", "account_type": "LOCATION", "chain_id": world.chain.pk}
    hidden = assert_problem(lead.post(CUSTOMERS, body), 400, "validation")
    unknown = assert_problem(lead.post(CUSTOMERS, body | {"chain_id": 999_999_999}), 400, "validation")
    assert hidden["errors"] == unknown["errors"]
    assert hidden["errors"][0]["pointer"] == "/chain_id"
    stranger = {"company_name": "Neu", "owner_id": world.people["rep_stranger"].pk}
    assert assert_problem(lead.post(CUSTOMERS, stranger), 400, "validation")["errors"][0]["pointer"] == "/owner_id"


def test_patch_changes_what_is_named_and_writers_alone_may(world, api):
    for name, user in world.people.items():
        response = api(user).patch(at(world), {"legal_form": name})
        if name in WRITERS:
            assert response.json()["legal_form"] == name
        else:
            expected = (403, "not-allowed") if name in READERS else (404, "not-found")
            assert_problem(response, *expected)
    assert stored(world, pk=world.location.pk).company_name == "Kantinenwerk Tor 3"


def test_money_cannot_be_written_by_who_may_not_read_it(world, api):
    response = api(world.people["dpo"]).patch(at(world), {"expected_annual_volume": "1.00"})
    assert assert_problem(response, 400, "validation")["errors"][0]["code"] == "unknown"


def test_if_match_refuses_what_changed_and_lets_the_same_pass(world, api):
    manager = api(world.people["manager"])
    old = manager.get(at(world))["ETag"]
    new = manager.patch(at(world), {"legal_form": "GmbH"}, If_Match=old)
    assert new.status_code == 200
    assert new["ETag"] != old
    assert_problem(manager.patch(at(world), {"employee_count": 7}, If_Match=old), 412, "stale")
    assert_problem(manager.delete(at(world), If_Match=old), 412, "stale")
    assert_problem(
        manager.post(at(world, "status/"), {"status": "ARCHIVIERT", "reason": "x"}, If_Match=old), 412, "stale"
    )
    assert_problem(manager.put(at(world, "activate/"), {}, If_Match=f"W/{new['ETag']}"), 412, "stale")
    assert stored(world, pk=world.location.pk).employee_count is None
    assert manager.patch(at(world), {"employee_count": 7}, If_Match=f'"x", {new["ETag"]}').status_code == 200
    assert manager.patch(at(world), {"employee_count": 8}, If_Match="*").status_code == 200


def test_activation_says_whether_it_changed_anything(world, api):
    rep = api(world.people["rep_owner"])
    first = rep.put(at(world, "activate/"), {"order_number": "4711"})
    assert (first.status_code, first.json()["changed"], first.json()["customer"]["status"]) == (200, True, "AKTIV")
    again = rep.put(at(world, "activate/"), {})
    assert (again.status_code, again.json()["changed"]) == (200, False)


def test_a_step_that_is_not_possible_is_409_and_names_those_that_are(world, api):
    manager = api(world.people["manager"])
    body = assert_problem(manager.post(at(world, "status/"), {"status": "INAKTIV", "reason": "x"}), 409, "rule")
    assert body["allowed"] == ["ARCHIVIERT"]
    done = manager.post(at(world, "status/"), {"status": "ARCHIVIERT", "reason": "closed"})
    assert done.json()["status"] == "ARCHIVIERT"
    assert_problem(manager.put(at(world, "activate/"), {}), 409, "rule")
    assert_problem(
        api(world.people["rep_owner"]).post(at(world, "status/"), {"status": "PROSPECT", "reason": "x"}),
        403,
        "not-allowed",
    )


def test_contacts_and_addresses_live_below_their_customer(world, api):
    manager = api(world.people["manager"])
    made = manager.post(at(world, "contacts/"), {"last_name": "Adler", "role": "OWNER"})
    assert made.status_code == 201
    place = made["Location"]
    assert manager.get(place).json()["last_name"] == "Adler"
    assert [row["last_name"] for row in manager.get(at(world, "contacts/")).json()["results"]] == ["Adler", "Probe"]
    assert manager.get(at(world, "contacts/?size=1")).json()["next"]
    assert_problem(manager.get(at(world, "contacts/?nonsense=1")), 400, "validation")
    changed = manager.patch(place, {"role": "HEAD_CHEF"}, If_Match=made["ETag"])
    assert changed.json()["role"] == "HEAD_CHEF"
    assert_problem(manager.patch(place, {"role": "OTHER"}, If_Match=made["ETag"]), 412, "stale")
    elsewhere = place.replace(f"/{world.location.pk}/", f"/{world.chain.pk}/")
    assert_problem(manager.get(elsewhere), 404, "not-found")
    assert_problem(manager.delete(elsewhere), 404, "not-found")
    assert manager.delete(place).status_code == 204
    assert_problem(manager.get(place), 404, "not-found")
    address = manager.post(at(world, "addresses/"), {"kind": "BILLING", "city": "Ulm"})
    assert address.status_code == 201
    assert_problem(manager.post(at(world, "addresses/"), {"kind": "BILLING"}), 400, "validation")
    assert manager.patch(address["Location"], {"city": "Köln"}).json()["city"] == "Köln"
    assert manager.delete(address["Location"]).status_code == 204


def test_fields_are_written_all_or_nothing_and_null_clears(world, api):
    with transaction.atomic(), activate(system_scope_for(world.organisation.pk, job="test")):
        for key, kind in (("covers", FieldType.INTEGER), ("cuisine", FieldType.TEXT)):
            FieldDefinition.objects.create(
                organisation=world.organisation, key=key, label_de=key, label_en=key, type=kind
            )
    rep = api(world.people["rep_owner"])
    fields = at(world, "fields/")
    assert rep.patch(fields, {"covers": 120, "cuisine": "Italian"}).json() == {
        "values": {"covers": 120, "cuisine": "Italian"}
    }
    body = assert_problem(rep.patch(fields, {"covers": "many", "cuisine": "French", "nonsense": 1}), 400, "validation")
    assert {fault["pointer"] for fault in body["errors"]} == {"/covers", "/nonsense"}
    seen = rep.get(fields)
    values = {row["key"]: row["value"] for row in seen.json()["results"]}
    assert (values["covers"], values["cuisine"]) == (120, "Italian")
    cleared = rep.patch(fields, {"cuisine": None}, If_Match=seen["ETag"])
    assert (cleared.status_code, cleared["ETag"]) == (200, rep.get(fields)["ETag"])
    assert_problem(rep.patch(fields, {"covers": 1}, If_Match=seen["ETag"]), 412, "stale")
    values = {row["key"]: row["value"] for row in rep.get(fields).json()["results"]}
    assert (values["covers"], values["cuisine"]) == (120, None)
    for wrong in ("[]", '"x"', "1", "null"):
        assert_problem(rep.patch(fields, wrong), 400, "validation")


def test_history_tells_changes_and_what_was_on_a_day(world, api):
    manager = api(world.people["manager"])
    manager.patch(at(world), {"legal_form": "GmbH"})
    found = manager.get(at(world, "history/")).json()
    assert any(change["new"] == "GmbH" and change["source"] == "API" for change in found["changes"])
    assert found["as_of"] is None
    then = manager.get(at(world, "history/?as_of=2000-01-01")).json()["as_of"]
    assert (then["existed"], then["facts"]) == (False, [])
    now = manager.get(at(world, "history/?as_of=2099-01-01")).json()["as_of"]
    assert now["existed"]
    for wrong in ("as_of=31.2.", "before=x", "nonsense=1", "as_of=9999-12-31T23:59:59-14:00"):
        assert_problem(manager.get(at(world, f"history/?{wrong}")), 400, "validation")


def test_many_rows_are_done_or_refused_one_by_one(world, api):
    manager = api(world.people["manager"])
    version = manager.get(at(world)).json()["version"]
    rows = [
        {"create": {"company_name": "Erste"}},
        {"create": {"company_name": 7}},
        {"id": world.location.pk, "version": version, "changes": {"legal_form": "GmbH"}},
        {"id": world.location.pk, "version": version, "changes": {"employee_count": 7}},
        {"id": world.location.pk, "changes": {"employee_count": 8}, "fields": {"nonsense": 1}},
        {"id": 999_999_999, "changes": {}},
        {"id": world.location.pk},
    ]
    response = manager.post(f"{CUSTOMERS}bulk/", {"rows": rows})
    assert response.status_code == 200
    results = response.json()["results"]
    assert [result["status"] for result in results] == [201, 400, 200, 412, 400, 404, 400]
    assert [result["index"] for result in results] == list(range(7))
    assert results[0]["body"]["company_name"] == "Erste"
    assert results[1]["problem"]["errors"][0]["pointer"] == "/company_name"
    assert results[3]["problem"]["type"] == "/problems/stale"
    assert stored(world, pk=world.location.pk).employee_count is None, "a refused row leaves nothing"
    assert_problem(manager.post(f"{CUSTOMERS}bulk/", {"rows": rows[:1] * 101}), 400, "validation")
    assert_problem(manager.post(f"{CUSTOMERS}bulk/", {"rows": []}), 400, "validation")


# Idempotency-Key


def count_created(world) -> int:
    with transaction.atomic(), activate(system_scope_for(world.organisation.pk, job="test")):
        return Customer.objects.filter(company_name__in=["Neu", "Anders"]).count()


def test_the_same_request_with_the_same_key_is_done_once(world, api):
    manager = api(world.people["manager"])
    first = manager.post(CUSTOMERS, {"company_name": "Neu"}, Idempotency_Key="key-1")
    again = manager.post(CUSTOMERS, '{ "company_name":"Neu" }', Idempotency_Key="key-1")
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json()
    assert (again["ETag"], again["Location"]) == (first["ETag"], first["Location"])
    assert again["Idempotency-Replayed"] == "true"
    assert "Idempotency-Replayed" not in first
    assert count_created(world) == 1


def test_a_key_is_no_good_for_another_request_but_everybody_has_his_own(world, api):
    manager = api(world.people["manager"])
    assert manager.post(CUSTOMERS, {"company_name": "Neu"}, Idempotency_Key="key-1").status_code == 201
    assert_problem(manager.post(CUSTOMERS, {"company_name": "Anders"}, Idempotency_Key="key-1"), 409, "duplicate")
    bulk = manager.post(f"{CUSTOMERS}bulk/", {"company_name": "Neu"}, Idempotency_Key="key-1")
    assert_problem(bulk, 409, "duplicate")
    other = api(world.people["rep_owner"]).post(CUSTOMERS, {"company_name": "Anders"}, Idempotency_Key="key-1")
    assert other.status_code == 201
    assert count_created(world) == 2


def test_a_key_is_no_good_for_the_same_body_over_another_version(world, api):
    manager, body = api(world.people["manager"]), {"status": "ARCHIVIERT", "reason": "geschlossen"}
    old = manager.get(at(world))["ETag"]
    new = manager.patch(at(world), {"legal_form": "GmbH"})["ETag"]
    assert_problem(manager.post(at(world, "status/"), body, If_Match=old, Idempotency_Key="key-1"), 412, "stale")
    again = manager.post(at(world, "status/"), body, If_Match=new, Idempotency_Key="key-1")
    assert_problem(again, 409, "duplicate")
    assert manager.post(at(world, "status/"), body, If_Match=new, Idempotency_Key="key-2").status_code == 200


def test_a_refusal_is_the_answer_too(world, api):
    manager = api(world.people["manager"])
    first = manager.post(CUSTOMERS, {"company_name": ""}, Idempotency_Key="key-1")
    again = manager.post(CUSTOMERS, {"company_name": ""}, Idempotency_Key="key-1")
    assert first.status_code == again.status_code == 400
    assert again.json() == first.json()
    assert again["Content-Type"] == "application/problem+json"


def test_a_key_of_strange_signs_is_refused(world, api):
    for key in ("", " ", "a" * 201, "ä"):
        response = api(world.people["manager"]).post(CUSTOMERS, {"company_name": "Neu"}, Idempotency_Key=key)
        body = assert_problem(response, 400, "validation")
        assert body["errors"][0]["header"] == "Idempotency-Key"
    assert count_created(world) == 0


# Reviews


def test_a_manager_keeps_or_archives_a_prospect(world, api):
    manager, rep = api(world.people["manager"]), api(world.people["rep_owner"])
    assert_problem(rep.post(at(world, "review/"), {"decision": "archive", "reason": "x"}), 403, "not-allowed")
    body = assert_problem(manager.post(at(world, "review/"), {"decision": "keep", "reason": "x"}), 400, "validation")
    assert [fault["pointer"] for fault in body["errors"]] == ["/until"]
    kept = manager.post(at(world, "review/"), {"decision": "keep", "until": "2999-01-01", "reason": "rebuilds"})
    assert (kept.status_code, kept.json()["status"]) == (200, "PROSPECT")
    done = manager.post(at(world, "review/"), {"decision": "archive", "reason": "closed"})
    assert (done.status_code, done.json()["status"]) == (200, "ARCHIVIERT")
    again = manager.post(at(world, "review/"), {"decision": "archive", "reason": "closed"})
    assert_problem(again, 409, "rule")


# Queries


@pytest.mark.parametrize(
    ("who", "method", "suffix", "body", "most"),
    [
        ("rep_owner", "GET", "", None, 12),
        ("manager", "GET", "", None, 12),
        ("rep_owner", "PATCH", "fields/", {"covers": 120, "cuisine": "Italian"}, 24),
    ],
)
def test_requests_keep_to_their_budget_of_queries(
    world, api, django_assert_max_num_queries, who, method, suffix, body, most
):
    with transaction.atomic(), activate(system_scope_for(world.organisation.pk, job="test")):
        for key, kind in (("covers", FieldType.INTEGER), ("cuisine", FieldType.TEXT)):
            FieldDefinition.objects.create(
                organisation=world.organisation, key=key, label_de=key, label_en=key, type=kind
            )
    client = api(world.people[who])
    assert client.get("/api/field-definitions/").status_code == 200  # a token's use is noted once a minute
    with django_assert_max_num_queries(most):
        assert client.call(method, at(world, suffix), body).status_code == 200
