"""What every endpoint has from the kernel: who asks, what an error is, bodies, throttling."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import OperationalError, connection
from django.test import Client
from django.urls import get_resolver, reverse
from django.utils import timezone

from crm.core.api import throttling
from crm.core.api.callers import areas
from crm.core.api.problems import CATALOGUE, problem
from crm.core.api.views import ApiView
from customers.models import Customer
from organisation.choices import Role
from organisation.models import ApiToken
from tests.api.conftest import CUSTOMERS, ApiClient, assert_problem, give_token

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fresh_window")]


# Who asks


def test_without_a_token_or_session_it_is_401(api):
    response = api().get(CUSTOMERS)
    assert_problem(response, 401, "not-authenticated")
    assert response["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize("header", ["Bearer", "Bearer ", "Bearer fp_wrong", "Basic dXNlcjpwYXNz", "Bearer fp_\u00e4"])
def test_what_is_no_token_is_401(api, header):
    assert_problem(api().get(CUSTOMERS, Authorization=header), 401, "not-authenticated")


def test_a_token_lets_in_as_its_user_and_notes_its_use(api, people):
    rep = people(Role.REP)
    row, token = give_token(rep)
    response = ApiClient(token).get(CUSTOMERS)
    assert response.status_code == 200
    assert response["Cache-Control"] == "private, no-store"
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT set_config('app.organisation', %s, true), set_config('app.user', %s, true)",
            [str(rep.organisation_id), str(rep.pk)],
        )
    assert ApiToken.objects.get(pk=row.pk).last_used_at is not None


def test_an_expired_a_revoked_and_a_deactivated_token_are_401(people):
    rep = people(Role.REP)
    now = timezone.now()
    _row, expired = give_token(rep, made_at=now - timedelta(days=2), until=now - timedelta(seconds=1))
    assert_problem(ApiClient(expired).get(CUSTOMERS), 401, "not-authenticated")
    _row, good = give_token(people(Role.REP))
    assert ApiClient(good).get(CUSTOMERS).status_code == 200
    _row, inactive = give_token(people(Role.REP, is_active=False))
    assert_problem(ApiClient(inactive).get(CUSTOMERS), 401, "not-authenticated")


def test_scopes_of_a_token_are_never_wider_than_they_say(api, people):
    manager = people(Role.MANAGER)
    reader, writer = api(manager, "customers.read"), api(manager, "customers.write")
    assert reader.get(CUSTOMERS).status_code == 200
    body = assert_problem(reader.post(CUSTOMERS, {"company_name": "Neu"}), 403, "not-allowed")
    assert "customers.write" in body["detail"]
    assert writer.get(CUSTOMERS).status_code == 200, "writing includes reading"
    assert writer.post(CUSTOMERS, {"company_name": "Neu"}).status_code == 201
    assert_problem(api(manager, "fields.read").get(CUSTOMERS), 403, "not-allowed")


def test_a_token_is_never_wider_than_its_user(api, people):
    auditor = api(people(Role.AUDITOR))
    assert auditor.get(CUSTOMERS).status_code == 200
    assert_problem(auditor.post(CUSTOMERS, {"company_name": "Neu"}), 403, "not-allowed")


def test_a_session_reads_and_writes_with_its_csrf_token_alone(as_user, people):
    client = as_user(people(Role.MANAGER))
    assert client.get(CUSTOMERS).status_code == 200
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = client.cookies
    refused = strict.post(CUSTOMERS, {"company_name": "Neu"}, content_type="application/json")
    assert_problem(refused, 403, "not-allowed")
    strict.get(reverse("organisation:profile"))
    token = strict.cookies["csrf"].value
    done = strict.post(
        CUSTOMERS, {"company_name": "Neu"}, content_type="application/json", headers={"X-CSRFToken": token}
    )
    assert done.status_code == 201


def test_a_session_without_its_second_factor_is_401(as_user, people):
    client = as_user(people(Role.MANAGER))
    session = client.session
    del session["second_factor"]
    session.save()
    assert_problem(client.get(CUSTOMERS), 401, "not-authenticated")


def test_beside_a_token_a_session_does_not_count(as_user, people):
    manager, rep = people(Role.MANAGER), people(Role.REP)
    client = as_user(manager)
    response = client.get(CUSTOMERS, headers={"Authorization": "Bearer fp_wrong"})
    assert_problem(response, 401, "not-authenticated")
    _row, token = give_token(rep, "fields.read")
    assert_problem(client.get(CUSTOMERS, headers={"Authorization": f"Bearer {token}"}), 403, "not-allowed")


def test_history_and_events_know_that_it_came_by_the_api(api, people):
    manager = people(Role.MANAGER)
    made = api(manager).post(CUSTOMERS, {"company_name": "Neu"})
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT set_config('app.organisation', %s, true), set_config('app.owners', '*', true),"
            " set_config('app.role', 'MANAGER', true)",
            [str(manager.organisation_id)],
        )
    row = Customer.history.get(id=made.json()["id"])
    assert (row.history_source, row.history_actor) == ("api", f"user:{manager.pk}")
    assert row.history_request_id == made["X-Request-Id"]


# Errors


def test_unknown_addresses_under_api_are_problems_and_pages_stay_pages(client):
    assert_problem(client.get("/api/nothing/"), 404, "not-found")
    assert_problem(client.get("/api/"), 404, "not-found")
    assert client.get("/nothing/")["Content-Type"].startswith("text/html")


def test_an_address_without_its_slash_is_404_and_no_redirect(api, people):
    assert_problem(api(people(Role.MANAGER)).post("/api/customers", {"company_name": "Neu"}), 404, "not-found")


def test_methods_media_types_and_accept(api, people):
    manager = api(people(Role.MANAGER))
    refused = manager.delete(CUSTOMERS)
    assert_problem(refused, 405, "method")
    assert refused["Allow"] == "GET, HEAD, POST"
    assert_problem(manager.call("OPTIONS", CUSTOMERS), 405, "method")
    assert_problem(manager.get(CUSTOMERS, Accept="text/html"), 406, "not-acceptable")
    plain = manager.client.post(
        CUSTOMERS,
        "company_name=Neu",
        content_type="application/x-www-form-urlencoded",
        headers={"Authorization": f"Bearer {manager.token}"},
    )
    assert_problem(plain, 415, "media-type")
    packed = manager.post(CUSTOMERS, {"company_name": "Neu"}, Content_Encoding="gzip")
    assert_problem(packed, 415, "media-type")


@pytest.mark.parametrize(
    "body",
    [
        "{",
        '{"company_name": "A", "company_name": "B"}',
        '{"employee_count": NaN}',
        '{"employee_count": 1e999}',
        '{"company_name": "A\\u0000B"}',
        '{"company_name": "\\ud800"}',
        "[" * 50 + "]" * 50,
        "[" * 20_000,
        "9" * 5_000,
        b'{"company_name": "\xff"}',
    ],
)
def test_a_body_that_is_no_sound_json_is_malformed(api, people, body):
    assert_problem(api(people(Role.MANAGER)).post(CUSTOMERS, body), 400, "malformed")


def test_a_body_over_the_cap_is_413(api, people):
    manager = api(people(Role.MANAGER))
    assert_problem(manager.post(CUSTOMERS, '{"company_name": "' + "a" * 1_048_576 + '"}'), 413, "too-large")


def test_faults_name_their_places_all_at_once(api, people):
    body = {"company_name": 7, "status": "AKTIV", "nonsense": 1, "seasonal_months": [1, 13], "is_chain": "yes"}
    problem = assert_problem(api(people(Role.MANAGER)).post(CUSTOMERS, body), 400, "validation")
    assert {(fault["pointer"], fault["code"]) for fault in problem["errors"]} == {
        ("/company_name", "type"),
        ("/status", "read_only"),
        ("/nonsense", "unknown"),
        ("/seasonal_months/1", "max_value"),
        ("/is_chain", "type"),
    }


def test_a_body_that_is_no_object_is_a_validation_problem(api, people):
    manager = api(people(Role.MANAGER))
    for body in ("[]", '"text"', "1", "null"):
        assert_problem(manager.post(CUSTOMERS, body), 400, "validation")


def test_a_fault_of_ours_is_unexpected_and_tells_nothing(people, monkeypatch):
    _row, token = give_token(people(Role.MANAGER))
    client = Client(raise_request_exception=False)
    monkeypatch.setattr("customers.api.accounts.find", lambda _state: 1 / 0)
    response = client.get(CUSTOMERS, headers={"Authorization": f"Bearer {token}"})
    body = assert_problem(response, 500, "unexpected")
    assert "ZeroDivision" not in response.content.decode()
    assert "errors" not in body


def test_a_database_that_is_too_busy_is_503_with_retry_after(api, people, monkeypatch):
    def busy(_state, **_more):
        raise OperationalError("lock timeout")

    monkeypatch.setattr("customers.api.accounts.find", busy)
    response = api(people(Role.MANAGER)).get(CUSTOMERS)
    assert_problem(response, 503, "busy")
    assert int(response["Retry-After"]) > 0


def test_what_a_refused_request_wrote_is_taken_back(api, people, monkeypatch):
    manager = people(Role.MANAGER)
    before = api(manager).get(CUSTOMERS).json()["results"]

    def refuse(*_args, **_kwargs):
        from crm.core.errors import Conflict

        raise Conflict("no")

    monkeypatch.setattr("customers.api.accounts.visible", refuse)
    assert_problem(api(manager).post(CUSTOMERS, {"company_name": "Neu"}), 409, "rule")
    monkeypatch.undo()
    assert api(manager).get(CUSTOMERS).json()["results"] == before == []


def test_every_problem_has_its_page(client):
    index = client.get("/problems/")
    assert index.status_code == 200
    for name, kind in CATALOGUE.items():
        page = client.get(kind.path)
        assert page.status_code == 200
        assert kind.path in page.content.decode()
        assert f'href="/problems/{name}"' in index.content.decode()
    assert client.get("/problems/nonsense").status_code == 404


def test_the_catalogue_is_that_of_the_specification():
    """integrations.md, Errors of our API."""
    by_status: dict[int, set[str]] = {}
    for kind in CATALOGUE.values():
        by_status.setdefault(kind.status, set()).add(kind.name)
    assert by_status == {
        400: {"malformed", "validation"},
        401: {"not-authenticated"},
        403: {"not-allowed"},
        404: {"not-found"},
        405: {"method"},
        406: {"not-acceptable"},
        409: {"rule", "duplicate", "in-progress"},
        412: {"stale"},
        413: {"too-large"},
        415: {"media-type"},
        429: {"too-many"},
        500: {"unexpected"},
        503: {"provider-unavailable", "busy"},
    }


@pytest.mark.parametrize("name", ["too-many", "provider-unavailable", "busy"])
def test_who_is_sent_away_is_told_when_to_come_back(rf, name):
    assert int(problem(rf.get(CUSTOMERS), name)["Retry-After"]) > 0
    assert problem(rf.get(CUSTOMERS), name, headers={"Retry-After": "30"})["Retry-After"] == "30"


def test_if_match_is_refused_where_there_is_no_version_to_compare(api, people):
    manager = api(people(Role.MANAGER))
    for key in ({}, {"Idempotency_Key": "key-1"}):
        refused = manager.post(CUSTOMERS, {"company_name": "Neu"}, If_Match='"1"', **key)
        assert [fault["header"] for fault in assert_problem(refused, 400, "validation")["errors"]] == ["If-Match"]
    assert manager.get(CUSTOMERS, If_Match='"1"').json()["results"] == []
    assert manager.post(CUSTOMERS, {"company_name": "Neu"}, Idempotency_Key="key-1").status_code == 201


# Throttling


def test_a_caller_is_told_his_limit_and_refused_beyond_it(api, people, settings):
    settings.API_RATE = 2
    rep, other = api(people(Role.REP)), api(people(Role.REP))
    first = rep.get(CUSTOMERS)
    assert (first["RateLimit-Limit"], first["RateLimit-Remaining"]) == ("2", "1")
    assert 0 < int(first["RateLimit-Reset"]) <= 60
    assert rep.get(CUSTOMERS)["RateLimit-Remaining"] == "0"
    refused = rep.get(CUSTOMERS)
    assert_problem(refused, 429, "too-many")
    assert int(refused["Retry-After"]) > 0
    assert refused["RateLimit-Remaining"] == "0"
    assert other.get(CUSTOMERS).status_code == 200, "each caller has his own window"


def test_an_address_that_sends_wrong_tokens_is_slowed_down(api, monkeypatch):
    monkeypatch.setattr(throttling, "REFUSALS", 2)
    for _try in range(2):
        assert_problem(api().get(CUSTOMERS), 401, "not-authenticated")
    assert_problem(api().get(CUSTOMERS), 429, "too-many")


def test_a_window_that_redis_forgets_in_between_begins_again(api, people, monkeypatch):
    monkeypatch.setattr("django.core.cache.backends.redis.RedisCache.add", lambda *_args, **_kwargs: False)
    assert api(people(Role.REP)).get(CUSTOMERS).status_code == 200


def test_while_redis_is_away_everything_passes_and_the_log_says_so(api, people, settings, monkeypatch):
    import redis
    from structlog.testing import capture_logs

    settings.API_RATE = 1

    def away(*_args, **_kwargs):
        raise redis.ConnectionError("away")

    monkeypatch.setattr("django.core.cache.backends.redis.RedisCache.add", away)
    rep = api(people(Role.REP))
    with capture_logs() as logs:
        assert [rep.get(CUSTOMERS).status_code for _try in range(3)] == [200, 200, 200]
    assert any("letting pass" in entry["event"] for entry in logs)


def test_every_endpoint_is_built_on_the_kernel_and_names_a_known_area():
    views = [view for pattern in _api_patterns(get_resolver()) if (view := getattr(pattern.callback, "cls", None))]
    assert len(views) > 10
    for view in views:
        assert issubclass(view, ApiView), view
        assert view.area in areas(), view


def _api_patterns(resolver, prefix=""):
    for entry in resolver.url_patterns:
        path = prefix + str(entry.pattern)
        if hasattr(entry, "url_patterns"):
            yield from _api_patterns(entry, path)
        elif path.startswith("api/"):
            yield entry


def test_the_page_of_the_api_tells_of_every_operation(client, as_user, people):
    page = client.get("/api/docs/")
    assert page.status_code == 200
    body = page.content.decode()
    document = client.get("/api/schema/").json()
    assert document["openapi"].startswith("3.1")
    for path, methods in document["paths"].items():
        assert path in body
        for operation in methods.values():
            assert f'id="{operation["operationId"]}"' in body
            assert operation["x-scope"] in body
    assert as_user(people(Role.REP)).get("/api/docs/").status_code == 200
