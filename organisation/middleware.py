"""Each request's scope, language and second factor."""

from __future__ import annotations

import time
from collections.abc import Callable
from urllib.parse import urlencode

from allauth.account.authentication import get_authentication_records
from allauth.account.internal.stagekit import LOGIN_SESSION_KEY
from allauth.account.utils import url_str_to_user_pk
from django.conf import settings
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.urls import Resolver404, resolve, reverse
from django.utils import translation
from django.utils.translation import gettext as _

from crm.core.access import activate
from crm.core.api.problems import is_api, problem
from crm.core.options import option_value
from organisation.access import enter_sign_in, scope_for
from organisation.options import SESSION_IDLE_HOURS

GetResponse = Callable[[HttpRequest], HttpResponseBase]


class ScopeMiddleware:
    """`request.scope` of a signed-in user, active for the rest of the request; None for everybody else."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        request.scope = None  # type: ignore[attr-defined]
        if not request.user.is_authenticated:
            return self.get_response(request)
        scope = scope_for(request.user, source=_source(request), request_id=request.request_id)  # type: ignore[attr-defined]
        request.scope = scope  # type: ignore[attr-defined]
        with activate(scope, to_the_end=request.ends_transaction):  # type: ignore[attr-defined]
            return self.get_response(request)


def _source(request: HttpRequest) -> str:
    if is_api(request):
        return "api"
    return "admin" if request.path.startswith("/admin/") else "page"


class LanguageMiddleware:
    """The user's own language; before sign-in the chosen cookie, else German."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        language = request.user.language if request.user.is_authenticated else _before_sign_in(request)
        with translation.override(language):
            request.LANGUAGE_CODE = language
            response = self.get_response(request)
            response.headers.setdefault("Content-Language", language)
        return response


def _before_sign_in(request: HttpRequest) -> str:
    known = dict(settings.LANGUAGES)
    chosen = request.COOKIES.get(settings.LANGUAGE_COOKIE_NAME, "")
    return chosen if chosen in known else settings.LANGUAGE_CODE


SHORTEST_IDLE = 3600  # seconds; no organisation signs out sooner
NOTE_AGAIN_AFTER = 300  # seconds between two notes of "still here": a session is not written at each request
PASSED = "second_factor"  # session: the second factor was given, or set up in this session
SEEN_AT, BEGAN_AT = "seen_at", "began_at"
# Where a signed-in user without a second factor may go: to set one up, or to leave.
WITHOUT_FACTOR = frozenset(
    {
        "second_factor",
        "mfa_activate_totp",
        "mfa_add_webauthn",
        "account_reauthenticate",
        "account_logout",
        "language",
        "healthz",
        "readyz",
    }
)


class SecondFactorMiddleware:
    """No page without the second factor (ASVS 6.3.3); a session ends after its idle hours (a setting), and after 7 days."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not request.user.is_authenticated:
            _open_pending_sign_in(request)
            return self.get_response(request)
        if _is_over(request):
            logout(request)
            if is_api(request):
                return problem(request, "not-authenticated", _("This session is over."))
            return _send(request, f"{reverse('account_login')}?{urlencode({'next': _place_to_return(request)})}")
        if not has_passed(request) and _route(request) not in WITHOUT_FACTOR:
            if is_api(request):
                return problem(request, "not-authenticated", _("This session has not given the second factor."))
            return _send(request, reverse("second_factor"))
        response = self.get_response(request)
        response.headers.setdefault("Cache-Control", "private, no-store")
        return response


def has_passed(request: HttpRequest) -> bool:
    """Whether this session gave a second factor: at sign-in, by setting one up, or as a demo user."""
    if request.session.get(PASSED):
        return True
    return any(record.get("method") == "mfa" for record in get_authentication_records(request, request.user))


def _open_pending_sign_in(request: HttpRequest) -> None:
    """Between password and second factor the session names the user; only his row is opened."""
    pending = request.session.get(LOGIN_SESSION_KEY)
    if isinstance(pending, dict) and pending.get("user_pk"):
        enter_sign_in(str(url_str_to_user_pk(pending["user_pk"])))


def _is_over(request: HttpRequest) -> bool:
    now, session = int(time.time()), request.session
    idle = now - session.get(SEEN_AT, now)
    # The setting is asked only where its least value is passed: most requests need not know it.
    if idle > SHORTEST_IDLE and idle > option_value(SESSION_IDLE_HOURS, request.scope) * 3600:  # type: ignore[attr-defined]
        return True
    if now - session.get(BEGAN_AT, now) > settings.SESSION_COOKIE_AGE:
        return True
    session.setdefault(BEGAN_AT, now)
    if now - session.get(SEEN_AT, 0) > NOTE_AGAIN_AFTER:
        session[SEEN_AT] = now
    return False


def _route(request: HttpRequest) -> str | None:
    try:
        return resolve(request.path_info).url_name
    except Resolver404:
        return None


def _place_to_return(request: HttpRequest) -> str:
    return request.get_full_path() if request.method == "GET" and "HX-Request" not in request.headers else "/"


def _send(request: HttpRequest, address: str) -> HttpResponse:
    """A redirect that htmx follows with the whole page."""
    if "HX-Request" in request.headers:
        return HttpResponse(headers={"HX-Redirect": address})
    return HttpResponseRedirect(address)
