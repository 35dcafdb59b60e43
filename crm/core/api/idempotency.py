"""Idempotency-Key: a POST that is sent again has its effect once, and gets the first answer again.

The key is taken by an advisory lock of the request's transaction, and the answer is a row in the same transaction as what
it answers: a request that dies leaves neither, so that its key is free again.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import Any, Final

from django.core.serializers.json import DjangoJSONEncoder
from django.http import HttpResponse
from django.utils.translation import gettext as _
from rest_framework.request import Request

from crm.core.access import Scope
from crm.core.api.callers import Kept, kept_answers
from crm.core.api.problems import InvalidHeader

HEADER: Final = "Idempotency-Key"
REPLAYED: Final = "Idempotency-Replayed"
_KEY: Final = re.compile(r"[\x21-\x7e]{1,200}")
_HEADERS: Final = ("Content-Type", "ETag", "Location", "Retry-After")


class Replay(Exception):
    """Ends a request whose answer was given before."""

    def __init__(self, response: HttpResponse) -> None:
        super().__init__("replayed")
        self.response = response


@dataclass(frozen=True, slots=True)
class Claim:
    """A key that this request works under."""

    scope: Scope
    key: str
    fingerprint: bytes

    def keep(self, response: HttpResponse) -> None:
        """Keep the answer; one of a fault (5xx) or of too many requests (429) is none."""
        if response.status_code >= 500 or response.status_code == 429:
            return
        headers = {name: response.headers[name] for name in _HEADERS if name in response.headers}
        answer = Kept(response.status_code, headers, response.content.decode())
        kept_answers().keep(scope=self.scope, key=self.key, fingerprint=self.fingerprint, answer=answer)


def claim(request: Request, scope: Scope) -> Claim | None:
    """Take the key of a POST, None without one. Raises Replay, Invalid, Duplicate, InProgress."""
    key = request.headers.get(HEADER)
    if request.method != "POST" or key is None:
        return None
    if not _KEY.fullmatch(key):
        text = _("An Idempotency-Key has 1 to 200 visible ASCII characters.")
        raise InvalidHeader(text, errors={HEADER: text})
    fingerprint = _fingerprint(request)
    kept = kept_answers().find(scope=scope, key=key, fingerprint=fingerprint)
    if kept is None:
        return Claim(scope, key, fingerprint)
    raise Replay(HttpResponse(kept.body, status=kept.status, headers={**kept.headers, REPLAYED: "true"}))


def _fingerprint(request: Request) -> bytes:
    """What makes two requests the same: address, body however its JSON is written, and the version that was seen."""
    asked: list[Any] = [request.get_full_path(), request.data]
    if "If-Match" in request.headers:
        asked.append(request.headers["If-Match"])
    text = json.dumps(asked, cls=DjangoJSONEncoder, sort_keys=True)
    return hashlib.sha256(text.encode()).digest()
