"""What every command stands on: a data folder in hand, a database, a Redis, and the environment that names them."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

from crm.launcher.children import end_leftovers
from crm.launcher.datafolder import DataFolder
from crm.launcher.environment import ROOT
from crm.launcher.external import adopt_database, check_redis
from crm.launcher.problem import Problem, say
from crm.launcher.roles import provision
from crm.launcher.servers import Postgres, Valkey, credential_keys, secret, secret_key

DATABASE = "freshplan"
OWNER_ONLY = ("DATABASE_OWNER_URL", "DATABASE_RELAY_URL", "DATABASE_BACKUP_URL", "CRM_ADMIN_URL", "BACKUP_KEY")


class Backing:
    """The servers of one data folder: each embedded, or the one that its variable names."""

    def __init__(self, folder: DataFolder) -> None:
        self.folder = folder
        self.servers: list[Postgres | Valkey] = []

    def start(self, address: str) -> dict[str, str]:
        """Start what is embedded, check what is given, make roles; the environment for `manage.py` as served."""
        data = self.folder.path
        end_leftovers(data)
        given = dict(os.environ)
        env = base_env(address) | {
            "CRM_DATA_DIR": str(data),
            "SECRET_KEY": secret_key(data, given),
            "FRESHPLAN_CREDENTIAL_KEYS": credential_keys(data, given),
            "METRICS_TOKEN": given.get("METRICS_TOKEN") or secret(data / "metrics-token"),
            "CRM_EMBEDDED": "0" if given.get("DATABASE_URL") or given.get("REDIS_URL") else "1",
        }
        if given.get("DATABASE_URL"):
            env |= adopt_database(given, data)
        else:
            server = Postgres(data)
            server.prepare()
            self.servers.append(server)
            server.start()
            urls = provision(server.admin_url, DATABASE, data / "roles.json")
            env |= {
                "DATABASE_URL": urls["app"],
                "DATABASE_OWNER_URL": urls["owner"],
                "DATABASE_RELAY_URL": urls["relay"],
                "DATABASE_BACKUP_URL": urls["backup"],
                "CRM_ADMIN_URL": server.admin_url,
            }
        if given.get("REDIS_URL"):
            check_redis(given["REDIS_URL"])
            env["REDIS_URL"] = given["REDIS_URL"]
        else:
            valkey = Valkey(data)
            valkey.prepare()
            self.servers.append(valkey)
            valkey.start()
            env["REDIS_URL"] = valkey.url
        return env

    def stop(self, seconds: float = 10.0) -> None:
        """Stop what was started here, last one first, within so many seconds."""
        end = time.monotonic() + seconds
        for server in reversed(self.servers):
            if server.child is not None:
                server.child.stop(max(end - time.monotonic(), 1.0))
            if isinstance(server, Postgres):
                server.clean_up()


def base_env(address: str) -> dict[str, str]:
    """The environment that does not depend on the servers; what the operator set stays."""
    given = dict(os.environ)
    return {
        **given,
        "PYTHONPATH": str(ROOT),
        "PYTHONUNBUFFERED": "1",
        "DJANGO_SETTINGS_MODULE": given.get("DJANGO_SETTINGS_MODULE", "crm.settings"),
        "CRM_ADDRESS": given.get("CRM_ADDRESS", address),
        "CRM_LOG_FORMAT": given.get("CRM_LOG_FORMAT", "console"),
    }


def as_owner(env: dict[str, str]) -> dict[str, str]:
    """The environment for migrations."""
    return env | {"DATABASE_URL": env["DATABASE_OWNER_URL"]}


def as_served(env: dict[str, str]) -> dict[str, str]:
    """The environment for processes that answer people: no other role's password in it."""
    return {key: value for key, value in env.items() if key not in OWNER_ONLY}


def as_relay(env: dict[str, str]) -> dict[str, str]:
    """The environment for the relay."""
    return as_served(env) | {"DATABASE_URL": env["DATABASE_RELAY_URL"]}


@contextmanager
def standing(command: str, *, prepared: bool = True) -> Iterator[dict[str, str]]:
    """The environment of a command: of the `run` that has the data folder, else of servers brought up for it alone.

    `prepared=False` leaves tables and files as they are.
    """
    from crm.launcher.stages import build, migrate

    folder = DataFolder.chosen()
    if not folder.take(command):
        facts = folder.wait_for_run()
        say(f"using what runs at {facts['address']}")
        yield base_env(facts["address"]) | facts["environment"]
        return
    backing = Backing(folder)
    try:
        env = backing.start("127.0.0.1:8000")
        if prepared:
            build(folder.path, env)
            migrate(folder.path, env)
        yield env
    except OSError as error:
        if error.errno == 28:
            raise Problem(f"The disk of {folder.path} is full: free some space and start again.") from error
        raise
    finally:
        backing.stop()
        folder.leave()
