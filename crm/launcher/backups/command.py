"""`./freshplan backup create | verify FILE | restore FILE`. Each ends with one fixed line and exit code 0, or with a Problem."""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import shutil
import subprocess
import tarfile
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final, cast

from crm.launcher.backing import Backing, as_owner, standing
from crm.launcher.backups import dump, shelf
from crm.launcher.backups.container import LEAST_KEY, Reader, Writer
from crm.launcher.backups.facts import Facts, differences, gather, refuse_partial_sight
from crm.launcher.backups.scratch import scratch
from crm.launcher.children import end_on_sigterm
from crm.launcher.datafolder import DataFolder
from crm.launcher.environment import PYTHON, ROOT, check_room
from crm.launcher.problem import Problem, first_line, say
from crm.launcher.roles import database_name, grant
from crm.launcher.servers import secret

if TYPE_CHECKING:
    import psycopg

FORMAT: Final = 1
# Kept in the data folder where the environment does not give them; second factors and credentials open with nothing else.
SECRETS: Final = {"secret-key": "SECRET_KEY", "credential-key": "FRESHPLAN_CREDENTIAL_KEYS"}
# What goes with the database: uploads, and what this data folder alone knows.
CARRIED: Final = ("media", *SECRETS, "demo-logins.json")


def main(arguments: list[str]) -> int:
    """The exit code: 0 when it was done and everything was equal. Raises Problem otherwise."""
    parser = argparse.ArgumentParser(prog="freshplan backup", description="Backups, encrypted and proven.")
    commands = parser.add_subparsers(dest="command", required=True)
    create_ = commands.add_parser("create", help="dump database and files; old ones go by rotation")
    create_.add_argument("--prove", action="store_true", help="verify it at once")
    verify_ = commands.add_parser("verify", help="restore it into a scratch database and compare everything")
    verify_.add_argument("file", type=Path)
    restore_ = commands.add_parser("restore", help="restore it into an empty installation")
    restore_.add_argument("file", type=Path)
    restore_.add_argument("--replace", default="", metavar="DATABASE", help="give up what this database holds now")
    options = parser.parse_args(arguments)
    end_on_sigterm()
    if options.command == "restore":
        restore(options.file.resolve(), options.replace)
        return 0
    with standing("backup", prepared=False) as env:
        folder = shelf.folder_of(os.environ, Path(env["CRM_DATA_DIR"]))
        with shelf.alone(folder):
            if options.command == "verify":
                verify(options.file.resolve(), env)
                return 0
            path = create(folder, env)
            try:
                if options.prove:
                    verify(path, env)
            finally:
                _copy_elsewhere(folder)
    return 0


def _copy_elsewhere(folder: Path) -> None:
    """To BACKUP_COPY_DIR, where it is set: a disk or a mounted folder that does not burn with this machine."""
    if elsewhere := os.environ.get("BACKUP_COPY_DIR"):
        copied = shelf.copy_missing(folder, Path(elsewhere).resolve(), datetime.now(UTC))
        say(f"{copied} copied to {elsewhere}", "backup")


def create(folder: Path, env: dict[str, str]) -> Path:
    """Make one backup in `folder` and say so; its path."""
    path, facts = make(folder, env)
    print(f"created {path}: {len(facts.tables)} tables, {facts.rows} rows, {path.stat().st_size} bytes", flush=True)
    return path


