"""What must be equal between a database and its restored copy: rows and hashes by table, walls, extensions, objects."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar

from crm.launcher.problem import Problem

if TYPE_CHECKING:
    import psycopg

T = TypeVar("T")
# Rows are compared as text, so everything that forms text is set. Nothing of an extension counts.
_FORM: Final = """
SELECT set_config('search_path', 'public', true), set_config('timezone', 'UTC', true), set_config('datestyle', 'ISO', true),
       set_config('intervalstyle', 'postgres', true), set_config('bytea_output', 'hex', true),
       set_config('extra_float_digits', '1', true), set_config('jit', 'off', true)
"""
_OURS: Final = """
c.relnamespace = 'public'::regnamespace AND NOT c.relispartition
AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
"""
_TABLES: Final = f"SELECT c.relname FROM pg_class c WHERE c.relkind IN ('r', 'p') AND {_OURS} ORDER BY 1"  # noqa: S608
_SECURITY: Final = f"""
SELECT c.relname, ARRAY[c.relrowsecurity, c.relforcerowsecurity] FROM pg_class c
 WHERE c.relkind IN ('r', 'p') AND {_OURS} ORDER BY 1
"""  # noqa: S608
_POLICIES: Final = """
SELECT tablename, policyname, permissive, cmd, roles::text[], coalesce(qual, ''), coalesce(with_check, '')
  FROM pg_policies WHERE schemaname = 'public' ORDER BY 1, 2
