"""Which rows are already there: found in the database in one statement, then decided row by row in the file's order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from django.db import connection
from django.utils.translation import gettext as _

from crm.core.access import Scope, activate
from customers.choices import OnDuplicate
from customers.importing.chains import chain_key_holders
from customers.importing.mapping import NUMBER
from customers.importing.own import Known
from customers.importing.report import ImportReport
from customers.importing.rows import ParsedRow
from customers.models import Customer

SKIP, UPDATE, CREATE = OnDuplicate.SKIP.value, OnDuplicate.UPDATE.value, OnDuplicate.CREATE.value
ON_DUPLICATE: Final = (SKIP, UPDATE, CREATE)
_SEPARATOR: Final = "\x1f"

# A place is name, postcode, street and number, folded. Without a street the coordinates say which of two houses of one
# name is meant; without those, rows that bring keys of their own are told apart by these alone.
_NUMBER: Final = "replace(crm_fold(coalesce({number}, '')), ' ', '')"
_START: Final = "concat_ws(%(sep)s, {name}, upper(coalesce({postcode}, ''))"
_PLACE: Final = f"""
CASE WHEN coalesce({{street}}, '') <> '' THEN {_START}, crm_fold({{street}}), {_NUMBER})
     WHEN {{latitude}} IS NOT NULL THEN {_START}, round({{latitude}}, 4)::text, round({{longitude}}, 4)::text)
     ELSE {_START}, '', {_NUMBER}) END
"""
_OF_ROW: Final = _PLACE.format(
    name="s.name_key",
    street="s.street",
    postcode="s.postcode",
    number="s.house_number",
    latitude="s.latitude",
    longitude="s.longitude",
)
_OF_CUSTOMER: Final = _PLACE.format(
    name="c.name_key",
    street="a.street",
    postcode="a.postcode",
    number="a.house_number",
    latitude="a.latitude",
    longitude="a.longitude",
)

_STAGE: Final = """
CREATE TEMPORARY TABLE import_match (
    row_number integer, source text, key text, name text, street text, house_number text, postcode text,
    latitude numeric, longitude numeric, name_key text COLLATE "C"
) ON COMMIT DROP
"""

_MATCH: Final = f"""
WITH staged AS MATERIALIZED (SELECT s.*, {_OF_ROW} AS place FROM import_match s),
     there AS MATERIALIZED (
        SELECT c.id, {_OF_CUSTOMER} AS place
          FROM customers_customer c
          JOIN (SELECT DISTINCT name_key FROM import_match) n ON n.name_key = c.name_key
          LEFT JOIN customers_address a ON a.customer_id = c.id
         WHERE c.organisation_id = %(organisation)s AND c.deleted_at IS NULL AND c.account_type <> 'CHAIN'),
     places AS (SELECT place, min(id) AS id FROM there GROUP BY place)
SELECT s.row_number, CASE WHEN s.key = '' OR s.street <> '' OR s.latitude IS NOT NULL THEN s.place END,
       k.customer_id, kc.deleted_at IS NOT NULL,
       p.id, EXISTS (SELECT 1 FROM customers_externalkey o
                      WHERE o.customer_id = p.id AND o.source = s.source AND o.key <> s.key)
  FROM staged s
  LEFT JOIN customers_externalkey k
         ON k.organisation_id = %(organisation)s AND k.source = s.source AND k.key = s.key AND s.key <> ''
  LEFT JOIN customers_customer kc ON kc.id = k.customer_id
  LEFT JOIN places p ON p.place = s.place AND (s.key = '' OR s.street <> '' OR s.latitude IS NOT NULL)
 ORDER BY s.row_number
"""  # noqa: S608 - built of constants

_TAKEN: Final = """
SELECT s.row_number FROM import_match s
  JOIN customers_externalkey k ON k.organisation_id = %s AND k.source = s.source AND k.key = s.key AND s.key <> ''
