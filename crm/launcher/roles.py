"""The database roles: made once, put right at each start. Runs inside the environment (psycopg).

`<db>_owner` owns the database and runs migrations; `<db>_app` serves; `<db>_relay` moves events; `<db>_backup` reads
for dumps; `<db>_search` cannot log in and owns the search's definer functions. None is superuser or bypasses policies.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote, urlsplit

from crm.launcher.problem import Problem

if TYPE_CHECKING:
    import psycopg

EXTENSIONS = ("pg_trgm", "unaccent", "btree_gin", "fuzzystrmatch")
LOGINS = ("owner", "app", "relay", "backup")


def provision(admin_url: str, database: str, passwords: Path | None = None) -> dict[str, str]:
    """Make the database, its extensions and its roles, or put right what is there; the URL of each role that logs in.

    `admin_url` is of a superuser, or of a role with CREATEROLE that owns the database or may make it. `passwords` is
    the file that keeps the roles' random passwords (0600); default `roles.json` in CRM_DATA_DIR. Raises Problem.
    """
    import psycopg

    kept = passwords or Path(os.environ.get("CRM_DATA_DIR") or "var") / "roles.json"
    known = _passwords(kept, database)
    try:
        with psycopg.connect(admin_url, autocommit=True, connect_timeout=10) as admin:
            admin.execute("SELECT pg_advisory_lock(hashtext('freshplan roles'))")
            _make_roles(admin, database, known)
            _make_database(admin, database)
        with psycopg.connect(_with(admin_url, database=database), autocommit=True, connect_timeout=10) as admin:
            admin.execute("SELECT pg_advisory_lock(hashtext('freshplan roles'))")
            make_extensions(admin)
            _hand_over(admin, database)
        urls = {
            name: _with(admin_url, user=f"{database}_{name}", password=known[f"{database}_{name}"], database=database)
            for name in LOGINS
        }
        with psycopg.connect(urls["owner"], autocommit=True, connect_timeout=10) as owner:
            grant(owner, database)
    except psycopg.Error as error:
        line = str(error).strip().splitlines()[0]
        raise Problem(f"The roles of database {database} could not be made: {line}") from error
    return urls


def _passwords(path: Path, database: str) -> dict[str, str]:
    """The password per role name; new ones are added to the file. Several processes may ask at once."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        known: dict[str, str] = json.loads(file.read() or "{}")
        missing = [role for name in LOGINS if (role := f"{database}_{name}") not in known]
        if missing:
            known |= {role: secrets.token_urlsafe(32) for role in missing}
            file.seek(0)
            file.write(json.dumps(known, indent=1))
            file.truncate()
    return known


def _with(url: str, *, user: str = "", password: str = "", database: str = "") -> str:
    """The same server's URL for another role or database; options behind the question mark stay."""
    parts = urlsplit(url)
    login = parts.netloc.rpartition("@")[0]
    host = parts.netloc.rpartition("@")[2]
    if user:
        login = f"{quote(user, safe='')}:{quote(password, safe='')}"
    return parts._replace(netloc=f"{login}@{host}", path=f"/{quote(database, safe='')}").geturl()


def at_database(url: str, database: str) -> str:
    """The same server and role for another database."""
    return _with(url, database=database)


def database_name(url: str) -> str:
    """The database that a URL names."""
    return unquote(urlsplit(url).path.lstrip("/"))


def _run(connection: psycopg.Connection, statement: str, *names: str) -> None:
    """A statement with identifiers for its `{}`."""
    from psycopg import sql

    connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


def _make_roles(admin: psycopg.Connection, database: str, known: dict[str, str]) -> None:
    from psycopg import sql

    rows = admin.execute("SELECT rolname FROM pg_roles WHERE rolname LIKE %s", [f"{database}%"])
    there = {row[0] for row in rows}
    for name in (*LOGINS, "search"):
        role = f"{database}_{name}"
        if role not in there:
            _run(admin, "CREATE ROLE {} NOLOGIN NOCREATEDB NOCREATEROLE", role)
        if name == "search":
            continue
        # Hashed here, so that the password never stands in the server's log.
        hashed = admin.pgconn.encrypt_password(known[role].encode(), role.encode(), b"scram-sha-256").decode()
        admin.execute(sql.SQL("ALTER ROLE {} LOGIN PASSWORD {}").format(sql.Identifier(role), sql.Literal(hashed)))
        _run(admin, "ALTER ROLE {} SET jit = off", role)
        _run(admin, "ALTER ROLE {} SET timezone = 'UTC'", role)
    _run(admin, "ALTER ROLE {} SET default_transaction_read_only = on", f"{database}_backup")
    options = " WITH INHERIT TRUE, SET TRUE" if admin.info.server_version >= 160000 else ""
    _run(admin, "GRANT {} TO {}" + options, f"{database}_search", f"{database}_owner")
    if not _is_superuser(admin):
        _run(admin, "GRANT {} TO CURRENT_USER" + options, f"{database}_owner")


