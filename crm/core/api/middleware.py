"""What must be known of an API request before the session is read."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase

from crm.core.api.problems import is_api

GetResponse = Callable[[HttpRequest], HttpResponseBase]


class ApiMiddleware:
    """Who sends a token is known by it alone: a session cookie beside it is not read, so it can neither help nor hurt."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if is_api(request) and "Authorization" in request.headers:
            request.COOKIES.pop(settings.SESSION_COOKIE_NAME, None)
        return self.get_response(request)
