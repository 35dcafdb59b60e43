"""Customers from a file that was uploaded: its columns mapped by hand, tried or imported by a worker, undone in one go."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, count, islice, takewhile
from typing import IO, Any, Final

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import override

from crm.core.access import Scope, activate
from crm.core.errors import Conflict, Invalid
from crm.core.folding import fold
from customers.choices import FieldEntity, FileFormat, FilePurpose
from customers.export_columns import imported_headers
from customers.importing import ImportMapping, ImportReport, import_batch, import_customers
from customers.importing.files import MAX_ROWS, as_row, is_workbook, read_table
from customers.importing.load import require_rights
from customers.importing.mapping import CATALOGUE
from customers.importing.matching import ON_DUPLICATE
from customers.models import ExchangeFile, ExchangePart, FieldDefinition, ImportMemory
from customers.services.files import add_part, finish_file, keep_file, open_file, part_of, replace_parts
from customers.sheets import csv_bytes
from jobs.models import LongTask
from jobs.services import go_on_with, open_change_set, start_task

IMPORT: Final = "customers.import"
LARGEST: Final = 32 * 1024 * 1024  # bytes of a file
SIZE: Final = 2_000  # rows a batch
SAMPLES: Final = 3  # rows that the page shows
ALSO_CALLED: Final = {
    "firma": "company_name",
    "firmenname": "company_name",
    "name": "company_name",
    "company": "company_name",
    "kunde": "company_name",
    "strasse": "address.street",
    "hausnummer": "address.house_number",
    "hausnr": "address.house_number",
    "plz": "address.postcode",
    "zip": "address.postcode",
    "ort": "address.city",
    "stadt": "address.city",
    "city": "address.city",
    "land": "address.country",
    "telefon": "phone",
    "tel": "phone",
    "mail": "email",
    "email": "email",
    "web": "website",
    "www": "website",
    "internet": "website",
    "homepage": "website",
    "ust id": "vat_id",
    "typ": "business_type",
    "branche": "business_type",
    "quelle_id": "external_key",
    "kundennummer": "external_key",
    "kunden nr": "external_key",
}


@transaction.atomic
def keep_upload(*, scope: Scope, name: str, upload: IO[bytes], size: int) -> ExchangeFile:
    """Keep a file of customers for a week, with its headers and first rows. Raises Forbidden, Invalid (size, form, no rows)."""
    scope.require("customers.import")
    if size > LARGEST:
        raise Invalid(_("At most %(most)d MB.") % {"most": LARGEST // 1024**2}, field="file")
    headers, rows = read_table(upload)
    sample = list(islice(rows, SAMPLES))
    if not sample:
        raise Invalid(_("The file has no rows."), field="file")
    kept = keep_file(
        scope=scope,
        purpose=FilePurpose.IMPORT,
        format=FileFormat.XLSX if is_workbook(upload) else FileFormat.CSV,
        name=name[-200:],
        columns=headers,
        asked={"sample": sample},
    )
    replace_parts(scope=scope, file_id=kept.pk, source=upload)
    return kept


def fields_to_map(scope: Scope) -> dict[str, str]:
    """Every field that an import may bring, with what it is called in the active language."""
    catalogue = FieldDefinition.objects.visible_to(scope).active().of_entity(FieldEntity.CUSTOMER).writable_in(scope)
    fields = dict(imported_headers()) | {f"{CATALOGUE}{one.key}": one.label for one in catalogue}
    makes_chains = scope.allows("customers.add_location")
    return {name: label for name, label in fields.items() if makes_chains or not name.startswith("chain.")}


def suggested(scope: Scope, headers: Sequence[str]) -> dict[str, str]:
    """Header → field: as the organisation mapped these headers last, else by what fields are called."""
    known = ImportMemory.objects.visible_to(scope).filter(signature=_signature(headers)).first()
    if known is not None:
        return {header: name for header, name in known.columns.items() if name in fields_to_map(scope)}
    names = dict(ALSO_CALLED)
    for language in ("en", "de"):
        with override(language):
            names |= {fold(label): name for name, label in fields_to_map(scope).items()}
    names |= {fold(name): name for name in fields_to_map(scope)}
    found: dict[str, str] = {}
    for header in headers:
        name = names.get(fold(header), "")
        if name and name not in found.values():
            found[header] = name
    return found


def _signature(headers: Sequence[str]) -> str:
    return hashlib.sha256(json.dumps(sorted(headers)).encode()).hexdigest()


@transaction.atomic
def start_import(
    *, scope: Scope, file_id: int, columns: Mapping[str, str], on_duplicate: str, dry_run: bool
) -> LongTask:
    """Let a worker import an uploaded file, or try it; the mapping is suggested for such headers from now on.

    All of it is one change set. Raises Forbidden, NotFound (another one's), Invalid (mapping, policy), Conflict (one goes on).
    """
    mapping = ImportMapping.from_json({"columns": dict(columns)})
    require_rights(scope, mapping)
    file = _own(scope, file_id)
    mapping.check_headers(file.columns)
    if on_duplicate not in ON_DUPLICATE:
        raise Invalid(_("One of %(choices)s.") % {"choices": ", ".join(ON_DUPLICATE)}, field="on_duplicate")
    if file.task is not None and file.task.is_open:
        raise Conflict(_("This is going on already."), field="on_duplicate")
    ImportMemory.objects.update_or_create(
        organisation_id=scope.organisation_id,
        signature=_signature(file.columns),
        defaults={"columns": dict(columns), "saved_at": scope.now},
    )
    report = keep_file(
        scope=scope,
        purpose=FilePurpose.REPORT,
        format=FileFormat.CSV,
        name=_("notes-on-%(name)s.csv") % {"name": file.name[:180]},
    )
    change_set_id = None
    if not dry_run:
        importing = dataclasses.replace(scope, source="import")
        change_set_id = open_change_set(scope=importing, kind="import", label=file.name).change_set_id
    parameters = {
        "file_id": file.pk,
        "report_id": report.pk,
        "columns": dict(columns),
        "on_duplicate": on_duplicate,
        "dry_run": dry_run,
    }
    task = start_task(
        scope=scope,
        kind=IMPORT,
        parameters=parameters,
        label=file.name,
        change_set_id=change_set_id,
        total=file.rows,
    )
    ExchangeFile.objects.filter(pk__in=[file.pk, report.pk]).update(task=task)
    return task


def unpack(*, scope: Scope, file_id: int) -> int:
    """Turn the bytes of an uploaded file into pieces of rows, so that each batch reads only its own; how many rows.

    Raises Invalid: no table, or too many rows.
    """
    file = _own(scope, file_id)
    if file.ready_at is not None:
        return int(file.rows)
    total = 0
    with open_file(scope, file.pk) as content:
        ExchangePart.objects.filter(file_id=file.pk).delete()
        _headers, rows = read_table(content)
        for number in range(MAX_ROWS // SIZE + 1):
            piece = list(islice(rows, SIZE))
            if not piece:
                break
            total += len(piece)
            add_part(scope=scope, file_id=file.pk, number=number, data=zlib.compress(json.dumps(piece).encode(), 1))
    if total > MAX_ROWS:
        raise Invalid(_("At most %(rows)s rows in one import.") % {"rows": f"{MAX_ROWS:,}"}, field="file")
    finish_file(scope=scope, file_id=file.pk, rows=total)
    return total


def import_piece(*, scope: Scope, parameters: Mapping[str, Any], change_set_id: int, piece: int) -> ImportReport | None:
    """Import one piece in the change set, under the active `scope` of who asked; None behind the last."""
    rows = list(_rows(scope, parameters["file_id"], piece))
    if not rows:
        finish_file(scope=scope, file_id=parameters["report_id"], rows=0)
        return None
    importing = dataclasses.replace(scope, source="import")
    with activate(go_on_with(scope=importing, change_set_id=change_set_id)) as own:
        report = import_batch(
            scope=own,
            mapping=ImportMapping.from_json({"columns": parameters["columns"]}),
            rows=rows,
            on_duplicate=parameters["on_duplicate"],
        )
    _note_issues(scope, parameters["report_id"], piece, report)
    return report


def try_import(*, scope: Scope, parameters: Mapping[str, Any]) -> ImportReport:
    """What the import of the whole file would do; nothing is written but the notes on its rows."""
    pieces = (list(_rows(scope, parameters["file_id"], piece)) for piece in count())
    rows = chain.from_iterable(takewhile(bool, pieces))
    report = import_customers(
        scope=scope,
        mapping=ImportMapping.from_json({"columns": parameters["columns"]}),
        rows=(row for _number, row in rows),
        on_duplicate=parameters["on_duplicate"],
        dry_run=True,
    )
    _note_issues(scope, parameters["report_id"], 0, report)
    finish_file(scope=scope, file_id=parameters["report_id"], rows=len(report.issues))
    return report


def _rows(scope: Scope, file_id: int, piece: int) -> Iterator[tuple[int, dict[str, str]]]:
    file = _own(scope, file_id)
    data = part_of(scope, file.pk, piece)
    cells = json.loads(zlib.decompress(data)) if data else []
    for number, each in enumerate(cells, start=piece * SIZE + 1):
        yield number, as_row(file.columns, each)


def _note_issues(scope: Scope, report_id: int, piece: int, report: ImportReport) -> None:
    """The notes on this piece's rows, for the file that is downloaded. Row 1 of the file are the headers."""
    head = [[_("Row"), _("Field"), _("Note"), _("Text")]] if not piece else []
    lines = [[str(one.row + 1), one.field, one.message, one.raw] for one in report.issues]
    add_part(scope=scope, file_id=report_id, number=piece, data=csv_bytes(head + lines, first=not piece))


def _own(scope: Scope, file_id: int) -> Any:
    scope.require("customers.import")
    mine = ExchangeFile.objects.visible_to(scope).changeable_by(scope).filter(purpose=FilePurpose.IMPORT)
    return mine.filter(expires_at__gt=scope.now).select_related("task").get_or_not_found(pk=file_id)
