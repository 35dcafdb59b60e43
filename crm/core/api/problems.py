"""What the API answers when it refuses or fails: RFC 9457 problem details, one catalogue, one way from exception to answer.

`type` is `/problems/<name>`, a page that explains it (`crm.core.api.pages`); names and statuses are those of
integrations.md, "Errors of our API". `instance` is the id of the request, which also stands in the log.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.core.exceptions import PermissionDenied
from django.core.serializers.json import DjangoJSONEncoder
from django.db import OperationalError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rest_framework import exceptions
from rest_framework.settings import api_settings

from crm.core import logs
from crm.core.errors import Conflict, DomainError, Forbidden, Invalid, NotFound

MEDIA_TYPE: Final = "application/problem+json"
PREFIX: Final = "/api/"
PAGES: Final = "/api/docs/"  # a page for people, refused and failing like all pages
ROOT_POINTER: Final = ""
RETRY_SOON: Final = 2  # seconds
COME_BACK: Final = frozenset({429, 503})  # these always say when

Errors = Iterable[Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Kind:
    """An entry of the catalogue: its status, its title, and what a caller does about it."""

    name: str
    status: int
    title: str | Promise
    advice: str | Promise

    @property
    def path(self) -> str:
        """The stable `type` of the problem."""
        return f"/problems/{self.name}"


_KINDS: Final = (
    Kind(
        "malformed",
        400,
        gettext_lazy("The request cannot be read"),
        gettext_lazy("The body is no JSON, is nested too deeply, names a key twice or holds signs that no text has."),
    ),
    Kind(
        "validation",
        400,
        gettext_lazy("Some values are not valid"),
        gettext_lazy("Each entry of errors names its place, a code for programs and the reason. Nothing was written."),
    ),
    Kind(
        "not-authenticated",
        401,
        gettext_lazy("It is not known who asks"),
        gettext_lazy("Send a valid token as Authorization: Bearer, or sign in. Tokens expire and can be revoked."),
    ),
    Kind(
        "not-allowed",
        403,
        gettext_lazy("Not allowed"),
        gettext_lazy("The role or the token's scopes do not reach this far. The detail says what is missing."),
    ),
    Kind(
        "not-found",
        404,
        gettext_lazy("There is nothing here"),
        gettext_lazy("The record does not exist or is not visible to the caller; the two look the same."),
    ),
    Kind(
        "method",
        405,
        gettext_lazy("This method does not exist here"),
        gettext_lazy("The header Allow names the methods that do."),
    ),
    Kind(
        "not-acceptable",
        406,
        gettext_lazy("No such media type"),
        gettext_lazy("Answers are application/json; the header Accept must let that pass."),
    ),
    Kind(
        "rule",
        409,
        gettext_lazy("A rule says no"),
        gettext_lazy(
            "The record's state does not allow this now. Where there are steps that it allows, allowed names them."
        ),
    ),
    Kind(
        "duplicate",
        409,
        gettext_lazy("This is there already"),
        gettext_lazy("The same thing exists, or the Idempotency-Key was used with another request: send a new key."),
    ),
    Kind(
        "in-progress",
        409,
        gettext_lazy("The same request is still running"),
        gettext_lazy("Ask again with the same Idempotency-Key after the seconds that Retry-After names."),
    ),
    Kind(
        "stale",
        412,
        gettext_lazy("The record has changed meanwhile"),
        gettext_lazy("Read it again, decide again, and send the new ETag as If-Match."),
    ),
    Kind(
        "too-large",
        413,
        gettext_lazy("The body is too large"),
        gettext_lazy("Send less at once; bulk endpoints name their largest number of rows."),
    ),
    Kind(
        "media-type",
        415,
        gettext_lazy("This media type is not read"),
        gettext_lazy("Send application/json in UTF-8, without Content-Encoding."),
    ),
    Kind(
        "too-many",
        429,
        gettext_lazy("Too many requests"),
        gettext_lazy("Wait for the seconds that Retry-After names; RateLimit-Remaining tells how many are left."),
    ),
    Kind(
        "unexpected",
        500,
        gettext_lazy("Something went wrong here"),
        gettext_lazy("The fault is ours and is logged. Name the instance when reporting it. Nothing was written."),
    ),
    Kind(
        "provider-unavailable",
        503,
        gettext_lazy("A connected system does not answer"),
        gettext_lazy("Try again after the seconds that Retry-After names."),
    ),
    Kind(
        "busy",
        503,
        gettext_lazy("Too busy just now"),
        gettext_lazy("Try again after the seconds that Retry-After names; nothing was written."),
    ),
)
CATALOGUE: Final[dict[str, Kind]] = {kind.name: kind for kind in _KINDS}
_BY_STATUS: Final = {
    status: next(kind.name for kind in _KINDS if kind.status == status) for status in {kind.status for kind in _KINDS}
} | {400: "malformed", 503: "busy"}
# Codes of domain errors that have another name here; a code such as "provider_unavailable" finds its name itself.
_BY_CODE: Final = {"invalid": "validation", "forbidden": "not-allowed", "conflict": "rule"}
_PASSED_ON: Final = ("allowed", "version")


class InvalidQuery(Invalid):
    """A parameter of the address is not valid; `errors` maps its name to the message."""


class InvalidHeader(Invalid):
    """A header is not valid; `errors` maps its name to the message."""


class Stale(Conflict):
    """The caller's If-Match names a version that is no longer the record's."""

    code, status = "stale", 412


class InProgress(Conflict):
    """The same request is running; `extra["retry_after"]` says when to ask again, in seconds."""

    code = "in_progress"


def is_api(request: HttpRequest) -> bool:
    """Whether the address is the API's, so that refusals are problems and not pages."""
    return request.path_info.startswith(PREFIX) and not request.path_info.startswith(PAGES)


