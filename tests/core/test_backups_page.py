"""Settings → Backups: what lies there, its proofs, one more on demand."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from crm.launcher.backups import shelf
from organisation.choices import Role

PAGE = "/settings/backups/"
pytestmark = pytest.mark.django_db


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BACKUP_DIR", str(tmp_path / "backups"))
    return tmp_path / "backups"


@pytest.fixture
def client_of_administrator(as_user, people):
    return as_user(people(Role.ADMINISTRATOR))


def on_shelf(folder: Path, made: datetime, *, seconds: int, proven: datetime | None = None) -> str:
    folder.mkdir(exist_ok=True)
    path = folder / shelf.name_for(made)
    path.write_bytes(b"x" * 3_000_000)
    end = made.replace(microsecond=0).timestamp() + seconds
    os.utime(path, (end, end))
    if proven is not None:
        (kept,) = (one for one in shelf.backups(folder) if one.path == path)
        shelf.note_proof(kept, proven)
    return path.name


def test_what_lies_there_is_told_with_size_duration_and_proof(folder, client_of_administrator):
    empty = client_of_administrator.get(PAGE).content.decode()
    assert "No backup yet" in empty
    assert "No proof of a restore" not in empty
    now = datetime.now(UTC)
    old = on_shelf(folder, now - timedelta(days=2), seconds=7, proven=now - timedelta(hours=27))
    new = on_shelf(folder, now - timedelta(hours=1), seconds=12)
    late = client_of_administrator.get(PAGE).content.decode()
    assert late.index(new) < late.index(old)
    for text in ("2.9", "12 s", "7 s", "not proven", "restored and equal", f"{folder}/{new}"):
        assert text in late, text
    assert "No proof of a restore for 26 hours" in late
    on_shelf(folder, now, seconds=1, proven=now)
    assert "No proof of a restore" not in client_of_administrator.get(PAGE).content.decode()


def test_one_more_is_asked_for_and_said_to_be(folder, client_of_administrator):
    page = client_of_administrator.post(f"{PAGE}now/", follow=True).content.decode()
    assert shelf.asked(folder) is not None
    assert "Asked for" in page
    assert "not begun yet" in page
    assert shelf.take_ask(folder)
    assert "not begun yet" not in client_of_administrator.get(PAGE).content.decode()


def test_a_folder_that_cannot_be_written_to_is_told(folder, client_of_administrator):
    folder.write_text("no folder")
    page = client_of_administrator.post(f"{PAGE}now/", follow=True)
    assert page.status_code == 200
    assert "cannot be written to" in page.content.decode()


@pytest.mark.parametrize("role", [Role.MANAGER, Role.AUDITOR, Role.REP])
def test_others_neither_see_nor_ask(folder, as_user, people, role):
    client = as_user(people(role))
    assert client.get(PAGE).status_code == 403
    assert client.post(f"{PAGE}now/").status_code == 403
    assert PAGE not in client.get("/settings/security/").content.decode()
    assert shelf.asked(folder) is None
