"""The database roles and the refusals around servers that the operator gives."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from crm.launcher import external
from crm.launcher.external import adopt_database, check_redis
from crm.launcher.problem import Problem
from crm.launcher.roles import EXTENSIONS, provision

pytestmark = pytest.mark.wall


@pytest.fixture
def name(worker_id: str) -> Iterator[str]:
    """The name of a database that does not exist yet; it and its roles are gone afterwards."""
    database = f"roles_{os.environ.get('PYTEST_DB_SUFFIX', '')}{worker_id}"
    _clear(database)
    yield database
    _clear(database)


def _clear(database: str) -> None:
    with psycopg.connect(os.environ["TEST_ADMIN_URL"], autocommit=True) as admin:
        admin.execute(f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)')
        roles = admin.execute("SELECT rolname FROM pg_roles WHERE rolname LIKE %s", [f"{database}%"]).fetchall()
        roles.sort(key=lambda row: row[0].endswith("_boss"))  # the one that granted goes last
        for (role,) in roles:
            admin.execute(f'DROP OWNED BY "{role}"')
            admin.execute(f'DROP ROLE "{role}"')


def _boss(database: str, options: str) -> str:
    """The URL of a role with these options that owns a fresh database: what a managed server hands out."""
    admin_url = os.environ["TEST_ADMIN_URL"]
    with psycopg.connect(admin_url, autocommit=True) as admin:
        admin.execute(f"CREATE ROLE \"{database}_boss\" LOGIN {options} PASSWORD 'boss'")
        admin.execute(f'CREATE DATABASE "{database}" OWNER "{database}_boss"')
    host = urlsplit(admin_url).netloc.rpartition("@")[2]
    return f"postgresql://{database}_boss:boss@{host}/{database}"


def _rows(url: str, query: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url, autocommit=True) as connection:
        return connection.execute(query).fetchall()


def _check_roles(urls: dict[str, str], name: str) -> None:
    with psycopg.connect(urls["owner"], autocommit=True) as owner:
        owner.execute("CREATE TABLE IF NOT EXISTS thing (id serial PRIMARY KEY)")
        owner.execute("CREATE OR REPLACE FUNCTION probe() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1'")
        owner.execute(f'ALTER FUNCTION probe() OWNER TO "{name}_search"')
    with psycopg.connect(urls["app"], autocommit=True) as app:
        app.execute("INSERT INTO thing DEFAULT VALUES")
        assert app.execute("SHOW jit").fetchone() == ("off",)
        assert app.execute("SHOW timezone").fetchone() == ("UTC",)
        for forbidden in (
            "TRUNCATE thing",
            "CREATE TABLE mine (id int)",
            "DROP TABLE thing",
            f'SET ROLE "{name}_owner"',
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                app.execute(forbidden)
    with psycopg.connect(urls["relay"], autocommit=True) as relay:
        assert relay.execute("SELECT count(*) FROM thing").fetchone() is not None
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            relay.execute("DELETE FROM thing")
    with psycopg.connect(urls["backup"], autocommit=True) as backup:
        assert backup.execute("SELECT count(*) FROM thing").fetchone() is not None
        with pytest.raises((psycopg.errors.ReadOnlySqlTransaction, psycopg.errors.InsufficientPrivilege)):
            backup.execute("DELETE FROM thing")


def test_roles_are_made_once_and_hold_no_power(name: str, tmp_path: Path) -> None:
    passwords = tmp_path / "roles.json"
    first = provision(os.environ["TEST_ADMIN_URL"], name, passwords)
    again = provision(os.environ["TEST_ADMIN_URL"], name, passwords)

    assert first == again
    assert passwords.stat().st_mode & 0o777 == 0o600
    _check_roles(again, name)
    powers = _rows(
        again["owner"],
        "SELECT rolname, rolcanlogin FROM pg_roles WHERE rolname LIKE current_database() || '\\_%'"
        " AND NOT (rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb OR rolreplication) ORDER BY 1",
    )
    logs_in = {"app": True, "backup": True, "owner": True, "relay": True, "search": False}
    assert powers == [(f"{name}_{role}", value) for role, value in logs_in.items()]
    extensions = _rows(again["owner"], "SELECT extname FROM pg_extension")
    assert set(EXTENSIONS) <= {row[0] for row in extensions}


@pytest.mark.parametrize("options", ["CREATEROLE", "CREATEROLE CREATEDB"])
def test_role_that_may_create_roles_is_enough(name: str, tmp_path: Path, options: str) -> None:
    given = {"DATABASE_URL": _boss(name, options)}
    first = adopt_database(given, tmp_path)
    again = adopt_database(given, tmp_path)

    assert first == again
    assert urlsplit(again["DATABASE_URL"]).username == f"{name}_app"
    urls = {"app": again["DATABASE_URL"], "owner": again["DATABASE_OWNER_URL"], "relay": again["DATABASE_RELAY_URL"]}
    _check_roles(urls | {"backup": provision(given["DATABASE_URL"], name, tmp_path / "roles.json")["backup"]}, name)


def test_role_that_may_not_create_roles_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(Problem, match="may not create roles: give it CREATEROLE, or set DATABASE_OWNER_URL"):
        adopt_database({"DATABASE_URL": _boss(name, "NOCREATEROLE")}, tmp_path)


@pytest.mark.parametrize(
    ("choose", "what"),
    [(lambda admin, made: admin, "a superuser"), (lambda admin, made: made["owner"], "the database's owner")],
    ids=["superuser", "owner"],
)
def test_nothing_is_served_with_power(
    name: str, tmp_path: Path, choose: Callable[[str, dict[str, str]], str], what: str
) -> None:
    admin_url = os.environ["TEST_ADMIN_URL"]
    made = provision(admin_url, name, tmp_path / "roles.json")
    powerful = choose(urlsplit(admin_url)._replace(path=f"/{name}").geturl(), made)
    given = {"DATABASE_URL": powerful, "DATABASE_OWNER_URL": made["owner"], "DATABASE_RELAY_URL": made["relay"]}

    with pytest.raises(Problem, match=f"is {what}: access rules would not hold for it"):
        adopt_database(given, tmp_path)


def test_role_that_bypasses_policies_is_refused(name: str, tmp_path: Path) -> None:
    made = provision(os.environ["TEST_ADMIN_URL"], name, tmp_path / "roles.json")
    with psycopg.connect(os.environ["TEST_ADMIN_URL"], autocommit=True) as admin:
        admin.execute(f'ALTER ROLE "{name}_app" BYPASSRLS')
    given = {"DATABASE_URL": made["app"], "DATABASE_OWNER_URL": made["owner"], "DATABASE_RELAY_URL": made["relay"]}

    with pytest.raises(Problem, match="is BYPASSRLS"):
        adopt_database(given, tmp_path)


@pytest.mark.parametrize(
    ("number", "refused"),
    [
        (140020, True),
        (150013, True),
        (150014, False),
        (160009, True),
        (160010, False),
        (170006, False),
        (180000, False),
    ],
)
def test_version_floor(number: int, refused: bool) -> None:
    if refused:
        with pytest.raises(Problem, match="or newer is needed"):
            external._check_version(number)
    else:
        external._check_version(number)


@pytest.mark.parametrize("url", ["mysql://host/db", "postgresql://host"])
def test_address_of_another_kind_is_refused(url: str, tmp_path: Path) -> None:
    with pytest.raises(Problem, match="DATABASE_URL must look like"):
        adopt_database({"DATABASE_URL": url}, tmp_path)


def test_server_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(Problem, match=r"^DATABASE_URL does not lead to a database: .+$"):
        adopt_database({"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"}, tmp_path)
    with pytest.raises(Problem, match=r"^REDIS_URL does not lead to a server: .+$"):
        check_redis("redis://127.0.0.1:1/0")


def test_redis_that_runs_is_taken() -> None:
    check_redis(os.environ["TEST_REDIS_URL"])
