"""Every refused or failed request tells its id, in the page and in a header, as the log does."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import path

from crm.core import error_pages
from crm.urls import urlpatterns as product

handler404, handler500 = error_pages.not_found, error_pages.server_error
ID = "req-0123456789abcdef"


def breaks(request):
    raise RuntimeError("broken")


urlpatterns = [path("breaks/", breaks), *product]


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


@pytest.mark.parametrize("given", ["short", "x" * 65, "with space 123", "<script>alert(1)</script>", ""])
def test_a_malformed_id_is_replaced(db, client, given):
    answer = client.get("/nowhere/", headers={"X-Request-Id": given})
    assert answer.headers["X-Request-Id"] != given
    assert len(answer.headers["X-Request-Id"]) == 32
