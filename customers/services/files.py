"""The bytes of exports and imports: kept in pieces for a limited time, read by who made them."""

from __future__ import annotations

import tempfile
from datetime import timedelta
from typing import IO, Any, Final

import structlog
from django.db.models import Sum
from django.db.models.functions import Length

from crm.core.access import Scope
from customers.models import ExchangeFile, ExchangePart

log = structlog.get_logger(__name__)

KEPT: Final = timedelta(days=7)
PIECE: Final = 1024 * 1024  # bytes
IN_MEMORY: Final = 8 * 1024 * 1024  # of a file put together; a larger one lies on disk while it is read


def keep_file(*, scope: Scope, **values: Any) -> ExchangeFile:
    """The row of a new file of the scope's user, kept for a week. It has no bytes yet."""
    return ExchangeFile.objects.create(
        organisation_id=scope.organisation_id,
        user_id=scope.user_id,
        created_at=scope.now,
        expires_at=scope.now + KEPT,
        **values,
    )


def add_part(*, scope: Scope, file_id: int, number: int, data: bytes) -> None:
    """One more piece."""
    ExchangePart.objects.create(organisation_id=scope.organisation_id, file_id=file_id, number=number, data=data)


def replace_parts(*, scope: Scope, file_id: int, source: IO[bytes]) -> None:
    """The bytes of `source`, from its beginning, instead of the pieces that are there."""
    ExchangePart.objects.filter(file_id=file_id).delete()
    source.seek(0)
    number = 0
    while data := source.read(PIECE):
        add_part(scope=scope, file_id=file_id, number=number, data=data)
        number += 1


def finish_file(*, scope: Scope, file_id: int, rows: int) -> int:
    """Note that all pieces are there; how many bytes they are."""
    parts = ExchangePart.objects.visible_to(scope).filter(file_id=file_id)
    size = parts.aggregate(size=Sum(Length("data")))["size"] or 0
    ExchangeFile.objects.visible_to(scope).filter(pk=file_id).update(rows=rows, size=size, ready_at=scope.now)
    return int(size)


def part_of(scope: Scope, file_id: int, number: int) -> bytes:
    """One piece, b"" for none."""
    rows = ExchangePart.objects.visible_to(scope).filter(file_id=file_id, number=number)
    return bytes(rows.values_list("data", flat=True).first() or b"")


def open_file(scope: Scope, file_id: int) -> IO[bytes]:
    """All pieces as one file, at its beginning; the caller closes it."""
    whole = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115 - the answer closes it when it is sent
    number = 0
    while data := part_of(scope, file_id, number):
        whole.write(data)
        number += 1
    whole.seek(0)
    return whole


def forget_files(*, scope: Scope) -> int:
    """Take away the bytes of files whose time is over; how many files. Their rows stay, as the log."""
    over = ExchangePart.objects.visible_to(scope).filter(file__expires_at__lt=scope.now)
    files = over.order_by().values("file_id").distinct().count()
    over.delete()
    return files
