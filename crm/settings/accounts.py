"""Sign-in: mail and password, a second factor for everyone, lock-out. ASVS 5.0 chapters 6 and 7."""

from __future__ import annotations

from datetime import timedelta

from crm.settings.base import ON_LOOPBACK, env
from crm.settings.mail import mail_settings

AUTH_USER_MODEL = "organisation.User"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "organisation.backends.MailBackend",
    "guardian.backends.ObjectPermissionBackend",
]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "organisation.passwords.MaximumLengthValidator"},
    {"NAME": "organisation.passwords.BreachedPasswordValidator"},
]
SILENCED_SYSTEM_CHECKS = ["auth.W004"]  # the log-in mail is unique whatever its case: constraint user_email_once
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
# A larger list of breached passwords that an operator downloads: one word or SHA-1 (hex, upper case) a line, sorted.
BREACHED_PASSWORDS_FILE: str = env("BREACHED_PASSWORDS_FILE", default="")
# Secrets at rest (TOTP seeds) and signatures are still read with these after SECRET_KEY was changed.
SECRET_KEY_FALLBACKS: list[str] = env.list("SECRET_KEY_FALLBACKS", default=[])
PASSWORD_RESET_TIMEOUT = 3600

# Sign-in pages. Users come from administrators: no sign-up, and mail addresses need no confirmation.
ACCOUNT_ADAPTER = "organisation.adapters.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_LOGOUT_REDIRECT_URL = "/accounts/login/"
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = False  # this session goes on, all others end with the password's hash
ACCOUNT_LOGIN_ON_PASSWORD_RESET = False
ACCOUNT_REAUTHENTICATION_REQUIRED = True
ACCOUNT_REAUTHENTICATION_TIMEOUT = 300
ACCOUNT_PASSWORD_RESET_TOKEN_GENERATOR = "django.contrib.auth.tokens.PasswordResetTokenGenerator"  # noqa: S105 - a class
ACCOUNT_FORMS = {
    "login": "organisation.sign_in_forms.SignInForm",
    "reset_password": "organisation.sign_in_forms.ResetRequestForm",
    "user_token": "organisation.sign_in_forms.ResetTokenForm",
}
# Wrong passwords and codes are counted as rows in PostgreSQL (axes, below); these limits are per address alone, so that
# nobody locks a colleague out by trying his mail.
ACCOUNT_RATE_LIMITS = {"login_failed": "60/5m/ip", "login": "60/m/ip", "reset_password": "20/m/ip,5/m/key"}

MFA_ADAPTER = "organisation.adapters.SecondFactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_ALLOW_UNVERIFIED_EMAIL = True
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_TOTP_ISSUER = "FreshPlan"
MFA_TOTP_TOLERANCE = 1  # ASVS 6.5.5: one step before and after
MFA_RECOVERY_CODES_SHOW_ONCE = True
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = ON_LOOPBACK
MFA_FORMS = {
    "authenticate": "organisation.sign_in_forms.SecondFactorForm",
    "reauthenticate": "organisation.sign_in_forms.SecondFactorAgainForm",
    "activate_totp": "organisation.sign_in_forms.AuthenticatorAppForm",
    "login_webauthn": "organisation.sign_in_forms.PasskeySignInForm",
    "add_webauthn": "organisation.sign_in_forms.PasskeyForm",
}

# Lock-out per account and address: 10 wrong tries, then 15 minutes' pause there alone.
AXES_FAILURE_LIMIT = 10
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_RESET_ON_SUCCESS = True
AXES_DISABLE_ACCESS_LOG = True
AXES_ENABLE_ADMIN = False
AXES_VERBOSE = False
AXES_HTTP_RESPONSE_CODE = 429
AXES_SENSITIVE_PARAMETERS = [
    "username", "ip_address", "login", "email", "code", "credential", "password1", "password2", "oldpassword",
    "csrfmiddlewaretoken",
]  # fmt: skip
AXES_CLIENT_STR_CALLABLE = "organisation.lockout.client_in_logs"
AXES_USERNAME_CALLABLE = "organisation.lockout.username"
AXES_CLIENT_IP_CALLABLE = "crm.core.requests.client_ip"
AXES_LOCKOUT_CALLABLE = "organisation.lockout.locked_out"
# Proxies in front whose X-Forwarded-For entry is trusted; 0 takes the address of the connection.
TRUSTED_PROXIES: int = env.int("TRUSTED_PROXIES", default=0)
ALLAUTH_TRUSTED_PROXY_COUNT = TRUSTED_PROXIES

# Mail: EMAIL_URL as in `smtp+tls://user:password@host:587` or `smtp+ssl://user:password@host:465`; without it mails wait.
EMAIL_URL: str = env("EMAIL_URL", default="")
SENDS_MAIL = bool(EMAIL_URL)
if SENDS_MAIL:
    _mail = mail_settings(EMAIL_URL)
    EMAIL_HOST, EMAIL_PORT = _mail.host, _mail.port
    EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = _mail.user, _mail.password
    EMAIL_USE_TLS, EMAIL_USE_SSL = _mail.starts_tls, _mail.is_tls
DEFAULT_FROM_EMAIL: str = env("MAIL_FROM", default="FreshPlan <freshplan@localhost>")

# guardian: permissions on customers live in tables with real foreign keys; no anonymous user.
ANONYMOUS_USER_NAME = None
GUARDIAN_RAISE_403 = False

# history is written by database triggers; the library brings tables, admin and as_of.
SIMPLE_HISTORY_ENABLED = False
