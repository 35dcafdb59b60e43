"""The product's processes: what `./freshplan run` and the bench start, by name."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from crm.launcher.backing import as_relay, as_served
from crm.launcher.environment import PYTHON, ROOT, VENV

HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Process:
    """One process: its name, its command, and the environment it gets."""

    name: str
    command: list[str]
    env: dict[str, str]


def processes(data: Path, env: dict[str, str], port: int) -> list[Process]:
    """All of them, in the order they start in; `env` as `Backing.start` made it, `port` is the web's."""
    served, relay = as_served(env), as_relay(env)
    # Whoever started us chose the account; Celery need not warn of root in every log.
    worker = served | {"PYTHONWARNINGS": "ignore:You're running the worker with superuser privileges"}
    celery = [str(VENV / "bin" / "celery"), "--quiet", "-A", "crm"]
    web = [str(VENV / "bin" / "granian"), "--interface", "wsgi", "crm.wsgi:application", "--host", HOST]
    web += ["--port", str(port), "--workers", "2", "--blocking-threads", "4", "--no-ws", "--log-level", "warning"]
    web += ["--respawn-failed-workers", "--workers-kill-timeout", "5"]
    work = [*celery, "worker", "-c", "2", "--loglevel", "WARNING", "--without-mingle", "--without-gossip"]
    beat = [*celery, "beat", "-s", str(data / "beat-schedule"), "--pidfile=", "--loglevel", "WARNING"]
    return [
        Process("web", web, served),
        Process("relay", [str(PYTHON), str(ROOT / "manage.py"), "relay"], relay),
        Process("worker", work, worker),
        Process("sender", [str(PYTHON), str(ROOT / "manage.py"), "sender"], served),
        Process("beat", beat, served),
    ]
