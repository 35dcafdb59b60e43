"""Signing in and out: password, passkey, reset by mail, set-up link, demo. The steps are the library's."""

from __future__ import annotations

import base64
from typing import Any

from allauth.account.internal.flows.login import record_authentication
from allauth.account.utils import perform_login
from allauth.account.views import LoginView, LogoutView, PasswordResetFromKeyView, PasswordResetView
from django.conf import settings
from django.contrib.auth import login
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.utils.decorators import method_decorator
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from crm.core.access import CrmRequest
from organisation import demo_sign_in, links
from organisation.access import person_signing_in
from organisation.choices import LinkPurpose
from organisation.forms import PasswordForm
from organisation.middleware import PASSED
from organisation.services import change_own_language, set_password_by_link

SET_UP_KEY = "set_up_link"
BACKEND = "organisation.backends.MailBackend"


class SignInView(LoginView):  # type: ignore[misc]
    """Mail and password, or a passkey, or on a trial's own computer one of the demo's people."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """With the demo's people, where they may sign in by one click."""
        context: dict[str, Any] = super().get_context_data(**kwargs)
        return context | {"demo_users": demo_sign_in.demo_users(self.request)}


class SignOutView(LogoutView):  # type: ignore[misc]
    """Ends the session; the browser forgets what it kept of these pages."""

    def post(self, *args: Any, **kwargs: Any) -> HttpResponse:
        """Sign out and clear the browser's cache and storage of this site."""
        answer: HttpResponse = super().post(*args, **kwargs)
        answer["Clear-Site-Data"] = '"cache", "storage"'
        return answer


class ResetView(PasswordResetView):  # type: ignore[misc]
    """Ask for a reset link; the answer is the same for every address."""


@method_decorator(never_cache, name="dispatch")
class ResetFromLinkView(PasswordResetFromKeyView):  # type: ignore[misc]
    """A new password by the link of the mail. The second factor stays as it is."""

    def dispatch(self, request: HttpRequest, uidb36: str, key: str, **kwargs: Any) -> HttpResponseBase:
        """The library's steps; the address with the token is left before anything is shown, and sends no referrer.

        The form's own page keeps the usual policy: without a referrer browsers hide the origin, and its POST is refused.
        """
        answer: HttpResponseBase = super().dispatch(request, uidb36, key, **kwargs)
        if key != self.reset_url_key:
            answer.headers["Referrer-Policy"] = "no-referrer"
        return answer


@never_cache
@require_GET
def set_up_link(request: HttpRequest, token: str) -> HttpResponse:
    """Swaps the link's token for a note in the session and leaves its address. Opening it does nothing else."""
    request.session[SET_UP_KEY] = base64.b64encode(links.digest_of(token)).decode()
    answer = redirect("set_up")
    answer["Referrer-Policy"] = "no-referrer"
    return answer


@never_cache
@sensitive_post_parameters("password1", "password2")
@require_http_methods(["GET", "POST"])
def set_up(request: HttpRequest) -> HttpResponse:
    """Choose a password; then the sign-in goes on to the second factor."""
    digest = base64.b64decode(request.session.get(SET_UP_KEY, ""))
    user_id = links.user_of(digest, LinkPurpose.SET_UP) if digest else None
    if user_id is None:
        return render(request, "account/link_invalid.html", status=410)
    user = person_signing_in(user_id)
    form = PasswordForm(request.POST if request.method == "POST" else None)
    if form.submit(set_password_by_link, digest=digest):
        request.session.flush()  # whoever was signed in here before is not any more
        record_authentication(request, form.result, method="password", email=form.result.email)
        form.result.backend = BACKEND
        answer: HttpResponse = perform_login(request, form.result)
        return answer
    return render(request, "account/set_up.html", {"form": form, "person": user}, status=422 if form.errors else 200)


@never_cache
@require_POST
def sign_in_demo(request: HttpRequest) -> HttpResponse:
    """Sign in as one of the demo's people, second factor included. 404 where the trial sign-in is not possible."""
    wanted = request.POST.get("user", "")
    offered = {str(one.pk) for one in demo_sign_in.demo_users(request)}
    if wanted not in offered:
        raise Http404
    login(request, person_signing_in(int(wanted)), backend=BACKEND)
    request.session[PASSED] = request.session[demo_sign_in.SIGNED_IN] = True
    return redirect("home")


@require_POST
def choose_language(request: CrmRequest) -> HttpResponse:
    """The language of the sign-in pages: a cookie, and for somebody signed in already his own language."""
    address = request.POST.get("next", "/")
    if not url_has_allowed_host_and_scheme(address, {request.get_host()}, require_https=request.is_secure()):
        address = "/"
    answer = HttpResponseRedirect(address)
    language = request.POST.get("language", "")
    if language not in dict(settings.LANGUAGES):
        return answer
    if request.scope is not None:
        change_own_language(scope=request.scope, language=language)
    answer.set_cookie(
        settings.LANGUAGE_COOKIE_NAME,
        language,
        max_age=365 * 24 * 3600,
        secure=settings.LANGUAGE_COOKIE_SECURE,
        httponly=settings.LANGUAGE_COOKIE_HTTPONLY,
        samesite="Lax",
    )
    return answer