def problem(
    request: HttpRequest,
    name: str,
    detail: object = "",
    *,
    errors: Errors = (),
    headers: Mapping[str, str] | None = None,
    extra: Mapping[str, Any] | None = None,
) -> HttpResponse:
    """The answer for an entry of the catalogue. `extra` are further members, such as `allowed`."""
    kind = CATALOGUE[name]
    body: dict[str, Any] = {
        "type": kind.path,
        "title": str(kind.title),
        "status": kind.status,
        "detail": str(detail or kind.advice),
        "instance": request_id(request),
    }
    if listed := [dict(error) for error in errors]:
        body["errors"] = listed
    response = JsonResponse(
        body | dict(extra or {}),
        encoder=DjangoJSONEncoder,
        json_dumps_params={"ensure_ascii": False},
        status=kind.status,
        content_type=MEDIA_TYPE,
    )
    response.headers["Cache-Control"] = "no-store"
    if kind.status in COME_BACK:
        response.headers["Retry-After"] = str(RETRY_SOON)
    for header, value in (headers or {}).items():
        response.headers[header] = value
    return response


def problem_of_status(request: HttpRequest, status: int, detail: object = "") -> HttpResponse:
    """The answer where only a status is known: Django's own refusals."""
    return problem(request, _BY_STATUS.get(status, "unexpected"), detail)


def request_id(request: HttpRequest) -> str:
    """The id that log, history and answer carry."""
    return getattr(request, "request_id", "") or logs.request_id.get()


def answer_exception(error: Exception, context: Mapping[str, Any]) -> HttpResponse | None:
    """The problem that an exception in a view is, or None for one that nobody expected (DRF's EXCEPTION_HANDLER)."""
    request: HttpRequest = context["request"]._request
    if isinstance(error, DomainError):
        return of_domain(request, error)
    if isinstance(error, Http404):
        return problem(request, "not-found")
    if isinstance(error, PermissionDenied):
        return problem(request, "not-allowed", error)
    if isinstance(error, exceptions.APIException):
        return _of_framework(request, error)
    if isinstance(error, OperationalError):
        return problem(request, "busy")
    return None


def of_domain(request: HttpRequest, error: DomainError) -> HttpResponse:
    """The problem that a rule's refusal is."""
    headers = {}
    if (wait := error.extra.get("retry_after")) is not None:
        headers["Retry-After"] = str(wait)
    extra: dict[str, Any] = {name: error.extra[name] for name in _PASSED_ON if name in error.extra}
    return problem(request, name_of(error), error.message, errors=errors_of(error), headers=headers, extra=extra)


def name_of(error: DomainError) -> str:
    """The catalogue's name of a domain error."""
    if isinstance(error, NotFound):
        return "not-found"
    if isinstance(error, Forbidden):
        return "not-allowed"
    name = _BY_CODE.get(error.code, error.code.replace("_", "-"))
    return name if name in CATALOGUE else _BY_STATUS.get(error.status, "rule")


def errors_of(error: DomainError) -> list[dict[str, str]]:
    """The faulty places that a domain error names."""
    for kind, place in ((InvalidQuery, "parameter"), (InvalidHeader, "header")):
        if isinstance(error, kind):
            return [{place: name, "code": "invalid", "detail": text} for name, text in error.errors.items()]
    if isinstance(error, Invalid):
        return [{"pointer": pointer(name), "code": "invalid", "detail": text} for name, text in error.errors.items()]
    if error.field:
        return [{"pointer": pointer(error.field), "code": error.code, "detail": error.message}]
    return []


def _of_framework(request: HttpRequest, error: exceptions.APIException) -> HttpResponse:
    if isinstance(error, exceptions.ValidationError):
        found = list(_walk(error.detail, ROOT_POINTER))
        return problem(request, "validation", _("Please check the marked fields."), errors=found)
    headers: dict[str, str] = {}
    if getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = error.auth_header  # type: ignore[attr-defined]
    if isinstance(error, exceptions.Throttled):
        headers["Retry-After"] = str(int(getattr(error, "wait", None) or 1))
        return problem(request, "too-many", headers=headers)
    if isinstance(error, exceptions.NotAuthenticated):
        return problem(request, "not-authenticated", headers=headers)
    return problem(request, _BY_STATUS.get(error.status_code, "unexpected"), error.detail, headers=headers)


def _walk(detail: Any, place: str) -> Iterator[dict[str, str]]:
    """The leaves of DRF's nested errors, each with the JSON pointer (RFC 6901) of its place in the body."""
    if isinstance(detail, Mapping):
        for key, inner in detail.items():
            at_root = key == api_settings.NON_FIELD_ERRORS_KEY
            yield from _walk(inner, place if at_root else place + pointer(str(key)))
    elif isinstance(detail, (list, tuple)):
        for number, inner in enumerate(detail):
            is_leaf = isinstance(inner, exceptions.ErrorDetail)
            yield from _walk(inner, place if is_leaf else f"{place}/{number}")
    else:
        yield {"pointer": place, "code": getattr(detail, "code", "invalid"), "detail": str(detail)}


def pointer(key: str) -> str:
    """The JSON pointer of a member of the body."""
    return "/" + key.replace("~", "~0").replace("/", "~1")
