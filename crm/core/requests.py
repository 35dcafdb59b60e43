"""The frame of a request: its id, and the one transaction around all that happens in it."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.http import FileResponse, HttpRequest, HttpResponseBase, StreamingHttpResponse

from crm.core import logs

_SAFE_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
GetResponse = Callable[[HttpRequest], HttpResponseBase]


def client_ip(request: HttpRequest) -> str:
    """The client's address: of the connection, or as the outermost trusted proxy names it (`TRUSTED_PROXIES`)."""
    peer: str = request.META.get("REMOTE_ADDR") or "0.0.0.0"  # noqa: S104 - a name for "unknown", nothing is bound
    named = [part.strip() for part in request.headers.get("X-Forwarded-For", "").split(",") if part.strip()]
    if settings.TRUSTED_PROXIES and len(named) >= settings.TRUSTED_PROXIES:
        return named[-settings.TRUSTED_PROXIES]
    return peer


class RequestIdMiddleware:
    """Gives each request an id (a proxy's `X-Request-Id` is kept where it is well-formed), in logs, history and answer."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        given = request.headers.get("X-Request-Id", "")
        request.request_id = given if _SAFE_ID.fullmatch(given) else uuid.uuid4().hex  # type: ignore[attr-defined]
        token = logs.request_id.set(request.request_id)  # type: ignore[attr-defined]
        try:
            response = self.get_response(request)
        finally:
            logs.request_id.reset(token)
        response["X-Request-Id"] = request.request_id  # type: ignore[attr-defined]
        return response


class TransactionMiddleware:
    """One transaction around the whole response: templates render inside it, so their querysets still see the scope.

    An exception in the view rolls back to the savepoint set before it, so that the error page can still read who asks;
    an answer of 5xx rolls back all. Streaming answers are refused, since they would read after the transaction's end.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        request.ends_transaction = not connection.in_atomic_block  # type: ignore[attr-defined]
        with transaction.atomic():
            response = self.get_response(request)
            if response.status_code >= 500:
                transaction.set_rollback(True)
            if isinstance(response, StreamingHttpResponse) and not isinstance(response, FileResponse):
                raise RuntimeError("A streaming response would read outside its transaction.")
        return response

    def process_view(self, request: HttpRequest, *_view: Any) -> None:
        """Remember where the view began."""
        request.view_savepoint = transaction.savepoint()  # type: ignore[attr-defined]

    def process_exception(self, request: HttpRequest, exception: Exception) -> None:
        """Undo what the failed view did: Django has turned the exception into a response before `atomic` could see it."""
        transaction.set_rollback(False)
        transaction.savepoint_rollback(request.view_savepoint)  # type: ignore[attr-defined]
