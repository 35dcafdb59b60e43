"""The data folder: who works on it (a lock that dies with its holder) and what runs there (`run.json`)."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import time
from pathlib import Path
from typing import Any

from crm.launcher.environment import ROOT, check_room
from crm.launcher.problem import Problem

START_WAIT = 120.0  # seconds that a command waits for a `run` that is still starting


class DataFolder:
    """`var/` of the checkout, or where CRM_DATA_DIR points."""

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        self._lock: int | None = None
        try:
            self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise Problem(f"The data folder {path} cannot be made: {error.strerror}. Set CRM_DATA_DIR.") from error
        if not os.access(self.path, os.W_OK | os.X_OK):
            raise Problem(f"The data folder {path} is not writable for this account. Set CRM_DATA_DIR to one that is.")

    @classmethod
    def chosen(cls) -> DataFolder:
        """The one of this checkout and environment."""
        return cls(Path(os.environ.get("CRM_DATA_DIR") or ROOT / "var"))

    @property
    def notes(self) -> Path:
        """`run.json`: address, process ids and the environment of what runs; only its owner reads it."""
        return self.path / "run.json"

    def take(self, command: str) -> bool:
        """Take the folder for this process; False when another one has it."""
        handle = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(handle)
            if error.errno not in {errno.EWOULDBLOCK, errno.EACCES}:
                raise Problem(f"The data folder {self.path} cannot be locked: {error.strerror}.") from error
            return False
        self._lock = handle
        check_room(self.path, 200)
        self.write({"command": command, "pid": os.getpid(), "ready": False})
        return True

    def leave(self) -> None:
        """Give it back."""
        if self._lock is not None:
            self.notes.unlink(missing_ok=True)
            os.close(self._lock)
            self._lock = None

    def write(self, facts: dict[str, Any]) -> None:
        """Put the facts in place of the old ones, whole or not at all."""
        fresh = self.notes.with_suffix(".new")
        fresh.unlink(missing_ok=True)
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump(facts, file, indent=1)
        fresh.rename(self.notes)

    def read(self) -> dict[str, Any]:
        """What the holder of the folder wrote last; empty while it has written nothing."""
        try:
            facts: dict[str, Any] = json.loads(self.notes.read_text())
        except (FileNotFoundError, ValueError):
            return {}
        return facts

    def holder(self) -> str:
        """Who has it, for a refusal."""
        facts = self.read()
        where = f" at {facts['address']}" if facts.get("address") else ""
        return f"./freshplan {facts.get('command', 'run')}{where} (process {facts.get('pid', 'unknown')})"

    def wait_for_run(self) -> dict[str, Any]:
        """The facts of the `run` that has the folder, when it is ready. Raises Problem when something else has it."""
        end = time.monotonic() + START_WAIT
        while time.monotonic() < end:
            facts = self.read()
            if facts.get("command", "run") != "run":
                break
            if facts.get("ready"):
                return facts
            time.sleep(0.2)
        raise Problem(f"The data folder {self.path} is in use by {self.holder()}: wait until it has ended.")
