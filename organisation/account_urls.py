"""Addresses of sign-in and second factor, under /accounts/. Names are the sign-in library's where it looks them up."""

from __future__ import annotations

from allauth.account import views as account
from allauth.mfa.base import views as factors
from allauth.mfa.recovery_codes import views as codes
from allauth.mfa.webauthn import views as passkeys
from django.urls import path, re_path
from django.views.generic import RedirectView

from organisation.views import second_factor, sign_in

to_security = RedirectView.as_view(pattern_name="organisation:security")

urlpatterns = [
    path("login/", sign_in.SignInView.as_view(), name="account_login"),
    path("login/passkey/", passkeys.login_webauthn, name="mfa_login_webauthn"),
    path("login/demo/", sign_in.sign_in_demo, name="sign_in_demo"),
    path("logout/", sign_in.SignOutView.as_view(), name="account_logout"),
    path("language/", sign_in.choose_language, name="language"),
    path("set-up/", sign_in.set_up, name="set_up"),
    path("set-up/<str:token>/", sign_in.set_up_link, name="set_up_link"),
    path("reauthenticate/", account.reauthenticate, name="account_reauthenticate"),
    path("password/change/", account.password_change, name="account_change_password"),
    path("password/reset/", sign_in.ResetView.as_view(), name="account_reset_password"),
    path("password/reset/sent/", account.password_reset_done, name="account_reset_password_done"),
    path("password/reset/done/", account.password_reset_from_key_done, name="account_reset_password_from_key_done"),
    re_path(
        r"^password/reset/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$",
        sign_in.ResetFromLinkView.as_view(),
        name="account_reset_password_from_key",
    ),
    path("second-factor/", factors.authenticate, name="mfa_authenticate"),
    path("second-factor/again/", factors.reauthenticate, name="mfa_reauthenticate"),
    path("second-factor/again/passkey/", passkeys.reauthenticate_webauthn, name="mfa_reauthenticate_webauthn"),
    path("second-factor/set-up/", second_factor.choose_second_factor, name="second_factor"),
    path("second-factor/list/", to_security, name="mfa_index"),
    path("second-factor/app/", second_factor.AuthenticatorAppView.as_view(), name="mfa_activate_totp"),
    path("second-factor/app/remove/", second_factor.RemoveAppView.as_view(), name="mfa_deactivate_totp"),
    path("second-factor/passkeys/", to_security, name="mfa_list_webauthn"),
    path("second-factor/passkeys/add/", second_factor.PasskeyView.as_view(), name="mfa_add_webauthn"),
    path("second-factor/passkeys/<int:pk>/", passkeys.edit_webauthn, name="mfa_edit_webauthn"),
    path(
        "second-factor/passkeys/<int:pk>/remove/", second_factor.RemovePasskeyView.as_view(), name="mfa_remove_webauthn"
    ),
    path("second-factor/codes/", second_factor.RecoveryCodesView.as_view(), name="mfa_view_recovery_codes"),
    path("second-factor/codes/new/", codes.generate_recovery_codes, name="mfa_generate_recovery_codes"),
]
