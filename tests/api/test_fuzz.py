"""schemathesis over the whole OpenAPI document, as a manager and as a rep: no 5xx, no undocumented status, no other shape.

Each operation gets cases that fit its description and cases that do not, at addresses that exist and at others.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest
import schemathesis
from django.conf import settings
from django.db import transaction
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as hypothesis_settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from organisation.choices import Role
from tests.api.conftest import give_token, send
from tests.conftest import make_organisation, make_user

pytestmark = pytest.mark.fuzz

DOCUMENT = settings.BASE_DIR / "docs" / "api" / "openapi.json"
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
TRIES = 6
LEAST_SHARE = 0.8  # of the operations that the role may do must have answered 2xx at least once


def fresh_ids(served: str, token: str) -> dict[str, int]:
    """A customer of the caller with a contact and an address: what the parameters of addresses stand for."""
    _status, customer = send("POST", f"{served}/api/customers/", token, json.dumps({"company_name": "Probe"}))
    below = f"{served}/api/customers/{customer['id']}"
    _status, contact = send("POST", f"{below}/contacts/", token, json.dumps({"last_name": "Probe"}))
    _status, address = send("POST", f"{below}/addresses/", token, json.dumps({"city": "Ulm"}))
    return {"id": customer["id"], "contact_id": contact["id"], "address_id": address["id"]}


def example_of(operation: Any) -> Any:
    """The body that the document gives as an example, or None."""
    content = operation.definition.raw.get("requestBody", {}).get("content", {}).get("application/json", {})
    return next((one["value"] for one in content.get("examples", {}).values()), None)


@pytest.mark.parametrize("role", [Role.MANAGER, Role.REP])
def test_no_operation_breaks_or_answers_what_is_not_described(served, role, settings):
    settings.API_RATE = 1_000_000
    with transaction.atomic():
        token = give_token(make_user(make_organisation("Cook&Fresh"), role))[1]
    document = json.loads(DOCUMENT.read_text(encoding="utf-8"))
    schema = schemathesis.openapi.from_dict(document)
    answered: dict[str, Counter[int]] = {}
    faults: list[str] = []

    def run(operation: Any, **fixed: Any) -> None:
        mode = fixed.pop("mode", GenerationMode.POSITIVE)
        tries = fixed.pop("tries", TRIES)

        @given(case=operation.as_strategy(generation_mode=mode, **fixed))
        @hypothesis_settings(
            max_examples=tries,
            deadline=None,
            database=None,
            derandomize=True,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        def one(case: Any) -> None:
            (case.query or {}).pop("wait", None)  # the feed may wait for events for half a minute, see tests/outbox
            response = case.call(base_url=served, headers={"Authorization": f"Bearer {token}"})
            answered.setdefault(operation.label, Counter())[response.status_code] += 1
            try:
                case.validate_response(response, checks=CHECKS)
            except FailureGroup as failure:
                faults.append(f"{operation.label} {response.status_code}: {failure}"[:1_000])

        one()

    needing = set()  # what no request makes by itself: fuzzed like the others, but not expected to succeed
    for found in schema.get_all_operations():
        operation = found.ok()
        if "x-needs-data" in operation.definition.raw:
            needing.add(operation.label)
        run(operation)
        ids = fresh_ids(served, token)
        real = {name: ids[name] for name in ids if f"{{{name}}}" in operation.path}
        own = {"path_parameters": real} if real else {}
        run(operation, **own)
        run(operation, mode=GenerationMode.NEGATIVE, **own)
        ids = fresh_ids(served, token)
        again = {"path_parameters": {name: ids[name] for name in real}} if real else {}
        body = example_of(operation)
        run(operation, tries=1, headers={}, query={}, **again, **({"body": body} if body is not None else {}))
    assert faults == []
    answered = {label: statuses for label, statuses in answered.items() if label not in needing}
    good = {label for label, statuses in answered.items() if any(200 <= status < 300 for status in statuses)}
    closed = {label for label, statuses in answered.items() if label not in good and statuses[403]}
    print(f"{role}: {len(good)} of {len(answered)} operations answered 2xx at least once, {len(closed)} are not his")
    assert len(good) >= LEAST_SHARE * (len(answered) - len(closed)), sorted(set(answered) - good - closed)
    assert "GET /api/customers/" in good
