"""Decided rows into the tables: chains, accounts, addresses, keys, catalogue values, tags; one statement each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

from django.db import connection
from django.db.backends.utils import CursorWrapper
from psycopg.types.json import Jsonb

from crm.core.access import Scope
from customers.choices import AccountType, BusinessType, CustomerStatus
from customers.events import CustomerCreated, CustomerUpdated
from customers.importing.chains import CHAIN_KEY, chain_key_holders
from customers.importing.columns import ADDRESS_FIELDS, CUSTOMER_COLUMNS
from customers.importing.matching import Decision
from customers.importing.rows import NO_SOURCE, ParsedRow
from customers.models import Customer, ExternalKey
from customers.numbers import take_customer_numbers
from outbox.services import publish_for_rows, publish_many

_STAGE: Final = """
CREATE TEMPORARY TABLE import_row (
    customer_id bigint, is_new boolean, number text, account_type text, chain_id bigint, owner_id bigint,
    source text, key text, customer jsonb, address jsonb, fields jsonb, tags text[]
) ON COMMIT DROP
"""
_STAGED: Final = (
    "customer_id, is_new, number, account_type, chain_id, owner_id, source, key, customer, address, fields, tags"
)

# What a new account holds where the row says nothing; the columns that are not here may be NULL.
_DEFAULTS: Final = {"text": "''", "boolean": "false", "smallint[]": "'{}'"}
_ADDRESS: Final = {
    name.removeprefix("address."): column for name, column in ADDRESS_FIELDS.items() if name != "address.text"
}
_ADDRESS_COLUMNS: Final = ("street", "house_number", "postcode", "city", "country", "latitude", "longitude")


def _record(columns: dict[str, str], name: str) -> str:
    return f"jsonb_to_record(r.{name}) AS d({', '.join(f'{column} {sql}' for column, sql in columns.items())})"


_CUSTOMER: Final = {name: column.sql for name, column in CUSTOMER_COLUMNS.items()}
_OF_CUSTOMER: Final = _record(_CUSTOMER, "customer")
_OF_ADDRESS: Final = _record({name: column.sql for name, column in _ADDRESS.items()}, "address")


def _or_default(name: str, sql: str) -> str:
    default = f"'{BusinessType.OTHER}'" if name == "business_type" else _DEFAULTS.get(sql)
    return f"coalesce(d.{name}, {default})" if default else f"d.{name}"


_INSERT_CUSTOMERS: Final = f"""
INSERT INTO customers_customer (
       id, organisation_id, customer_number, account_type, chain_id, owner_id, status, status_since, created_at,
       xentral_customer_id, first_order_number, {", ".join(_CUSTOMER)})
SELECT r.customer_id, %(organisation)s, r.number, r.account_type, r.chain_id, r.owner_id, '{CustomerStatus.PROSPECT}',
       %(now)s, %(now)s, '', '', {", ".join(_or_default(name, sql) for name, sql in _CUSTOMER.items())}
  FROM import_row r CROSS JOIN LATERAL {_OF_CUSTOMER} WHERE r.is_new
"""  # noqa: S608 - built of constants

_NEW_ADDRESS: Final = {name: f"coalesce(d.{name}, a.{name})" for name in _ADDRESS_COLUMNS} | {
    "country": "coalesce(nullif(d.country, ''), a.country)"
}
_UPDATE_ADDRESSES: Final = f"""
UPDATE customers_address a SET {", ".join(f"{name} = {value}" for name, value in _NEW_ADDRESS.items())}
  FROM import_row r CROSS JOIN LATERAL {_OF_ADDRESS}
 WHERE NOT r.is_new AND r.address <> '{{}}'
   AND a.customer_id = r.customer_id AND a.is_primary AND a.kind = coalesce(d.kind, 'DELIVERY')
   AND ({", ".join(f"a.{name}" for name in _ADDRESS_COLUMNS)})
       IS DISTINCT FROM ({", ".join(_NEW_ADDRESS.values())})
RETURNING a.customer_id
"""  # noqa: S608 - built of constants

_INSERT_ADDRESSES: Final = f"""
INSERT INTO customers_address (organisation_id, customer_id, kind, is_primary, {", ".join(_ADDRESS_COLUMNS)})
SELECT %(organisation)s, r.customer_id, coalesce(d.kind, 'DELIVERY'), true,
       coalesce(d.street, ''), coalesce(d.house_number, ''), coalesce(d.postcode, ''), coalesce(d.city, ''),
       coalesce(d.country, ''), d.latitude, d.longitude
  FROM import_row r CROSS JOIN LATERAL {_OF_ADDRESS}
 WHERE r.address <> '{{}}'
   AND NOT EXISTS (SELECT 1 FROM customers_address a
                    WHERE a.customer_id = r.customer_id AND a.is_primary AND a.kind = coalesce(d.kind, 'DELIVERY'))
