"""Migrations as an installation meets them that has been there for a while."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psycopg

from crm.launcher.environment import ROOT
from crm.launcher.roles import provision


def test_every_migration_runs_in_a_session_of_its_own(tmp_path: Path, worker_id: str) -> None:
    """A session knows a library's parameters only once it has used it: what an earlier migration loaded is not there."""
    admin, name = os.environ["TEST_ADMIN_URL"], f"migrating_{os.environ.get('PYTEST_DB_SUFFIX', '')}_{worker_id}"
    try:
        env = os.environ | {"DATABASE_URL": provision(admin, name, tmp_path / "roles.json")["owner"]}
        command = [sys.executable, "-m", "tests.core.migrating"]
        done = subprocess.run(command, env=env, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 0, done.stdout[-300:] + done.stderr[-1500:]
        newest = max((ROOT / "customers" / "migrations").glob("0*.py")).stem
        assert f"customers.{newest}" in done.stdout
    finally:
        with psycopg.connect(admin, autocommit=True) as server:
            server.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
