"""Lock-out after wrong passwords and codes, counted per account and address: a stranger cannot lock a colleague out.

The counts are rows in PostgreSQL (django-axes), so that they hold over restarts and without Redis.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from axes.handlers.proxy import AxesProxyHandler
from django.conf import settings
from django.contrib.auth.signals import user_login_failed
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


def username(_request: HttpRequest, credentials: Mapping[str, Any] | None = None) -> str:
    """The mail that a try is counted for."""
    given = credentials or {}
    return str(given.get("email") or given.get("username") or "").strip().lower()


def client_in_logs(name: str | None, *_details: Any) -> str:
    """Who tried, as logs may say it: a short digest of the mail, never the mail or the address."""
    return hashlib.sha256((name or "").encode()).hexdigest()[:12]


def locked_out(request: HttpRequest, _answer: HttpResponse | None = None, _credentials: Any = None) -> HttpResponse:
    """The page that says how long the pause is. The same for known and unknown accounts."""
    pause = settings.AXES_COOLOFF_TIME
    answer = render(request, "account/locked_out.html", {"minutes": int(pause.total_seconds() // 60)}, status=429)
    answer["Retry-After"] = str(int(pause.total_seconds()))
    return answer


def may_try(request: HttpRequest, mail: str) -> bool:
    """Whether another try is open for this account from this address; else the answer becomes the lock-out page."""
    if AxesProxyHandler.is_allowed(request, {"username": mail}):
        return True
    request.axes_locked_out = True  # type: ignore[attr-defined]
    return False


def count_failure(request: HttpRequest, mail: str) -> None:
    """Count a wrong code like a wrong password."""
    user_login_failed.send(sender=__name__, credentials={"username": mail}, request=request)
