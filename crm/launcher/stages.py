"""The steps before anything is served: asset files, messages, tables, static files, demo data."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

from crm.launcher import assets, translations
from crm.launcher.backing import as_owner, as_served
from crm.launcher.environment import ASSETS, PYTHON, ROOT, alone, done_for
from crm.launcher.problem import Problem, say
from crm.launcher.servers import fingerprint

OURS = ("crm", "outbox", "organisation", "jobs", "customers", "templates", "static")
# Of what comes with django-htmx only htmx 2 is used; comments of the others read as imports to the hashing storage.
NOT_SERVED = ("hx-*.js", "htmx-4*", "htmax-4*")
MANAGE = [str(PYTHON), str(ROOT / "manage.py")]


def build_assets() -> None:
    """The third-party files and icons that the pages use, into `var/vendor`, when a page or the lock file changed."""
    pages = sorted(_files("*.html", "*.py", "*.js", "*.css", "*.svg"))
    with (
        alone(),
        done_for(
            ROOT / "var" / "vendor" / ".stamp", [Path(assets.__file__), ASSETS / "package-lock.json", *pages]
        ) as needed,
    ):
        if needed:
            assets.build(ROOT)


def build(data: Path, env: dict[str, str]) -> None:
    """Vendor files, compiled messages and collected static files, each when its input changed."""
    build_assets()
    translations.compile_all()
    inputs = [ROOT / "requirements" / "runtime.lock", *sorted(_below(ROOT / "static")), *sorted(_below(_vendor()))]
    with done_for(data / "stamps" / "static", inputs, *map(str, inputs)) as needed:
        if needed:
            say("collecting static files")
            ignored = [word for pattern in NOT_SERVED for word in ("--ignore", pattern)]
            command = ["collectstatic", "--noinput", "--skip-checks", "--clear", "--verbosity", "0", *ignored]
            manage(command, as_served(env), "collecting static files")


def migrate(data: Path, env: dict[str, str]) -> None:
    """Bring the tables up to date, as their owner; what is used is backed up before.

    Skipped while our migrations, their SQL, the packages and what the database has applied are as after the last time.
    """
    stamp = data / "stamps" / "migrations"
    inputs = [ROOT / "requirements" / "runtime.lock", *sorted(_files("migrations/*.py", "sql/*.sql"))]
    words = [path.read_bytes() for path in inputs]
    if stamp.exists() and stamp.read_text() == fingerprint(*words, *_applied(env)):
        return
    if _is_used(env):
        _back_up(data, env)
    manage(["migrate", "--noinput", "--skip-checks", "--verbosity", "1"], as_owner(env), "the migration")
    stamp.parent.mkdir(exist_ok=True)
    stamp.write_text(fingerprint(*words, *_applied(env)))


def _is_used(env: dict[str, str]) -> bool:
    """Whether the database holds an organisation and lacks a migration of this release."""
    import psycopg

    with psycopg.connect(env["DATABASE_OWNER_URL"], connect_timeout=10) as owner:
        if owner.execute("SELECT to_regproc('public.organisation_ids')").fetchone() == (None,):
            return False
        if owner.execute("SELECT EXISTS (SELECT FROM public.organisation_ids())").fetchone() == (False,):
            return False
    command = [*MANAGE, "migrate", "--check", "--skip-checks", "--verbosity", "0"]
    return subprocess.run(command, env=as_owner(env), cwd=ROOT, capture_output=True, check=False).returncode != 0


def _back_up(data: Path, env: dict[str, str]) -> None:
    from crm.launcher.backups import command, shelf

    if not env.get("DATABASE_BACKUP_URL"):
        say("no backup before the migration: DATABASE_BACKUP_URL is not set")
        return
    folder = shelf.folder_of(env, data)
    with shelf.alone(folder):
        path, _facts = command.make(folder, env)
    say(f"before the migration: {path}")


def _applied(env: dict[str, str]) -> list[bytes]:
    """Which migrations this database has, and when each came; nothing where it is new."""
    import psycopg

    with psycopg.connect(env["DATABASE_OWNER_URL"], connect_timeout=10) as owner:
        if owner.execute("SELECT to_regclass('public.django_migrations')").fetchone() == (None,):
            return []
        rows = owner.execute("SELECT app, name, applied FROM django_migrations ORDER BY id").fetchall()
    return [f"{app} {name} {applied.timestamp()}".encode() for app, name, applied in rows]


def load_demo(env: dict[str, str]) -> None:
    """Demo data the first time, as the role that serves."""
    import psycopg

    with psycopg.connect(env["DATABASE_URL"], connect_timeout=10) as app:
        if app.execute("SELECT EXISTS (SELECT FROM organisation_ids())").fetchone() == (True,):
            return
    manage(["demo", "--if-empty", "--skip-checks"], as_served(env), "the demo data")


def manage(arguments: list[str], env: dict[str, str], what: str) -> None:
    """Run one of Django's commands, its output as progress. Raises Problem when it fails."""
    process = subprocess.Popen(
        [*MANAGE, *arguments],
        env=env,
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    try:
        for line in process.stdout or ():
            if line.strip():
                say(line.rstrip(), arguments[0][:9])
        failed = process.wait() != 0
    except BaseException:
        process.kill()
        process.wait()
        raise
    if failed:
        raise Problem(f"{what[0].upper()}{what[1:]} failed: read the lines above.")


def _vendor() -> Path:
    return ROOT / "var" / "vendor"


def _below(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file() and path.name != ".stamp")


def _files(*patterns: str) -> Iterator[Path]:
    for name in OURS:
        for pattern in patterns:
            yield from (path for path in (ROOT / name).rglob(pattern) if path.is_file())
