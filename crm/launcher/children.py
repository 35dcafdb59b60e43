"""Child processes: tethered to us, in a group of their own, every line of theirs with their name before it."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import FrameType

from crm.launcher.problem import say

TETHER = Path(__file__).with_name("tether.py")
# Every supervised process carries the data folder in this variable, so that leftovers of a killed run are found.
MARK = "CRM_SUPERVISED"


class Child:
    """One running child. Start children from the main thread: the kernel's parent-death signal is per thread."""

    def __init__(
        self,
        name: str,
        command: Sequence[str | Path],
        *,
        env: Mapping[str, str],
        cwd: Path,
        stop_signal: signal.Signals = signal.SIGTERM,
        account: str = "",
        hide: tuple[str, ...] = (),
    ) -> None:
        """`account` is "uid:gid" of who runs it, where not ours; lines with one of `hide` in them are not passed on."""
        self.name = name
        self.stop_signal = stop_signal
        self.started = time.monotonic()
        self.lines: list[str] = []
        self.hide = hide
        self.process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(TETHER), stop_signal.name, *map(str, command)],
            env={**env, "CRM_TETHER_PARENT": str(os.getpid()), "CRM_TETHER_ACCOUNT": account},
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            process_group=0,
        )
        self._reader = threading.Thread(target=self._pass_on, name=f"log of {name}", daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        """The process id; it stays the same through the tether's exec."""
        return self.process.pid

    def running(self) -> bool:
        """Whether it still runs."""
        return self.process.poll() is None

    def ask_to_stop(self) -> None:
        """Send the stop signal, once, to the process itself: it stops its own children."""
        if self.running():
            self.process.send_signal(self.stop_signal)

    def wait(self, seconds: float) -> bool:
        """Whether it ended within so many seconds."""
        try:
            self.process.wait(max(seconds, 0))
        except subprocess.TimeoutExpired:
            return False
        self._reader.join(1)
        return True

    def kill(self) -> None:
        """End it and its whole group, without asking."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self, seconds: float) -> None:
        """Ask, wait so many seconds, then end it."""
        self.ask_to_stop()
        if not self.wait(seconds):
            say(f"{self.name} did not stop in {seconds:.0f} s and was ended")
            self.kill()

    def last_words(self) -> str:
        """Its latest line, for an error message."""
        self._reader.join(1)
        return self.lines[-1] if self.lines else "no message"

    def _pass_on(self) -> None:
        for raw in self.process.stdout or ():
            line = raw.decode(errors="replace").rstrip()
            if line and not any(part in line for part in self.hide):
                self.lines = [*self.lines[-9:], line]
                say(line, self.name)


def foreground(command: Sequence[str | Path], env: Mapping[str, str], cwd: Path | None = None) -> int:
    """Run a command on our own terminal and give its exit code as a shell would. Ctrl-C is its own to handle."""
    process = subprocess.Popen(list(map(str, command)), env=dict(env), cwd=cwd)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        code = process.wait()
    except BaseException:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        raise
    return code if code >= 0 else 128 - code


def end_on_sigterm() -> None:
    """Let SIGTERM unwind the stack, so that everything started is stopped on the way out."""
    signal.signal(signal.SIGTERM, _terminated)


def _terminated(number: int, frame: FrameType | None) -> None:
    say("stopping")
    raise SystemExit(128 + number)


def leftovers(data: Path) -> list[int]:
    """Processes of an earlier run on this data folder that outlived their supervisor."""
    wanted = f"{MARK}={data}".encode()
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "environ").read_bytes().split(b"\0")
            dead = b") Z " in (folder / "stat").read_bytes()
        except OSError:
            continue
        if wanted in words and not dead and int(folder.name) != os.getpid():
            found.append(int(folder.name))
    return found


def end_leftovers(data: Path) -> None:
    """Wait for an earlier run's processes to go, then end those that stay. Only with the folder's lock in hand."""
    for number, seconds in ((None, 0.5), (signal.SIGTERM, 5.0), (signal.SIGKILL, 2.0)):
        pids = leftovers(data)
        if not pids:
            return
        if number is not None:
            say(f"ending {len(pids)} processes of an earlier run")
            for pid in pids:
                try:
                    os.kill(pid, number)
                except ProcessLookupError:
                    continue
        end = time.monotonic() + seconds
        while leftovers(data) and time.monotonic() < end:
            time.sleep(0.05)
