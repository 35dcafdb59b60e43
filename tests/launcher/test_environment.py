"""Steps run once per input; refusals are one line that says what to do."""

from __future__ import annotations

import ast
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from crm.launcher import datafolder, environment, supervisor
from crm.launcher.commands import COMMANDS, main
from crm.launcher.datafolder import DataFolder
from crm.launcher.environment import ROOT, done_for
from crm.launcher.problem import Problem

LAUNCHER = ROOT / "crm" / "launcher"


def test_step_runs_again_only_when_its_input_changes(tmp_path: Path) -> None:
    stamp, source = tmp_path / "deep" / "stamp", tmp_path / "lock"
    needed = []
    for text in ("one", "one", "two", "two"):
        source.write_text(text)
        with done_for(stamp, [source]) as wanted:
            needed.append(wanted)

    assert needed == [True, False, True, False]


def test_step_that_failed_runs_again(tmp_path: Path) -> None:
    stamp, source = tmp_path / "stamp", tmp_path / "lock"
    source.write_text("one")
    with pytest.raises(RuntimeError), done_for(stamp, [source]):
        raise RuntimeError

    with done_for(stamp, [source]) as needed:
        assert needed


def test_full_disk_is_named(tmp_path: Path) -> None:
    with pytest.raises(Problem, match=r"has \d+ MB left and 999999999 MB are needed: free some space"):
        environment.check_room(tmp_path, 999_999_999)


def test_full_disk_during_a_step_is_named(capfd: pytest.CaptureFixture[str]) -> None:
    command = [sys.executable, "-c", "import sys; sys.exit('write failed: No space left on device')"]
    with pytest.raises(Problem, match="The packages failed: the disk is full"):
        environment.call(command, "The packages failed")


def test_missing_venv_module_names_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(environment, "PYTHON", tmp_path / ".venv" / "bin" / "python")
    monkeypatch.setattr(environment, "_has", lambda module: module == "venv")

    with pytest.raises(Problem, match=r"venv module is incomplete: apt-get install python3\.\d+-venv"):
        environment._make_venv(1)


def test_old_python_is_one_line() -> None:
    """The start file must be readable by an old Python: what it says comes before anything newer is imported."""
    source = (ROOT / "freshplan").read_text()
    body = ast.parse(source).body
    guard = next(node for node in body if isinstance(node, ast.If))
    house = next(node for node in body if isinstance(node, ast.ImportFrom))

    assert guard.lineno < house.lineno
    assert "f'" not in source
    assert 'f"' not in source


@pytest.mark.parametrize("path", sorted(LAUNCHER.glob("*.py")), ids=lambda path: path.name)
def test_launcher_needs_the_standard_library_alone(path: Path) -> None:
    """At module level nothing else is imported: it runs before the environment stands."""
    outside = []
    for node in ast.parse(path.read_text()).body:
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        outside += [
            name
            for name in names
            if not name.startswith("crm.launcher") and name.partition(".")[0] not in sys.stdlib_module_names
        ]

    assert outside == []


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    text = capsys.readouterr().out

    assert all(f"  {name} " in text for name in COMMANDS)


def test_unknown_command_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fly"]) == 2
    assert capsys.readouterr().err == "freshplan: there is no command fly; ./freshplan --help lists them.\n"


def test_taken_port_is_named() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(Problem, match=f"Port {port} is taken by another program: choose another one with --port"):
            supervisor._check_port(port)


def test_data_folder_has_one_holder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datafolder, "START_WAIT", 0.5)
    first, second = DataFolder(tmp_path), DataFolder(tmp_path)
    assert first.take("seed")
    assert not second.take("run")
    assert second.holder() == f"./freshplan seed (process {os.getpid()})"
    with pytest.raises(Problem, match=r"in use by ./freshplan seed"):
        second.wait_for_run()

    first.leave()
    assert second.take("run")
    assert (tmp_path / "run.json").stat().st_mode & 0o777 == 0o600
    second.leave()
    assert not (tmp_path / "run.json").exists()


def test_lock_goes_with_its_holder(tmp_path: Path) -> None:
    """`kill -9` of the holder frees the folder, though its notes are still there."""
    code = (
        f"import sys, time; sys.path.insert(0, {str(ROOT)!r})\n"
        "from pathlib import Path; from crm.launcher.datafolder import DataFolder\n"
        f"assert DataFolder(Path({str(tmp_path)!r})).take('run'); print('taken', flush=True); time.sleep(60)"
    )
    holder = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "taken\n"
    folder = DataFolder(tmp_path)
    assert not folder.take("run")

    holder.kill()
    holder.wait()
    holder.stdout.close()
    assert folder.read()["pid"] == holder.pid
    assert folder.take("run")
    folder.leave()


def test_unusable_data_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Problem, match=r"cannot be made: Not a directory\. Set CRM_DATA_DIR"):
        DataFolder(tmp_path / "file" / "var")
