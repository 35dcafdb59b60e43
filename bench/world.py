"""The bench database and the product that serves it: made, migrated, filled, signed in to, taken down."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

from bench.base import Asker
from bench.load import Loader, Size
from crm.launcher.backing import OWNER_ONLY, as_owner, as_served
from crm.launcher.processes import HOST, processes

ROOT = Path(__file__).resolve().parent.parent
LARGE = 1  # id of the large organisation
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class World:
    """A filled database: `owner` is that role's URL, `env` is for the product's processes on it."""

    size: Size
    owner: str
    env: dict[str, str]


def prepare(size: Size, say: Say) -> World:
    """The database of this size, kept between runs: made and filled where it is not there yet as it must be.

    Raises KeyError without CRM_ADMIN_URL, which `./freshplan bench` sets (it needs a server where databases can be made).
    """
    from crm.launcher.roles import provision

    admin, name = os.environ["CRM_ADMIN_URL"], f"bench_{size.customers}"
    for again in (False, True):
        urls = provision(admin, name)
        env = _env(urls)
        _migrate(as_owner(env))
        loader = Loader(urls["owner"], size, say)
        if loader.is_current():
            say(f"database {name} is there")
            return World(size, urls["owner"], env)
        if not again:
            _drop(admin, name)
            continue
        loader.load()
        if found := loader.differences():
            raise RuntimeError(f"{found} rows of the projection differ from what they must hold")
    return World(size, urls["owner"], env)


def _drop(admin: str, name: str) -> None:
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def _env(urls: dict[str, str]) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if key != "CRM_ADMIN_URL"}
    return kept | {
        "DATABASE_URL": urls["app"],
        "DATABASE_OWNER_URL": urls["owner"],
        "DATABASE_RELAY_URL": urls["relay"],
        "CRM_ADDRESS": f"{HOST}:0",
        "ALLOWED_HOSTS": HOST,
        "FRESHPLAN_PRIVATE_HOSTS": HOST,  # where this machine's subscriber listens
        "PYTHONPATH": str(ROOT),
    }


def _migrate(env: dict[str, str]) -> None:
    command = [sys.executable, str(ROOT / "manage.py"), "migrate", "--noinput", "--verbosity", "0"]
    subprocess.run(command, env=env, cwd=ROOT, check=True, stdout=sys.stderr)


@contextmanager
def served(world: World) -> Iterator[int]:
    """The product's pages on this database, as `./freshplan run` serves them. Yields their port."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port = int(probe.getsockname()[1])
    with running(world, "web", port=port) as (process,):
        _wait(port, process)
        yield port


@contextmanager
def running(world: World, *names: str, port: int = 0) -> Iterator[list[subprocess.Popen[bytes]]]:
    """The product's processes of these names on this database, as `./freshplan run` starts them."""
    env = world.env | {"CRM_ADDRESS": f"{HOST}:{port}"}
    wanted = [one for one in processes(Path(env["CRM_DATA_DIR"]), env, port) if one.name in names]
    started = [subprocess.Popen(one.command, env=one.env, cwd=ROOT, stdout=sys.stderr) for one in wanted]
    try:
        yield started
    finally:
        for process in started:
            process.terminate()
        for process in started:
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait(port: int, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end and process.poll() is None:
        with socket.socket() as probe:
            probe.settimeout(1)
            if probe.connect_ex((HOST, port)) == 0:
                return
        time.sleep(0.1)
    raise RuntimeError("the product did not start on the bench database")


def enter_django(world: World) -> None:
    """This process as one more of the product's, as the unprivileged role: it makes sessions and counts queries."""
    for name in OWNER_ONLY:
        os.environ.pop(name, None)
    os.environ.update(as_served(world.env))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "crm.settings")
    import django

    django.setup()


def sign_in(world: World) -> dict[str, Asker]:
    """A session of each role, as a sign-in with second factor leaves it: the rep with the most customers, his team's
    lead, the chain manager of the five largest chains, a manager, an administrator."""
    with psycopg.connect(world.owner) as connection:
        row = connection.execute(
            "SELECT owner_id FROM customers_customerhot WHERE organisation_id = 1 AND owner_id IS NOT NULL"
            " GROUP BY owner_id ORDER BY count(*) DESC, 1 LIMIT 1"
        ).fetchone()
        rep = int(row[0]) if row else 1
        team = connection.execute("SELECT team_id FROM organisation_user WHERE id = %s", [rep]).fetchone()
        lead = 10_000 + int(team[0] if team else 1)
        owners = [
            int(one)
            for (one,) in connection.execute(
                "SELECT id FROM organisation_user WHERE team_id = %s OR id = %s ORDER BY id", [lead - 10_000, lead]
            ).fetchall()
        ]
    mine = ", ".join(map(str, owners))
    chains = "1, 2, 3, 4, 5"
    rows = {
        "rep": (rep, f"h.owner_id = {rep}"),
        "team lead": (lead, f"h.owner_id IN ({mine})"),
        "chain manager": (20_001, f"(h.owner_id = 20001 OR h.customer_id IN ({chains}) OR h.chain_id IN ({chains}))"),
        "manager": (20_002, "true"),
        "administrator": (20_003, "true"),
    }
    return {role: Asker(role, user, _session(user), condition) for role, (user, condition) in rows.items()}


def _session(user_id: int) -> str:
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
    from django.contrib.sessions.backends.db import SessionStore
    from django.db import transaction

    from organisation.access import enter_sign_in
    from organisation.middleware import BEGAN_AT, PASSED, SEEN_AT
    from organisation.models import User

    with transaction.atomic():
        enter_sign_in(str(user_id))
        user = User.objects.get(pk=user_id)
        now, session = int(time.time()), SessionStore()
        session.update(
            {
                SESSION_KEY: str(user_id),
                BACKEND_SESSION_KEY: "organisation.backends.MailBackend",
                HASH_SESSION_KEY: user.get_session_auth_hash(),
                PASSED: True,
                SEEN_AT: now,
                BEGAN_AT: now,
            }
        )
        session.save()
    return str(session.session_key)
