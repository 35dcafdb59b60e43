"""The product's own environment in the checkout: .venv, locked packages, npm packages.

Standard library only; each step is skipped while the hash of its input is the one it was last done for.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from crm.launcher.problem import Problem, say

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
ASSETS = ROOT / "assets"
OLDEST = (3, 11)
SERVE = ("runtime", "embedded")
DEVELOP = (*SERVE, "test", "lint")
NODE_MAJOR = 20
AUTHORITIES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem")
ROOM_MB = {SERVE: 1500, DEVELOP: 2500}  # what a first installation takes, measured, with some air


def prepare(groups: tuple[str, ...] = SERVE) -> None:
    """Bring the environment up to the lock files of these groups. Raises Problem with what to do."""
    if sys.version_info < OLDEST:
        raise Problem(f"FreshPlan needs Python 3.11 or newer; this is {sys.version.split()[0]}.")
    with alone():
        try:
            _make_venv(ROOM_MB.get(groups, 1500))
            _install_packages(groups)
            _install_assets()
        except OSError as error:
            raise Problem(f"The environment in {VENV} could not be made: {error.strerror or error}.") from error


def npm_command() -> list[str]:
    """npm of the machine where its Node is new enough, else the one from the environment."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm:
        answer = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
        if int(answer.strip().lstrip("v").partition(".")[0] or 0) >= NODE_MAJOR:
            return [npm]
    return [str(VENV / "bin" / "npm")]


def install_npm(folder: Path) -> None:
    """`npm ci` in a folder with a package-lock.json, when that changed. No package may run scripts of its own."""
    inputs = [folder / "package.json", folder / "package-lock.json"]
    with done_for(folder / "node_modules" / ".freshplan-stamp", inputs) as needed:
        if needed:
            say(f"installing the packages of {folder.relative_to(ROOT)}/package-lock.json")
            command = [*npm_command(), "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--silent"]
            call(command, "npm could not install the front end's packages", cwd=folder, env=npm_env())


def npm_env() -> dict[str, str]:
    """The environment with our Node on the PATH, last: the machine's own comes first."""
    path = os.environ.get("PATH", "/usr/bin:/bin")
    order = (path, str(VENV / "bin")) if npm_command()[0] != str(VENV / "bin" / "npm") else (str(VENV / "bin"), path)
    return trusting() | {"PATH": os.pathsep.join(order), "HOME": os.environ.get("HOME") or str(VENV)}


def trusting() -> dict[str, str]:
    """The environment in which uv and npm trust the machine's own authorities too (a company's proxy), as pip does."""
    bundle = next((path for path in AUTHORITIES if os.path.exists(path)), None)
    if bundle is None:
        return dict(os.environ)
    return {"UV_SYSTEM_CERTS": "true", "NODE_EXTRA_CA_CERTS": bundle, **os.environ}


@contextmanager
def done_for(stamp: Path, inputs: Iterable[Path], *words: str) -> Iterator[bool]:
    """Whether the step is needed for these inputs; the stamp is written when the block ends well."""
    digest = hashlib.sha256("\0".join(words).encode())
    for path in inputs:
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    now = digest.hexdigest()
    needed = not stamp.exists() or stamp.read_text() != now
    yield needed
    if needed:
        stamp.parent.mkdir(parents=True, exist_ok=True)
        stamp.write_text(now)


def call(command: list[str], failure: str, *, cwd: Path = ROOT, env: Mapping[str, str] | None = None) -> None:
    """Run a step quietly; when it fails, its output goes to stderr and Problem names the step."""
    done = subprocess.run(
        command,
        cwd=cwd,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    if done.returncode:
        text = done.stdout.decode(errors="replace").strip()
        for line in text.splitlines()[-15:]:
            say(line)
        if "No space left" in text or "ENOSPC" in text:
            raise Problem(f"{failure}: the disk is full. Free some space and start again.")
        raise Problem(f"{failure}: read the lines above.")


def check_room(folder: Path, megabytes: int) -> None:
    """Raise Problem where the disk that holds this folder has less room than that."""
    free = shutil.disk_usage(folder).free // 2**20
    if free < megabytes:
        raise Problem(f"The disk of {folder} has {free} MB left and {megabytes} MB are needed: free some space.")


@contextmanager
def alone() -> Iterator[None]:
    """One start at a time works on the checkout's environment; the lock is on the folder itself and leaves no file."""
    handle = os.open(ROOT, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _make_venv(room: int) -> None:
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    made = VENV / ".freshplan-made"
    if made.exists() and PYTHON.exists() and made.read_text().split(" ")[0] == str(VENV):
        return
    check_room(ROOT, room)
    say(f"making the environment in {VENV} (Python {version})")
    if not _has("venv"):
        raise Problem(f"Python's venv module is missing: apt-get install python{version}-venv, then start again.")
    if not os.access(ROOT, os.W_OK):
        raise Problem(f"{ROOT} is not writable for this account: clone the repository into a folder of its own.")
    shutil.rmtree(VENV, ignore_errors=True)
    if _has("ensurepip"):
        call([sys.executable, "-m", "venv", str(VENV)], "The environment could not be made")
        pip = [str(PYTHON), "-m", "pip"]
    elif _has("pip"):
        call([sys.executable, "-m", "venv", "--without-pip", str(VENV)], "The environment could not be made")
        pip = [sys.executable, "-m", "pip", "--python", str(PYTHON)]
    else:
        raise Problem(f"Python's venv module is incomplete: apt-get install python{version}-venv, then start again.")
    lock = str(ROOT / "requirements" / "installer.lock")
    call(
        [*pip, "install", "-q", "--disable-pip-version-check", "--require-hashes", "-r", lock],
        "The package installer could not be fetched (is there a network?)",
    )
    made.write_text(f"{VENV} {version}")


def _install_packages(groups: tuple[str, ...]) -> None:
    stamps = VENV / ".freshplan"
    locks = {name: ROOT / "requirements" / f"{name}.lock" for name in groups}
    wanted = {name: hashlib.sha256(lock.read_bytes()).hexdigest() for name, lock in locks.items()}
    late = [name for name in groups if not (stamps / name).exists() or (stamps / name).read_text() != wanted[name]]
    if not late:
        return
    say(f"installing Python packages: {', '.join(late)}")
    command = [str(VENV / "bin" / "uv"), "pip", "install", "-q", "--python", str(PYTHON), "--require-hashes"]
    for name in late:
        command += ["-r", str(locks[name])]
    env = trusting() | {"UV_PYTHON_DOWNLOADS": "never"}
    call(command, "The Python packages could not be installed (is there a network?)", env=env)
    stamps.mkdir(exist_ok=True)
    for name in late:
        (stamps / name).write_text(wanted[name])


def _install_assets() -> None:
    install_npm(ASSETS)


def _has(module: str) -> bool:
    """Whether this Python brings a module (Debian leaves some to packages of their own)."""
    return subprocess.run([sys.executable, "-c", f"import {module}"], capture_output=True, check=False).returncode == 0
