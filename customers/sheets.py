"""Tables as files, CSV and XLSX. Cells are texts on both sides; numbers have a comma, dates are ISO.

Spreadsheets take a text that begins with one of = + - @ for a formula. Such a cell is written with an apostrophe before it, and
read without: what is written and read again is the same text.
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import IO, Any, Final
from xml.etree.ElementTree import ParseError

from django.utils.translation import gettext as _
from openpyxl import Workbook, load_workbook
from openpyxl.utils.exceptions import InvalidFileException

from crm.core.errors import Invalid

BOM: Final = "\ufeff"
DELIMITER: Final = ";"
MOST_UNPACKED: Final = 600 * 1024 * 1024
"""Bytes that a workbook may have unpacked: a small file can hold gigabytes of zeros."""
MOST_LINES: Final = 1_048_576  # of a worksheet
MOST_COLUMNS: Final = 500

_FORMULA: Final = re.compile(r"'*[=+\-@\t\r]")
# How Office Open XML writes what XML cannot hold (ECMA-376, ST_Xstring).
_UNWRITABLE: Final = re.compile(r"[\x00-\x08\x0b-\x1f]|_(?=x[0-9A-Fa-f]{4}_)")
_ESCAPED: Final = re.compile(r"_x([0-9A-Fa-f]{4})_")

# What a damaged or encrypted archive, or one that is no workbook, ends in.
_BROKEN: Final = (
    *(zipfile.BadZipFile, zlib.error, InvalidFileException, ParseError, EOFError, OverflowError),
    *(KeyError, ValueError, IndexError, TypeError, AttributeError, RuntimeError),
)

Rows = Iterable[Sequence[str]]


def defused(text: str) -> str:
    """The text as a cell that is no formula."""
    return f"'{text}" if _FORMULA.match(text) else text


def restored(cell: str) -> str:
    """The text of such a cell."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell


def number_text(value: Decimal | float) -> str:
    """A number as it stands in a file: no grouping, a comma, no zeros behind it."""
    text = format(Decimal(str(value)), "f")
    whole, _point, places = text.partition(".")
    places = places.rstrip("0")
    return f"{whole},{places}" if places else whole


def csv_bytes(rows: Rows, *, first: bool) -> bytes:
    """Rows as CSV; the `first` piece of a file begins with the mark that tells spreadsheets its encoding."""
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=DELIMITER, lineterminator="\r\n").writerows(
        [defused(cell) for cell in row] for row in rows
    )
    return ((BOM if first else "") + text.getvalue()).encode()


def csv_rows(data: bytes) -> Iterator[list[str]]:
    """What `csv_bytes` wrote."""
    text = io.StringIO(data.decode("utf-8-sig"), newline="")
    for row in csv.reader(text, delimiter=DELIMITER):
        yield [restored(cell) for cell in row]


def write_xlsx(file: IO[bytes], title: str, headers: Sequence[str], numeric: Sequence[bool], rows: Rows) -> None:
    """A workbook with one sheet; of `numeric` columns the cells are numbers. One row at a time is held in memory."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet(title)
    sheet.freeze_panes = "A2"
    sheet.append([_cell(header, False) for header in headers])
    for row in rows:
        sheet.append([_cell(text, is_number) for text, is_number in zip(row, numeric, strict=True)])
    book.save(file)
    book.close()


def _cell(text: str, is_number: bool) -> Any:
    if not text:
        return None
    if is_number:
        value = float(text.replace(",", "."))
        return int(value) if value.is_integer() else value
    return _UNWRITABLE.sub(lambda found: f"_x{ord(found[0]):04X}_", defused(text))


def read_xlsx(file: IO[bytes]) -> Iterator[list[str]]:
    """The rows of a workbook's first sheet, without those that are empty. Raises Invalid, also while the rows are read."""
    try:
        _refuse_bombs(file)
        # An expat from 2.4.1 on ends by itself what entities blow up.
        book = load_workbook(file, read_only=True, data_only=True)
        try:
            sheet = book.worksheets[0]
            sheet.reset_dimensions()  # some programs write wrong ones
            for line, cells in enumerate(sheet.iter_rows(values_only=True), start=1):
                if line > MOST_LINES or len(cells) > MOST_COLUMNS:
                    raise Invalid(_("The sheet is too large."), field="file")
                row = [_text(cell) for cell in cells]
                if any(row):
                    yield row
        finally:
            book.close()
    except _BROKEN as error:
        raise Invalid(_("The file is no workbook (XLSX) that can be read."), field="file") from error


def _refuse_bombs(file: IO[bytes]) -> None:
    with zipfile.ZipFile(file) as archive:
        if sum(each.file_size for each in archive.infolist()) > MOST_UNPACKED:
            raise Invalid(_("Unpacked the file is too large."), field="file")


def _unescaped(found: re.Match[str]) -> str:
    code = int(found[1], 16)
    return "" if not code or 0xD800 <= code < 0xE000 else chr(code)  # no database holds the others


_TEXTS: Final[tuple[tuple[type, Callable[[Any], str]], ...]] = (
    (str, lambda text: restored(_ESCAPED.sub(_unescaped, text))),
    (bool, lambda value: "true" if value else "false"),
    (int, str),
    (float, number_text),
    (datetime, lambda at: at.isoformat(sep=" ") if at.time() != time() else at.date().isoformat()),
    (date, date.isoformat),
)


def _text(value: Any) -> str:
    """A cell's value as the text that a CSV file would hold."""
    return next(
        (as_text(value) for kind, as_text in _TEXTS if isinstance(value, kind)), "" if value is None else str(value)
    )
