"""Events and subscriptions over the API."""

from __future__ import annotations

import pytest
from django.db import transaction

from crm.core.access import activate, system_scope_for
from organisation.models import IdempotencyKey
from outbox.models import Dispatch, Event, Subscription
from tests.api.conftest import assert_problem
from tests.matrix.webhooks import HOOK

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fresh_window")]

SUBSCRIPTIONS, EVENTS = "/api/subscriptions/", "/api/events/"


@pytest.fixture
def administrator(world, api):
    return api(world.people["administrator"])


def stored(world, model, **lookup):
    with transaction.atomic(), activate(system_scope_for(world.organisation.pk, job="test")):
        return model.objects.get(**lookup)


def test_a_subscription_is_made_and_its_secret_told_once(world, administrator):
    body = {"name": "Neu", "url": HOOK, "types": ["customer.*"]}
    made = administrator.post(SUBSCRIPTIONS, body, Idempotency_Key="key-1")
    assert made.status_code == 201, made.content
    answer = made.json()
    assert answer["secret"].startswith("whsec_")
    assert (answer["state"], answer["reason"]) == ("PAUSED", "UNPROVEN")
    assert answer["acts_as_id"] == world.people["administrator"].pk
    read = administrator.get(f"{SUBSCRIPTIONS}{answer['id']}/")
    assert read.json() == {name: value for name, value in answer.items() if name != "secret"}
    assert read["ETag"] == made["ETag"]
    with transaction.atomic(), activate(system_scope_for(world.organisation.pk, job="test")):
        assert not IdempotencyKey.objects.filter(body__contains="whsec_").exists()
    assert_problem(administrator.post(SUBSCRIPTIONS, body, Idempotency_Key="key-1"), 409, "duplicate")


@pytest.mark.parametrize(
    ("values", "pointer"),
    [
        ({"url": "https://127.0.0.1/"}, "/url"),
        ({"types": []}, "/types"),
        ({"types": ["nothing.at.all"]}, "/types"),
        ({"max_per_second": 101}, "/max_per_second"),
        ({"secret": "short"}, "/secret"),
        ({"state": "ACTIVE"}, "/state"),
        ({"where": {"field": "status", "op": "eq", "value": "AKTIV"}}, "/where"),
    ],
)
def test_what_is_wrong_is_named(administrator, values, pointer):
    response = administrator.post(SUBSCRIPTIONS, {"name": "Neu", "url": HOOK, "types": ["customer.*"]} | values)
    body = assert_problem(response, 400, "validation")
    assert {error["pointer"].split("/0")[0] for error in body["errors"]} == {pointer}


def test_changing_honours_if_match_and_keeps_what_is_not_named(world, administrator):
    at = f"{SUBSCRIPTIONS}{world.webhooks.running.pk}/"
    assert_problem(administrator.patch(at, {"max_per_second": 7}, If_Match='"99"'), 412, "stale")
    changed = administrator.patch(at, {"max_per_second": 7}, If_Match=administrator.get(at)["ETag"])
    assert changed.status_code == 200, changed.content
    assert (changed.json()["max_per_second"], changed.json()["name"], changed.json()["state"]) == (7, "Laden", "ACTIVE")


def test_a_condition_is_kept_shown_and_taken_away(world, administrator):
    at, where = f"{SUBSCRIPTIONS}{world.webhooks.running.pk}/", {"field": "owner", "op": "eq", "value": "me"}
    assert administrator.get(at).json()["where"] == {}
    assert administrator.patch(at, {"where": where}).json()["where"] == where
    assert administrator.patch(at, {"max_per_second": 7}).json()["where"] == where
    assert administrator.patch(at, {"where": {}}).json()["where"] == {}


def test_pausing_resuming_rotating_testing_deleting(world, administrator):
    at = f"{SUBSCRIPTIONS}{world.webhooks.running.pk}/"
    assert administrator.post(f"{at}pause/").json()["state"] == "PAUSED"
    assert_problem(administrator.post(f"{at}pause/"), 409, "rule")
    assert_problem(administrator.post(f"{at}resume/", {"from": "yesterday"}), 400, "validation")
    assert administrator.post(f"{at}resume/", {"from": "2026-09-01T00:00:00Z"}).json()["state"] == "ACTIVE"
    assert administrator.post(f"{at}rotate/", {"overlap_hours": 1}).json()["secret"].startswith("whsec_")
    assert_problem(administrator.post(f"{at}rotate/", {}), 409, "rule")
    assert administrator.delete(f"{at}old-secret/").status_code == 204
    assert administrator.post(f"{at}test/").status_code == 202
    assert stored(world, Event, type="freshplan.ping").subject_id == world.webhooks.running.pk
    assert administrator.delete(at).status_code == 204
    assert_problem(administrator.get(at), 404, "not-found")


