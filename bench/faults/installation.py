"""A product of its own: started as a person starts it, and the ways it is hurt."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from crm.launcher.children import TETHER
from crm.launcher.environment import ROOT
from crm.launcher.servers import free_port

EVERY = {"web", "worker", "relay", "sender", "beat", "valkey", "postgres"}
START = 300.0  # seconds that a first start with demo data may take
OURS = ("DATABASE_", "REDIS_", "CRM_", "SECRET_", "DJANGO_", "ALLOWED_", "METRICS_", "FRESHPLAN_", "BACKUP_")


class Installation:
    """`./freshplan run` on an empty data folder, with demo data."""

    def __init__(self, data: Path) -> None:
        self.data, self.port = data, free_port()
        shutil.rmtree(data, ignore_errors=True)
        data.mkdir(parents=True, mode=0o700)
        kept = {key: value for key, value in os.environ.items() if not key.startswith(OURS)}
        env = kept | {"CRM_DATA_DIR": str(data), "FRESHPLAN_PRIVATE_HOSTS": "127.0.0.1"}
        self.log = data / "run.log"
        with self.log.open("wb") as log:
            # Tethered: whatever becomes of us, it is told to end.
            command = [sys.executable, "-I", "-S", str(TETHER), "SIGTERM"]
            command += [sys.executable, str(ROOT / "freshplan"), "run", "--port", str(self.port)]
            self.process = subprocess.Popen(
                command, env=env | {"CRM_TETHER_PARENT": str(os.getpid())}, stdout=subprocess.DEVNULL, stderr=log
            )
        end = time.monotonic() + START
        while not self.facts().get("ready"):
            if self.process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"the product did not start; its log is {self.log}")
            time.sleep(0.2)

    @property
    def address(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def owner_url(self) -> str:
        """The owner's, to count with."""
        return str(self.facts()["environment"]["DATABASE_OWNER_URL"])

    def facts(self) -> dict:
        """What its supervisor wrote down."""
        with suppress(OSError, ValueError):
            return json.loads((self.data / "run.json").read_text())
        return {}

    def is_whole(self) -> bool:
        """Whether every process runs and /readyz answers 200."""
        if not self.children().keys() >= EVERY:
            return False
        try:
            with urllib.request.urlopen(f"{self.address}/readyz", timeout=2) as answer:
                return answer.status == 200
        except (urllib.error.URLError, OSError):
            return False

    def children(self) -> dict[str, int]:
        """Process id by name, as they run now: restarted ones have others than at the start."""
        found = {}
        for pid in _children_of(self.process.pid):
            with suppress(OSError):
                words = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
                if name := _name_of(words):
                    found[name] = pid
        return found

    def kill(self, name: str, chance: random.Random) -> str:
        """`kill -9` of a process, or of one of its own children; which one."""
        pid = self.wait_for(name)
        below = _children_of(pid) if name in {"web", "worker"} else []
        chosen = chance.choice([pid, *below[:2]])
        with suppress(ProcessLookupError):
            os.kill(chosen, signal.SIGKILL)
        return name if chosen == pid else f"one process of {name}"

    def wait_for(self, name: str) -> int:
        """The process id, once it runs (again)."""
        end = time.monotonic() + 60
        while time.monotonic() < end:
            if (pid := self.children().get(name)) is not None:
                return pid
            time.sleep(0.05)
        raise RuntimeError(f"{name} does not run")

    def restart_postgres(self, chance: random.Random) -> str:
        """Stopped in order or killed; the supervisor starts it again."""
        number = chance.choice([signal.SIGINT, signal.SIGKILL])
        os.kill(self.wait_for("postgres"), number)
        return "stopped" if number is signal.SIGINT else "killed"

    @contextmanager
    def redis_away(self) -> Iterator[None]:
        """Killed whenever the supervisor starts it again: connections are refused."""
        over = threading.Event()

        def keep_dead() -> None:
            while not over.wait(0.02):
                if (pid := self.children().get("valkey")) is not None:
                    with suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)

        thread = threading.Thread(target=keep_dead, daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    @contextmanager
    def redis_hanging(self) -> Iterator[None]:
        """Stopped in the middle of whatever it does: connections stand and nothing answers."""
        pid = self.wait_for("valkey")
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)

    def stop(self) -> None:
        """End it in order."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def remove(self) -> None:
        """Its data folder, once it has been stopped."""
        shutil.rmtree(self.data)


def _children_of(pid: int) -> list[int]:
    found: list[int] = []
    with suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            found += [int(child) for child in (task / "children").read_text().split()]
    return found


def _name_of(words: list[str]) -> str:
    line = " ".join(words)
    for name, mark in (
        ("web", "crm.wsgi:application"),
        ("relay", "manage.py relay"),
        ("sender", "manage.py sender"),
        ("worker", "-A crm worker"),
        ("beat", "-A crm beat"),
        ("valkey", "valkey-server"),
        ("postgres", "postgres -D"),
    ):
        if mark in line:
            return name
    return ""
