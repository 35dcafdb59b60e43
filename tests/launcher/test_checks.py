"""`check` counts and fails as it says; the browser is looked for where it may be."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from crm.launcher import browser, checks
from crm.launcher.checks import Outcome


@pytest.fixture
def only(monkeypatch: pytest.MonkeyPatch) -> dict[str, checks.Check]:
    """The checks to run, empty at first, without servers."""

    @contextmanager
    def no_servers(command: str) -> Iterator[dict[str, str]]:
        yield {"TEST_ADMIN_URL": "postgresql://127.0.0.1/none", "TEST_REDIS_URL": "redis://127.0.0.1"}

    chosen: dict[str, checks.Check] = {}
    monkeypatch.setattr(checks, "CHECKS", chosen)
    monkeypatch.setattr(checks, "test_servers", no_servers)
    monkeypatch.setattr(checks, "build_assets", lambda: None)
    monkeypatch.setattr(checks, "end_on_sigterm", lambda: None)
    monkeypatch.setattr(checks, "provision", lambda url, name: {"owner": url})
    return chosen


def test_last_line_counts(only: dict[str, checks.Check], capsys: pytest.CaptureFixture[str]) -> None:
    only |= {"good": lambda env: Outcome(True, "3 files"), "bad": lambda env: Outcome(False, output="x.py:1: wrong")}

    assert checks.main([]) == 1
    printed = capsys.readouterr()
    assert printed.out.splitlines()[0].startswith("ok     good (3 files) ")
    assert printed.out.splitlines()[1].startswith("FAILED bad ")
    assert printed.out.splitlines()[-1] == "2 checks, 1 failed"
    assert "x.py:1: wrong" in printed.err

    assert checks.main(["good"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "1 checks, 0 failed"


@pytest.mark.parametrize(
    ("package", "holds", "note"),
    [
        ({"name": "a", "version": "1", "skip_reason": "no service"}, True, "not checked: no advisory service answers"),
        ({"name": "a", "version": "1", "vulns": []}, True, "1 packages"),
        ({"name": "a", "version": "1", "vulns": [{"id": "CVE-1"}]}, False, "1 packages"),
    ],
)
def test_advisories(monkeypatch: pytest.MonkeyPatch, package: dict[str, object], holds: bool, note: str) -> None:
    """pip-audit exits 0 where it skipped everything: its output is what counts."""
    answer = subprocess.CompletedProcess([], 0, stdout=json.dumps({"dependencies": [package]}))
    monkeypatch.setattr(checks.subprocess, "run", lambda *words, **options: answer)

    outcome = checks._python_advisories({})

    assert (outcome.holds, outcome.note) == (holds, note)


def test_browser_given_that_does_not_start_is_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CRM_CHROMIUM", str(tmp_path / "none"))
    assert browser.find(tmp_path) is None


def test_browser_on_the_path_is_taken_when_it_starts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, code in (("chromium", 1), ("google-chrome", 0)):
        (tmp_path / name).write_text(f"#!/bin/sh\nexit {code}\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.delenv("CRM_CHROMIUM", raising=False)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}/bin")

    assert browser._on_path() == str(tmp_path / "google-chrome")
