"""Fills a bench database, set-based, as the owner: the same rows each time, as skewed as real ones.

Indexes, foreign keys and triggers stand aside while rows go in and are put back before the end; the hot rows and the search
words come from the projection's own definitions, so that a recomputation finds no difference.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

SQL = Path(__file__).parent / "sql"
WORKERS = 2
STEP = 25_000  # customers a statement
FILLED = (
    "customers_customer",
    "customers_address",
    "customers_contact",
    "customers_customerfieldvalue",
    "customers_customerfieldchoice",
    "customers_customerhot",
    "customers_customerword",
    "customers_contactword",
    "customers_historicalcustomer",
)
COUNTED = (*FILLED, "organisation_user", "organisation_team", "customers_customeruserpermission")
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Size:
    """How large a bench is; everything follows from the customers of the first organisation."""

    customers: int

    @property
    def reps(self) -> int:
        """Sales reps: one for 2,000 customers, ten at least."""
        return max(self.customers // 2000, 10)

    @property
    def teams(self) -> int:
        """Teams: of ten reps, two at least."""
        return max(self.reps // 10, 2)

    @property
    def chains(self) -> int:
        """Chains: one for 500 customers, five at least."""
        return max(self.customers // 500, 5)

    @property
    def organisations(self) -> dict[int, tuple[int, int]]:
        """First and last customer id of each organisation: the large one and two small ones."""
        one, two = self.customers, self.customers + max(self.customers // 100, 100)
        return {1: (1, one), 2: (one + 1, two), 3: (two + 1, two + max(self.customers // 500, 50))}


class Loader:
    """One loading of one database; `url` is the owner's."""

    def __init__(self, url: str, size: Size, say: Say) -> None:
        self.url, self.size, self.say = url, size, say
        self.started = time.monotonic()

    def is_current(self) -> bool:
        """Whether the rows of this size, made by this very loader, are all there."""
        with self._connect() as connection:
            row = connection.execute("SELECT to_regclass('bench.loaded')").fetchone()
            if row is None or row[0] is None:
                return False
            known = dict(connection.execute("SELECT name, value FROM bench.loaded").fetchall())
            return known.get("fingerprint") == self.fingerprint() and all(
                known.get(table) == str(count) for table, count in self.counts(connection).items()
            )

    def fingerprint(self) -> str:
        """Tells loaders and schemas apart: the size, the text of the statements and that of the migrations."""
        root = SQL.parent.parent
        files = [
            *SQL.glob("*.sql"),
            *root.glob("*/migrations/*.py"),
            *root.glob("*/sql/*.sql"),
            *root.glob("crm/core/sql/*.sql"),
        ]
        text = "".join(path.read_text(encoding="utf-8") for path in sorted(files))
        return hashlib.sha256(f"{self.size.customers}{text}".encode()).hexdigest()[:16]

    def counts(self, connection: psycopg.Connection) -> dict[str, int]:
        """Rows by table."""
        counted = {}
        for table in COUNTED:
            row = connection.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table))).fetchone()
            counted[table] = row[0] if row else 0
        return counted

    def load(self) -> None:
        """Fill the freshly migrated database. Takes 5 to 10 minutes at 1,000,000 customers on two cores."""
        with self._connect() as main:
            self._run_file(main, "1_tools")
            aside = _set_aside(main)
            for name in ("2_people", "3_catalogue"):
                self._run_file(main, name)
            self._run_file(main, "4_customers", {"{history_columns}": _shared_columns(main)})
            self._run_file(main, "5_projection", {"{hot_columns}": _view_columns(main)})
            self.say("people and catalogue stand")
            self._in_steps("customers", self._customers)
            self._in_steps("addresses, contacts, history", "SELECT bench.around(%(org)s, %(first)s, %(last)s)")
            self._in_steps("field values", "SELECT bench.values(%(org)s, %(first)s, %(last)s)")
            self._build(aside.needed)
            self._each("VACUUM ANALYZE {}", FILLED[:5])
            self._in_steps("hot rows and words", "SELECT bench.project(%(first)s, %(last)s)")
            main.execute(
                "INSERT INTO customers_vocabularyword (organisation_id, word)"
                " SELECT organisation_id, word FROM customers_customerword WHERE word !~ '^[0-9]{7,}$'"
                " UNION SELECT p.organisation_id, w.word FROM (SELECT DISTINCT organisation_id, first_name, last_name"
                " FROM customers_contact) p, unnest(crm_fold_words(concat_ws(' ', p.first_name, p.last_name))) AS w(word)"
                " ORDER BY 1, 2"
            )
            self._grant(main)
            for organisation, (_, last) in self.size.organisations.items():
                main.execute(
                    "INSERT INTO organisation_numberrange (organisation_id, kind, next_value) VALUES (%s, 'customer', %s)",
                    [organisation, last + 1],
                )
            self._build(aside.rest)
            for table in aside.tables:
                main.execute(sql.SQL("ALTER TABLE {} ENABLE TRIGGER USER").format(sql.Identifier(table)))
            _restart_sequences(main)
            self._each(
                "VACUUM ANALYZE {}", (*FILLED, "customers_vocabularyword", "organisation_user", "organisation_team")
            )
            main.execute("CREATE TABLE bench.loaded (name text PRIMARY KEY, value text)")
            main.execute("INSERT INTO bench.loaded VALUES ('fingerprint', %s)", [self.fingerprint()])
        self.remember()
        self.say("loaded")

    def remember(self) -> dict[str, int]:
        """Take the rows as they are now for those of this loading, what the cases wrote among them; rows by table."""
        with self._connect() as connection:
            counts = self.counts(connection)
            for table, count in counts.items():
                connection.execute(
                    "INSERT INTO bench.loaded VALUES (%s, %s) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                    [table, str(count)],
                )
        return counts

    def differences(self, sample: int = 2_000) -> int:
        """How many of a sample of customers differ from the recomputed projection or words; 0 is right."""
        with self._connect() as connection:
            row = connection.execute(
                """
                WITH sample AS (SELECT customer_id FROM customers_customerhot WHERE customer_id %% %(every)s = 0)
                SELECT (SELECT count(*) FROM (SELECT customer_id, {columns} FROM customers_hot_expected
                                               WHERE customer_id IN (SELECT customer_id FROM sample)
                                              EXCEPT SELECT customer_id, {columns} FROM customers_customerhot) d)
                     + (SELECT count(*) FROM (SELECT customer_id, word FROM customers_words_expected
                                               WHERE customer_id IN (SELECT customer_id FROM sample)
                                              EXCEPT SELECT customer_id, word FROM customers_customerword) d)
                     + (SELECT count(*) FROM (SELECT contact_id, word FROM customers_contact_words_expected
                                               WHERE customer_id IN (SELECT customer_id FROM sample)
                                              EXCEPT SELECT contact_id, word FROM customers_contactword) d)
                """.replace("{columns}", _view_columns(connection, "customer_id")),
                {"every": max(self.size.customers // sample, 1)},
            ).fetchone()
            return int(row[0]) if row else 0

    # ---- steps

    def _customers(self, organisation: int, first: int, last: int) -> tuple[str, dict[str, int]]:
        large = organisation == 1
        return (
            "SELECT bench.customers(%(org)s, %(first)s, %(last)s, %(chains)s, %(reps)s, %(base)s)",
            {
                "chains": self.size.chains if large else 0,
                "reps": self.size.reps if large else 5,
                "base": 0 if large else 30_001 + organisation * 10,
            },
        )

    def _in_steps(self, what: str, statement: str | Callable[[int, int, int], tuple[str, dict[str, int]]]) -> None:
        """The statement for every stretch of customers, on two connections; chains come first, with the lowest ids."""
        stretches = [
            (organisation, start, min(start + STEP - 1, last))
            for organisation, (first, last) in self.size.organisations.items()
            for start in range(first, last + 1, STEP)
        ]

        def work(share: list[tuple[int, int, int]]) -> None:
            with self._connect() as connection:
                for organisation, first, last in share:
                    text, more = statement(organisation, first, last) if callable(statement) else (statement, {})
                    connection.execute(text, {"org": organisation, "first": first, "last": last, **more})

        with ThreadPoolExecutor(WORKERS) as pool:
            list(pool.map(work, [stretches[n::WORKERS] for n in range(WORKERS)]))
        self.say(what)

    def _build(self, statements: Iterable[str]) -> None:
        """Indexes on two connections, the largest tables' first; then foreign keys, whose locks shut each other out."""

        def work(share: list[str]) -> None:
            with self._connect() as connection:
                connection.execute("SET maintenance_work_mem = '256MB'")
                connection.execute("SET max_parallel_maintenance_workers = 0")
                for statement in share:
                    connection.execute(statement)  # type: ignore[arg-type] # definitions read from the catalogue

        every = list(statements)
        indexes = [statement for statement in every if not statement.startswith("ALTER TABLE")]
        with ThreadPoolExecutor(WORKERS) as pool:
            list(pool.map(work, [indexes[n::WORKERS] for n in range(WORKERS)]))
        work([statement for statement in every if statement.startswith("ALTER TABLE")])
        self.say("indexes and foreign keys")

    def _each(self, statement: str, tables: Iterable[str]) -> None:
        with self._connect() as connection:
            for table in tables:
                connection.execute(sql.SQL(statement).format(sql.Identifier(table)))  # type: ignore[arg-type] # constants

    def _grant(self, connection: psycopg.Connection) -> None:
        """The chain manager sees and changes the five largest chains."""
        connection.execute(
            """
            INSERT INTO customers_customeruserpermission (user_id, permission_id, content_object_id)
            SELECT 20001, p.id, c FROM generate_series(1, 5) AS c, auth_permission p JOIN django_content_type t ON t.id = p.content_type_id
             WHERE t.app_label = 'customers' AND t.model = 'customer' AND p.codename IN ('view_customer', 'change_customer')
            """
        )

    def _run_file(self, connection: psycopg.Connection, name: str, marks: dict[str, str] | None = None) -> None:
        text = (SQL / f"{name}.sql").read_text(encoding="utf-8")
        for mark, value in (marks or {}).items():
            text = text.replace(mark, value)
        connection.execute(text)  # type: ignore[arg-type] # a file of the repository

    def _connect(self) -> psycopg.Connection:
        connection = psycopg.connect(self.url, autocommit=True)
        connection.execute(
            "SELECT set_config('app.actor', 'command:bench', false), set_config('synchronous_commit', 'off', false),"
            " set_config('bench.reps', %s, false), set_config('bench.teams', %s, false)",
            [str(self.size.reps), str(self.size.teams)],
        )
        return connection


@dataclass(frozen=True, slots=True)
class Aside:
    """What stands aside while rows go in: tables whose triggers sleep, and how to put indexes and foreign keys back."""

    tables: list[str]
    needed: list[str]
    rest: list[str]


def _set_aside(connection: psycopg.Connection) -> Aside:
    """Drop what slows the loading down: secondary indexes and foreign keys of the filled tables; put triggers to sleep."""
    names = list(FILLED)
    tables = [
        *names,
        "organisation_organisation",
        "organisation_team",
        "organisation_user",
        "customers_fielddefinition",
        "customers_customeruserpermission",
    ]
    for table in tables:
        connection.execute(sql.SQL("ALTER TABLE {} DISABLE TRIGGER USER").format(sql.Identifier(table)))
    keys = connection.execute(
        "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint"
        " WHERE contype = 'f' AND conrelid::regclass::text = ANY(%s)",
        [names],
    ).fetchall()
    indexes = connection.execute(
        "SELECT i.indrelid::regclass::text, c.relname, pg_get_indexdef(i.indexrelid) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid"
        " WHERE i.indrelid::regclass::text = ANY(%s) AND NOT EXISTS (SELECT 1 FROM pg_constraint k WHERE k.conindid = i.indexrelid)",
        [names],
    ).fetchall()
    for table, name, _ in keys:
        connection.execute(
            sql.SQL("ALTER TABLE {} DROP CONSTRAINT {}").format(sql.Identifier(table), sql.Identifier(name))
        )
    for _, name, _ in indexes:
        connection.execute(sql.SQL("DROP INDEX {}").format(sql.Identifier(name)))
    # the projection reads addresses and values by customer, the words contacts
    needed = [
        definition
        for table, _, definition in indexes
        if table in {"customers_address", "customers_contact"} and "(customer_id)" in definition
    ]
    rest = [definition for *_, definition in indexes if definition not in needed]
    rest += [f'ALTER TABLE {table} ADD CONSTRAINT "{name}" {definition}' for table, name, definition in keys]
    return Aside(tables, needed, rest)


def _shared_columns(connection: psycopg.Connection) -> str:
    """The columns that the customers' history keeps."""
    rows = connection.execute(
        "SELECT h.attname FROM pg_attribute h JOIN pg_attribute c ON c.attname = h.attname AND c.attrelid = 'customers_customer'::regclass"
        " WHERE h.attrelid = 'customers_historicalcustomer'::regclass AND h.attnum > 0 AND NOT h.attisdropped AND NOT c.attisdropped ORDER BY h.attnum"
    ).fetchall()
    return ", ".join(name for (name,) in rows)


def _view_columns(connection: psycopg.Connection, without: str = "") -> str:
    """The columns that the projection's own definition tells."""
    rows = connection.execute(
        "SELECT attname FROM pg_attribute WHERE attrelid = 'customers_hot_expected'::regclass AND attnum > 0 ORDER BY attnum"
    ).fetchall()
    return ", ".join(name for (name,) in rows if name != without)


def _restart_sequences(connection: psycopg.Connection) -> None:
    """Next ids behind the ones given by hand."""
    for table in (
        "organisation_organisation",
        "organisation_team",
        "organisation_user",
        "customers_fielddefinition",
        "customers_customer",
    ):
        connection.execute(
            sql.SQL("SELECT setval(pg_get_serial_sequence({}, 'id'), (SELECT max(id) FROM {}))").format(
                sql.Literal(table), sql.Identifier(table)
            )
        )