def make(folder: Path, env: dict[str, str]) -> tuple[Path, Facts]:
    """One more backup in `folder`: written beside, then renamed, so that a killed one leaves nothing of that name."""
    import psycopg

    url = env.get("DATABASE_BACKUP_URL")
    if not url:
        raise Problem("Set DATABASE_BACKUP_URL to the role that reads everything, as docs/operators.md says.")
    data = Path(env["CRM_DATA_DIR"])
    key = _key(data, make=True)
    made = datetime.now(UTC)
    while (path := folder / shelf.name_for(made)).exists():
        time.sleep(0.2)
        made = datetime.now(UTC)
    partial = folder / f".{path.name}.partial"
    check_room(folder, 200)
    try:
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            with psycopg.connect(url, connect_timeout=10) as connection:
                facts = _write(Writer(file, key), connection, env, made)
            file.flush()
            os.fsync(file.fileno())
        partial.rename(path)
        _sync(folder)
    except OSError as error:
        raise Problem(f"The backup could not be written to {folder}: {error.strerror}.") from error
    except psycopg.Error as error:
        raise Problem(f"The database could not be read: {first_line(error)}") from error
    finally:
        partial.unlink(missing_ok=True)
    gone = shelf.rotate(folder, made)
    if gone:
        say(f"{gone} old ones deleted")
    return path, facts


def verify(path: Path, env: dict[str, str]) -> None:
    """Prove a backup: every checksum, then a restore into a scratch database that must be equal and fully migrated."""
    import psycopg

    reader, manifest = _opened(path, Path(env["CRM_DATA_DIR"]))
    if not env.get("CRM_ADMIN_URL"):
        raise Problem("A proof needs a scratch database: set CRM_ADMIN_URL to a role that may create databases.")
    for _name in _files(reader):
        pass
    database = database_name(env["DATABASE_OWNER_URL"])
    with (
        scratch(env["CRM_ADMIN_URL"], env["DATABASE_OWNER_URL"], database) as url,
        psycopg.connect(url, connect_timeout=10) as owner,
    ):
        grant(owner, database)
        facts = _restored(owner, reader, manifest, database)
        owner.commit()
        _check_migrations(env | {"DATABASE_OWNER_URL": url}, manifest)
    for kept in shelf.backups(path.parent):
        if kept.path == path:
            shelf.note_proof(kept, datetime.now(UTC))
    print(f"verified {path}: {len(facts.tables)} tables, {facts.rows} rows equal", flush=True)


def restore(path: Path, replace: str) -> None:
    """Fill an empty installation. One transaction: killed at any moment, the database is as it was."""
    import psycopg

    folder = DataFolder.chosen()
    if not folder.take("backup restore"):
        raise Problem(f"The data folder {folder.path} is in use by {folder.holder()}: stop it first.")
    backing = Backing(folder)
    try:
        reader, manifest = _opened(path, folder.path)
        env = backing.start("127.0.0.1:8000")
        _check_secrets(manifest)
        database = database_name(env["DATABASE_OWNER_URL"])
        with psycopg.connect(env["DATABASE_OWNER_URL"], connect_timeout=10) as owner:
            owner.execute("SET LOCAL lock_timeout = '10s'")
            used = _make_room(owner, database, replace)
            facts = _restored(owner, reader, manifest, database)
            _put_in_place(reader, folder.path, keep=used)
        print(f"restored {path}: {len(facts.tables)} tables, {facts.rows} rows equal", flush=True)
    finally:
        backing.stop()
        folder.leave()


def _key(data: Path, *, make: bool = False) -> str:
    """BACKUP_KEY, else the one of the data folder."""
    given = os.environ.get("BACKUP_KEY", "")
    if given and len(given) < LEAST_KEY:
        raise Problem(f"BACKUP_KEY must have at least {LEAST_KEY} characters.")
    kept = data / "backup-key"
    if not given and not make and not kept.exists():
        raise Problem("Set BACKUP_KEY to the key that the backup was made with (backup-key of its data folder).")
    return given or secret(kept)


def _opened(path: Path, data: Path) -> tuple[Reader, dict[str, Any]]:
    """The file, read and checked from end to end before anything else is done with it."""
    reader = Reader(path, _key(data))
    manifest, _parts = reader.inspect()
    if manifest["format"] != FORMAT:
        raise Problem(f"{path} is of form {manifest['format']}; this release reads form {FORMAT}.")
    newer = set(manifest["migrations"]) - _known_migrations(set(manifest["apps"]))
    if newer:
        raise Problem(f"{path} is of a newer release (it has {sorted(newer)[0]}): restore it with that one.")
    return reader, manifest


