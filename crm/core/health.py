"""`/healthz`: the process answers. `/readyz`: it can be used, and what is missing where it cannot.

Answered before every other middleware: probes carry no session, need no transaction, and must get an answer while the
database is away.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cache
from typing import Any, Final

import redis
from django.conf import settings
from django.db import Error, connection, transaction
from django.db.migrations.loader import MigrationLoader
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.utils.cache import add_never_cache_headers
from django.views.decorators.http import require_safe
from redis.backoff import NoBackoff
from redis.retry import Retry

# Older ones leak rows through statistics (CVE-2024-10976, CVE-2025-8713; reliability.md §4).
VERSION_FLOOR: Final = {15: 150014, 16: 160010, 17: 170006}
OLDEST_MAJOR: Final = 15
CLOCK_TOLERANCE: Final = 30  # seconds that the database's clock may differ from ours

Check = Callable[[], tuple[bool, dict[str, Any]]]
_checks: dict[str, Check] = {}


def register_check(name: str, check: Check) -> None:
    """Add to /readyz what a floor above knows: (passes, what to tell). Raises ValueError for a name that is taken."""
    if name in _checks:
        raise ValueError(f"The check {name!r} is registered already.")
    _checks[name] = check


class HealthMiddleware:
    """Answers the two addresses first; everything else goes on."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        view = {"/healthz": healthz, "/readyz": readyz}.get(request.path_info)
        return view(request) if view is not None else self.get_response(request)


@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """200 while the process answers at all."""
    response = JsonResponse({"status": "ok"})
    add_never_cache_headers(response)
    return response


@require_safe
def readyz(request: HttpRequest) -> HttpResponse:
    """200 when it can be used, else 503; the body says of each part how it is.

    Redis away is no reason for 503: pages work without it. It tells versions and roles to nobody.
    """
    ready, parts = _database()
    parts["redis"] = _redis()
    if ready:
        for check in _checks.values():
            passes, told = check()
            ready, parts = ready and passes, parts | told
    response = JsonResponse({"status": "ok" if ready else "not ready", **parts}, status=200 if ready else 503)
    add_never_cache_headers(response)
    return response


def _database() -> tuple[bool, dict[str, Any]]:
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                "SELECT current_setting('server_version_num')::int, extract(epoch FROM clock_timestamp())::float8,"
                " r.rolsuper OR r.rolbypassrls OR pg_has_role(current_user, d.datdba, 'MEMBER')"
                " FROM pg_roles r, pg_database d WHERE r.rolname = current_user AND d.datname = current_database()"
            )
            version, clock, mighty = cursor.fetchone()
            skew = abs(clock - time.time())
            cursor.execute("SELECT app, name FROM django_migrations")
            missing = len(_last_migrations() - set(cursor.fetchall()))
    except Error:
        return False, {"database": "away"}
    floor = VERSION_FLOOR.get(version // 10_000, OLDEST_MAJOR * 10_000)
    faults = [
        name
        for name, wrong in (
            ("version", version < floor),
            ("role", mighty),
            ("migrations", missing > 0),
            ("clock", skew > CLOCK_TOLERANCE),
        )
        if wrong
    ]
    told: dict[str, Any] = {
        "database": "wrong: " + ", ".join(faults) if faults else "ok",
        "migrations": f"{missing} missing" if missing else "ok",
        "clock": "wrong" if "clock" in faults else "ok",
    }
    return not faults, told


@cache
def _last_migrations() -> set[tuple[str, str]]:
    """The newest migration of each app in this release."""
    return set(MigrationLoader(None, ignore_no_migrations=True).graph.leaf_nodes())


def _redis() -> str:
    try:
        redis_client().ping()
    except (redis.RedisError, OSError):
        return "away"
    return "ok"


@cache
def redis_client() -> redis.Redis:
    return redis.Redis.from_url(
        settings.REDIS_URL, socket_connect_timeout=0.1, socket_timeout=0.1, retry=Retry(NoBackoff(), 0)
    )