def test_whatever_changes_a_subscription_honours_if_match(world, administrator):
    at = f"{SUBSCRIPTIONS}{world.webhooks.running.pk}/"
    seen = administrator.get(at)["ETag"]
    for method, suffix, body in (
        ("DELETE", "", None),
        ("POST", "pause/", None),
        ("POST", "resume/", {"from": "stop"}),
        ("POST", "rotate/", {}),
        ("DELETE", "old-secret/", None),
    ):
        assert_problem(administrator.call(method, at + suffix, body, If_Match='"99"'), 412, "stale")
    assert administrator.get(at)["ETag"] == seen
    paused = administrator.post(f"{at}pause/", If_Match=seen)
    assert (paused.status_code, paused.json()["state"]) == (200, "PAUSED")
    assert_problem(administrator.delete(at, If_Match=seen), 412, "stale")
    assert administrator.delete(at, If_Match=paused["ETag"]).status_code == 204


def test_deliveries_are_listed_and_shown_with_their_attempts(world, administrator):
    at = f"{SUBSCRIPTIONS}{world.webhooks.paused.pk}/deliveries/"
    (row,) = administrator.get(at).json()["results"]
    assert (row["state"], row["type"], row["subject"]) == ("DEAD", "customer.created", "customer/1")
    for query, count in (("state=DEAD", 1), ("state=DONE", 0), ("type=customer.created", 1), ("subject=customer/2", 0)):
        assert len(administrator.get(f"{at}?{query}").json()["results"]) == count, query
    for query in ("state=GONE", "subject=x", "other=1"):
        assert_problem(administrator.get(f"{at}?{query}"), 400, "validation")
    (attempt,) = administrator.get(f"{at}{row['event_id']}/").json()["tries"]
    assert (attempt["status"], attempt["answer"], attempt["milliseconds"]) == (500, "no", 12)
    assert_problem(administrator.get(f"{at}0199a3f0-6b1e-7c22-9b1d-5a0e4c7d2f10/"), 404, "not-found")


def test_a_manager_reads_no_answers(world, api):
    at = f"{SUBSCRIPTIONS}{world.webhooks.paused.pk}/deliveries/{world.webhooks.message.event.event_id}/"
    (attempt,) = api(world.people["manager"]).get(at).json()["tries"]
    assert (attempt["status"], attempt["answer"]) == (500, None)


def test_a_replay_of_an_unknown_subscription_is_wrong_at_its_field(administrator):
    body = {"from": "2020-01-01T00:00:00Z", "to": "2040-01-01T00:00:00Z", "subscription": 2**40}
    problem = assert_problem(administrator.post(f"{EVENTS}replay/", body), 400, "validation")
    assert [error["pointer"] for error in problem["errors"]] == ["/subscription"]


def test_a_replay_is_counted_made_read_and_stopped(world, administrator):
    running = {"from": "2020-01-01T00:00:00Z", "to": "2040-01-01T00:00:00Z", "subscription": world.webhooks.running.pk}
    counted = administrator.post(f"{EVENTS}replay/", running | {"only": "all", "dry_run": True})
    assert (counted.status_code, counted.json()) == (200, {"id": None, "count": 1, "status": "COUNTED"})
    made = administrator.post(f"{EVENTS}replay/", running | {"only": "all", "types": ["customer.*"]})
    assert (made.status_code, made.json()["count"], made.json()["status"]) == (202, 1, "RUNNING")
    at = f"{EVENTS}replay/{made.json()['id']}/"
    assert administrator.get(at).json() == made.json()
    assert administrator.delete(at).status_code == 204
    assert administrator.get(at).json()["status"] == "STOPPED"
    with transaction.atomic(), activate(system_scope_for(world.organisation.pk, job="test")):
        assert not Dispatch.objects.filter(subscription=world.webhooks.running).exists()


def test_the_feed_the_types_and_their_schemas(world, administrator, api):
    page = administrator.get(EVENTS).json()
    (one,) = page["items"]
    assert (one["type"], one["crmposition"], page["next"], page["more"]) == ("customer.created", 1, 1, False)
    assert administrator.get(f"{EVENTS}?after=1&types=customer.*&limit=5").json() == {
        "items": [],
        "next": 1,
        "more": False,
    }
    for query in ("after=-1", "limit=0", "limit=1001", "wait=26", "subject=x", "other=1"):
        assert_problem(administrator.get(f"{EVENTS}?{query}"), 400, "validation")
    assert api(world.people["rep_stranger"]).get(EVENTS).json()["items"] == []

    types = {row["type"]: row for row in administrator.get(f"{EVENTS}types/").json()["results"]}
    assert types["customer.created"]["sample"]["data"]["customer_id"] == 123
    schema = administrator.get(types["customer.created"]["dataschema"]).json()
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert set(one["data"]) == set(schema["properties"])
    assert_problem(administrator.get(f"{EVENTS}schemas/customer.created/9/"), 404, "not-found")


def test_a_token_without_the_scope_is_refused(world, api):
    reader = api(world.people["administrator"], "customers.read")
    assert_problem(reader.get(EVENTS), 403, "not-allowed")
    assert_problem(reader.post(f"{SUBSCRIPTIONS}{world.webhooks.running.pk}/pause/"), 403, "not-allowed")
    assert stored(world, Subscription, pk=world.webhooks.running.pk).state == "ACTIVE"
