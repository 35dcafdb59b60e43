"""How the sign-in library is bound to our users: row-level security, mails as rows, encrypted secrets."""

from __future__ import annotations

import time
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.internal.flows.login import get_authentication_records
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from django.contrib import messages
from django.contrib.auth import authenticate
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import resolve_url
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.core.requests import client_ip
from organisation import encryption
from organisation.access import name_actor
from organisation.demo_sign_in import is_of_demo
from organisation.mails import SecurityNote, account_mails
from organisation.models import User

SECURITY_NOTES = {
    "account/email/password_changed": SecurityNote.PASSWORD_CHANGED,
    "account/email/password_set": SecurityNote.PASSWORD_CHANGED,
    "account/email/password_reset": SecurityNote.PASSWORD_CHANGED,
    "mfa/email/totp_activated": SecurityNote.FACTOR_ADDED,
    "mfa/email/webauthn_added": SecurityNote.FACTOR_ADDED,
    "mfa/email/totp_deactivated": SecurityNote.FACTOR_REMOVED,
    "mfa/email/webauthn_removed": SecurityNote.FACTOR_REMOVED,
    "mfa/email/recovery_codes_generated": SecurityNote.CODES_MADE,
}
FRESH_SIGN_IN = 15 * 60  # seconds in which a first second factor is set up without giving the password again


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """No sign-up, neutral answers, mails only as rows of the transaction."""

    error_messages = DefaultAccountAdapter.error_messages | {
        "email_password_mismatch": gettext_lazy("E-mail or password is wrong."),
        "too_many_login_attempts": gettext_lazy("Too many tries. Please wait a few minutes."),
        "incorrect_password": gettext_lazy("The password is wrong."),
        "enter_current_password": gettext_lazy("The password is wrong."),
        "incorrect_code": gettext_lazy("The code is wrong or was used already."),
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Never: administrators create users."""
        return False

    def get_client_ip(self, request: HttpRequest) -> str:
        """The address that limits count by."""
        return client_ip(request)

    def respond_user_inactive(self, request: HttpRequest, user: User) -> HttpResponse:
        """The same answer as for a wrong password."""
        messages.error(request, _("Sign-in is not possible."))
        return HttpResponseRedirect(reverse("account_login"))

    def set_password(self, user: User, password: str) -> None:
        """Only the password's column is written, by the person himself."""
        name_actor(user)
        user.set_password(password)
        user.save(update_fields=["password"])

    def reauthenticate(self, user: User, password: str) -> bool:
        """Whether `password` is the signed-in user's; wrong ones count towards the lock-out."""
        found = authenticate(self.request, email=user.email, password=password)
        return found is not None and found.pk == user.pk

    def is_reauthentication_required(self, *, app: str, **_kwargs: Any) -> bool:
        """Always for security settings, but for a first second factor right after the sign-in that asks for it.

        Whoever tries the demo by one click knows no password: he makes API tokens (`app` "organisation") without one.
        """
        if app == "organisation":
            return not is_of_demo(self.request)
        user = self.request.user
        if user.is_authenticated and not Authenticator.objects.filter(user_id=user.pk).exists():
            records = get_authentication_records(self.request, user)
            return not any(time.time() - record["at"] < FRESH_SIGN_IN for record in records)
        return True

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        """Back to the security settings."""
        return resolve_url("organisation:security")

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """No mail of the library's own goes out. Raises LookupError: what is to be told is told by `account_mails`."""
        raise LookupError(f"The mail {template_prefix} is not one of ours.")

    def send_notification_mail(
        self, template_prefix: str, user: User, context: dict[str, Any] | None = None, email: str | None = None
    ) -> None:
        """Tell the user what changed about his sign-in: as a notice and a mail, in this request's transaction."""
        account_mails().note_security(
            user=user,
            what=SECURITY_NOTES[template_prefix],
            address=self.get_client_ip(self.request),
            browser=self.get_http_user_agent(self.request),
        )


class SecondFactorAdapter(DefaultMFAAdapter):  # type: ignore[misc]
    """Authenticator secrets are encrypted at rest; the last factor cannot be taken away."""

    error_messages = DefaultMFAAdapter.error_messages | {
        "incorrect_code": gettext_lazy("The code is wrong or was used already."),
        "cannot_delete_authenticator": gettext_lazy("The last second factor cannot be removed. Add another one first."),
    }

    def encrypt(self, text: str) -> str:
        """Ciphertext with its key's id."""
        return encryption.encrypt(text)

    def decrypt(self, encrypted_text: str) -> str:
        """The secret itself."""
        return encryption.decrypt(encrypted_text)

    def can_delete_authenticator(self, authenticator: Authenticator) -> bool:
        """Whether another app or passkey remains."""
        return bool(
            Authenticator.objects.filter(user_id=authenticator.user_id)
            .exclude(pk=authenticator.pk)
            .exclude(type=Authenticator.Type.RECOVERY_CODES)
            .exists()
        )

    def _get_site_name(self) -> str:
        return "FreshPlan"
