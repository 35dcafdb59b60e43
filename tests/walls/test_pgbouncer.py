"""Through PgBouncer in transaction mode, with one server connection for all: no scope survives its transaction."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from django.db import connection, connections, transaction
from django.utils import timezone

from crm.core.access import activate, system_scope_for
from customers.models import Customer
from tests.conftest import make_organisation

pytestmark = [pytest.mark.wall, pytest.mark.fault]

ROUNDS = 40


@pytest.fixture
def pooled(committed_db: None, database_urls: dict[str, str]) -> Iterator[None]:
    """Django's connections go through a PgBouncer whose pool has a single server connection."""
    program = shutil.which("pgbouncer") or "/usr/sbin/pgbouncer"
    if not Path(program).exists():
        pytest.fail("PgBouncer is missing: apt-get install pgbouncer")
    parts = urlsplit(database_urls["app"])
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (folder / "users.txt").write_text(f'"{unquote(parts.username)}" "{unquote(parts.password)}"\n')
    (folder / "pgbouncer.ini").write_text(
        f"[databases]\n* = host={parts.hostname} port={parts.port}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n"
        f"auth_type = scram-sha-256\nauth_file = {folder}/users.txt\npool_mode = transaction\ndefault_pool_size = 1\n"
        f"unix_socket_dir =\nignore_startup_parameters = extra_float_digits,options\n"
    )
    as_other = {"user": "nobody"} if os.geteuid() == 0 else {}
    bouncer = subprocess.Popen([program, "-q", str(folder / "pgbouncer.ini")], **as_other)
    settings = connections["default"].settings_dict
    direct = settings["HOST"], settings["PORT"]
    try:
        _wait_for(port)
        connections.close_all()
        settings["HOST"], settings["PORT"] = "127.0.0.1", str(port)
        yield
    finally:
        connections.close_all()
        settings["HOST"], settings["PORT"] = direct
        bouncer.terminate()
        bouncer.wait(10)
        shutil.rmtree(folder)


def _wait_for(port: int) -> None:
    for _attempt in range(100):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    pytest.fail("PgBouncer does not answer")


def test_two_organisations_share_one_server_connection_and_never_see_each_other(pooled):
    ids = []
    for number in range(2):
        organisation = make_organisation(f"Nummer {number}")
        with transaction.atomic(), activate(system_scope_for(organisation.pk, job="test")):
            Customer.objects.create(
                organisation=organisation,
                company_name=f"Haus {number}",
                customer_number="K-1",
                status_since=timezone.now(),
            )
        ids.append(organisation.pk)
    seen: dict[int, set[str]] = {pk: set() for pk in ids}
    backends: set[int] = set()
    leaks: list[int] = []

    def work(organisation_id: int) -> None:
        try:
            for _round in range(ROUNDS):
                with transaction.atomic(), activate(system_scope_for(organisation_id, job="test")):
                    seen[organisation_id] |= set(Customer.objects.values_list("company_name", flat=True))
                    with connection.cursor() as cursor:
                        cursor.execute("SELECT pg_backend_pid()")
                        backends.add(cursor.fetchone()[0])
                leaks.append(Customer.objects.count())  # a statement of its own, without a scope
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=(pk,)) for pk in ids]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == {ids[0]: {"Haus 0"}, ids[1]: {"Haus 1"}}
    assert len(backends) == 1
    assert leaks == [0] * (2 * ROUNDS)
