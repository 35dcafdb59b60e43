"""Customers from files, set-based: one change set, one statement per table, one batch of events."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from django.db import connection, transaction
from django.utils.translation import gettext as _

from crm.core.access import Scope, activate
from crm.core.errors import Invalid
from customers.choices import FieldEntity
from customers.importing.files import MAX_ROWS, read_csv
from customers.importing.mapping import NUMBER, ImportMapping
from customers.importing.matching import CREATE, ON_DUPLICATE, SKIP, Decision, decide
from customers.importing.own import known_customers
from customers.importing.report import ImportReport
from customers.importing.rows import NO_SOURCE, ParsedRow, RowReader
from customers.importing.writing import write
from customers.models import FieldDefinition
from jobs.services import open_change_set
from organisation.models import User


@transaction.atomic
def import_customers(
    *,
    scope: Scope,
    mapping: ImportMapping,
    path: Path | None = None,
    rows: Iterable[Mapping[str, str]] | None = None,
    on_duplicate: str = SKIP,
    dry_run: bool = False,
    label: str = "",
) -> ImportReport:
    """Import the rows of a CSV file, or `rows` as header → text, as prospects of the scope's organisation.

    `on_duplicate` is skip, update or create. All happens under the scope: rows its actor may not see are not touched.
    A dry run reports the same and writes nothing. Raises Forbidden (no right), Invalid (mapping, file, too many rows).
    """
    require_rights(scope, mapping)
    if on_duplicate not in ON_DUPLICATE:
        raise Invalid(_("One of %(choices)s.") % {"choices": ", ".join(ON_DUPLICATE)}, field="on_duplicate")
    mapping.check_fields()
    report = ImportReport(dry_run=dry_run)
    decisions, parsed = _decided(scope, mapping, _numbered(mapping, path, rows), on_duplicate, report)
    if decisions and not dry_run:
        imported = open_change_set(
            scope=dataclasses.replace(scope, source="import"), kind="import", label=label or _name(path)
        )
        with activate(imported):
            report.chains = write(imported, decisions, mapping.fields)
        report.change_set_id = imported.change_set_id
    report.issues = [issue for row in parsed for issue in row.issues]
    return report


def import_batch(
    *, scope: Scope, mapping: ImportMapping, rows: Iterable[tuple[int, Mapping[str, str]]], on_duplicate: str
) -> ImportReport:
    """Some rows of a larger file, with their numbers in it, in the change set of the active `scope`.

    A row finds what batches before have made as it finds what was there before the import. Raises as `import_customers`.
    """
    require_rights(scope, mapping)
    report = ImportReport()
    decisions, parsed = _decided(scope, mapping, rows, on_duplicate, report)
    if decisions:
        report.chains = write(scope, decisions, mapping.fields)
    report.issues = [issue for row in parsed for issue in row.issues]
    return report


def require_rights(scope: Scope, mapping: ImportMapping) -> None:
    """Raise Forbidden unless the scope may import, and make chains where the mapping does."""
    scope.require("customers.import")
    if "chain.key" in mapping.fields:
        scope.require("customers.add_location")


def _decided(
    scope: Scope,
    mapping: ImportMapping,
    rows: Iterable[tuple[int, Mapping[str, str]]],
    on_duplicate: str,
    report: ImportReport,
) -> tuple[list[Decision], list[ParsedRow]]:
    reader = _reader(scope, mapping)
    mapped = [(number, mapping.apply(raw)) for number, raw in rows]
    known = known_customers(scope, [row for _number, row in mapped]) if on_duplicate != CREATE else {}
    parsed = []
    for number, row in mapped:
        one = known.get(row.get(NUMBER, ""))
        parsed.append(reader.read(number, row, one if one is not None and one.is_meant_by(row) else None))
    accepted = [row for row in parsed if not row.is_rejected]
    report.rejected += len(parsed) - len(accepted)
    _wait_for_other_imports(scope)
    return decide(scope, accepted, on_duplicate, report), parsed


def _wait_for_other_imports(scope: Scope) -> None:
    """One import of an organisation at a time: two of the same file would not see each other's rows."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtext('customers.import'), %s)", [scope.organisation_id % 2**31]
        )


def _name(path: Path | None) -> str:
    return path.name if path is not None else ""


def _reader(scope: Scope, mapping: ImportMapping) -> RowReader:
    keys = mapping.catalogue_keys
    known = FieldDefinition.objects.visible_to(scope).active().of_entity(FieldEntity.CUSTOMER).writable_in(scope)
    definitions = {definition.key: definition for definition in known.filter(key__in=keys)}
    missing = sorted(keys - set(definitions))
    if missing:
        raise Invalid(_("There is no catalogue field: %(fields)s.") % {"fields": ", ".join(missing)}, field="mapping")
    owners = User.objects.assignable_by(scope).values_list("email", "pk") if "owner" in mapping.fields else ()
    return RowReader(
        scope=scope,
        definitions=definitions,
        owners={email.lower(): pk for email, pk in owners},
        key_source=mapping.constants.get("source") or NO_SOURCE,
    )


def _numbered(
    mapping: ImportMapping, path: Path | None, rows: Iterable[Mapping[str, str]] | None
) -> Iterator[tuple[int, Mapping[str, str]]]:
    if path is not None:
        headers, rows = read_csv(path)
        mapping.check_headers(headers)
    for number, raw in enumerate(rows or (), start=1):
        if number > MAX_ROWS:
            raise Invalid(_("At most %(rows)s rows in one import.") % {"rows": f"{MAX_ROWS:,}"}, field="file")
        yield number, raw
