"""The whole product under its supervisor, from an empty data folder: `./freshplan run` as a person starts it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from crm.launcher.children import leftovers
from crm.launcher.environment import ROOT
from crm.launcher.servers import free_port

pytestmark = pytest.mark.fault
READY = 120.0


@dataclass
class Run:
    """One `./freshplan run`."""

    process: subprocess.Popen[str]
    data: Path
    port: int

    @property
    def facts(self) -> dict[str, object]:
        return json.loads((self.data / "run.json").read_text())


def _environment(data: Path) -> dict[str, str]:
    """What a person's shell has: nothing of the tests' own."""
    ours = ("DATABASE_", "REDIS_", "CRM_", "TEST_", "SECRET_", "DJANGO_", "PYTEST_", "ALLOWED_", "PYTHON")
    return {key: value for key, value in os.environ.items() if not key.startswith(ours)} | {"CRM_DATA_DIR": str(data)}


def _freshplan(data: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "freshplan"), *words]
    return subprocess.run(command, env=_environment(data), capture_output=True, text=True, timeout=READY, check=False)


def _start(data: Path, port: int) -> Run:
    """Start and wait until its last line of readiness stands on stdout."""
    log = (data.parent / "log").open("a")
    command = [sys.executable, str(ROOT / "freshplan"), "run", "--port", str(port)]
    process = subprocess.Popen(command, env=_environment(data), stdout=subprocess.PIPE, stderr=log, text=True)
    log.close()
    assert process.stdout is not None
    first = process.stdout.readline()
    assert first.startswith(f"FreshPlan runs at http://127.0.0.1:{port} "), (data.parent / "log").read_text()[-4000:]
    return Run(process, data, port)


def _status(run: Run, path: str) -> int:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{run.port}{path}", timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def _finish(run: Run, number: int) -> float:
    """Send the signal and wait; the seconds it took. Exit code 0 and an empty house are part of it."""
    begin = time.monotonic()
    run.process.send_signal(number)
    code = run.process.wait(30)
    took = time.monotonic() - begin
    assert run.process.stdout is not None
    run.process.stdout.close()
    assert code == 0
    assert leftovers(run.data) == []
    assert not (run.data / "run.json").exists()
    return took


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    """The product on an empty data folder; whatever a test leaves of it is ended."""
    running = _start(tmp_path / "var", free_port())
    yield running
    if running.process.poll() is None:
        running.process.send_signal(signal.SIGTERM)
        running.process.wait(30)
    assert running.process.stdout is not None
    running.process.stdout.close()


def test_life_of_a_run(run: Run) -> None:
    """Ready, alone on its folder, shared by other commands, and gone within 15 s."""
    assert _status(run, "/readyz") == 200
    assert _status(run, "/healthz") == 200
    assert _status(run, "/accounts/login/") == 200
    logins = run.data / "demo-logins.json"
    assert logins.stat().st_mode & 0o777 == 0o600
    assert {login["role"] for login in json.loads(logins.read_text())} >= {"REP", "MANAGER", "AUDITOR"}

    second = _freshplan(run.data, "run", "--port", str(free_port()))
    assert second.returncode == 1
    assert f"at http://127.0.0.1:{run.port} " in second.stderr.splitlines()[-1]

    role = _freshplan(
        run.data, "shell", "-v", "0", "-c", "from django.db import connection; print(connection.settings_dict['USER'])"
    )
    assert (role.returncode, role.stdout.split()) == (0, ["freshplan_app"])
    assert run.process.poll() is None

    assert _finish(run, signal.SIGTERM) < 15


def test_fallen_processes_come_back(run: Run) -> None:
    pids = run.facts["pids"]
    assert isinstance(pids, dict)
    for name in ("worker", "relay", "beat", "valkey", "postgres"):
        os.kill(pids[name], signal.SIGKILL)

    end = time.monotonic() + 30
    while time.monotonic() < end:
        time.sleep(0.5)
        if _status(run, "/readyz") == 200:
            break
    assert _status(run, "/readyz") == 200
    assert _finish(run, signal.SIGINT) < 15


def test_next_start_recovers_from_kill_of_everything(run: Run) -> None:
    facts = run.facts
    pids = facts["pids"]
    assert isinstance(pids, dict)
    for pid in (run.process.pid, *pids.values()):
        os.kill(pid, signal.SIGKILL)
    run.process.wait()
    before = (run.data / "demo-logins.json").read_text()

    again = _start(run.data, run.port)

    assert _status(again, "/readyz") == 200
    assert (run.data / "demo-logins.json").read_text() == before
    assert _finish(again, signal.SIGTERM) < 15


def test_command_without_a_run_leaves_nothing_running(tmp_path: Path) -> None:
    data = tmp_path / "var"
    done = _freshplan(
        data,
        "shell",
        "-v",
        "0",
        "-c",
        "from organisation.models import Organisation; print(Organisation.objects.count())",
    )

    assert (done.returncode, done.stdout.split()) == (0, ["0"])
    assert leftovers(data) == []
    assert not (data / "run.json").exists()
