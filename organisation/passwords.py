"""Rules for new passwords beside Django's own (ASVS 5.0, 6.2): at most 128 characters, not known as breached."""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path
from typing import BinaryIO

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

_HASH = re.compile(rb"[0-9A-Fa-f]{40}")


class MaximumLengthValidator:
    """Refuses passwords whose hashing would cost more than they protect."""

    def __init__(self, max_length: int = 128) -> None:
        self.max_length = max_length

    def validate(self, password: str, user: object = None) -> None:
        """Raise ValidationError when `password` is too long."""
        if len(password) > self.max_length:
            raise ValidationError(self._text(), code="password_too_long")

    def get_help_text(self) -> str:
        """The rule in words."""
        return self._text()

    def _text(self) -> str:
        text = ngettext("At most %(count)d character.", "At most %(count)d characters.", self.max_length)
        return text % {"count": self.max_length}


class BreachedPasswordValidator:
    """Refuses passwords of a list that an operator may lay beside the product (`BREACHED_PASSWORDS_FILE`).

    The file is sorted bytewise, one entry a line: plain words, or SHA-1 in upper-case hex, with or without `:count`.
    It is searched on disk by halving, so its size does not matter. Without a file only Django's common list applies.
    """

    def __init__(self, path: str | None = None) -> None:
        self.path = Path(path or settings.BREACHED_PASSWORDS_FILE or os.devnull)

    def validate(self, password: str, user: object = None) -> None:
        """Raise ValidationError when the list holds `password`, in lower case too."""
        if any(is_listed(self.path, candidate) for candidate in {password, password.lower()}):
            raise ValidationError(_("This password has become public in a data breach elsewhere."), code="breached")

    def get_help_text(self) -> str:
        """The rule in words."""
        return _("No password that has become public in a data breach.")


def is_listed(path: Path, password: str) -> bool:
    """Whether the sorted file at `path` holds `password` or its SHA-1. A missing file raises FileNotFoundError."""
    if not path.is_file():
        if path == Path(os.devnull):
            return False
        raise FileNotFoundError(f"BREACHED_PASSWORDS_FILE names no file: {path}")
    size = path.stat().st_size
    with path.open("rb") as file:
        hashed = _HASH.fullmatch(_entry(file.readline())) is not None
        digest = hashlib.sha1(password.encode(), usedforsecurity=False).hexdigest().upper()
        return _search(file, size, digest.encode() if hashed else password.encode())


def _search(file: BinaryIO, size: int, wanted: bytes) -> bool:
    """Halve the byte range until the first line not below `wanted` is found."""
    low, high = 0, size
    while low < high:
        middle = (low + high) // 2
        line = _line_from(file, middle)
        if line and _entry(line) < wanted:
            low = middle + 1
        else:
            high = middle
    return _entry(_line_from(file, low)) == wanted


def _line_from(file: BinaryIO, position: int) -> bytes:
    """The first whole line that begins at `position` or after it."""
    file.seek(max(position - 1, 0))
    if position:
        file.readline()
    return file.readline()


def _entry(line: bytes) -> bytes:
    entry = line.rstrip(b"\r\n")
    head, _colon, _count = entry.partition(b":")
    return head.upper() if _HASH.fullmatch(head) else entry
