"""The folder of backups: names, which are kept, when the last one was made and proven. Standard library alone."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from crm.launcher.problem import Problem

DAILY: Final = 7
WEEKLY: Final = 4
OLDEST: Final = timedelta(days=35)
_NAME: Final = re.compile(r"freshplan-(\d{8}T\d{6}Z)\.backup")
_STAMP: Final = "%Y%m%dT%H%M%SZ"
_BLOCK: Final = 2**20  # bytes
_ASKED: Final = ".asked"


@dataclass(frozen=True, slots=True)
class Kept:
    """One backup on the shelf."""

    path: Path
    made: datetime

    @property
    def proof(self) -> Path:
        """The note that it was restored and found equal."""
        return self.path.with_name(f"{self.path.name}.proof")

    @property
    def proven(self) -> datetime | None:
        """When it was last restored and found equal, or None."""
        try:
            return datetime.fromisoformat(json.loads(self.proof.read_text())["proven"])
        except (OSError, ValueError, KeyError, TypeError):
            return None


def folder_of(env: Mapping[str, str], data: Path) -> Path:
    """Where backups lie: BACKUP_DIR, else `backups/` of the data folder."""
    return Path(env.get("BACKUP_DIR") or data / "backups").resolve()


def name_for(made: datetime) -> str:
    """The name of the backup made at that instant."""
    return f"freshplan-{made.astimezone(UTC).strftime(_STAMP)}.backup"


def backups(folder: Path) -> list[Kept]:
    """Every finished backup, newest first; none where there is no folder."""
    found = []
    for path in folder.glob("freshplan-*.backup"):
        if match := _NAME.fullmatch(path.name):
            found.append(Kept(path, datetime.strptime(match[1], _STAMP).replace(tzinfo=UTC)))
    return sorted(found, key=lambda one: one.made, reverse=True)


def ask(folder: Path) -> None:
    """Ask the supervisor for one more: what serves pages may not read everything. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    (folder / _ASKED).touch()


def asked(folder: Path) -> datetime | None:
    """Since when one more is asked for; None where nobody asks."""
    try:
        return datetime.fromtimestamp((folder / _ASKED).stat().st_mtime, UTC)
    except OSError:
        return None


def take_ask(folder: Path) -> bool:
    """Whether one more is asked for; from now on it is not."""
    try:
        (folder / _ASKED).unlink()
    except OSError:
        return False
    return True


def note_proof(kept: Kept, now: datetime) -> None:
    """Remember that it was restored and found equal."""
    fresh = kept.proof.with_name(f".{kept.proof.name}.partial")
    fresh.write_text(json.dumps({"proven": now.isoformat()}))
    fresh.rename(kept.proof)


def superfluous(found: list[Kept], now: datetime) -> list[Kept]:
    """Which of these rotation lets go: all but the newest of 7 days and of the 4 weeks before, none older than 35 days.

    Those of the last 24 hours all stay, for one made by hand must not cost a proven one; the newest stays however old.
    """
    newest_first = sorted(found, key=lambda one: one.made, reverse=True)
    young = [one for one in newest_first if now - one.made <= OLDEST]
    days, weeks = _newest_of(young, "%Y-%m-%d"), _newest_of(young, "%G-%V")
    daily = days[:DAILY]
    weekly = [one for one in weeks if one not in daily][:WEEKLY]
    kept = [*daily, *weekly, *newest_first[:1], *(one for one in young if now - one.made < timedelta(days=1))]
    return [one for one in newest_first if one not in kept]


def _newest_of(newest_first: list[Kept], period: str) -> list[Kept]:
    """The newest of each period that has one."""
    first: dict[str, Kept] = {}
    for one in newest_first:
        first.setdefault(one.made.strftime(period), one)
    return list(first.values())


def rotate(folder: Path, now: datetime) -> int:
    """Delete what rotation lets go; how many."""
    old = superfluous(backups(folder), now)
    for one in old:
        one.proof.unlink(missing_ok=True)
        one.path.unlink(missing_ok=True)
    return len(old)


def copy_missing(folder: Path, elsewhere: Path, now: datetime) -> int:
    """Bring a second folder up to date, under the same rotation: copies, read back and compared; how many. Raises Problem."""
    if not elsewhere.is_dir():
        raise Problem(
            f"There is no folder {elsewhere} for the copies (BACKUP_COPY_DIR); the backup stands in {folder}."
        )
    there = backups(elsewhere)
    names = {one.path.name for one in there}
    missing = [one for one in backups(folder) if one.path.name not in names]
    old = superfluous([*there, *missing], now)
    wanted = [one for one in missing if one not in old]
    try:
        for left in elsewhere.glob(".freshplan-*.partial"):
            left.unlink(missing_ok=True)
        for one in wanted:
            _copy(one.path, elsewhere / one.path.name)
        rotate(elsewhere, now)
    except OSError as error:
        text = f"The copy in {elsewhere} could not be written: {error.strerror}; the backup stands in {folder}."
        raise Problem(text) from error
    return len(wanted)


def _copy(source: Path, target: Path) -> None:
    """Written beside and renamed, so that a killed one leaves nothing of that name."""
    partial = target.with_name(f".{target.name}.partial")
    digest = hashlib.sha256()
    with source.open("rb") as file, os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as copy:
        while data := file.read(_BLOCK):
            digest.update(data)
            copy.write(data)
        copy.flush()
        os.fsync(copy.fileno())
    with partial.open("rb") as copy:
        if hashlib.file_digest(copy, "sha256").digest() != digest.digest():
            raise Problem(f"The copy of {source} in {target.parent} is not what was written: look at that disk.")
    partial.rename(target)


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """One command at a time works on the shelf; what a killed one left unfinished is removed. Raises Problem."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise Problem(f"The folder {folder} cannot be written to: {error.strerror}. Set BACKUP_DIR.") from error
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Problem(f"Another backup command works on {folder}: wait until it has ended.") from error
        for left in folder.glob(".*.partial"):
            left.unlink(missing_ok=True)
        yield
    finally:
        os.close(handle)
