"""Reading a CSV or XLSX file: which it is, encoding and delimiter are found out."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Final

from django.utils.translation import gettext as _

from crm.core.errors import Invalid
from customers.sheets import MOST_COLUMNS, read_xlsx, restored

_DELIMITERS: Final = (",", ";", "\t", "|")
MAX_ROWS: Final = 200_000


def read_csv(path: Path) -> tuple[list[str], Iterator[dict[str, str]]]:
    """Headers and rows of a CSV file: UTF-8 with or without BOM, UTF-16 with BOM, else cp1252. Raises Invalid."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise Invalid(
            _("The file cannot be read: %(error)s") % {"error": error.strerror or error}, field="file"
        ) from error
    headers, rows = read_table(io.BytesIO(data))
    return headers, (as_row(headers, cells) for cells in rows)


def read_table(file: IO[bytes]) -> tuple[list[str], Iterator[list[str]]]:
    """Headers, and the cells of the rows that are not empty, of a CSV file or a workbook. Raises Invalid, also while rows are read."""
    rows = read_xlsx(file) if is_workbook(file) else _csv_cells(file.read())
    headers = [name.strip() for name in next(rows, [])]
    if not any(headers):
        raise Invalid(_("The file has no header row."), field="file")
    if len(headers) > MOST_COLUMNS:
        raise Invalid(_("At most %(most)d columns.") % {"most": MOST_COLUMNS}, field="file")
    return headers, rows


def is_workbook(file: IO[bytes]) -> bool:
    """Whether it begins as a workbook does; it stands at its beginning then."""
    file.seek(0)
    begins = file.read(4)
    file.seek(0)
    return begins == b"PK\x03\x04"


def as_row(headers: Sequence[str], cells: Sequence[str]) -> dict[str, str]:
    """The cells by header; of doubled headers the first holds."""
    row: dict[str, str] = {}
    for header, cell in zip(headers, cells, strict=False):
        row.setdefault(header, cell)
    return row


def _csv_cells(data: bytes) -> Iterator[list[str]]:
    text = _decode(data).replace("\x00", "")
    head = text.split("\n", 1)[0]
    delimiter = max(_DELIMITERS, key=lambda sign: _outside_quotes(head).count(sign))
    try:
        for number, cells in enumerate(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)):
            if any(cells) or not number:
                yield [restored(cell) for cell in cells]
    except csv.Error as error:
        raise Invalid(_("The file is no CSV: %(error)s") % {"error": error}, field="file") from error


def _decode(data: bytes) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace")


def _outside_quotes(line: str) -> str:
    return "".join(line.split('"')[::2])