def _known_migrations(of_apps: set[str]) -> set[str]:
    """`app.name` of every migration of ours in this release."""
    found = ROOT.glob("*/migrations/[0-9]*.py")
    return {f"{path.parts[-3]}.{path.stem}" for path in found if path.parts[-3] in of_apps}


def _write(writer: Writer, connection: psycopg.Connection, env: dict[str, str], made: datetime) -> Facts:
    """The three parts, all of one instant of the database."""
    from psycopg import IsolationLevel

    connection.isolation_level = IsolationLevel.REPEATABLE_READ
    connection.read_only = True
    database = database_name(env["DATABASE_BACKUP_URL"])
    if connection.execute("SELECT to_regclass('public.django_migrations')").fetchone() == (None,):
        raise Problem(f"Database {database} is empty: there is nothing to back up.")
    refuse_partial_sight(connection)
    row = connection.execute("SELECT pg_export_snapshot()").fetchone()
    say("counting and hashing", "backup")
    facts = gather(connection, database)
    applied = connection.execute("SELECT app, name FROM public.django_migrations ORDER BY id").fetchall()
    apps = sorted({path.parts[-3] for path in ROOT.glob("*/migrations/__init__.py")})
    say("dumping", "backup")
    part = writer.part("database")
    dump.dump(env["DATABASE_BACKUP_URL"], str(row[0] if row else ""), part)
    part.close()
    parts = {"database": {"bytes": part.size, "sha256": part.sha256}}
    part = writer.part("files")
    carried = _pack(Path(env["CRM_DATA_DIR"]), cast(IO[bytes], part), env)
    part.close()
    parts["files"] = {"bytes": part.size, "sha256": part.sha256}
    manifest = {
        "format": FORMAT,
        "made": made.isoformat(),
        "database": database,
        "release": re.findall(r'^version = "(.*)"', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)[0],
        "server": connection.info.server_version,
        "apps": apps,
        "migrations": [f"{app}.{name}" for app, name in applied if app in apps],
        "secrets": {variable: _fingerprint(_keys(variable, env)[0]) for variable in SECRETS.values()},
        "files": carried,
        "parts": parts,
        "facts": facts.told(),
    }
    part = writer.part("manifest")
    part.write(json.dumps(manifest).encode())
    part.close()
    return facts


def _pack(data: Path, target: IO[bytes], env: Mapping[str, str]) -> list[str]:
    """The data folder's own files as a tar, and what is in it. A secret that the environment gives stays out."""
    carried = []
    with tarfile.open(fileobj=target, mode="w|", format=tarfile.PAX_FORMAT) as archive:
        for name in CARRIED:
            source = data / name
            if not source.exists() or (name in SECRETS and source.read_text().strip() != env[SECRETS[name]]):
                continue
            archive.add(source, arcname=name)
            carried.append(name)
    return carried


def _files(reader: Reader) -> Iterator[tuple[tarfile.TarFile, tarfile.TarInfo]]:
    """What the tar holds, one after the other; read to its end."""
    with tarfile.open(fileobj=cast(IO[bytes], _Pipe(reader.chunks("files"))), mode="r|") as archive:
        for member in archive:
            yield archive, member