"""


@dataclass(slots=True)
class Decision:
    """What becomes of a row: `target` is the customer it updates; None creates."""

    row: ParsedRow
    target: int | None = None


@dataclass(frozen=True, slots=True)
class _Match:
    place: str | None
    by_key: int | None
    in_trash: bool
    by_place: int | None
    has_own_key: bool


@dataclass(slots=True)
class _Seen:
    """What rows before this one have taken."""

    keys: dict[tuple[str, str], Decision] = field(default_factory=dict)
    places: dict[str, Decision] = field(default_factory=dict)
    targets: dict[int, Decision] = field(default_factory=dict)


def decide(scope: Scope, rows: Sequence[ParsedRow], on_duplicate: str, report: ImportReport) -> list[Decision]:
    """Which rows are created and which update whom; counts all others in `report`, and updates too.

    A duplicate has the same external key or the same place. Two LOCATIONs of a chain whose own source tells them
    apart by different keys are two: branches of a chain share their name by nature.
    """
    matches = _find(scope, rows)
    hidden = _hidden_keys(scope)
    chains = chain_key_holders(scope, {(row.source, row.chain_key) for row in rows if row.chain_key})
    seen = _Seen()
    decisions: list[Decision] = []
    for row in rows:
        if row.row in hidden:
            row.report(
                "external_key", row.key, _("This key belongs to a customer of somebody else; the row is skipped.")
            )
            report.skipped += 1
            continue
        chain = chains.get((row.source, row.chain_key))
        if chain is not None and chain.refusal:
            row.report("chain.key", row.chain_key, chain.refusal)
            report.skipped += 1
            continue
        if row.known is not None and (row.known.is_hidden or row.known.in_trash):
            row.report(NUMBER, row.customer["company_name"], _refusal(row.known))
            report.skipped += 1
            continue
        decision = _decide_one(row, matches[row.row], seen, on_duplicate, report)
        if decision is not None:
            decisions.append(decision)
    return _without_forbidden(scope, decisions, report)


def _decide_one(row: ParsedRow, match: _Match, seen: _Seen, on_duplicate: str, report: ImportReport) -> Decision | None:
    """The decision for a row that is written on its own; None where it is skipped or joins an earlier row."""
    key = (row.source, row.key)
    by_key = seen.keys.get(key) if row.key else None
    if match.in_trash:
        row.report("external_key", row.key, _("This customer lies in the trash; the row is skipped."))
        report.skipped += 1
        return None
    earlier, target = _found(row, match, seen, by_key)
    if on_duplicate == CREATE:
        if by_key is not None or match.by_key is not None:
            row.report("external_key", row.key, _("Another customer has this key; created without it."))
            row.key = ""
        earlier = target = None
    elif on_duplicate == SKIP and (earlier is not None or target is not None):
        report.skipped += 1
        return None
    if row.is_unchanged:
        report.unchanged += 1
        return None
    if earlier is None and target is not None:
        earlier = seen.targets.get(target)
    if earlier is not None:
        _join(earlier.row, row)
        report.updated += 1
        return None
    decision = Decision(row, target)
    if target is None:
        report.created += 1
    else:
        report.updated += 1
        seen.targets[target] = decision
    if row.key:
        seen.keys[key] = decision
    if match.place is not None:
        seen.places.setdefault(match.place, decision)
    return decision


def _found(row: ParsedRow, match: _Match, seen: _Seen, by_key: Decision | None) -> tuple[Decision | None, int | None]:
    """The earlier row, or the customer, that the row means: by our number, by its key, by its place."""
    if row.known is not None:
        return None, row.known.customer_id
    if by_key is None and match.by_key is None:
        return _by_place(row, match, seen)
    return by_key, match.by_key


def _refusal(known: Known) -> str:
    if known.in_trash:
        return _("This customer lies in the trash; the row is skipped.")
    return _("This number belongs to a customer of somebody else; the row is skipped.")


def _by_place(row: ParsedRow, match: _Match, seen: _Seen) -> tuple[Decision | None, int | None]:
    is_told_apart = bool(row.chain_key and row.key)
    if match.by_place is not None and not (is_told_apart and match.has_own_key):
        return None, match.by_place
    earlier = seen.places.get(match.place) if match.place is not None else None
    if earlier is not None and is_told_apart and earlier.row.key and earlier.row.source == row.source:
        return None, None
    return earlier, None


def _join(first: ParsedRow, later: ParsedRow) -> None:
    """What a later row of the same customer brings takes the place of what the earlier one brought."""
    first.customer |= later.customer
    first.address |= later.address
    first.fields |= later.fields
    first.tags = list(dict.fromkeys([*first.tags, *later.tags]))
    first.owner_id = later.owner_id or first.owner_id


def _without_forbidden(scope: Scope, decisions: list[Decision], report: ImportReport) -> list[Decision]:
    """Rows of customers that are visible, but not this actor's to change, are skipped."""
    targets = [decision.target for decision in decisions if decision.target is not None]
    if scope.writes_all or not targets:
        return decisions
    allowed = set(
        Customer.objects.visible_to(scope).changeable_by(scope).filter(pk__in=targets).values_list("pk", flat=True)
    )
    kept = []
    for decision in decisions:
        if decision.target is None or decision.target in allowed:
            kept.append(decision)
        else:
            decision.row.report(
                "company_name", decision.row.customer["company_name"], _("Shared for reading; the row is skipped.")
            )
            report.updated -= 1
            report.skipped += 1
    return kept


def _hidden_keys(scope: Scope) -> set[int]:
    """Rows whose key an account out of the actor's sight holds: taken for the row, told of by nothing else."""
    if scope.sees_all:
        return set()
    with connection.cursor() as cursor:
        cursor.execute(_TAKEN, [scope.organisation_id])
        visible = {row[0] for row in cursor.fetchall()}
        with activate(scope.widened("import: keys that others hold")):
            cursor.execute(_TAKEN, [scope.organisation_id])
            return {row[0] for row in cursor.fetchall()} - visible


def _find(scope: Scope, rows: Sequence[ParsedRow]) -> dict[int, _Match]:
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS pg_temp.import_match")
        cursor.execute(_STAGE)
        columns = "row_number, source, key, name, street, house_number, postcode, latitude, longitude"
        with cursor.copy(f"COPY import_match ({columns}) FROM STDIN") as copy:
            for row in rows:
                place = row.address
                copy.write_row(
                    (
                        row.row,
                        row.source,
                        row.key,
                        row.customer["company_name"],
                        place.get("street", ""),
                        place.get("house_number", ""),
                        place.get("postcode", ""),
                        place.get("latitude"),
                        place.get("longitude"),
                    )
                )
        cursor.execute("UPDATE import_match SET name_key = crm_fold(name)")
        cursor.execute("ANALYZE import_match")
        cursor.execute(_MATCH, {"organisation": scope.organisation_id, "sep": _SEPARATOR})
        return {number: _Match(*found) for number, *found in cursor.fetchall()}
