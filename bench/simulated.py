"""A simulator in a process of its own, and how it is steered."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class Simulator:
    """Where it answers, and its side entrance `/_sim/`."""

    address: str

    def faults(self, **faults: Any) -> None:
        """What it does from now on; nothing ends them."""
        self._ask("faults", json.dumps(faults).encode())

    def state(self) -> dict[str, Any]:
        """Its counts."""
        return json.loads(self._ask("state"))

    def log(self) -> list[dict[str, Any]]:
        """What came, oldest first."""
        return [json.loads(line) for line in self._ask("log").splitlines()]

    def _ask(self, name: str, body: bytes | None = None) -> bytes:
        with urllib.request.urlopen(f"{self.address}/_sim/{name}", body, timeout=60) as answer:
            return answer.read()


@contextmanager
def simulated(name: str, *arguments: str) -> Iterator[Simulator]:
    """The simulator of this name, as `./freshplan simulate` starts it."""
    command = [sys.executable, "-m", "simulators", name, *arguments]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield Simulator(process.stdout.readline().strip())
    finally:
        process.terminate()
        process.wait()