RETURNING customer_id
"""  # noqa: S608 - built of constants

# A key that another customer holds, visible or not, stays with him.
_INSERT_KEYS: Final = """
INSERT INTO customers_externalkey (organisation_id, customer_id, source, key)
SELECT %(organisation)s, r.customer_id, r.source, r.key FROM import_row r WHERE r.key <> ''
ON CONFLICT DO NOTHING
"""

_WRITE_VALUES: Final = """
INSERT INTO customers_customerfieldvalue AS v (organisation_id, customer_id, definition_id, value)
SELECT %(organisation)s, r.customer_id, f.id, e.value
  FROM import_row r CROSS JOIN LATERAL jsonb_each(r.fields) AS e
  JOIN customers_fielddefinition f ON f.organisation_id = %(organisation)s AND f.entity = 'CUSTOMER' AND f.key = e.key
ON CONFLICT (customer_id, definition_id) DO UPDATE SET value = excluded.value
 WHERE v.value IS DISTINCT FROM excluded.value
RETURNING customer_id
"""

_INSERT_TAGS: Final = """
INSERT INTO customers_tag (organisation_id, name)
SELECT DISTINCT %(organisation)s::bigint, t FROM import_row r CROSS JOIN LATERAL unnest(r.tags) AS t ORDER BY 2
ON CONFLICT DO NOTHING
"""
_TAG_CUSTOMERS: Final = """
INSERT INTO customers_customertag (organisation_id, customer_id, tag_id)
SELECT DISTINCT %(organisation)s::bigint, r.customer_id, g.id
  FROM import_row r CROSS JOIN LATERAL unnest(r.tags) AS t
  JOIN customers_tag g ON g.organisation_id = %(organisation)s AND g.name = t
ON CONFLICT DO NOTHING
RETURNING customer_id
"""

_CREATED: Final = """
SELECT customer_id, jsonb_build_object('customer_id', customer_id, 'number', number, 'account_type', account_type)
  FROM import_row WHERE is_new ORDER BY 1
