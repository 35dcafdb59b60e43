"""Customers from files, set-based: one change set, one statement per table, one batch of events."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from pathlib import Path

from django.db import connection, transaction
from django.utils.translation import gettext as _

from crm.core.access import Scope, activate
from crm.core.errors import Invalid
from customers.choices import FieldEntity
from customers.importing.files import MAX_ROWS, read_csv
from customers.importing.mapping import ImportMapping
from customers.importing.matching import ON_DUPLICATE, SKIP, decide
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
    scope.require("customers.import")
    if "chain.key" in mapping.fields:
        scope.require("customers.add_location")
    if on_duplicate not in ON_DUPLICATE:
        raise Invalid(_("One of %(choices)s.") % {"choices": ", ".join(ON_DUPLICATE)}, field="on_duplicate")
    mapping.check_fields()
    reader = _reader(scope, mapping)
    parsed = _parse(reader, mapping, path, rows)
    report = ImportReport(dry_run=dry_run)
    accepted = []
    for row in parsed:
        if row.is_rejected:
            report.rejected += 1
        else:
            accepted.append(row)
    _wait_for_other_imports(scope)
    decisions = decide(scope, accepted, on_duplicate, report)
    if decisions and not dry_run:
        imported = open_change_set(
            scope=dataclasses.replace(scope, source="import"), kind="import", label=label or _name(path)
        )
        with activate(imported):
            report.chains = write(imported, decisions, mapping.fields)
        report.change_set_id = imported.change_set_id
    report.issues = [issue for row in parsed for issue in row.issues]
    return report


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


def _parse(
    reader: RowReader, mapping: ImportMapping, path: Path | None, rows: Iterable[Mapping[str, str]] | None
) -> list[ParsedRow]:
    if path is not None:
        headers, rows = read_csv(path)
        mapping.check_headers(headers)
    parsed = []
    for number, raw in enumerate(rows or (), start=1):
        if number > MAX_ROWS:
            raise Invalid(_("At most %(rows)s rows in one import.") % {"rows": f"{MAX_ROWS:,}"}, field="file")
        parsed.append(reader.read(number, mapping.apply(raw)))
    return parsed
