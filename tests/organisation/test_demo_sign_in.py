"""The demo's one-click sign-in: embedded servers, this computer's address, an organisation marked demo; else none."""

from __future__ import annotations

import pytest
from django.db import connection

from crm.core.access import activate
from organisation import services
from tests.conftest import make_organisation, make_user, scope_of

pytestmark = pytest.mark.django_db

HERE = {"headers": {"host": "127.0.0.1:8000"}, "REMOTE_ADDR": "127.0.0.1"}
ADDRESS = "/accounts/login/demo/"


@pytest.fixture
def demo_user(settings):
    settings.EMBEDDED = settings.ON_LOOPBACK = True
    return make_user(make_organisation("Demo GmbH", is_demo=True), "ADMINISTRATOR", name="Dora Demo")


def offered(client, **extra) -> bool:
    return "Dora Demo" in client.get("/accounts/login/", **(HERE | extra)).content.decode()


def status(client, user, **extra) -> int:
    return client.post(ADDRESS, {"user": user.pk}, **(HERE | extra)).status_code


def test_one_click_signs_in_with_the_second_factor(client, demo_user):
    assert offered(client)
    assert client.post(ADDRESS, {"user": demo_user.pk}, **HERE).url == "/"
    assert client.get("/settings/profile/", **HERE).status_code == 200


def test_it_takes_a_post_with_a_token(client, demo_user):
    from django.test import Client

    assert client.get(ADDRESS, **HERE).status_code == 405
    strict = Client(enforce_csrf_checks=True)
    assert strict.post(ADDRESS, {"user": demo_user.pk}, **HERE).status_code == 403


@pytest.mark.parametrize("name", ["EMBEDDED", "ON_LOOPBACK"])
def test_gone_where_servers_or_address_are_real(client, demo_user, settings, name):
    setattr(settings, name, False)
    assert not offered(client)
    assert status(client, demo_user) == 404


@pytest.mark.parametrize(
    "extra",
    [
        {"REMOTE_ADDR": "192.168.1.20"},
        {"headers": {"host": "crm.example.com"}},
        {"headers": {"host": "127.0.0.1:8000", "x-forwarded-for": "203.0.113.5"}},
    ],
)
def test_gone_for_requests_from_elsewhere(client, demo_user, settings, extra):
    settings.ALLOWED_HOSTS = ["*"]
    assert not offered(client, **extra)
    assert status(client, demo_user, **extra) == 404


def test_gone_once_the_organisation_is_no_demo(client, demo_user):
    with activate(scope_of(demo_user)) as scope:
        services.leave_demo(scope=scope)
    assert not offered(client)
    assert status(client, demo_user) == 404


def test_nobody_else_is_offered(client, demo_user):
    real = make_user(make_organisation("Real GmbH"), "ADMINISTRATOR", name="Rita Real")
    gone = make_user(demo_user.organisation, name="Gerd Gone", is_active=False)
    page = client.get("/accounts/login/", **HERE).content.decode()
    assert "Rita Real" not in page
    assert "Gerd Gone" not in page
    assert status(client, real) == status(client, gone) == 404
    assert client.post(ADDRESS, {"user": "x' OR 1=1"}, **HERE).status_code == 404


def test_the_function_tells_demo_people_alone(demo_user):
    make_user(make_organisation("Real GmbH"), name="Rita Real")
    with connection.cursor() as cursor:
        cursor.execute("SELECT name FROM organisation_demo_users()")
        assert cursor.fetchall() == [("Dora Demo",)]