"""


def write(scope: Scope, decisions: Sequence[Decision], fields: frozenset[str]) -> int:
    """Write the rows under the active `scope`; the number of chains made. `fields` are those the mapping brings."""
    chains, made = _chains(scope, [decision.row for decision in decisions])
    new = [decision for decision in decisions if decision.target is None]
    with connection.cursor() as cursor:
        ids = _next_ids(cursor, len(new))
        _stage(scope, cursor, decisions, chains, iter(zip(ids, take_customer_numbers(scope, len(new)), strict=True)))
        values: dict[str, Any] = {"organisation": scope.organisation_id, "now": scope.now}
        cursor.execute(_INSERT_CUSTOMERS, values)
        changed = _returned(cursor, _update_customers(scope, fields), values)
        changed |= _returned(cursor, _UPDATE_ADDRESSES, values) | _returned(cursor, _INSERT_ADDRESSES, values)
        cursor.execute(_INSERT_KEYS, values)
        changed |= _returned(cursor, _WRITE_VALUES, values)
        cursor.execute(_INSERT_TAGS, values)
        changed |= _returned(cursor, _TAG_CUSTOMERS, values)
    publish_for_rows(CustomerCreated, _CREATED)
    names = tuple(sorted(fields))
    publish_many([CustomerUpdated(customer_id=pk, fields=names) for pk in sorted(changed - set(ids))])
    return made


def _returned(cursor: CursorWrapper, statement: str, values: dict[str, Any]) -> set[int]:
    if not statement:
        return set()
    cursor.execute(statement, values)
    return {row[0] for row in cursor.fetchall()}


def _next_ids(cursor: CursorWrapper, count: int) -> list[int]:
    cursor.execute(
        "SELECT nextval(pg_get_serial_sequence('customers_customer', 'id')) FROM generate_series(1, %s)", [count]
    )
    return [row[0] for row in cursor.fetchall()]


def _stage(
    scope: Scope, cursor: CursorWrapper, decisions: Sequence[Decision], chains: dict[tuple[str, str], int], new: Any
) -> None:
    default_owner = None if scope.sees_all else scope.user_id
    cursor.execute("DROP TABLE IF EXISTS pg_temp.import_row")
    cursor.execute(_STAGE)
    with cursor.copy(f"COPY import_row ({_STAGED}) FROM STDIN") as copy:
        for decision in decisions:
            row, is_new = decision.row, decision.target is None
            customer_id, number = next(new) if is_new else (decision.target, "")
            chain_id = chains.get((row.source, row.chain_key))
            copy.write_row(
                (
                    customer_id,
                    is_new,
                    number,
                    AccountType.LOCATION if chain_id else AccountType.INDEPENDENT,
                    chain_id,
                    row.owner_id or (default_owner if is_new else None),
                    row.source,
                    row.key,
                    Jsonb(row.customer),
                    Jsonb(row.address),
                    Jsonb(row.fields),
                    row.tags,
                )
            )
    cursor.execute("ANALYZE import_row")


def _update_customers(scope: Scope, fields: frozenset[str]) -> str:
    """The statement that brings existing accounts up to date; an empty cell takes nothing away."""
    names = {name: f"d.{name}" for name in _CUSTOMER if name in fields}
    if {"seasonal_pattern", "seasonal_months"} & set(names):
        names |= {name: f"d.{name}" for name in ("is_seasonal_business", "seasonal_months", "seasonal_pattern")}
    if "owner" in fields and scope.allows("customers.assign"):
        names["owner_id"] = "r.owner_id"
    new = {name: f"coalesce({value}, c.{name})" for name, value in names.items()}
    if "chain.key" in fields:
        new["chain_id"] = "CASE WHEN c.account_type = 'CHAIN' THEN NULL ELSE coalesce(r.chain_id, c.chain_id) END"
        new["account_type"] = (
            "CASE WHEN c.account_type = 'CHAIN' OR r.chain_id IS NULL THEN c.account_type ELSE 'LOCATION' END"
        )
    return f"""
UPDATE customers_customer c SET {", ".join(f"{name} = {value}" for name, value in new.items())}
  FROM import_row r CROSS JOIN LATERAL {_OF_CUSTOMER}
 WHERE NOT r.is_new AND c.id = r.customer_id
   AND ({", ".join(f"c.{name}" for name in new)}) IS DISTINCT FROM ({", ".join(new.values())})
RETURNING c.id
"""  # noqa: S608 - built of constants


def _chains(scope: Scope, rows: Sequence[ParsedRow]) -> tuple[dict[tuple[str, str], int], int]:
    """The CHAIN of each chain key, made where there is none yet, and how many were made."""
    names: dict[tuple[str, str], Counter[str]] = {}
    kinds: dict[tuple[str, str], Counter[str]] = {}
    for row in rows:
        if row.chain_key:
            key = (row.source, row.chain_key)
            names.setdefault(key, Counter())[row.chain_name] += 1
            kinds.setdefault(key, Counter())[row.customer.get("business_type", BusinessType.OTHER)] += 1
    held = chain_key_holders(scope, names.keys())
    there = {key: holder.customer_id for key, holder in held.items() if not holder.refusal}
    missing = [key for key in names if key not in held]
    if not missing:
        return there, 0
    owner_id = None if scope.sees_all else scope.user_id
    chains = [
        Customer(
            organisation_id=scope.organisation_id,
            customer_number=number,
            company_name=names[key].most_common(1)[0][0],
            account_type=AccountType.CHAIN,
            business_type=kinds[key].most_common(1)[0][0],
            is_chain=True,
            owner_id=owner_id,
            status_since=scope.now,
            created_at=scope.now,
            source="" if key[0] == NO_SOURCE else key[0],
        )
        for key, number in zip(missing, take_customer_numbers(scope, len(missing)), strict=True)
    ]
    Customer.objects.bulk_create(chains)
    ExternalKey.objects.bulk_create(
        ExternalKey(organisation_id=scope.organisation_id, customer=chain, source=key[0], key=f"{CHAIN_KEY}{key[1]}")
        for key, chain in zip(missing, chains, strict=True)
    )
    publish_many(
        [
            CustomerCreated(customer_id=chain.pk, number=chain.customer_number, account_type=AccountType.CHAIN)
            for chain in chains
        ]
    )
    return there | {key: chain.pk for key, chain in zip(missing, chains, strict=True)}, len(chains)
