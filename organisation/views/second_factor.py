"""Setting up a second factor: an authenticator app or a passkey, then codes for the day both are lost."""

from __future__ import annotations

import ipaddress
from typing import Any

from allauth.account.internal.flows.login import record_authentication
from allauth.mfa.recovery_codes.views import ViewRecoveryCodesView
from allauth.mfa.totp.views import ActivateTOTPView, DeactivateTOTPView
from allauth.mfa.webauthn.views import AddWebAuthnView, RemoveWebAuthnView
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from organisation.adapters import SecondFactorAdapter
from organisation.factors import spend_first_code
from organisation.middleware import PASSED, has_passed


@login_required
@never_cache
@require_GET
def choose_second_factor(request: HttpRequest) -> HttpResponse:
    """The first page of a user without a second factor: app or passkey."""
    if has_passed(request):
        return redirect("organisation:security")
    return render(request, "mfa/choose.html", {"passkeys_possible": passkeys_possible(request)})


def passkeys_possible(request: HttpRequest) -> bool:
    """Whether browsers make passkeys for this address: they want a name, not numbers."""
    host = request.get_host()
    try:
        ipaddress.ip_address(host.strip("[]") if host.startswith("[") else host.partition(":")[0])
    except ValueError:
        return not host.startswith("[")
    return False


@method_decorator(never_cache, name="dispatch")
class AuthenticatorAppView(ActivateTOTPView):  # type: ignore[misc]
    """Scan the picture, type the first code."""

    def form_valid(self, form: Any) -> HttpResponse:
        """Keep the app; its first code is used up, and this session has its second factor."""
        step = form.first_step()
        answer: HttpResponse = super().form_valid(form)
        spend_first_code(self.request.user.pk, step)
        pass_second_factor(self.request)
        return answer


@method_decorator(never_cache, name="dispatch")
class PasskeyView(AddWebAuthnView):  # type: ignore[misc]
    """A new passkey or security key."""

    def form_valid(self, form: Any) -> HttpResponse:
        """Keep the key; this session has its second factor."""
        answer: HttpResponse = super().form_valid(form)
        pass_second_factor(self.request)
        return answer


class RemoveAppView(DeactivateTOTPView):  # type: ignore[misc]
    """Take the authenticator app away; the form refuses it as the last factor."""


class RemovePasskeyView(RemoveWebAuthnView):  # type: ignore[misc]
    """Take a passkey away, unless it is the last factor."""

    def form_valid(self, form: Any) -> HttpResponse:
        """Remove it, or say why not."""
        if not SecondFactorAdapter().can_delete_authenticator(self.object):
            messages.error(self.request, _("The last second factor cannot be removed. Add another one first."))
            return redirect("organisation:security")
        answer: HttpResponse = super().form_valid(form)
        return answer


@method_decorator(never_cache, name="dispatch")
class RecoveryCodesView(ViewRecoveryCodesView):  # type: ignore[misc]
    """The recovery codes, readable once."""


def pass_second_factor(request: HttpRequest) -> None:
    """Note it in the session, under a new session id (ASVS 7.2.4)."""
    request.session.cycle_key()
    request.session[PASSED] = True
    # Whoever just proved the new factor reads its recovery codes without giving the password again.
    record_authentication(request, request.user, method="mfa", reauthenticated=True)