"""
# Owners count: what runs with its definer's rights must be the search role's, not the owner's.
_GRANTS: Final = f"""
WITH ours (name, owner, acl) AS (
    SELECT c.oid::regclass::text, c.relowner, c.relacl FROM pg_class c WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S') AND {_OURS}
    UNION ALL
    SELECT c.oid::regclass || '.' || t.attname, c.relowner, t.attacl FROM pg_attribute t JOIN pg_class c ON c.oid = t.attrelid
     WHERE t.attacl IS NOT NULL AND {_OURS}
    UNION ALL
    SELECT p.oid::regprocedure::text, p.proowner, coalesce(p.proacl, acldefault('f', p.proowner)) FROM pg_proc p
     WHERE p.pronamespace = 'public'::regnamespace AND NOT EXISTS (
           SELECT 1 FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'))
SELECT o.name, pg_get_userbyid(o.owner)::text, coalesce(array_agg(DISTINCT coalesce(r.rolname, 'PUBLIC') || ' ' || a.privilege_type)
                                     FILTER (WHERE a.grantee <> o.owner), '{{}}')
  FROM ours o LEFT JOIN LATERAL aclexplode(o.acl) a ON true LEFT JOIN pg_roles r ON r.oid = a.grantee GROUP BY 1, 2 ORDER BY 1
"""  # noqa: S608
_SEQUENCES: Final = """
SELECT sequencename, coalesce(last_value, 0) FROM pg_sequences WHERE schemaname = 'public' ORDER BY 1
"""
_EXTENSIONS: Final = "SELECT extname, extversion FROM pg_extension WHERE extname <> 'plpgsql' ORDER BY 1"
# NOT NULL is in every table's definition; servers before 18 do not list it as a constraint.
_OBJECTS: Final = f"""
SELECT 'relation ' || c.relkind::text, count(*) FROM pg_class c
 WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'i', 'I') AND {_OURS} GROUP BY 1
UNION ALL SELECT 'constraint ' || k.contype::text || k.convalidated::text, count(*) FROM pg_constraint k
 WHERE k.connamespace = 'public'::regnamespace AND k.contype <> 'n' GROUP BY 1
UNION ALL SELECT 'trigger ' || t.tgenabled::text, count(*) FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
 WHERE NOT t.tgisinternal AND {_OURS} GROUP BY 1
UNION ALL SELECT 'function ' || p.prosecdef::text, count(*) FROM pg_proc p WHERE p.pronamespace = 'public'::regnamespace
   AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')
 GROUP BY 1 ORDER BY 1
"""  # noqa: S608
# Two halves of the rows' MD5, summed: no order, no key and no version of the server matters.
_HASH: Final = """
SELECT count(*), coalesce(sum(('x' || left(hash, 16))::bit(64)::bigint), 0) || ':'
       || coalesce(sum(('x' || right(hash, 16))::bit(64)::bigint), 0)
  FROM (SELECT md5(whole_row::text) AS hash FROM {} AS whole_row) AS hashed
"""
_UNREADABLE: Final = f"""
SELECT c.relname FROM pg_class c
 WHERE {_OURS} AND (c.relkind IN ('r', 'p', 'm') AND NOT has_table_privilege(c.oid, 'SELECT')
                 OR c.relkind = 'S' AND NOT has_sequence_privilege(c.oid, 'SELECT')
                 OR c.relkind IN ('r', 'p') AND row_security_active(c.oid) AND NOT (
                        EXISTS (SELECT 1 FROM pg_policy p WHERE p.polrelid = c.oid AND p.polpermissive
                                   AND p.polcmd IN ('*', 'r') AND pg_get_expr(p.polqual, p.polrelid) = 'true'
                                   AND EXISTS (SELECT 1 FROM unnest(p.polroles) r
                                                WHERE r = 0 OR pg_has_role(current_user, r, 'USAGE')))
                    AND NOT EXISTS (SELECT 1 FROM pg_policy p WHERE p.polrelid = c.oid AND NOT p.polpermissive)))
 ORDER BY 1
"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that is compared. Policies and grants name roles without their database's name, for that may change."""

    tables: dict[str, list[Any]]  # name: rows, hash
    security: dict[str, list[bool]]  # name: row-level security, also for the owner
    policies: list[list[Any]]
    grants: dict[str, list[str]]  # relation, column or function: its owner, then who may do what
    sequences: dict[str, int]
    extensions: dict[str, str]
    objects: dict[str, int]

    @property
    def rows(self) -> int:
        """Of all tables."""
        return sum(int(count) for count, _hash in self.tables.values())

    def told(self) -> dict[str, Any]:
        """For the manifest."""
        return asdict(self)


def gather(connection: psycopg.Connection, database: str) -> Facts:
    """The facts of a database as its open transaction sees them; `database` is what its roles' names begin with."""
    from psycopg import sql

    connection.execute(_FORM)
    # Sequences first: what moves on while the rest is read only ever grows.
    sequences: dict[str, int] = dict(connection.execute(_SEQUENCES).fetchall())
    tables: dict[str, list[Any]] = {}
    for (name,) in connection.execute(_TABLES).fetchall():
        row = connection.execute(sql.SQL(_HASH).format(sql.Identifier("public", name))).fetchone()
        tables[name] = list(row or ())
    policies = [
        [*named, sorted(role.removeprefix(database) for role in roles), qual, check]
        for *named, roles, qual, check in connection.execute(_POLICIES).fetchall()
    ]
    return Facts(
        tables=tables,
        security={name: list(flags) for name, flags in connection.execute(_SECURITY).fetchall()},
        policies=policies,
        grants={
            name: [one.removeprefix(database) for one in (owner, *sorted(grants))]
            for name, owner, grants in connection.execute(_GRANTS).fetchall()
        },
        sequences=sequences,
        extensions=dict(connection.execute(_EXTENSIONS).fetchall()),
        objects=dict(connection.execute(_OBJECTS).fetchall()),
    )


def refuse_partial_sight(connection: psycopg.Connection) -> None:
    """Raise Problem where this role would leave something out of a dump: no right to a table, or a policy in the way."""
    if hidden := [row[0] for row in connection.execute(_UNREADABLE).fetchall()]:
        raise Problem(f"The role {connection.info.user} does not read all of {', '.join(hidden[:3])}: no whole backup.")


def differences(before: Facts, after: Facts) -> list[str]:
    """What is not as it was, one line each; nothing when the copy is equal."""
    found = [
        *_unequal("table", before.tables, after.tables, lambda value: f"{value[0]} rows"),
        *_unequal("row-level security of", before.security, after.security, str),
        *_unequal("policy", _named(before.policies), _named(after.policies), lambda value: "present"),
        *_unequal("grants on", before.grants, after.grants, ", ".join),
        *_unequal("objects of kind", before.objects, after.objects, str),
    ]
    # Another server may bring another version of an extension; it must bring the extension.
    found += [f"extension {name} is missing" for name in before.extensions.keys() - after.extensions.keys()]
    found += [
        f"sequence {name} stands at {after.sequences.get(name)} and was at {value}"
        for name, value in before.sequences.items()
        if after.sequences.get(name, -1) < value
    ]
    return found


def _named(policies: list[list[Any]]) -> dict[str, list[Any]]:
    return {f"{table}.{name}": rest for table, name, *rest in policies}


def _unequal(what: str, before: dict[str, T], after: dict[str, T], show: Callable[[T], str]) -> list[str]:
    return [
        f"{what} {name}: {show(before[name]) if name in before else 'absent'} before,"
        f" {show(after[name]) if name in after else 'absent'} now"
        for name in sorted(before.keys() | after.keys())
        if before.get(name) != after.get(name)
    ]
