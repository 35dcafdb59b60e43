"""Many customers changed over the API: a long task by the pages' own service."""

from __future__ import annotations

import pytest
from django.db import transaction

from crm.core.access import activate, system_scope_for
from customers.models import CustomerTag
from jobs.models import LongTask
from jobs.working import Outcome, work
from tests.api.conftest import assert_problem

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fresh_window")]
BULK = "/api/bulk-actions/"


def tasks(world):
    with transaction.atomic(), activate(system_scope_for(world.organisation.pk, job="test")):
        return LongTask.objects.filter(kind="customers.bulk").count()


def test_all_that_a_filter_finds(world, api):
    client = api(world.people["manager"])
    body = {"action": "tag", "tag": "Messe", "filter": {"field": "name", "op": "starts", "value": "kantinenwerk"}}
    answer = client.post(BULK, {**body, "count": 3}, Idempotency_Key="one")
    assert answer.status_code == 202
    assert answer.json()["total"] == 3
    again = client.post(BULK, {**body, "count": 3}, Idempotency_Key="one")
    assert again.json()["id"] == answer.json()["id"]
    assert tasks(world) == 1
    assert work(world.organisation.pk, answer.json()["id"]) is Outcome.OVER
    task = client.get(answer["Location"]).json()
    assert (task["state"], task["done"], task["result"]["changed"]) == ("DONE", 3, 3)
    with transaction.atomic(), activate(system_scope_for(world.organisation.pk, job="test")):
        assert CustomerTag.objects.filter(tag__name="Messe").count() == 3
    assert client.post(f"/api/change-sets/{task['change_set_id']}/undo/", {}).status_code == 202


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"action": "tag", "tag": "Messe"}, "filter"),
        ({"action": "tag", "tag": "Messe", "ids": [1], "filter": {}}, "filter"),
        ({"action": "tag", "ids": [1]}, "tag"),
        ({"action": "tag", "tag": "Messe", "ids": []}, "ids"),
        ({"action": "tag", "tag": "x" * 41, "ids": [1]}, "tag"),
        ({"action": "owner", "ids": [1]}, "owner_id"),
        ({"action": "owner", "owner_id": 999999999, "ids": [1]}, "owner_id"),
        ({"action": "archive", "ids": [1]}, "reason"),
        ({"action": "field", "field": "company_name", "value": "x", "ids": [1]}, "field"),
        ({"action": "field", "field": "business_type", "value": "PUB", "ids": [1]}, "value"),
        ({"action": "field", "field": "renewal_date", "value": 20270331, "ids": [1]}, "value"),
        ({"action": "field", "field": "source", "value": {"a": 1}, "ids": [1]}, "value"),
        ({"action": "erase", "ids": [1]}, "action"),
        ({"action": "delete", "ids": [1], "force": True}, "force"),
    ],
)
def test_faults_stand_at_their_names(world, api, body, field):
    problem = assert_problem(api(world.people["manager"]).post(BULK, body), 400, "validation")
    assert field in str(problem["errors"])
    assert tasks(world) == 0


def test_a_filter_that_is_not_valid(world, api):
    body = {"action": "delete", "filter": {"field": "unknown", "op": "eq", "value": 1}}
    assert_problem(api(world.people["manager"]).post(BULK, body), 400, "validation")
    assert tasks(world) == 0


def test_who_may_do_it_to_nobody(world, api):
    for name in ("auditor", "dpo"):
        assert_problem(api(world.people[name]).post(BULK, {"action": "delete", "filter": {}}), 403, "not-allowed")
    body = {"action": "archive", "reason": "zu", "filter": {}}
    assert_problem(api(world.people["rep_owner"]).post(BULK, body), 403, "not-allowed")
    assert api(world.people["manager"]).post(BULK, body).status_code == 202


def test_more_than_counted(world, api):
    body = {"action": "tag", "tag": "Messe", "filter": {}, "count": 1}
    assert_problem(api(world.people["manager"]).post(BULK, body), 409, "rule")
    assert tasks(world) == 0