def _is_superuser(admin: psycopg.Connection) -> bool:
    row = admin.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user").fetchone()
    return bool(row and row[0])


def _make_database(admin: psycopg.Connection, database: str) -> None:
    if not admin.execute("SELECT 1 FROM pg_database WHERE datname = %s", [database]).fetchone():
        _run(admin, "CREATE DATABASE {} OWNER {}", database, f"{database}_owner")


def make_extensions(admin: psycopg.Connection) -> None:
    """The extensions that the schema rests on, in the connected database. Raises Problem for one that the server lacks."""
    rows = admin.execute(
        "SELECT name, installed_version FROM pg_available_extensions WHERE name = ANY(%s)", [list(EXTENSIONS)]
    )
    there: dict[str, str | None] = dict(rows.fetchall())
    for name in EXTENSIONS:
        if name not in there:
            raise Problem(f"The database server lacks the extension {name}: install PostgreSQL's contrib package.")
        if there[name] is None:
            _run(admin, "CREATE EXTENSION IF NOT EXISTS {} SCHEMA public", name)


def _hand_over(admin: psycopg.Connection, database: str) -> None:
    """The owner role gets the database, and with it schema public (its owner is pg_database_owner since version 15).

    A role that may not create databases may not give one away either: then the owner role gets schema public alone.
    """
    owner = f"{database}_owner"
    row = admin.execute(
        "SELECT pg_get_userbyid(datdba), (SELECT pg_get_userbyid(nspowner) FROM pg_namespace WHERE nspname = 'public'),"
        " (SELECT rolsuper OR rolcreatedb FROM pg_roles WHERE rolname = current_user)"
        " FROM pg_database WHERE datname = current_database()"
    ).fetchone()
    if row is None:
        raise Problem(f"Database {database} does not list itself: is DATABASE_URL a pooler's own console?")
    database_owner, schema_owner, gives_away = row
    if database_owner != owner and gives_away:
        _run(admin, "ALTER DATABASE {} OWNER TO {}", database, owner)
        database_owner = owner
    if database_owner != owner:
        _run(admin, "GRANT CREATE ON DATABASE {} TO {}", database, owner)
    if schema_owner not in {owner, "pg_database_owner"} or database_owner != owner:
        _run(admin, "ALTER SCHEMA public OWNER TO {}", owner)
    app, relay, backup = (f"{database}_{name}" for name in ("app", "relay", "backup"))
    _run(admin, "REVOKE ALL ON DATABASE {} FROM PUBLIC", database)
    _run(admin, "GRANT CONNECT, TEMPORARY ON DATABASE {} TO {}, {}", database, owner, app)
    _run(admin, "GRANT CONNECT ON DATABASE {} TO {}, {}", database, relay, backup)


def grant(owner: psycopg.Connection, database: str) -> None:
    """Who may do what in the connected database; nobody but the owner and the search role makes anything in schema public.

    `database` is what the roles' names begin with.
    """
    app, relay, search, backup = (f"{database}_{name}" for name in ("app", "relay", "search", "backup"))
    for statement, names in (
        ("REVOKE CREATE ON SCHEMA public FROM PUBLIC", ()),
        ("GRANT USAGE ON SCHEMA public TO {}, {}, {}", (app, relay, backup)),
        ("GRANT USAGE, CREATE ON SCHEMA public TO {}", (search,)),
        ("ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {}", (app,)),
        ("ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE ON SEQUENCES TO {}", (app,)),
        ("ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO {}, {}, {}", (relay, search, backup)),
        ("ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON SEQUENCES TO {}", (backup,)),
    ):
        _run(owner, statement, *names)
