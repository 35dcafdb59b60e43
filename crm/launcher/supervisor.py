"""`./freshplan run`: servers, steps, then web, worker, relay and beat, held up until a signal ends them all."""

from __future__ import annotations

import errno
import json
import shutil
import signal
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from crm.launcher.backing import Backing
from crm.launcher.children import MARK, Child, end_leftovers
from crm.launcher.datafolder import DataFolder
from crm.launcher.environment import ROOT
from crm.launcher.nightly import Nightly
from crm.launcher.problem import Problem, say
from crm.launcher.processes import HOST, Process, processes
from crm.launcher.stages import build, load_demo, migrate

READY_WAIT = 90.0  # seconds until /readyz must answer 200
PROCESSES_STOP = 8.0  # seconds that web, worker, relay and beat get to end; then the servers get
SERVERS_STOP = 5.0  # so many, and all together stay under the 15 s that a signal may take
# What another command needs from `run.json` to work on the same servers.
HANDED_ON = (
    "DATABASE_URL",
    "DATABASE_OWNER_URL",
    "DATABASE_RELAY_URL",
    "DATABASE_BACKUP_URL",
    "CRM_ADMIN_URL",
    "REDIS_URL",
    "SECRET_KEY",
    "FRESHPLAN_CREDENTIAL_KEYS",
    "CRM_DATA_DIR",
    "CRM_EMBEDDED",
    "CRM_ADDRESS",
    "ALLOWED_HOSTS",
)
CALM = 30.0  # a process that ran so long starts again at once


class Stopped(BaseException):
    """A signal asked us to end."""


@dataclass
class Post:
    """One process that must run, and how to put it there again."""

    name: str
    start: Callable[[], Child]
    child: Child
    failures: int = 0
    next_start: float = 0.0


@dataclass
class Supervisor:
    """Keeps the posts manned, and has the nightly backup made."""

    posts: list[Post] = field(default_factory=list)
    nightly: Nightly | None = None

    def add(self, name: str, start: Callable[[], Child]) -> None:
        """Start a process and watch it from now on."""
        self.posts.append(Post(name, start, start()))

    def look_after(self) -> None:
        """Start again what has ended: at once after a calm time, later and later when it keeps falling."""
        if self.nightly is not None:
            self.nightly.look_after()
        now = time.monotonic()
        for post in self.posts:
            if post.child.running():
                continue
            if post.next_start == 0.0:
                post.failures = 0 if now - post.child.started > CALM else post.failures + 1
                delay = min(0.5 * 2**post.failures, 15.0) if post.failures else 0.1
                post.next_start = now + delay
                post.child.kill()  # processes of its own that outlived it would hold its port
                say(f"{post.name} ended (code {post.child.process.returncode}); starting it again in {delay:.1f} s")
            elif now >= post.next_start:
                post.next_start = 0.0
                try:
                    post.child = post.start()
                except Problem as problem:
                    say(str(problem))

    def stop(self, names: tuple[str, ...], seconds: float) -> None:
        """Ask these to stop, all at once, and end what is left after so many seconds."""
        chosen = [post.child for post in reversed(self.posts) if post.name in names]
        end = time.monotonic() + seconds
        for child in chosen:
            child.ask_to_stop()
        for child in chosen:
            if not child.wait(end - time.monotonic()):
                say(f"{child.name} did not stop in time and was ended")
            child.kill()


