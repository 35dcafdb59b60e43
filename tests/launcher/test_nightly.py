"""When the nightly backup is due, and what the supervisor does about it."""

from __future__ import annotations

import sys
import time as clock
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import pytest

from crm.launcher.backups import shelf
from crm.launcher.children import Child
from crm.launcher.nightly import Nightly, hour_of, is_due
from crm.launcher.problem import Problem

AT = time(2, 30)


def instant(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=UTC)


@pytest.mark.parametrize(
    ("what", "now", "started", "newest", "tried", "due"),
    [
        ("first night not yet there", instant(21, 2, 29), instant(20, 12), None, None, False),
        ("first night", instant(21, 2, 30), instant(20, 12), None, None, True),
        ("started after the night, none ever made", instant(21, 12), instant(21, 3), None, None, False),
        ("made this night", instant(21, 12), instant(20, 12), instant(21, 2, 31), None, False),
        ("made by hand after the night", instant(21, 12), instant(20, 12), instant(21, 9), None, False),
        ("missed while nothing ran", instant(21, 12), instant(21, 11), instant(18, 2, 31), None, True),
        ("missed, but just started", instant(21, 12), instant(21, 11, 55), instant(18, 2, 31), None, False),
        ("failed a moment ago", instant(21, 3), instant(20, 1), instant(20, 2, 31), instant(21, 2, 30), False),
        ("failed an hour ago", instant(21, 3, 30), instant(20, 1), instant(20, 2, 31), instant(21, 2, 30), True),
        ("failed last night", instant(21, 2, 30), instant(19, 1), instant(19, 2, 31), instant(20, 2, 30), True),
    ],
)
def test_due(what: str, now: datetime, started: datetime, newest: datetime | None, tried: datetime | None, due: bool):
    assert is_due(now, AT, started=started, newest=newest, tried=tried) is due, what


def test_time_of_day() -> None:
    assert hour_of("02:30") == AT
    assert hour_of("off") is None
    with pytest.raises(Problem, match="BACKUP_AT is a time of day in UTC"):
        hour_of("half past two")


def nightly(folder: Path, code: int, started: list[int], **env: str) -> Nightly:
    def start() -> Child:
        started.append(1)
        return Child("backup", [sys.executable, "-c", f"raise SystemExit({code})"], env={}, cwd=folder)

    return Nightly(folder, {"DATABASE_BACKUP_URL": "postgresql://x"} | env, start)


def wait_for(one: Nightly) -> None:
    end = clock.monotonic() + 20
    while one._child is not None and one._child.running() and clock.monotonic() < end:
        clock.sleep(0.05)


def test_a_failed_one_is_told_and_tried_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    started: list[int] = []
    one = nightly(tmp_path, 1, started)
    night = datetime.combine(datetime.now(UTC).date() + timedelta(days=1), AT, UTC)
    for now in (night, night + timedelta(seconds=1)):
        one.look_after(now)
        wait_for(one)
    assert len(started) == 1
    one.look_after(night + timedelta(minutes=2))
    assert "the backup failed (code 1)" in capsys.readouterr().err

    one.look_after(night + timedelta(hours=1))
    wait_for(one)
    assert len(started) == 2


def test_a_made_one_is_enough_until_the_next_night(tmp_path: Path) -> None:
    started: list[int] = []
    one = nightly(tmp_path, 0, started)
    night = datetime.combine(datetime.now(UTC).date() + timedelta(days=1), AT, UTC)
    one.look_after(night)
    wait_for(one)
    (tmp_path / "backups").mkdir()
    (tmp_path / "backups" / shelf.name_for(night + timedelta(minutes=1))).touch()

    one.look_after(night + timedelta(hours=20))
    assert len(started) == 1
    one.look_after(night + timedelta(days=1))
    wait_for(one)
    assert len(started) == 2


def test_one_that_is_asked_for_is_made_once_also_between_nights(tmp_path: Path) -> None:
    started: list[int] = []
    one = nightly(tmp_path, 0, started, BACKUP_AT="off")
    folder = tmp_path / "backups"
    assert shelf.asked(folder) is None
    for _twice in range(2):
        shelf.ask(folder)
    assert shelf.asked(folder) is not None
    one.look_after(datetime.now(UTC))
    assert (len(started), shelf.asked(folder)) == (1, None)
    wait_for(one)
    one.look_after(datetime.now(UTC))
    one.look_after(datetime.now(UTC))
    assert len(started) == 1


def test_one_that_is_asked_for_waits_where_nobody_may_read(tmp_path: Path) -> None:
    started: list[int] = []
    one = nightly(tmp_path, 0, started, DATABASE_BACKUP_URL="")
    shelf.ask(tmp_path / "backups")
    one.look_after(datetime.now(UTC))
    assert (started, shelf.asked(tmp_path / "backups") is None) == ([], False)


@pytest.mark.parametrize("env", [{"BACKUP_AT": "off"}, {"DATABASE_BACKUP_URL": ""}])
def test_none_where_it_is_off_or_nobody_may_read(tmp_path: Path, env: dict[str, str]) -> None:
    started: list[int] = []
    one = nightly(tmp_path, 0, started, **env)
    one.look_after(datetime.now(UTC) + timedelta(days=3))
    assert started == []
