"""Child processes: they die with us, come back when they fall, and leave nothing behind."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from crm.launcher import supervisor
from crm.launcher.children import MARK, Child, end_leftovers, leftovers
from crm.launcher.environment import ROOT
from crm.launcher.supervisor import Supervisor

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]
STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"
)


def _until(holds: Callable[[], bool], seconds: float = 10.0) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if holds():
            return True
        time.sleep(0.02)
    return False


def _child(command: list[str], **values: object) -> Child:
    return Child("probe", command, env=dict(os.environ), cwd=ROOT, **values)  # type: ignore[arg-type]


def _alive(pid: int) -> bool:
    try:
        return b") Z " not in Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return False


def test_each_line_carries_the_name(capfd: pytest.CaptureFixture[str]) -> None:
    child = _child([sys.executable, "-c", "print('good'); print('noise: all well')"], hide=("noise",))
    assert child.wait(10)

    err = capfd.readouterr().err
    assert "probe    | good\n" in err
    assert "noise" not in err
    assert child.last_words() == "good"


def test_stop_asks_first_and_ends_what_does_not_listen() -> None:
    polite, deaf = _child(SLEEP), _child([sys.executable, "-c", STUBBORN])
    assert _until(lambda: deaf.lines == ["deaf"])

    polite.stop(5)
    begin = time.monotonic()
    deaf.stop(0.3)

    assert polite.process.returncode == -signal.SIGTERM
    assert deaf.process.returncode == -signal.SIGKILL
    assert time.monotonic() - begin < 3


@pytest.mark.fault
def test_child_dies_with_its_parent() -> None:
    """`kill -9` of the supervisor takes its children along, even those that ignore a polite signal later on."""
    code = (
        f"import sys, os, time; sys.path.insert(0, {str(ROOT)!r})\n"
        "from pathlib import Path; from crm.launcher.children import Child\n"
        f"child = Child('probe', {SLEEP!r}, env=dict(os.environ), cwd=Path('/'))\n"
        "print(child.pid, flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    assert _alive(pid)

    parent.kill()
    parent.wait()
    parent.stdout.close()

    assert _until(lambda: not _alive(pid), 5)


def test_leftovers_are_found_by_their_data_folder_and_ended(tmp_path: Path) -> None:
    env = os.environ | {MARK: str(tmp_path)}
    other = os.environ | {MARK: str(tmp_path / "other")}
    left = subprocess.Popen([sys.executable, "-c", STUBBORN], env=env, stdout=subprocess.DEVNULL)
    stranger = subprocess.Popen(SLEEP, env=other)
    try:
        assert _until(lambda: leftovers(tmp_path) == [left.pid])

        end_leftovers(tmp_path)

        assert left.wait(5) in {-signal.SIGKILL, -signal.SIGTERM}
        assert stranger.poll() is None
    finally:
        for process in (left, stranger):
            process.kill()
            process.wait()


def test_fallen_process_comes_back_later_and_later(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr(supervisor.time, "monotonic", lambda: now[0])
    starts: list[float] = []

    class Falling:
        def __init__(self) -> None:
            starts.append(now[0])
            self.started = now[0]
            self.process = type("Ended", (), {"returncode": 1})

        def running(self) -> bool:
            return False

        def kill(self) -> None:
            """It is gone already."""

    watch = Supervisor()
    watch.add("probe", Falling)  # type: ignore[arg-type]
    for _ in range(1200):
        now[0] += 0.1
        watch.look_after()

    pauses = [round(later - earlier) for earlier, later in itertools.pairwise(starts)]
    assert pauses[:5] == [1, 2, 4, 8, 15]
    assert set(pauses[5:]) == {15}


def test_stop_takes_one_wait_for_all() -> None:
    watch = Supervisor()
    for name in ("one", "two", "three"):
        watch.add(name, lambda: _child([sys.executable, "-c", STUBBORN]))
    assert _until(lambda: all(post.child.lines for post in watch.posts))

    begin = time.monotonic()
    watch.stop(("one", "two", "three"), 0.5)

    assert time.monotonic() - begin < 2
    assert not any(post.child.running() for post in watch.posts)
