"""Customers into a file: asked for from the list, written by a worker batch by batch, downloaded by who asked."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Sequence
from typing import IO, Any, Final

import structlog
from django.db import transaction
from django.utils.translation import gettext as _

from crm.core.access import Scope
from crm.core.errors import Conflict, Invalid, NotFound
from crm.core.listing import Column
from customers.choices import AccountType, FileFormat, FilePurpose
from customers.export_columns import ExportColumn, columns_for
from customers.importing.files import MAX_ROWS
from customers.importing.written import LISTED, cells_of
from customers.models import ExchangeFile, ExchangePart
from customers.services.bulk import Selection
from customers.services.files import add_part, finish_file, keep_file, open_file, part_of, replace_parts
from customers.sheets import csv_bytes, csv_rows, write_xlsx
from jobs.services import start_task

log = structlog.get_logger(__name__)

EXPORT: Final = "customers.export"
SIZE: Final = 2_000  # customers a batch
EVERYBODY: Final = frozenset(AccountType.values)


@transaction.atomic
def start_export(*, scope: Scope, selection: Selection, format: str, listed: Sequence[Column] = ()) -> ExchangeFile:
    """Let a worker write all of `selection` that the person may see into a file that is his alone, for a week.

    `listed` are the list's columns, beside what an import takes. What the file was asked for, by whom and how many rows it got
    stays. Raises Forbidden (no right), Conflict (nobody matches), Invalid (format; more rows than a workbook is good for).
    """
    scope.require("exports.run")
    if format not in FileFormat.values:
        raise Invalid(_("One of %(choices)s.") % {"choices": ", ".join(FileFormat.values)}, field="format")
    total = selection.count(scope)
    if not total:
        raise Conflict(_("Nobody matches any more."), field="format")
    if format == FileFormat.XLSX and total > MAX_ROWS:
        raise Invalid(
            _("An Excel file takes at most %(most)d rows here; CSV takes all.") % {"most": MAX_ROWS}, field="format"
        )
    name = _("customers-%(day)s.%(format)s") % {"day": scope.today.isoformat(), "format": format}
    kept = keep_file(
        scope=scope,
        purpose=FilePurpose.EXPORT,
        format=format,
        name=name,
        asked=selection.parameters(),
        columns=[dataclasses.astuple(column) for column in columns_for(scope, listed)],
    )
    kept.task = start_task(scope=scope, kind=EXPORT, parameters={"file_id": kept.pk}, label=name, total=total)
    kept.save(update_fields=["task"])
    log.info("export asked for", actor=scope.actor, file=kept.pk, rows=total, format=format)
    return kept


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ExportPlace:
    """Where an export stands: the last customer's id, the next piece's number, rows so far, and whether all are written."""

    last: int = 0
    part: int = 0
    rows: int = 0
    written: bool = False


def export_batch(*, scope: Scope, file_id: int, place: ExportPlace) -> ExportPlace | None:
    """Write the next customers, under the active `scope` of who asked, as he may read them now; None where all is done."""
    scope.require("exports.run")
    file = _own(scope, file_id)
    if place.written:
        _write_workbook(scope, file)
        _finish(scope, file, place)
        return None
    columns = [ExportColumn(*column) for column in file.columns]
    selection = Selection.from_parameters(file.asked)
    ids = selection.next_ids(scope, after=place.last, types=EVERYBODY, most=SIZE)
    cells = cells_of(scope, ids, listed=True)
    readable = {column.key for column in columns_for(scope, [])} | _listed(scope)
    rows = [
        [cells[pk].get(column.key, "") if column.key in readable else "" for column in columns]
        for pk in ids
        if pk in cells
    ]
    head = [[column.header for column in columns]] if not place.part else []
    add_part(scope=scope, file_id=file.pk, number=place.part, data=csv_bytes(head + rows, first=not place.part))
    if len(ids) == SIZE:
        return ExportPlace(last=ids[-1], part=place.part + 1, rows=place.rows + len(rows))
    place = ExportPlace(part=place.part + 1, rows=place.rows + len(rows), written=True)
    if file.format == FileFormat.XLSX:
        return place
    _finish(scope, file, place)
    return None


def _listed(scope: Scope) -> set[str]:
    return {key for key, is_money in LISTED.items() if not is_money or scope.allows("money.read")}


def _finish(scope: Scope, file: ExchangeFile, place: ExportPlace) -> None:
    size = finish_file(scope=scope, file_id=file.pk, rows=place.rows)
    log.info(
        "customers exported",
        actor=scope.actor,
        role=scope.role,
        file=file.pk,
        rows=place.rows,
        bytes=size,
        columns=len(file.columns),
    )


def _write_workbook(scope: Scope, file: ExchangeFile) -> None:
    """The pieces as one workbook in their place; it lies on disk while it is made, and no more than a piece in memory."""
    columns = [ExportColumn(*column) for column in file.columns]
    numbers = list(ExchangePart.objects.visible_to(scope).filter(file_id=file.pk).values_list("number", flat=True))
    rows = (row for number in numbers for row in csv_rows(part_of(scope, file.pk, number)))
    headers = next(rows)
    with tempfile.TemporaryFile() as book:
        write_xlsx(book, _("Customers"), headers, [column.numeric for column in columns], rows)
        replace_parts(scope=scope, file_id=file.pk, source=book)


def download(*, scope: Scope, file_id: int) -> tuple[ExchangeFile, IO[bytes]]:
    """A finished file and its bytes; the caller closes them. Raises NotFound: another one's, not ready, its time is over."""
    mine = ExchangeFile.objects.visible_to(scope).changeable_by(scope)
    file = mine.filter(purpose__in=(FilePurpose.EXPORT, FilePurpose.REPORT)).get_or_not_found(pk=file_id)
    scope.require("exports.run" if file.purpose == FilePurpose.EXPORT else "customers.import")
    if file.ready_at is None or file.expires_at <= scope.now:
        raise NotFound(_("Not found."))
    log.info("file downloaded", purpose=file.purpose, actor=scope.actor, file=file.pk, rows=file.rows)
    return file, open_file(scope, file.pk)


def _own(scope: Scope, file_id: int) -> Any:
    mine = ExchangeFile.objects.visible_to(scope).changeable_by(scope).filter(purpose=FilePurpose.EXPORT)
    return mine.get_or_not_found(pk=file_id)
