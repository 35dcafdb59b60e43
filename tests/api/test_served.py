"""Over HTTP against the served product: the client collection, and two requests at once under one Idempotency-Key."""

from __future__ import annotations

import json
import re
import threading
import uuid
from typing import Any

import pytest
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection, transaction

from crm.core.access import activate, system_scope_for
from crm.core.api import collection
from customers.models import Customer
from organisation.choices import Role
from tests.api.conftest import give_token, send
from tests.conftest import make_organisation, make_user

COLLECTION = settings.BASE_DIR / "docs" / "api" / "freshplan.postman_collection.json"
KEPT = re.compile(r'set\("(\w+)", pm\.response\.json\(\)\.id\)')


@pytest.fixture
def administrator(served: str) -> tuple[Any, str]:
    """A committed administrator and his token."""
    with transaction.atomic():
        user = make_user(make_organisation("Cook&Fresh"), Role.ADMINISTRATOR)
        return user, give_token(user)[1]


def test_every_request_of_the_client_collection_works_from_top_to_bottom(served, administrator):
    _user, token = administrator
    made = json.loads(COLLECTION.read_text(encoding="utf-8"))
    variables = {"base_url": served, "$guid": ""}
    refused = {}
    for item in made["item"]:
        request = item["request"]
        variables["$guid"] = str(uuid.uuid4())

        def filled(text: str) -> str:
            return re.sub(r"\{\{(.+?)\}\}", lambda found: str(variables[found[1]]), text)

        headers = {header["key"]: filled(header["value"]) for header in request["header"]}
        body = filled(request["body"]["raw"]) if "body" in request else None
        status, answer = send(request["method"], filled(request["url"]), token, body, **headers)
        if not 200 <= status < 300:
            refused[item["name"]] = (status, answer)
        for line in (line for event in item.get("event", ()) for line in event["script"]["exec"]):
            if (name := KEPT.search(line)) and answer:
                variables[name[1]] = answer["id"]
    assert refused == {}
    assert len(made["item"]) >= 20


def test_the_collection_and_the_document_are_those_of_the_code(db):
    call_command("api_schema", check=True)


def test_a_document_that_differs_is_noticed(db, monkeypatch):
    monkeypatch.setattr(collection, "FORMAT", "other")
    with pytest.raises(CommandError, match=r"freshplan\.postman_collection\.json"):
        call_command("api_schema", check=True)


def test_a_second_request_under_a_key_that_is_being_answered_is_told_to_wait(served, administrator):
    user, token = administrator
    url, body = f"{served}/api/customers/", json.dumps({"company_name": "Neu"})
    name = f"api:{user.organisation_id}:{user.pk}:key-1"
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [name])
        status, answer = send("POST", url, token, body, Idempotency_Key="key-1")
        assert (status, answer["type"]) == (409, "/problems/in-progress")
    assert send("POST", url, token, body, Idempotency_Key="key-1")[0] == 201


def test_eight_at_once_under_one_key_make_one_customer(served, administrator):
    user, token = administrator
    url, body = f"{served}/api/customers/", json.dumps({"company_name": "Neu"})
    statuses: list[int] = []

    def run() -> None:
        statuses.append(send("POST", url, token, body, Idempotency_Key="key-2")[0])

    threads = [threading.Thread(target=run) for _number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(statuses) <= {201, 409}
    assert 201 in statuses
    with transaction.atomic(), activate(system_scope_for(user.organisation_id, job="test")):
        assert Customer.objects.filter(company_name="Neu").count() == 1
