"""ETag and If-Match: nobody overwrites what he has not seen.

A record's ETag is its `version`. If-Match is honoured on every write of something that has one, before anything is
written: the row is locked, and another version is 412 `stale`. Without If-Match the write goes through; where there is
no version to compare, If-Match is refused, for passing it over would overwrite what the caller meant to protect.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection
from typing import Any, TypeVar

from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import Model, QuerySet
from django.utils.translation import gettext as _
from rest_framework.request import Request

from crm.core.api.callers import SAFE
from crm.core.api.problems import InvalidHeader, Stale
from crm.core.errors import NotFound

M = TypeVar("M", bound=Model)
_TAG = re.compile(r'\s*(?:W/)?"[^"]*"\s*')


def etag(version: int | str) -> str:
    """The ETag of a version."""
    return f'"{version}"'


def digest_tag(value: Any) -> str:
    """The ETag of something without a version: of its content."""
    text = json.dumps(value, cls=DjangoJSONEncoder, sort_keys=True, ensure_ascii=False)
    return etag(hashlib.sha256(text.encode()).hexdigest()[:32])


def asks_for_match(request: Request) -> bool:
    """Whether the caller names what he has seen."""
    return "If-Match" in request.headers


def refuse_unheard_match(request: Request, versioned: Collection[str]) -> None:
    """Raise InvalidHeader for an If-Match of a write whose method is none of `versioned`."""
    if asks_for_match(request) and request.method not in {*SAFE, *versioned}:
        text = _("Nothing here has a version: leave If-Match out.")
        raise InvalidHeader(text, errors={"If-Match": text})


def require_tag(request: Request, current: str) -> None:
    """Raise Stale unless If-Match, where it is sent, names `current`. Weak tags never match (RFC 9110 §13.1.1)."""
    given = request.headers.get("If-Match", "").strip()
    if not given or given == "*":
        return
    tags = [tag.strip() for tag in _TAG.findall(given)]
    if current not in tags:
        raise Stale(_("Someone changed this meanwhile."))


def require_match(request: Request, rows: QuerySet[M], **lookup: Any) -> None:
    """Lock the row of `rows` and compare its version with If-Match, where it is sent.

    Raises Stale, NotFound (missing or hidden). `rows` are the visible ones; the service that writes locks the same row.
    """
    if asks_for_match(request):
        require_tag(request, etag(_locked_version(rows, lookup)))


def require_version(rows: QuerySet[M], version: int | None, **lookup: Any) -> None:
    """As `require_match`, for a version that stands in the body; None compares nothing."""
    if version is not None and version != _locked_version(rows, lookup):
        raise Stale(_("Someone changed this meanwhile."))


def _locked_version(rows: QuerySet[M], lookup: dict[str, Any]) -> int:
    # Without the key: rows that point at this one are made meanwhile as ever.
    locked = rows.select_for_update(of=("self",), no_key=True).filter(**lookup).order_by()
    version: int | None = locked.values_list("version", flat=True).first()
    if version is None:
        raise NotFound(_("Not found."))
    return version
