"""Every refused or failed request tells its id, in the page and in a header, as the log does."""

from __future__ import annotations

import pytest
from django.db import OperationalError, connection
from django.test import Client
from django.urls import path

from crm.core import error_pages
from crm.urls import urlpatterns as product

handler404, handler500 = error_pages.not_found, error_pages.server_error
ID = "req-0123456789abcdef"


def breaks(request):
    raise RuntimeError("broken")


def away(request):
    raise OperationalError("server closed the connection unexpectedly")


urlpatterns = [path("breaks/", breaks), path("away/", away), path("api/away/", away), *product]


@pytest.mark.parametrize(
    ("method", "address", "status"),
    [("get", "/nowhere/", 404), ("get", "/breaks/", 500), ("post", "/accounts/login/", 403)],
)
@pytest.mark.urls("tests.core.test_error_answers")
def test_page_and_header_tell_the_request(db, method, address, status):
    client = Client(enforce_csrf_checks=True, raise_request_exception=False)
    answer = getattr(client, method)(address, headers={"X-Request-Id": ID})
    assert answer.status_code == status
    assert answer.headers["X-Request-Id"] == ID
    assert ID in answer.content.decode()


@pytest.mark.parametrize("address", ["/away/", "/api/away/"])
@pytest.mark.urls("tests.core.test_error_answers")
def test_a_database_that_goes_away_is_503_and_no_fault_of_ours(db, address):
    answer = Client(raise_request_exception=False).get(address, headers={"X-Request-Id": ID})
    assert (answer.status_code, answer["Retry-After"], ID in answer.content.decode()) == (503, "2", True)
    assert (answer["Content-Type"] == "application/problem+json") == address.startswith("/api/")


def test_without_a_database_pages_and_api_say_when_to_come_back(committed_db):
    connection.close()
    served = connection.settings_dict
    connection.settings_dict = {**served, "PORT": "1"}
    try:
        client = Client(raise_request_exception=False)
        page, api = client.get("/accounts/login/"), client.get("/api/customers/")
    finally:
        connection.close()
        connection.settings_dict = served
    assert (page.status_code, page["Retry-After"]) == (503, "2")
    assert (api.status_code, api["Retry-After"], api.json()["type"]) == (503, "2", "/problems/busy")


@pytest.mark.parametrize("given", ["short", "x" * 65, "with space 123", "<script>alert(1)</script>", ""])
def test_a_malformed_id_is_replaced(db, client, given):
    answer = client.get("/nowhere/", headers={"X-Request-Id": given})
    assert answer.headers["X-Request-Id"] != given
    assert len(answer.headers["X-Request-Id"]) == 32
