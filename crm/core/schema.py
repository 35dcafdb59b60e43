"""What migrations call: row-level security, history and version triggers, SQL files. Each returns reversible operations.

Role names carry the database's name (`<database>_app` and so on), so statements that name them are built in the database.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.db.migrations import RunSQL
from django.db.migrations.operations.base import Operation

_HELPERS = ("owner", "relay", "search", "backup")
# A session that has not used pg_trgm yet does not know its parameters, and only a superuser may name an unknown one.
_USE_TRGM = "DO $use$ BEGIN PERFORM similarity('', ''); END $use$;\n"


def sql_file(migration: str, name: str, reverse: str = "") -> RunSQL:
    """The statements of `<app>/sql/<name>.sql`, called with the migration's `__file__`; `reverse` undoes them."""
    return RunSQL(_whole(Path(migration).parent.parent / "sql" / f"{name}.sql"), reverse_sql=reverse or RunSQL.noop)


def kernel_sql(name: str, reverse: str = "") -> RunSQL:
    """The statements of `crm/core/sql/<name>.sql`; the kernel has no migrations of its own."""
    return RunSQL(_whole(Path(__file__).parent / "sql" / f"{name}.sql"), reverse_sql=reverse or RunSQL.noop)


def _whole(path: Path) -> list[str | tuple[str, Any]]:
    # One element: Django must not split functions at their semicolons.
    text = path.read_text(encoding="utf-8")
    return [_USE_TRGM + text if "SET pg_trgm." in text else text]


def protect(
    table: str, condition: str = "", check: str = "", organisation: str | None = "organisation_id"
) -> list[Operation]:
    """Row-level security that fails closed on `table`: the scope's organisation, and `condition` (SQL) for reading.

    `organisation` names its column; None where the table has none and `condition` reaches a protected table instead.

    `check` is what a written row must satisfy (default: the same). The owner, relay, search and backup roles get
    policies of their own instead of BYPASSRLS, which a managed server does not give. Call it again to swap a policy.
    """
    home = f"{organisation} = (SELECT crm_organisation())" if organisation else "true"
    using = f"{home} AND ({condition})" if condition else home
    writing = f"{home} AND ({check})" if check else using
    helpers = "\n".join(_helper_policy(table, role) for role in _HELPERS)
    drops = "\n".join(f"DROP POLICY IF EXISTS {name} ON {table};" for name in ("scope", *_HELPERS))
    forward = f"""
ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;
ALTER TABLE {table} FORCE ROW LEVEL SECURITY;
{drops}
CREATE POLICY scope ON {table} USING ({using}) WITH CHECK ({writing});
DO $do$ BEGIN
{helpers}
END $do$;
"""
    backward = (
        f"{drops}\nALTER TABLE {table} NO FORCE ROW LEVEL SECURITY;\nALTER TABLE {table} DISABLE ROW LEVEL SECURITY;"
    )
    return [RunSQL([forward], reverse_sql=[backward])]


def _helper_policy(table: str, role: str) -> str:
    check = " WITH CHECK (true)" if role == "owner" else ""
    statement = f"CREATE POLICY {role} ON {table} TO %I USING (true){check}"
    return f"EXECUTE format('{statement}', current_database() || '_{role}');"


def touch(table: str) -> list[Operation]:
    """version and updated_at by trigger."""
    return [
        RunSQL(
            f"CREATE TRIGGER touch BEFORE UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION crm_touch()",
            reverse_sql=f"DROP TRIGGER touch ON {table}",
        )
    ]


def keep_history(
    table: str, history: str, condition: str = "", organisation: str | None = "organisation_id"
) -> list[Operation]:
    """History of `table` into `history` by statement-level triggers; the application's role may only read it there.

    `condition` narrows who reads it, as in `protect`; usually that the row itself is visible.
    """
    triggers = [
        ("insert", "INSERT", "REFERENCING NEW TABLE AS new_rows"),
        ("update", "UPDATE", "REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows"),
        ("delete", "DELETE", "REFERENCING OLD TABLE AS old_rows"),
    ]
    create = ";\n".join(
        f"CREATE TRIGGER history_{name} AFTER {event} ON {table} {tables} FOR EACH STATEMENT"
        f" EXECUTE FUNCTION crm_keep_history('{history}')"
        for name, event, tables in triggers
    )
    drop = ";\n".join(f"DROP TRIGGER history_{name} ON {table}" for name, _, _ in triggers)
    read_only = (
        f"DO $do$ BEGIN EXECUTE format('REVOKE INSERT, UPDATE, DELETE ON {history} FROM %I',"
        " current_database() || '_app'); END $do$"
    )
    name = f"{history}_by_change_set"[-63:]
    index = f"CREATE INDEX {name} ON {history} (history_change_set_id) WHERE history_change_set_id IS NOT NULL"
    return [
        *protect(history, condition, organisation=organisation),
        RunSQL([index], reverse_sql=[f"DROP INDEX {name}"]),
        RunSQL([create], reverse_sql=[drop]),
        RunSQL([read_only], reverse_sql=RunSQL.noop),
    ]
