"""Who calls the API: a token in the header Authorization, or the session of a page.

The kernel knows no users. The app that owns the tokens registers how one is opened, and where answers to
Idempotency-Keys are kept; apps register the areas that tokens are scoped by (`customers.read`, `customers.write`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from django.http import HttpRequest
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from crm.core.access import Scope
from crm.core.errors import Forbidden

READ, WRITE = "read", "write"
SAFE: Final = frozenset({"GET", "HEAD"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who asks. `token_scopes` None is a session: the user's own rights alone decide.

    `key` counts his requests, `language` is that of the answer's texts. `note_use` is called when the request ends.
    """

    user: Any
    scope: Scope
    key: str
    language: str
    token_scopes: frozenset[str] | None = None
    note_use: Callable[[], None] | None = None

    def require(self, area: str, method: str) -> None:
        """Raise Forbidden where the token's scopes do not reach. Writing includes reading: answers show what was written."""
        if self.token_scopes is None:
            return
        needed = f"{area}.{READ if method in SAFE else WRITE}"
        if not {needed, f"{area}.{WRITE}"} & self.token_scopes:
            raise Forbidden(_("This token lacks the scope %(scope)s.") % {"scope": needed}, right=needed)


@dataclass(frozen=True, slots=True)
class Kept:
    """An answer that was given before."""

    status: int
    headers: Mapping[str, str]
    body: str


class Answers(Protocol):
    """Where answers to Idempotency-Keys are kept, in PostgreSQL, in the transaction of what they answer."""

    def find(self, *, scope: Scope, key: str, fingerprint: bytes) -> Kept | None:
        """The answer kept for the key; the key is this transaction's until it ends.

        Raises Duplicate (used with another request), InProgress (another transaction works under it).
        """

    def keep(self, *, scope: Scope, key: str, fingerprint: bytes, answer: Kept) -> None:
        """Keep the answer for 24 hours."""


OpenToken = Callable[[str, str], Caller | None]


@dataclass(slots=True)
class _Registry:
    open_token: OpenToken = field(default=lambda _token, _request_id: None)
    answers: Answers | None = None
    areas: dict[str, str | Promise] = field(default_factory=dict)


_registry = _Registry()


def register_tokens(open_token: OpenToken) -> None:
    """Name the function (token, request id) → Caller that knows the tokens; None for one that is not good."""
    _registry.open_token = open_token


def register_answers(answers: Answers) -> None:
    """Name where answers to Idempotency-Keys are kept."""
    _registry.answers = answers


def register_area(key: str, label: str | Promise) -> None:
    """Add an area of the API, for the token's scopes `<key>.read` and `<key>.write`."""
    _registry.areas[key] = label


def areas() -> dict[str, str | Promise]:
    """All areas by key."""
    return dict(sorted(_registry.areas.items()))


def token_scopes() -> list[str]:
    """Every scope that a token can have."""
    return [f"{area}.{way}" for area in areas() for way in (READ, WRITE)]


def kept_answers() -> Answers:
    """Where answers are kept; raises RuntimeError before anybody registered."""
    if _registry.answers is None:
        raise RuntimeError("Nobody keeps answers to Idempotency-Keys.")
    return _registry.answers


class CallerAuthentication(BaseAuthentication):
    """A bearer token, else the session; a session's unsafe requests need its CSRF token."""

    def authenticate(self, request: Request) -> tuple[Any, Caller] | None:
        """(user, Caller), or None where nobody is named. Raises AuthenticationFailed for a token that is not good."""
        plain: HttpRequest = request._request
        if "Authorization" in plain.headers:
            caller = _of_token(plain)
            return caller.user, caller
        scope: Scope | None = getattr(plain, "scope", None)
        if scope is None:
            return None
        SessionAuthentication().enforce_csrf(request)
        user: Any = plain.user
        return user, Caller(user=user, scope=scope, key=scope.actor, language=user.language)

    def authenticate_header(self, request: Request) -> str:
        """What a 401 asks for (RFC 6750 §3)."""
        return 'Bearer realm="FreshPlan"'


def _of_token(request: HttpRequest) -> Caller:
    scheme, _space, token = request.headers["Authorization"].partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise AuthenticationFailed(_("Send a token as Authorization: Bearer."))
    caller = _registry.open_token(token.strip(), getattr(request, "request_id", ""))
    if caller is None:
        raise AuthenticationFailed(_("This token is not valid (any more)."))
    return caller
