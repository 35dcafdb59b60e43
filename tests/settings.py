"""Settings under test: the real servers and roles, only cheaper password hashes and unhashed static names."""

from __future__ import annotations

import os

from tests.redis_url import own_redis

os.environ.setdefault("SECRET_KEY", "test-" * 12)
os.environ.setdefault("FRESHPLAN_CREDENTIAL_KEYS", "credential-" * 4)
os.environ.setdefault("DATABASE_URL", os.environ.get("TEST_ADMIN_URL", "postgresql://127.0.0.1/none"))
os.environ["REDIS_URL"] = own_redis(os.environ.get("TEST_REDIS_URL", "redis://127.0.0.1:6379/0"))
os.environ["ALLOWED_HOSTS"] = "localhost,127.0.0.1"
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"  # playwright keeps an event loop in the thread of the tests
os.environ.pop("CRM_LOG_FORMAT", None)  # lines as an operator's log keeps them

from crm.settings import *  # noqa: F403 - the environment must stand first
from crm.settings import ALLOWED_HOSTS, INSTALLED_APPS, MIDDLEWARE

ALLOWED_HOSTS = [*ALLOWED_HOSTS, "testserver"]  # on loopback as well: Django's client is no network
INSTALLED_APPS = [*INSTALLED_APPS, "tests.outbox.apps.ProbeConfig"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
# The live server of the browser tests serves static files itself.
MIDDLEWARE = [middleware for middleware in MIDDLEWARE if "whitenoise" not in middleware]
