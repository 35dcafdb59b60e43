"""What all tests share: a database per worker, served as the unprivileged role, and people to act as."""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.core.management import call_command
from django.db import connection, connections, transaction
from django.test import Client

from crm.core.access import Scope, activate, system_scope_for
from crm.launcher.roles import provision
from organisation.access import enter_organisation, enter_sign_in, scope_for
from organisation.choices import Role
from organisation.models import Organisation, Team, User

PASSWORD = "correct horse battery"
_numbers = itertools.count(1)


def _database_name(worker: str) -> str:
    suffix = re.sub(r"\W", "_", os.environ.get("PYTEST_DB_SUFFIX", ""))
    return f"test_crm{'_' + suffix if suffix else ''}_{worker}"


def _serve_as(url: str) -> None:
    from environ import Env

    connections.close_all()
    settings = connections["default"].settings_dict
    settings.update(
        {
            key: value
            for key, value in Env.db_url_config(url).items()
            if key in {"NAME", "USER", "PASSWORD", "HOST", "PORT"}
        }
    )
    settings["TEST"]["NAME"] = settings["NAME"]
    os.environ["DATABASE_URL"] = url


@pytest.fixture(scope="session")
def database_urls(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> dict[str, str]:
    """The URLs of this worker's fresh database, one per role: owner, app, relay, backup."""
    admin = os.environ["TEST_ADMIN_URL"]
    name = _database_name(worker_id)
    with psycopg.connect(admin, autocommit=True) as server:
        server.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
    return provision(admin, name, tmp_path_factory.mktemp("roles") / "roles.json")


@pytest.fixture(scope="session")
def django_db_setup(django_db_blocker: Any, database_urls: dict[str, str]) -> Iterator[None]:
    """Migrate as the owner, then serve as the application's role, as in production."""
    with django_db_blocker.unblock():
        _serve_as(database_urls["owner"])
        call_command("migrate", verbosity=0)
        _serve_as(database_urls["app"])
    yield
    connections.close_all()


@pytest.fixture
def owner_db(django_db_setup: None, database_urls: dict[str, str]) -> Iterator[psycopg.Connection[Any]]:
    """A connection of the owner: for catalogue checks and for cleaning up, never to prove a wall."""
    with psycopg.connect(database_urls["owner"], autocommit=True) as owner:
        yield owner


@pytest.fixture
def committed_db(
    django_db_setup: None, django_db_blocker: Any, database_urls: dict[str, str], request: pytest.FixtureRequest
) -> Iterator[None]:
    """A test whose transactions really commit; afterwards the owner empties all tables (the app's role may not)."""
    with django_db_blocker.unblock():
        try:
            yield
        finally:
            connections.close_all()
            with psycopg.connect(database_urls["owner"], autocommit=True) as owner:
                keep = ("django_migrations", "django_content_type", "auth_permission")
                rows = owner.execute(
                    "SELECT quote_ident(tablename) FROM pg_tables WHERE schemaname = 'public' AND NOT tablename = ANY(%s)",
                    [list(keep)],
                ).fetchall()
                owner.execute("TRUNCATE " + ", ".join(row[0] for row in rows) + " RESTART IDENTITY CASCADE")


def make_organisation(name: str = "", **values: Any) -> Organisation:
    """An organisation of its own, with the next id; the open transaction is left without a scope."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval(pg_get_serial_sequence('organisation_organisation', 'id'))")
        (pk,) = cursor.fetchone()
    with transaction.atomic(), activate(system_scope_for(pk, job="test")):
        return Organisation.objects.create(pk=pk, name=name or f"Organisation {pk}", **values)


def make_team(organisation: Organisation, name: str = "") -> Team:
    """A team without members."""
    with transaction.atomic(), activate(system_scope_for(organisation.pk, job="test")):
        return Team.objects.create(organisation=organisation, name=name or f"Team {next(_numbers)}")


def make_user(
    organisation: Organisation,
    role: str = Role.REP,
    *,
    team: Team | None = None,
    leads: Team | None = None,
    **values: Any,
) -> User:
    """A user who signs in with PASSWORD; `leads` makes him lead of that team."""
    number = next(_numbers)
    with transaction.atomic(), activate(system_scope_for(organisation.pk, job="test")):
        values = {"email": f"user{number}@example.org", "name": f"User {number}", "language": "en"} | values
        user = User(organisation=organisation, role=role, team=team, **values)
        user.set_password(PASSWORD)
        user.save()
        if leads is not None:
            leads.leads.add(user)
        return User.objects.select_related("organisation", "team").get(pk=user.pk)


def scope_of(user: User, **changes: Any) -> Scope:
    """The user's scope as a request would have it; must run inside a transaction, whose sign-in stays as it was."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(current_setting('app.login', true), '')")
        (before,) = cursor.fetchone()
    enter_organisation(user.organisation_id)
    enter_sign_in(str(user.pk))
    scope = scope_for(user, **changes)
    enter_sign_in(before)
    return scope


@pytest.fixture
def organisation(db: None) -> Organisation:
    """The organisation that most tests act in."""
    return make_organisation("Cook&Fresh")


@pytest.fixture
def other_organisation(db: None) -> Organisation:
    """Another organisation, to prove the wall."""
    return make_organisation("Other")


@pytest.fixture
def people(organisation: Organisation) -> Callable[..., User]:
    """`people("REP", team=…)` makes a user of the organisation."""

    def make(role: str = Role.REP, **values: Any) -> User:
        return make_user(organisation, role, **values)

    return make


@pytest.fixture
def as_user(client: Client) -> Callable[[User], Client]:
    """`as_user(user)` is a client with a session that has passed both factors."""

    def sign_in(user: User) -> Client:
        from organisation.access import enter_sign_in

        enter_sign_in(str(user.pk))
        client.force_login(user, backend="organisation.backends.MailBackend")
        session = client.session
        session["second_factor"] = True
        session.save()
        return client

    return sign_in


REAL_DATA = Path(__file__).resolve().parent.parent.parent / "shared" / "data"
