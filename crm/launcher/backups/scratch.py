"""The database that a backup is proven in: made beside the real one, gone afterwards."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from crm.launcher.problem import Problem, first_line
from crm.launcher.roles import at_database, make_extensions

if TYPE_CHECKING:
    import psycopg


@contextmanager
def scratch(admin_url: str, owner_url: str, database: str) -> Iterator[str]:
    """The owner's URL of an empty database beside the real one; gone afterwards, as are those of killed proofs."""
    import psycopg
    from psycopg import sql

    name = f"{database}_proof_{secrets.token_hex(4)}"
    of_a_proof = re.compile(rf"{re.escape(database)}_proof_[0-9a-f]{{8}}")

    def drop(admin: psycopg.Connection, one: str) -> None:
        admin.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(one)))

    try:
        with psycopg.connect(admin_url, autocommit=True, connect_timeout=10) as admin:
            # What a killed proof left; one that goes on elsewhere is connected to its own.
            rows = admin.execute(
                "SELECT datname FROM pg_database d WHERE starts_with(datname, %s)"
                " AND NOT EXISTS (SELECT FROM pg_stat_activity a WHERE a.datid = d.oid)",
                [f"{database}_proof_"],
            )
            for (left,) in rows.fetchall():
                if of_a_proof.fullmatch(left):
                    drop(admin, left)
            admin.execute(
                sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(name), sql.Identifier(f"{database}_owner"))
            )
            admin.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(sql.Identifier(name)))
        with psycopg.connect(at_database(admin_url, name), autocommit=True, connect_timeout=10) as admin:
            make_extensions(admin)
    except psycopg.Error as error:
        raise Problem(f"The scratch database for the proof could not be made: {first_line(error)}") from error
    try:
        yield at_database(owner_url, name)
    finally:
        with psycopg.connect(admin_url, autocommit=True, connect_timeout=10) as admin:
            drop(admin, name)
