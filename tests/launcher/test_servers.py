"""The embedded servers: what was committed survives `kill -9`, and nothing listens beyond this machine."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import redis

from crm.launcher import servers
from crm.launcher.problem import Problem
from crm.launcher.servers import Postgres, Valkey, secret

pytestmark = pytest.mark.fault


@pytest.fixture
def postgres(tmp_path: Path) -> Iterator[Postgres]:
    """A durable cluster of its own, as `run` uses it."""
    server = Postgres(tmp_path)
    server.prepare()
    server.start()
    yield server
    if server.child is not None:
        server.child.stop(10)
    server.clean_up()


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[Valkey]:
    """A durable Valkey of its own."""
    server = Valkey(tmp_path)
    server.prepare()
    server.start()
    yield server
    if server.child is not None:
        server.child.stop(10)


def test_postgres_keeps_what_was_committed_through_kill(postgres: Postgres) -> None:
    with psycopg.connect(postgres.admin_url, autocommit=True) as admin:
        admin.execute("CREATE TABLE kept AS SELECT generate_series(1, 1000) AS n")
        listening = admin.execute("SHOW listen_addresses").fetchone()
    url, child = postgres.admin_url, postgres.child
    assert child is not None

    child.process.kill()
    postgres.start()  # at once: the dead postmaster may still hold its lock file

    assert postgres.admin_url == url
    assert listening == ("127.0.0.1",)
    with psycopg.connect(url, autocommit=True) as admin:
        assert admin.execute("SELECT count(*) FROM kept").fetchone() == (1000,)


def test_postgres_wants_the_password(postgres: Postgres) -> None:
    with pytest.raises(psycopg.OperationalError, match="no password supplied"):
        psycopg.connect(f"postgresql://postgres@127.0.0.1:{postgres.port}/postgres", passfile="/dev/null")


def test_cluster_of_another_major_is_refused(postgres: Postgres) -> None:
    assert postgres.child is not None
    postgres.child.stop(10)
    (postgres.cluster / "PG_VERSION").write_text("17\n")

    with pytest.raises(Problem, match=r"is of PostgreSQL 17, this version brings 18: carry it over with pg_dump"):
        Postgres(postgres.data).prepare()


def test_half_made_cluster_is_never_used(tmp_path: Path) -> None:
    (tmp_path / "pg.new").mkdir()
    (tmp_path / "pg.new" / "PG_VERSION").write_text("18\n")
    server = Postgres(tmp_path)
    try:
        server.prepare()
        assert (server.cluster / "global" / "pg_control").exists()
        assert not (tmp_path / "pg.new").exists()
    finally:
        server.clean_up()


def test_valkey_keeps_what_was_said_through_kill(valkey: Valkey) -> None:
    with redis.Redis.from_url(valkey.url) as client:
        client.set("kept", "yes")
        client.execute_command("WAITAOF", 1, 0, 5000)
    assert valkey.child is not None

    valkey.child.process.kill()
    valkey.start()

    with redis.Redis.from_url(valkey.url) as client:
        assert client.get("kept") == b"yes"


def test_valkey_wants_the_password(valkey: Valkey) -> None:
    with redis.Redis(port=valkey.port) as client, pytest.raises(redis.AuthenticationError):
        client.ping()


def test_secrets_are_random_kept_and_private(tmp_path: Path) -> None:
    first = secret(tmp_path / "one")

    assert first == secret(tmp_path / "one") != secret(tmp_path / "two")
    assert len(first) == 64
    assert (tmp_path / "one").stat().st_mode & 0o777 == 0o600


def test_root_without_user_namespaces_serves_as_another_account(monkeypatch: pytest.MonkeyPatch) -> None:
    """Docker's default profile forbids them. An ordinary account never needs either way."""
    monkeypatch.setattr(servers, "UNSHARE", ("false",))
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        Path(folder).chmod(0o755)
        data = Path(folder) / "var"
        data.mkdir(mode=0o700)
        server = Postgres(data)
        try:
            server.prepare()
            child = server.start()
            owner = Path(f"/proc/{child.pid}").stat().st_uid
            assert server.answers()
            assert owner != 0
            assert (server.account is not None) == (os.geteuid() == 0)
        finally:
            if server.child is not None:
                server.child.stop(10)
            server.clean_up()
