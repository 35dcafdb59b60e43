"""`./freshplan test`: pytest on servers of its own, which trade safety at a power cut for speed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from crm.launcher import browser, translations
from crm.launcher.backing import base_env
from crm.launcher.children import end_leftovers, end_on_sigterm, foreground
from crm.launcher.datafolder import DataFolder
from crm.launcher.environment import PYTHON, ROOT
from crm.launcher.problem import Problem, say
from crm.launcher.servers import Postgres, Valkey, credential_keys, secret
from crm.launcher.stages import build_assets

FAST = "not browser and not fault and not fuzz"
ITS_OWN = (
    "DATABASE_URL",
    "DATABASE_OWNER_URL",
    "DATABASE_RELAY_URL",
    "DATABASE_BACKUP_URL",
    "REDIS_URL",
    "CRM_ADDRESS",
    "ALLOWED_HOSTS",
)


@contextmanager
def test_servers(command: str) -> Iterator[dict[str, str]]:
    """Environment with TEST_ADMIN_URL (a superuser's) and TEST_REDIS_URL. One that is set already is used as it is."""
    folder = DataFolder(DataFolder.chosen().path / "test")
    if not folder.take(command):
        raise Problem(f"Tests run already on {folder.path}: {folder.holder()}. Set CRM_DATA_DIR for a second round.")
    started: list[Postgres | Valkey] = []
    try:
        end_leftovers(folder.path)
        env = {key: value for key, value in base_env("127.0.0.1:8000").items() if key not in ITS_OWN}
        env |= {"CRM_DATA_DIR": str(folder.path), "SECRET_KEY": secret(folder.path / "secret-key")}
        env["FRESHPLAN_CREDENTIAL_KEYS"] = credential_keys(folder.path, env)
        env.pop("DJANGO_SETTINGS_MODULE", None)  # pyproject.toml names the tests' own
        if "TEST_ADMIN_URL" not in env:
            postgres = Postgres(folder.path, durable=False)
            postgres.prepare()
            started.append(postgres)
            postgres.start()
            env["TEST_ADMIN_URL"] = postgres.admin_url
        if "TEST_REDIS_URL" not in env:
            valkey = Valkey(folder.path, durable=False)
            valkey.prepare()
            started.append(valkey)
            valkey.start()
            env["TEST_REDIS_URL"] = valkey.url
        yield env
    finally:
        for server in reversed(started):
            if server.child is not None:
                server.child.stop(10)
            if isinstance(server, Postgres):
                server.clean_up()
        folder.leave()


def main(arguments: list[str]) -> int:
    """pytest's exit code. `--fast` leaves the slow kinds out; all else goes to pytest."""
    end_on_sigterm()
    fast = "--fast" in arguments
    words = [word for word in arguments if word != "--fast"]
    if fast:
        words = ["-m", FAST, *words]
    if not any(word.startswith(("-n", "--numprocesses", "--pdb", "--collect")) or "::" in word for word in words):
        words = ["-n", "2", *words]
    with test_servers("test") as env:
        build_assets()
        translations.compile_all()
        path = None if fast else browser.find(DataFolder.chosen().path)
        env.pop("CRM_CHROMIUM", None)
        if path is not None:
            env["CRM_CHROMIUM"] = path
        say(f"pytest {' '.join(words)}")
        return foreground([PYTHON, "-m", "pytest", *words], env, cwd=ROOT)
