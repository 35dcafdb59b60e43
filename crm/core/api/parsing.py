"""The one parser of request bodies: JSON as RFC 8259 means it, and nothing that could surprise the code behind it."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import IO, Any, Final

from django.http import HttpRequest
from django.utils.translation import gettext as _
from rest_framework import status
from rest_framework.exceptions import APIException, ParseError, UnsupportedMediaType
from rest_framework.parsers import BaseParser

from crm.core.digits import whole_number

LARGEST_BODY: Final = 1024 * 1024  # bytes
DEEPEST: Final = 12  # lists and objects within each other
MEDIA_TYPE: Final = "application/json"
_NO_TEXT: Final = re.compile("[\0\ud800-\udfff]")


class TooLarge(APIException):
    """The body is larger than the cap; it is not read to its end."""

    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_code = "too_large"

    def __init__(self, most: int = LARGEST_BODY) -> None:
        super().__init__(_("At most %(count)d bytes.") % {"count": most})


class StrictJsonParser(BaseParser):
    """Refuses what lenient readers take: doubled keys, NaN, deep nesting, NUL and lone surrogates, other charsets."""

    media_type = MEDIA_TYPE

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        """The body as Python values. Raises ParseError (malformed) or TooLarge."""
        raw: bytes = stream.read(LARGEST_BODY + 1)
        if len(raw) > LARGEST_BODY:
            raise TooLarge
        try:
            value = json.loads(raw.decode("utf-8"), object_pairs_hook=_object, parse_constant=_constant)
        except (ValueError, RecursionError):
            raise ParseError(_("The body is no JSON in UTF-8.")) from None
        _look_through(value, 0)
        return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ParseError(_("A key stands twice in one object."))
    return found


def _constant(name: str) -> Any:
    raise ParseError(_("%(name)s is no JSON number.") % {"name": name})


def _look_through(value: Any, depth: int) -> None:
    """Raise ParseError for what PostgreSQL's texts and numbers cannot hold, and for too deep a nesting."""
    if depth > DEEPEST:
        raise ParseError(_("The body is nested too deeply."))
    if isinstance(value, str):
        if _NO_TEXT.search(value):
            raise ParseError(_("A text holds signs that no text has."))
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise ParseError(_("A number is too large."))
    elif isinstance(value, dict):
        for key, inner in value.items():
            _look_through(key, depth)
            _look_through(inner, depth + 1)
    elif isinstance(value, list):
        for inner in value:
            _look_through(inner, depth + 1)


def require_readable(request: HttpRequest) -> None:
    """Raise before anything is read: UnsupportedMediaType for a body that is no plain JSON, TooLarge by its own length."""
    length = request.META.get("CONTENT_LENGTH") or "0"
    has_body = length != "0" or "Transfer-Encoding" in request.headers
    if not has_body:
        return
    charset = (request.content_params or {}).get("charset", "utf-8").lower()
    if request.content_type != MEDIA_TYPE or charset not in {"utf-8", "utf8"}:
        raise UnsupportedMediaType(request.content_type or "")
    if request.headers.get("Content-Encoding", "identity") != "identity":
        raise UnsupportedMediaType(request.headers["Content-Encoding"])
    if (whole_number(length) or 0) > LARGEST_BODY:
        raise TooLarge