def run(port: int, *, demo: bool = True) -> int:
    """Serve on 127.0.0.1:port until SIGINT or SIGTERM; 0 when everything has been stopped in order.

    `demo`: load the demo organisations where the database has none yet.
    """
    folder = DataFolder.chosen()
    if not folder.take("run"):
        time.sleep(0.3)
        raise Problem(f"FreshPlan runs already on {folder.path}: {folder.holder()}. Set CRM_DATA_DIR for a second one.")
    backing = Backing(folder)
    supervisor = Supervisor()
    try:
        end_leftovers(folder.path)  # they may hold the port
        _check_port(port)
    except Problem:
        folder.leave()
        raise
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _stop)
    try:
        _serve(folder, backing, supervisor, port=port, demo=demo)
    except Stopped:
        say("stopping")
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise Problem(f"The disk of {folder.path} is full: free some space and start again.") from error
        raise
    finally:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        if supervisor.nightly is not None:
            supervisor.nightly.stop(1.0)
        supervisor.stop(("beat", "sender", "relay", "worker", "web"), PROCESSES_STOP)
        backing.stop(SERVERS_STOP)
        folder.leave()
        if supervisor.posts:
            say("stopped")
    return 0


def _serve(folder: DataFolder, backing: Backing, supervisor: Supervisor, *, port: int, demo: bool) -> None:
    address = f"http://{HOST}:{port}"
    folder.write(_facts(folder, address) | {"ready": False})
    env = backing.start(f"{HOST}:{port}")
    for server in backing.servers:
        if server.child is not None:
            supervisor.posts.append(Post(server.name, server.start, server.child))
    folder.write(_facts(folder, address) | {"ready": False})
    build(folder.path, env)
    migrate(folder.path, env)
    if demo:
        load_demo(env)
    shutil.rmtree(folder.path / "metrics", ignore_errors=True)  # files of processes that are gone
    for process in processes(folder.path, env, port):
        supervisor.add(process.name, _starter(process, folder.path))
        if process.name == "relay":  # web and relay make /readyz; the others start later, so that nobody waits for them
            _wait_until_ready(supervisor, address)
    kept = {key: value for key, value in env.items() if key in HANDED_ON}
    pids = {post.name: post.child.pid for post in supervisor.posts}
    folder.write(_facts(folder, address) | {"ready": True, "pids": pids, "environment": kept})
    _announce(folder.path, address, env)
    supervisor.nightly = Nightly(folder.path, env)
    while True:
        supervisor.look_after()
        time.sleep(0.2)


def _facts(folder: DataFolder, address: str) -> dict[str, object]:
    return folder.read() | {"command": "run", "address": address}


def _starter(process: Process, data: Path) -> Callable[[], Child]:
    return lambda: Child(process.name, process.command, env=process.env | {MARK: str(data)}, cwd=ROOT)


def _check_port(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            if error.errno == errno.EACCES:
                raise Problem(f"Port {port} needs more rights than this account has: choose one above 1023.") from error
            raise Problem(f"Port {port} is taken by another program: choose another one with --port.") from error
        except OverflowError as error:
            raise Problem("A port is a number from 1 to 65535.") from error


def _wait_until_ready(supervisor: Supervisor, address: str) -> None:
    end = time.monotonic() + READY_WAIT
    reason = "no answer"
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    while time.monotonic() < end:
        try:
            with opener.open(f"{address}/readyz", timeout=5) as answer:
                if answer.status == 200:
                    return
        except urllib.error.HTTPError as error:
            reason = f"{error.code} {error.read(300).decode(errors='replace')}"
        except OSError as error:
            reason = str(error)
        supervisor.look_after()
        time.sleep(0.05)
    raise Problem(f"{address}/readyz did not answer 200 in {READY_WAIT:.0f} s ({reason}): read the lines above.")


def _announce(data: Path, address: str, env: dict[str, str]) -> None:
    say(f"ready at {address}")
    lines = [f"FreshPlan runs at {address} (data in {data}). Ctrl-C stops it."]
    logins = data / "demo-logins.json"
    if logins.exists():
        click = ", one click each on the sign-in page" if env["CRM_EMBEDDED"] == "1" else ""
        lines.append(f"Demo sign-ins{click}; second factors stand in {logins}:")
        for login in json.loads(logins.read_text()):
            lines.append(f"  {login['organisation']} · {login['role']}: {login['email']} {login['password']}")
    print("\n".join(lines), flush=True)


def _stop(number: int, frame: FrameType | None) -> None:
    raise Stopped
