"""Processes of the tests, and the jobs that they know."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from jobs import schedule
from tests.jobs import process

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture
def child(database_urls, tmp_path):
    """`child("work", 1, 2)` starts a process; what still runs at the end is killed."""
    env = os.environ | {
        "DATABASE_URL": database_urls["app"],
        "DJANGO_SETTINGS_MODULE": "tests.settings",
        "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path]),
    }
    started = []

    def start(*arguments):
        with (tmp_path / "processes.log").open("ab") as log:
            command = [sys.executable, "-m", "tests.jobs.process", *map(str, arguments)]
            started.append(subprocess.Popen(command, cwd=ROOT, env=env, stdout=log, stderr=log))
        return started[-1]

    yield start
    for one in started:
        one.kill()
        one.wait()


@pytest.fixture
def probe(monkeypatch):
    """The processes' own job and task, known here too."""
    monkeypatch.setattr(schedule, "_jobs", {})
    process.register()
