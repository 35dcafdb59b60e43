"""Sign-in to the demo by one click: embedded servers, this computer, organisations marked demo, or not at all."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from django.conf import settings
from django.db import connection
from django.http import HttpRequest

from organisation.choices import Role

SIGNED_IN = "demo_sign_in"  # session: this one began by one click


@dataclass(frozen=True, slots=True)
class DemoUser:
    """What the sign-in page shows of a demo user."""

    pk: int
    organisation: str
    role: str
    name: str


def is_possible(request: HttpRequest) -> bool:
    """Whether servers and address allow it; the organisation's mark is asked for each user."""
    return (
        settings.EMBEDDED
        and settings.ON_LOOPBACK
        and _is_loopback(request.META.get("REMOTE_ADDR", ""))
        and _is_loopback(_host(request))
        and "X-Forwarded-For" not in request.headers
    )


def is_of_demo(request: HttpRequest) -> bool:
    """Whether this session began by one click and another one could now: asking for a password would guard nothing."""
    return bool(request.session.get(SIGNED_IN)) and is_possible(request)


def demo_users(request: HttpRequest) -> list[DemoUser]:
    """The people of organisations marked demo, or nobody where the trial sign-in is not possible."""
    if not is_possible(request):
        return []
    with connection.cursor() as cursor:
        cursor.execute("SELECT id, organisation, role, name FROM organisation_demo_users()")
        rows = cursor.fetchall()
    return [DemoUser(pk, organisation, str(Role(role).label), name) for pk, organisation, role, name in rows]


def _host(request: HttpRequest) -> str:
    return request.get_host().rsplit(":", 1)[0].strip("[]") if ":" in request.get_host() else request.get_host()


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
