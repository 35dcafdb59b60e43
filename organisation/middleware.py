"""Each request's scope, language and second factor."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.utils import translation

from crm.core.access import activate
from organisation.access import enter_organisation, scope_for

GetResponse = Callable[[HttpRequest], HttpResponseBase]


class ScopeMiddleware:
    """`request.scope` of a signed-in user, active for the rest of the request; None for everybody else."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        request.scope = None  # type: ignore[attr-defined]
        if not request.user.is_authenticated:
            return self.get_response(request)
        enter_organisation(request.user.organisation_id)
        scope = scope_for(request.user, source=_source(request), request_id=request.request_id)  # type: ignore[attr-defined]
        request.scope = scope  # type: ignore[attr-defined]
        with activate(scope):
            return self.get_response(request)


def _source(request: HttpRequest) -> str:
    return "admin" if request.path.startswith("/admin/") else "page"


class LanguageMiddleware:
    """The user's own language; before sign-in the chosen cookie, else German."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        language = request.user.language if request.user.is_authenticated else _before_sign_in(request)
        with translation.override(language):
            request.LANGUAGE_CODE = language  # type: ignore[attr-defined]
            response = self.get_response(request)
            response.headers.setdefault("Content-Language", language)
        return response


def _before_sign_in(request: HttpRequest) -> str:
    known = dict(settings.LANGUAGES)
    chosen = request.COOKIES.get(settings.LANGUAGE_COOKIE_NAME, "")
    return chosen if chosen in known else settings.LANGUAGE_CODE
