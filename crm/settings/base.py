"""Web, database, templates, static files, languages, logs."""

from __future__ import annotations

import ipaddress
import tomllib
from pathlib import Path
from typing import Any

import environ
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _

from crm.core import logs

env = environ.Env()
LOGGING = logs.LOGGING  # structured, one line an entry
BASE_DIR = Path(__file__).resolve().parent.parent.parent
DATA_DIR = Path(env("CRM_DATA_DIR", default=str(BASE_DIR / "var"))).resolve()

SECRET_KEY: str = env("SECRET_KEY")
if len(SECRET_KEY) < 50:
    raise ImproperlyConfigured("SECRET_KEY must have at least 50 characters.")
DEBUG = False
VERSION: str = tomllib.loads((BASE_DIR / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]

# Secrets of other systems lie encrypted under these: the first encrypts, all decrypt (`outbox/encryption.py`).
CREDENTIAL_KEYS: list[str] = env.list("FRESHPLAN_CREDENTIAL_KEYS")
if not CREDENTIAL_KEYS or any(len(key) < 43 for key in CREDENTIAL_KEYS):
    raise ImproperlyConfigured(
        "FRESHPLAN_CREDENTIAL_KEYS: each key must have at least 43 characters (32 random bytes)."
    )
# Hosts inside that calls out may reach: `name` or `name:port`; all others must have public addresses.
PRIVATE_HOSTS = frozenset(host.strip().lower() for host in env.list("FRESHPLAN_PRIVATE_HOSTS", default=[]))

# Where the product is reached: "127.0.0.1:8000" for a local run, "crm.example.com" behind a TLS proxy.
ADDRESS: str = env("CRM_ADDRESS", default="127.0.0.1:8000")
ALLOWED_HOSTS: list[str] = env.list("ALLOWED_HOSTS", default=[ADDRESS.rsplit(":", 1)[0], "localhost"])
EMBEDDED: bool = env.bool("CRM_EMBEDDED", default=False)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


# Plain http is allowed for loopback addresses alone; everywhere else cookies and redirects insist on TLS.
ON_LOOPBACK = all(_is_loopback(host) for host in ALLOWED_HOSTS)
SECURE_SSL_REDIRECT = not ON_LOOPBACK
SECURE_PROXY_SSL_HEADER = None if ON_LOOPBACK else ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_HSTS_SECONDS = 0 if ON_LOOPBACK else 365 * 24 * 3600
SECURE_HSTS_INCLUDE_SUBDOMAINS = True
SECURE_HSTS_PRELOAD = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = not ON_LOOPBACK
_PREFIX = "" if ON_LOOPBACK else "__Host-"
SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = f"{_PREFIX}session", f"{_PREFIX}csrf"
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = LANGUAGE_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = LANGUAGE_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 7 * 24 * 3600  # absolute; the idle limit of 12 h is kept by organisation.middleware
SESSION_ENGINE = "django.contrib.sessions.backends.db"
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"

CONTENT_SECURITY_POLICY: dict[str, Any] = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "img-src": [SELF, "data:"],
        "style-src": [SELF],
        "script-src": [SELF],
        "object-src": [NONE],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}

INSTALLED_APPS = [
    "crm.core",
    "outbox",
    "organisation",
    "messaging",
    "jobs",
    "customers",
    "crm.core.admin_site.CrmAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django_htmx",
    "template_partials",
    "guardian",
    "simple_history",
    "axes",
    "csp",
    "rest_framework",
    "drf_spectacular",
    "allauth",
    "allauth.account",
    "allauth.mfa",
]

MIDDLEWARE = [
    "crm.core.health.HealthMiddleware",
    "crm.core.metrics.MetricsMiddleware",
    "crm.core.requests.RequestIdMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "outbox.door.DoorMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "crm.core.requests.TransactionMiddleware",
    "crm.core.api.middleware.ApiMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "organisation.middleware.ScopeMiddleware",
    "organisation.middleware.LanguageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "organisation.middleware.SecondFactorMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "crm.urls"
CSRF_FAILURE_VIEW = "crm.core.error_pages.csrf_failure"
WSGI_APPLICATION = "crm.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "crm.core.frame.frame",
            ],
            "builtins": ["crm.core.templatetags.components", "crm.core.templatetags.formats"],
        },
    }
]

DATABASES = {"default": env.db("DATABASE_URL", engine="django.db.backends.postgresql")}
DATABASES["default"] |= {
    "CONN_MAX_AGE": 60,
    "CONN_HEALTH_CHECKS": True,
    # PgBouncer in transaction mode stands between where an operator wants it: nothing may outlive a transaction.
    "DISABLE_SERVER_SIDE_CURSORS": True,
    "OPTIONS": {"prepare_threshold": None, "application_name": "freshplan"},
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL: str = env("REDIS_URL")
CACHES = {
    "default": {
        "BACKEND": "crm.core.cache.ForgivingRedisCache",
        "LOCATION": REDIS_URL,
        "OPTIONS": {"socket_timeout": 0.1, "socket_connect_timeout": 0.1},
    }
}

LANGUAGE_CODE = "de"
LANGUAGES = [("de", _("German")), ("en", _("English"))]
LOCALE_PATHS = [BASE_DIR / "locale"]
TIME_ZONE = "UTC"
USE_TZ = USE_I18N = True

STATIC_URL = "static/"
STATIC_ROOT = DATA_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static", ("vendor", BASE_DIR / "var" / "vendor")]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "crm.core.static_files.StaticStorage"},
}
WHITENOISE_KEEP_ONLY_HASHED_FILES = True
MEDIA_ROOT = DATA_DIR / "media"
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 2_000

# Who sends this as a bearer token reads /metrics; without one nobody does. What is counted lies in one file per process.
METRICS_TOKEN: str = env("METRICS_TOKEN", default="")
if METRICS_TOKEN and len(METRICS_TOKEN) < 32:
    raise ImproperlyConfigured("METRICS_TOKEN must have at least 32 characters.")
METRICS_DIR = DATA_DIR / "metrics"