class _Pipe:
    """Chunks as a file that is read forward only."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks, self._left = chunks, b""

    def read(self, size: int) -> bytes:
        while len(self._left) < size and (more := next(self._chunks, None)) is not None:
            self._left += more
        data, self._left = self._left[:size], self._left[size:]
        return data


def _restored(owner: psycopg.Connection, reader: Reader, manifest: dict[str, Any], database: str) -> Facts:
    """Run the dump in the open transaction and hold the outcome against the manifest. Raises Problem where it differs."""
    import psycopg

    try:
        dump.restore(owner, reader.chunks("database"), before=manifest["database"], now=database)
        say("counting and hashing", "restore")
        facts = gather(owner, database)
    except psycopg.Error as error:
        raise Problem(f"{reader.path} could not be restored: {first_line(error)}") from error
    if unequal := differences(Facts(**manifest["facts"]), facts):
        for line in unequal[:20]:
            say(line, "restore")
        raise Problem(f"{reader.path} restored is not equal in {len(unequal)} points: read the lines above.")
    return facts


def _make_room(owner: psycopg.Connection, database: str, replace: str) -> bool:
    """Drop an empty installation's tables, or, told so by the database's name, those of a used one; whether it was used."""
    if not dump.standing(owner):
        return False
    made = owner.execute("SELECT to_regproc('public.organisation_ids')").fetchone() != (None,)
    used = not made or owner.execute("SELECT EXISTS (SELECT FROM public.organisation_ids())").fetchone() == (True,)
    if used and replace != database:
        raise Problem(f"Database {database} is not empty. To give up what it holds, add --replace {database}.")
    dump.clear(owner)
    return used


def _put_in_place(reader: Reader, data: Path, *, keep: bool) -> None:
    """The carried files into the data folder; uploads that stand there are moved aside, secrets that are given win.

    With `keep` so are secrets: the transaction may still fail, and its rows open with those that were here, and no others.
    """
    fresh = data / "restoring"
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(mode=0o700)
    for archive, member in _files(reader):
        if member.name.split("/")[0] in CARRIED:
            archive.extract(member, fresh, filter="data")
    media = data / "media"
    aside = f"before-{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    if (fresh / "media").exists():
        if media.exists() and any(media.iterdir()):
            media.rename(data / f"media-{aside}")
        elif media.exists():
            media.rmdir()
        (fresh / "media").rename(media)
    for name in CARRIED[1:]:
        if (fresh / name).exists() and not os.environ.get(SECRETS.get(name, ""), ""):
            (fresh / name).chmod(0o600)
            if keep and (data / name).exists() and (data / name).read_bytes() != (fresh / name).read_bytes():
                (data / name).rename(data / f"{name}-{aside}")
            (fresh / name).rename(data / name)
    shutil.rmtree(fresh)


def _keys(variable: str, env: Mapping[str, str]) -> list[str]:
    """The keys that a variable gives, today's first, then those that are still read."""
    if variable == "SECRET_KEY":
        return [env.get(variable, ""), *env.get("SECRET_KEY_FALLBACKS", "").split(",")]
    return env.get(variable, "").split(",")


def _fingerprint(key: str) -> str:
    return hashlib.sha256(b"freshplan backup " + key.strip().encode()).hexdigest()[:16]


def _check_secrets(manifest: dict[str, Any]) -> None:
    """What is encrypted in the rows opens with the secrets it was written under: in the backup, or given here."""
    for name, variable in SECRETS.items():
        given = _keys(variable, os.environ)
        if manifest["secrets"][variable] not in map(_fingerprint, given) and (
            given[0] or name not in manifest["files"]
        ):
            raise Problem(f"Set {variable} to the one of the backup's installation: what it encrypted needs it.")


def _check_migrations(env: dict[str, str], manifest: dict[str, Any]) -> None:
    """`migrate --check`, as owner. A backup of an older release lacks some: the next start brings them."""
    late = _known_migrations(set(manifest["apps"])) - set(manifest["migrations"])
    command = [str(PYTHON), str(ROOT / "manage.py"), "migrate", "--check", "--skip-checks", "--verbosity", "0"]
    done = subprocess.run(command, env=as_owner(env), cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode and not late:
        raise Problem("The restored database is not fully migrated: the backup is not whole.")
    if late:
        say(f"of an older release: {len(late)} migrations would follow", "backup")


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
