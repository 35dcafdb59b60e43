"""Forms of the sign-in pages: the library's, after opening the one user that each step is about."""

from __future__ import annotations

import time
from typing import Any

from allauth.account.forms import LoginForm, ResetPasswordForm, UserTokenForm
from allauth.account.utils import url_str_to_user_pk
from allauth.core import context
from allauth.core.internal.cryptokit import compare_user_code
from allauth.mfa import app_settings as mfa_settings
from allauth.mfa.adapter import get_adapter
from allauth.mfa.base.forms import AuthenticateForm, ReauthenticateForm
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.forms import ActivateTOTPForm
from allauth.mfa.totp.internal import auth as totp
from allauth.mfa.utils import decrypt
from allauth.mfa.webauthn.forms import AddWebAuthnForm, LoginWebAuthnForm
from django import forms
from django.http import HttpRequest
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _
from fido2.utils import websafe_decode

from organisation.access import enter_sign_in
from organisation.lockout import count_failure, may_try
from organisation.mails import account_mails
from organisation.models import User


class SignInForm(LoginForm):  # type: ignore[misc]
    """Mail and password."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["login"].label = _("E-mail")
        self.fields["login"].widget.attrs |= {"autocomplete": "username", "autofocus": True, "placeholder": ""}
        self.fields["password"].label = _("Password")
        self.fields["password"].widget.attrs["placeholder"] = ""
        self.fields["password"].help_text = ""  # the page has its own link to a new password


class ResetRequestForm(ResetPasswordForm):  # type: ignore[misc]
    """The mail whose password was forgotten. Nobody looks here whose it is: no answer, and no pause, tells that."""

    def clean_email(self) -> str:
        """The mail as it was given."""
        mail: str = self.cleaned_data["email"].strip().lower()
        return mail

    def save(self, request: HttpRequest, **kwargs: Any) -> str:
        """Note that a link is wanted; a worker finds out whether there is somebody to send it to."""
        mail: str = self.cleaned_data["email"]
        account_mails().ask_for_reset(email=mail, language=get_language() or "")
        return mail


class ResetTokenForm(UserTokenForm):  # type: ignore[misc]
    """The two parts of a reset link."""

    def _get_user(self, uidb36: str) -> User | None:
        try:
            pk = url_str_to_user_pk(uidb36)
        except ValueError:
            return None
        enter_sign_in(str(pk))
        user: User | None = User.objects.filter(pk=pk, is_active=True).first()
        return user


class _CodeForm(forms.Form):
    """A code that works once, whatever happens to the cache: the last time step is kept beside the secret."""

    user: User
    authenticator: Authenticator

    def clean_code(self) -> str:
        """The code, counted towards the lock-out when wrong."""
        request = context.request
        if not may_try(request, self.user.email):
            raise get_adapter().validation_error("incorrect_code")
        try:
            code: str = super().clean_code()  # type: ignore[misc]
            if self.authenticator.type == Authenticator.Type.TOTP:
                self._spend(code)
        except forms.ValidationError:
            count_failure(request, self.user.email)
            raise
        return code

    def _spend(self, code: str) -> None:
        stored = Authenticator.objects.select_for_update().get(pk=self.authenticator.pk)
        step = time_step(decrypt(stored.data["secret"]), code)
        if step is None or step <= stored.data.get("last_step", 0):
            raise get_adapter().validation_error("incorrect_code")
        stored.data["last_step"] = step
        stored.save(update_fields=["data"])
        self.authenticator.data = stored.data


class SecondFactorForm(_CodeForm, AuthenticateForm):  # type: ignore[misc]
    """The second step of the sign-in."""


class SecondFactorAgainForm(_CodeForm, ReauthenticateForm):  # type: ignore[misc]
    """The second factor again, before security settings change."""


class AuthenticatorAppForm(ActivateTOTPForm):  # type: ignore[misc]
    """The first code of a newly set-up authenticator app; it cannot be used again for signing in."""

    def first_step(self) -> int:
        """The time step of the code given."""
        return time_step(self.secret, self.cleaned_data["code"]) or int(time.time()) // mfa_settings.TOTP_PERIOD


class PasskeySignInForm(LoginWebAuthnForm):  # type: ignore[misc]
    """A passkey in place of mail and password: the user is named by the key."""

    def clean_credential(self) -> Authenticator:
        """The authenticator used; its user's row is opened first."""
        try:
            handle = self.cleaned_data["credential"]["response"]["userHandle"]
            enter_sign_in(str(url_str_to_user_pk(websafe_decode(handle).decode("utf8"))))
        except (ValueError, TypeError, KeyError):
            raise get_adapter().validation_error("incorrect_code") from None
        return super().clean_credential()


class PasskeyForm(AddWebAuthnForm):  # type: ignore[misc]
    """A new passkey or security key."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["name"].label = _("Name")
        self.fields["name"].max_length = 60
        self.fields["passwordless"].label = _("Sign in with this key alone")
        self.fields["passwordless"].help_text = _(
            "The device asks for fingerprint, face or PIN in place of the password."
        )


def time_step(secret: str, code: str) -> int | None:
    """The 30-second step in which `code` is right, or None."""
    step: int
    for step in totp.yield_hotp_counters_from_time():
        if compare_user_code(actual=code, expected=totp.format_hotp_value(totp.hotp_value(secret, step))):
            return step
    return None
