"""Servers that the operator gives by DATABASE_URL and REDIS_URL: checked before anything is done with them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from crm.launcher.problem import Problem
from crm.launcher.roles import EXTENSIONS, database_name, provision

# The first minor version of each major one without a known hole that lets a user of the database become its owner.
OLDEST_MINOR = {15: 14, 16: 10, 17: 6}
OLDEST_REDIS = (7, 0)


def adopt_database(env: dict[str, str], data: Path) -> dict[str, str]:
    """The URLs to work with, by variable name. Raises Problem where this database may not be served from.

    With DATABASE_URL alone, its role must be able to make roles: the product's own are made with it and served as.
    """
    given = env["DATABASE_URL"]
    if not given.startswith(("postgresql://", "postgres://")) or not database_name(given):
        raise Problem("DATABASE_URL must look like postgresql://role:password@host:5432/database.")
    facts = _look(given, "DATABASE_URL")
    _check_version(facts["version"])
    missing = sorted(set(EXTENSIONS) - set(facts["extensions"]))
    if missing:
        raise Problem(f"The database server lacks {', '.join(missing)}: install PostgreSQL's contrib package.")
    if env.get("DATABASE_OWNER_URL"):
        relay = env.get("DATABASE_RELAY_URL")
        if not relay:
            raise Problem("DATABASE_OWNER_URL is set: set DATABASE_RELAY_URL too, for the role that moves events.")
        urls = {"DATABASE_URL": given, "DATABASE_OWNER_URL": env["DATABASE_OWNER_URL"], "DATABASE_RELAY_URL": relay}
    else:
        if not facts["makes_roles"]:
            raise Problem(
                f"DATABASE_URL's role {facts['role']} may not create roles: give it CREATEROLE, or set"
                " DATABASE_OWNER_URL and DATABASE_RELAY_URL as docs/operators.md says."
            )
        made = provision(given, database_name(given), data / "roles.json")
        urls = {
            "DATABASE_URL": made["app"],
            "DATABASE_OWNER_URL": made["owner"],
            "DATABASE_RELAY_URL": made["relay"],
            "DATABASE_BACKUP_URL": made["backup"],
            "CRM_ADMIN_URL": given,
        }
    for name in ("DATABASE_URL", "DATABASE_RELAY_URL"):
        _refuse_power(_look(urls[name], name), name)
    return urls


def check_redis(url: str) -> None:
    """Raises Problem where REDIS_URL does not lead to a server that is new enough."""
    import redis

    try:
        with redis.Redis.from_url(url, socket_timeout=10, socket_connect_timeout=10) as client:
            version = str(client.info("server")["redis_version"])
    except (redis.RedisError, ValueError, OSError) as error:
        raise Problem(f"REDIS_URL does not lead to a server: {str(error).splitlines()[0]}") from error
    if tuple(int(part) for part in version.split(".")[:2]) < OLDEST_REDIS:
        raise Problem(f"REDIS_URL leads to version {version}; Redis 7.0 or Valkey is needed.")


def _look(url: str, variable: str) -> dict[str, Any]:
    import psycopg

    query = """
        SELECT current_user, r.rolsuper, r.rolbypassrls, r.rolsuper OR r.rolcreaterole,
               pg_has_role(current_user, d.datdba, 'MEMBER'),
               ARRAY(SELECT name FROM pg_available_extensions)
          FROM pg_roles r, pg_database d WHERE r.rolname = current_user AND d.datname = current_database()"""
    try:
        with psycopg.connect(url, connect_timeout=10) as connection:
            version = connection.info.server_version
            row = connection.execute(query).fetchone()
    except psycopg.Error as error:
        line = (str(error).strip().splitlines() or ["no answer"])[0]
        raise Problem(f"{variable} does not lead to a database: {line}") from error
    if row is None:
        raise Problem(f"{variable} leads to a server that does not list its own role: is it a pooler's console?")
    keys = ("role", "superuser", "bypasses", "makes_roles", "owns", "extensions")
    return {"version": version, **dict(zip(keys, row, strict=True))}


def _check_version(number: int) -> None:
    """`number` as PostgreSQL gives it: 150014 is 15.14."""
    major, minor = divmod(number, 10000)
    if major < min(OLDEST_MINOR):
        raise Problem(
            f"DATABASE_URL leads to PostgreSQL {major}.{minor}; version {min(OLDEST_MINOR)} or newer is needed."
        )
    if minor < OLDEST_MINOR.get(major, 0):
        raise Problem(
            f"DATABASE_URL leads to PostgreSQL {major}.{minor}, which has known holes:"
            f" {major}.{OLDEST_MINOR[major]} or newer is needed."
        )


def _refuse_power(facts: dict[str, Any], variable: str) -> None:
    """Row-level security holds for none of these, so nothing is served as one of them."""
    for key, what in (("superuser", "a superuser"), ("bypasses", "BYPASSRLS"), ("owns", "the database's owner")):
        if facts[key]:
            raise Problem(f"{variable}'s role {facts['role']} is {what}: access rules would not hold for it.")
