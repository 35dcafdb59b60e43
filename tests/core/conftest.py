"""Two small tables behind a policy, for tests of the kernel's reads: the kernel has no tables of its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from crm.core.access import Scope, activate
from tests.core.probe import NOW

TABLES = """
DROP TABLE IF EXISTS probe_value, probe_row;
CREATE TABLE probe_row (
    id bigint PRIMARY KEY, organisation_id bigint NOT NULL, name text COLLATE "C", kind text COLLATE "C" NOT NULL,
    amount bigint, cents bigint, day date, moment timestamptz, flag boolean, owner_id bigint);
CREATE TABLE probe_value (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, row_id bigint NOT NULL, choice text COLLATE "C" NOT NULL);
CREATE INDEX ON probe_row (organisation_id, name, id);
CREATE INDEX ON probe_row (organisation_id, day, id);
ALTER TABLE probe_row ENABLE ROW LEVEL SECURITY;
CREATE POLICY scope ON probe_row USING (organisation_id = (SELECT crm_organisation()));
DO $do$ BEGIN  -- as on every table of the product: whole backups are whole
    EXECUTE format('CREATE POLICY backup ON probe_row TO %I USING (true)', current_database() || '_backup');
END $do$;
"""


@pytest.fixture(scope="session")
def probe_tables(django_db_setup: None, database_urls: dict[str, str]) -> Iterator[None]:
    """The tables of tests.core.probe, made by the owner; the tests read them as the application's role."""
    with psycopg.connect(database_urls["owner"], autocommit=True) as owner:
        owner.execute(TABLES)
        yield
        owner.execute("DROP TABLE IF EXISTS probe_value, probe_row")


@pytest.fixture
def probe_scope(probe_tables: None, db: Any) -> Iterator[Scope]:
    """An active scope of user 5 in organisation 1, at noon of 28 March 2026 in Berlin: the next day has 23 hours."""
    scope = Scope(organisation_id=1, actor="user:5", role="REP", user_id=5, now=NOW)
    with activate(scope):
        yield scope
