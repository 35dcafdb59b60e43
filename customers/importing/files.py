"""Reading a CSV file: encoding and delimiter are found out."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from django.utils.translation import gettext as _

from crm.core.errors import Invalid

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
    text = _decode(data)
    head = text.split("\n", 1)[0]
    delimiter = max(_DELIMITERS, key=lambda sign: _outside_quotes(head).count(sign))
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    headers = [name.strip() for name in next(reader, [])]
    if not any(headers):
        raise Invalid(_("The file has no header row."), field="file")
    return headers, _rows(headers, reader)


def _rows(headers: list[str], reader: Iterator[list[str]]) -> Iterator[dict[str, str]]:
    try:
        for cells in reader:
            if any(cells):
                row: dict[str, str] = {}
                for header, cell in zip(headers, cells, strict=False):
                    row.setdefault(header, cell)  # of doubled headers the first holds
                yield row
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
