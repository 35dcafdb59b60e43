"""The form of a backup file, and which files rotation keeps."""

from __future__ import annotations

import io
import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from crm.launcher.backups import shelf
from crm.launcher.backups.container import CHUNK, Reader, Writer
from crm.launcher.problem import Problem

KEY, OTHER = "k" * 40, "o" * 40
DATABASE = bytes(range(256)) * 10_000  # more than two chunks
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def write(path: Path, key: str = KEY, database: bytes = DATABASE) -> Path:
    """A backup with these bytes as its dump."""
    with path.open("wb") as file:
        writer, parts = Writer(file, key), {}
        for name, data in (("database", database), ("files", b"")):
            part = writer.part(name)
            part.write(data[:70_000])
            part.write(data[70_000:])
            part.close()
            parts[name] = {"bytes": part.size, "sha256": part.sha256}
        part = writer.part("manifest")
        part.write(json.dumps({"parts": parts}).encode())
        part.close()
    return path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A whole backup."""
    return write(tmp_path / "one")


def test_what_goes_in_comes_out(file: Path) -> None:
    reader = Reader(file, KEY)
    manifest, parts = reader.inspect()

    chunks = list(reader.chunks("database"))
    assert b"".join(chunks) == DATABASE
    assert max(map(len, chunks)) == CHUNK
    assert list(reader.chunks("files")) == [b""]
    assert parts["database"]["bytes"] == len(DATABASE)
    assert manifest["parts"] == parts


def test_nothing_is_readable_without_the_key(file: Path) -> None:
    assert DATABASE[:64] not in file.read_bytes()
    assert b"sha256" not in file.read_bytes()
    with pytest.raises(Problem, match="was made with another key"):
        Reader(file, OTHER)


def test_two_backups_of_the_same_have_nothing_in_common(tmp_path: Path) -> None:
    one, two = (write(tmp_path / name).read_bytes() for name in ("a", "b"))
    assert one[400:464] not in two


def test_every_flipped_byte_is_found(file: Path) -> None:
    whole = file.read_bytes()
    places = [*range(0, 240, 3), *range(240, len(whole), len(whole) // 60), *range(len(whole) - 60, len(whole), 7)]
    for place in places:
        file.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(Problem, match=r"damaged|another key|no backup|truncated"):
            Reader(file, KEY).inspect()


def test_every_cut_is_found(file: Path) -> None:
    whole = file.read_bytes()
    for length in [0, 10, 100, 200, *range(300, len(whole), len(whole) // 40), len(whole) - 1]:
        file.write_bytes(whole[:length])
        with pytest.raises(Problem, match=r"truncated|damaged|no backup"):
            Reader(file, KEY).inspect()


def test_what_was_added_or_moved_is_found(file: Path) -> None:
    whole = file.read_bytes()
    file.write_bytes(whole + b"x")
    with pytest.raises(Problem, match="something was added"):
        Reader(file, KEY).inspect()

    start, frame = whole.index(b"\n", 19) + 1, CHUNK + 16 + 5
    first, second = whole[start : start + frame], whole[start + frame : start + 2 * frame]
    file.write_bytes(whole[:start] + second + first + whole[start + 2 * frame :])
    with pytest.raises(Problem, match="damaged"):
        Reader(file, KEY).inspect()
    file.write_bytes(whole[:start] + first + whole[start + 2 * frame :])  # a chunk left out
    with pytest.raises(Problem, match="damaged"):
        Reader(file, KEY).inspect()


def test_writing_holds_no_more_than_chunks() -> None:
    part = Writer(io.BytesIO(), KEY).part("database")
    for _ in range(40):
        part.write(b"x" * 300_000)
        assert len(part._waiting) <= CHUNK


def on_shelf(folder: Path, *made: datetime) -> None:
    for one in made:
        (folder / shelf.name_for(one)).touch()


def test_rotation_keeps_seven_days_and_four_weeks(tmp_path: Path) -> None:
    on_shelf(tmp_path, *(NOW - timedelta(days=n) for n in range(60)))
    on_shelf(tmp_path, *(NOW - timedelta(hours=n) for n in (3, 26, 30)))

    assert shelf.rotate(tmp_path, NOW) == 51

    kept = [(NOW.date() - one.made.date()).days for one in shelf.backups(tmp_path)]
    # 21 November 2026 is a Saturday: of each earlier week its Sunday is the newest.
    assert kept == [0, 0, 1, 2, 3, 4, 5, 6, 13, 20, 27, 34]
    assert [one.made.hour for one in shelf.backups(tmp_path)][:3] == [12, 9, 12]


def test_rotation_counts_weeks_with_gaps_but_no_older_ones(tmp_path: Path) -> None:
    on_shelf(tmp_path, *(NOW - timedelta(days=n) for n in (1, 9, 16, 34, 36, 50)))
    shelf.rotate(tmp_path, NOW)
    assert [(NOW - one.made).days for one in shelf.backups(tmp_path)] == [1, 9, 16, 34]


def test_rotation_leaves_the_last_one_however_old(tmp_path: Path) -> None:
    on_shelf(tmp_path, NOW - timedelta(days=400), NOW - timedelta(days=300))
    shelf.rotate(tmp_path, NOW)
    assert [(NOW - one.made).days for one in shelf.backups(tmp_path)] == [300]


def test_rotation_touches_nothing_else(tmp_path: Path) -> None:
    for name in ("freshplan-old.backup", "other.backup", "freshplan-20200101T000000Z.backup.copy"):
        (tmp_path / name).touch()
    assert shelf.rotate(tmp_path, NOW) == 0
    assert len(list(tmp_path.iterdir())) == 3


def test_proof_goes_with_its_backup(tmp_path: Path) -> None:
    on_shelf(tmp_path, NOW - timedelta(days=1), NOW - timedelta(days=90))
    for one in shelf.backups(tmp_path):
        shelf.note_proof(one, NOW)
    shelf.rotate(tmp_path, NOW)

    (left,) = shelf.backups(tmp_path)
    assert left.proven == NOW
    assert sorted(path.name for path in tmp_path.iterdir()) == [left.path.name, left.proof.name]


def test_copies_are_brought_up_to_date_under_the_same_rotation(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    for folder in (here, there):
        folder.mkdir()
    on_shelf(here, NOW, NOW - timedelta(days=1))
    on_shelf(there, *(NOW - timedelta(days=n) for n in range(1, 60)))
    (here / shelf.name_for(NOW)).write_bytes(b"new" * 2_000_000)
    (there / f".{shelf.name_for(NOW)}.partial").write_bytes(b"of a killed one, longer than the new one" * 1_000_000)

    assert shelf.copy_missing(here, there, NOW) == 1

    assert (there / shelf.name_for(NOW)).read_bytes() == (here / shelf.name_for(NOW)).read_bytes()
    assert (there / shelf.name_for(NOW)).stat().st_mode & 0o777 == 0o600
    assert list(there.glob(".*")) == []
    assert len(shelf.backups(there)) == 11
    assert len(shelf.backups(here)) == 2, "what is here is not the copies' business"
    assert shelf.copy_missing(here, there, NOW) == 0


def test_what_rotation_lets_go_elsewhere_is_not_copied_again(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    for folder in (here, there):
        folder.mkdir()
    on_shelf(here, NOW - timedelta(days=90))  # the newest here, however old
    on_shelf(there, NOW)
    assert shelf.copy_missing(here, there, NOW) == 0
    assert [one.made for one in shelf.backups(there)] == [NOW]


def test_a_copy_that_cannot_be_is_told_and_the_backup_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    on_shelf(here, NOW)
    with pytest.raises(Problem, match="There is no folder"):
        shelf.copy_missing(here, there, NOW)
    there.mkdir()

    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(shelf.os, "fsync", full)
        with pytest.raises(Problem, match="No space left on device; the backup stands in"):
            shelf.copy_missing(here, there, NOW)
    assert shelf.backups(there) == []
    assert shelf.copy_missing(here, there, NOW) == 1
    assert len(shelf.backups(here)) == 1


def test_a_disk_that_gives_back_something_else_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    for folder in (here, there):
        folder.mkdir()
    on_shelf(here, NOW)
    (here / shelf.name_for(NOW)).write_bytes(b"whole")

    def forgets(handle: int) -> None:
        os.ftruncate(handle, 3)

    monkeypatch.setattr(shelf.os, "fsync", forgets)
    with pytest.raises(Problem, match="is not what was written"):
        shelf.copy_missing(here, there, NOW)
    assert shelf.backups(there) == []


def test_one_command_at_a_time_clears_what_a_killed_one_left(tmp_path: Path) -> None:
    (tmp_path / ".freshplan-20261121T000000Z.backup.partial").touch()
    with shelf.alone(tmp_path):
        assert shelf.backups(tmp_path) == []
        assert list(tmp_path.glob("*.partial")) == []
        with pytest.raises(Problem, match="Another backup command"), shelf.alone(tmp_path):
            pass
