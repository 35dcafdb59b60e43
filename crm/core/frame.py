"""What every page's frame shows: areas, who is signed in, languages."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from crm.core import navigation


def frame(request: HttpRequest) -> dict[str, Any]:
    """Context of the frame; without a signed-in user only the request id and the languages.

    `me` and `organisation` are read when a template shows them, so that fragments cost nothing.
    """
    scope = getattr(request, "scope", None)
    shared: dict[str, Any] = {
        "request_id": getattr(request, "request_id", ""),
        "languages": settings.LANGUAGES,
        "language": getattr(request, "LANGUAGE_CODE", settings.LANGUAGE_CODE),
        "scope": scope,
    }
    if scope is None:
        return shared
    return shared | {
        "me": request.user,
        "organisation": SimpleLazyObject(lambda: request.user.organisation),  # type: ignore[union-attr]
        "nav": navigation.areas(scope, "work"),
        "nav_manage": navigation.areas(scope, "manage"),
        "nav_new": navigation.news(scope),
        "nav_settings": SimpleLazyObject(partial(navigation.settings_groups, scope)),
        "nav_tools": [
            {"template": tool.template, "shown": SimpleLazyObject(partial(tool.shown, scope))}
            for tool in navigation.tools()
        ],
    }
