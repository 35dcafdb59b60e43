"""A client of the API: a token of a user, JSON in and out."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.db import transaction
from django.test import Client
from django.test.testcases import LiveServerThread
from django.utils import timezone

from crm.core.access import activate, system_scope_for
from crm.core.api.callers import token_scopes
from organisation.models import ApiToken, User
from organisation.tokens import issue
from tests.matrix.world import World, build_world

CUSTOMERS = "/api/customers/"


@pytest.fixture
def fresh_window():
    """No test is throttled for what another one asked."""
    cache.clear()


@pytest.fixture
def world() -> World:
    """The organisation of the matrix, with one person of every kind."""
    return build_world()


def at(world: World, suffix: str = "") -> str:
    """The address of its location, or of what hangs on it."""
    return f"{CUSTOMERS}{world.location.pk}/{suffix}"


class ApiClient:
    """Sends JSON with a token; `token` "" sends none."""

    def __init__(self, token: str = "") -> None:
        self.token, self.client = token, Client()

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """The response; `body` becomes JSON, text goes as it is."""
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.token:
            given.setdefault("Authorization", f"Bearer {self.token}")
        data = body if isinstance(body, (str, bytes)) else "" if body is None else json.dumps(body)
        return self.client.generic(method, path, data, content_type="application/json" if data else "", headers=given)

    def get(self, path: str, **headers: str) -> Any:
        """GET."""
        return self.call("GET", path, **headers)

    def post(self, path: str, body: Any = None, **headers: str) -> Any:
        """POST."""
        return self.call("POST", path, body, **headers)

    def patch(self, path: str, body: Any = None, **headers: str) -> Any:
        """PATCH."""
        return self.call("PATCH", path, body, **headers)

    def put(self, path: str, body: Any = None, **headers: str) -> Any:
        """PUT."""
        return self.call("PUT", path, body, **headers)

    def delete(self, path: str, **headers: str) -> Any:
        """DELETE."""
        return self.call("DELETE", path, **headers)


def give_token(user: User, *scopes: str, **values: Any) -> tuple[ApiToken, str]:
    """A token of the user, good for a day; all scopes without `scopes`."""
    now = timezone.now()
    wanted = {"name": "test", "made_at": now, "until": now + timedelta(days=1)} | values
    with transaction.atomic(), activate(system_scope_for(user.organisation_id, job="test")):
        return issue(user=user, scopes=scopes or token_scopes(), **wanted)


@pytest.fixture
def api() -> Callable[..., ApiClient]:
    """`api(user, "customers.read")` is a client with a token of that user; `api()` has none."""

    def make(user: User | None = None, *scopes: str) -> ApiClient:
        return ApiClient(give_token(user, *scopes)[1] if user is not None else "")

    return make


@pytest.fixture
def served(committed_db: None) -> Iterator[str]:
    """The address of the product, served by threads of this process."""
    cache.clear()
    server = LiveServerThread("127.0.0.1", lambda application: application)
    server.daemon = True
    server.start()
    server.is_ready.wait()
    if server.error:
        raise server.error
    yield f"http://127.0.0.1:{server.port}"
    server.terminate()
    server.join()


def send(method: str, url: str, token: str, body: str | None = None, **headers: str) -> tuple[int, Any]:
    """Status and JSON of one request."""
    request = urllib.request.Request(url, method=method, data=body.encode() if body else None)
    request.add_header("Authorization", f"Bearer {token}")
    if body:
        request.add_header("Content-Type", "application/json")
    for name, value in headers.items():
        request.add_header(name.replace("_", "-"), value)
    try:
        with urllib.request.urlopen(request, timeout=20) as response:
            text = response.read()
            return response.status, json.loads(text) if text else None
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


def assert_problem(response: Any, status: int, name: str) -> dict[str, Any]:
    """The body of a problem, after checking what all have in common."""
    assert response.status_code == status, response.content
    assert response["Content-Type"] == "application/problem+json"
    body = response.json()
    assert body["type"] == f"/problems/{name}"
    assert body["status"] == status
    assert body["title"]
    assert body["instance"] == response["X-Request-Id"]
    return body
