"""The base of every endpoint: who asks, with which scope, how often, and what an error becomes."""

from __future__ import annotations

import contextlib
from typing import Any, ClassVar, cast

from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse
from django.utils import translation
from django.utils.cache import patch_vary_headers
from rest_framework import exceptions
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from crm.core.access import Scope, activate
from crm.core.api import idempotency, throttling
from crm.core.api.callers import Caller
from crm.core.api.parsing import require_readable
from crm.core.api.versions import refuse_unheard_match


class ApiView(APIView):
    """One address of the API. Subclasses name their `area` and have a method per verb; see `crm.core.api`.

    `versioned` are the methods that honour If-Match.

    In a method `self.scope` is the caller's one Scope, active in Python and in the database. An exception becomes a
    problem, and all that the method wrote is taken back.
    """

    area: ClassVar[str]
    versioned: ClassVar[frozenset[str]] = frozenset()
    http_method_names = ["get", "head", "post", "put", "patch", "delete"]

    scope: Scope
    request: Request
    _stack: contextlib.ExitStack
    _caller: Caller | None = None
    _claim: idempotency.Claim | None = None
    _spent: throttling.Spent | None = None

    @classmethod
    def as_view(cls, **initkwargs: Any) -> Any:
        """As Django's; an address without its slash is no page to be redirected from, so that no POST turns into a GET."""
        view: Any = super().as_view(**initkwargs)
        view.should_append_slash = False
        return view

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Answer under the caller's scope and language."""
        with contextlib.ExitStack() as self._stack:
            return cast(HttpResponse, super().dispatch(request, *args, **kwargs))

    def perform_authentication(self, request: Request) -> None:
        """Know the caller, make his scope the active one. Raises NotAuthenticated, AuthenticationFailed, Throttled."""
        plain = request._request
        require_readable(plain)
        try:
            caller = request.auth
            if not isinstance(caller, Caller):
                raise exceptions.NotAuthenticated
        except (exceptions.AuthenticationFailed, exceptions.NotAuthenticated):
            throttling.count_refusal(plain)
            raise
        self._stack.enter_context(translation.override(caller.language))
        if caller.token_scopes is not None:
            self._stack.enter_context(activate(caller.scope))
            plain.scope = caller.scope  # type: ignore[attr-defined]
        self._caller, self.scope = caller, caller.scope
        _remember_place(plain)

    def check_permissions(self, request: Request) -> None:
        """The token's scopes; rows and rights are the services' and querysets' to decide."""
        super().check_permissions(request)
        caller: Caller = request.auth  # type: ignore[assignment]
        caller.require(self.area, str(request.method))

    def check_throttles(self, request: Request) -> None:
        """Count the request, and take its Idempotency-Key. Raises Throttled, Replay, Conflict, InvalidHeader."""
        caller: Caller = request.auth  # type: ignore[assignment]
        self._spent = throttling.spend_caller(caller.key)
        if self._spent.is_over:
            raise exceptions.Throttled(self._spent.reset)
        refuse_unheard_match(request, self.versioned)
        self._claim = idempotency.claim(request, self.scope)
        _remember_place(request._request)

    def handle_exception(self, exc: Exception) -> HttpResponse:  # type: ignore[override]
        """The answer to an exception, after taking back what was written."""
        _go_back(self.request._request)
        if isinstance(exc, idempotency.Replay):
            return exc.response
        return cast(HttpResponse, super().handle_exception(exc))

    def finalize_response(self, request: Any, response: Any, *args: Any, **kwargs: Any) -> Response:
        """Rendered while the scope is active, with the headers of all answers; kept under its Idempotency-Key."""
        response = super().finalize_response(request, response, *args, **kwargs)
        response.headers.setdefault("Cache-Control", "private, no-store")
        response.headers["Content-Language"] = translation.get_language() or ""
        patch_vary_headers(response, ["Authorization", "Cookie"])
        if self._spent is not None:
            for header, value in self._spent.headers.items():
                response.headers[header] = value
        if isinstance(response, Response):
            response.render()
        if self._claim is not None:
            self._claim.keep(response)
        if self._caller is not None and self._caller.note_use is not None and response.status_code < 500:
            self._caller.note_use()
        return cast(Response, response)


def _remember_place(request: HttpRequest) -> None:
    """What is written from here on is taken back where the request fails (`TransactionMiddleware` reads the same name)."""
    request.view_savepoint = transaction.savepoint()  # type: ignore[attr-defined]


def _go_back(request: HttpRequest) -> None:
    place = getattr(request, "view_savepoint", None)
    if place is None or not connection.in_atomic_block or connection.closed_in_transaction:
        return
    transaction.set_rollback(False)
    transaction.savepoint_rollback(place)
