"""The nightly backup and its proof, and those asked for between: children of the supervisor, for nothing that is served
may read everything."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Final

from crm.launcher.backups import shelf
from crm.launcher.children import MARK, Child
from crm.launcher.commands import PREPARED
from crm.launcher.environment import PYTHON, ROOT
from crm.launcher.problem import Problem, say

DEFAULT: Final = "02:30"  # UTC; an hour after the nightly jobs
OFF: Final = "off"
CALM: Final = timedelta(minutes=10)  # after a start, before a missed night is made up for
AGAIN: Final = timedelta(hours=1)  # after a failure


def hour_of(text: str) -> time | None:
    """`02:30` as a time of day; None for `off`. Raises Problem for anything else."""
    if text == OFF:
        return None
    try:
        return datetime.strptime(text, "%H:%M").replace(tzinfo=UTC).time()
    except ValueError as error:
        raise Problem(f"BACKUP_AT is a time of day in UTC as {DEFAULT}, or {OFF}; it is {text!r}.") from error


def is_due(now: datetime, at: time, *, started: datetime, newest: datetime | None, tried: datetime | None) -> bool:
    """Whether the last night's backup is missing. A night before the first one ever made is not made up for."""
    night = datetime.combine(now.date(), at, UTC)
    if night > now:
        night -= timedelta(days=1)
    if newest is not None and newest >= night:
        return False
    if newest is None and started > night:
        return False
    if tried is not None and tried >= night:
        return now >= tried + AGAIN
    return now >= started + CALM


class Nightly:
    """Starts the command when it is due; `look_after` is called all the time and never waits."""

    def __init__(self, data: Path, env: Mapping[str, str], start: Callable[[], Child] | None = None) -> None:
        self._able = bool(env.get("DATABASE_BACKUP_URL"))
        self.at = hour_of(env.get("BACKUP_AT") or DEFAULT) if self._able else None
        self._data, self._folder = data, shelf.folder_of(env, data)
        self._prove = bool(env.get("CRM_ADMIN_URL"))
        self._start = start or self._command
        self._started = datetime.now(UTC)
        self._tried: datetime | None = None
        self._child: Child | None = None

    def look_after(self, now: datetime | None = None) -> None:
        """Start it when it is due, and say so when it failed."""
        if self._child is not None:
            if self._child.running():
                return
            if code := self._child.process.returncode:
                say(f"the backup failed (code {code}); a nightly one is tried again in an hour")
            self._child = None
        now = now or datetime.now(UTC)
        if self._able and shelf.take_ask(self._folder):
            self._child = self._start()
            return
        if self.at is None or (self._tried is not None and now < self._tried + AGAIN):
            return
        newest = next((one.made for one in shelf.backups(self._folder)), None)
        if is_due(now, self.at, started=self._started, newest=newest, tried=self._tried):
            self._tried = now
            self._child = self._start()

    def stop(self, seconds: float) -> None:
        """End one that is at it; it leaves nothing half-made."""
        if self._child is not None:
            self._child.stop(seconds)

    def _command(self) -> Child:
        command: list[str | Path] = [
            PYTHON,
            ROOT / "freshplan",
            "backup",
            "create",
            *(["--prove"] if self._prove else []),
        ]
        env = {**os.environ, PREPARED: "backup", MARK: str(self._data), "CRM_DATA_DIR": str(self._data)}
        return Child("backup", command, env=env, cwd=ROOT)
