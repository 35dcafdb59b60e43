"""What is shown when something is refused or fails: what happened, who helps, the id of the request.

Nothing is lost by it. A fragment that htmx asked for is not replaced by a page: the same words come as a toast.
"""

from __future__ import annotations

import json
import sys

from django.core.exceptions import PermissionDenied
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template import loader
from django.utils.translation import gettext as _
from django.views.decorators.csrf import requires_csrf_token

from crm.core import logs
from crm.core.api.problems import RETRY_SOON, is_api, problem_of_status


def _request_id(request: HttpRequest) -> str:
    return getattr(request, "request_id", "") or logs.request_id.get()


def _answer(request: HttpRequest, status: int, title: str, reason: str = "") -> HttpResponse:
    if is_api(request):
        return problem_of_status(request, status, reason)
    request_id = _request_id(request)
    if getattr(request, "htmx", False):
        told = json.dumps({"toast": {"text": f"{reason or title} ({request_id[:12]})"}})
        return HttpResponse(status=status, headers={"HX-Trigger": told})
    context = {"title": title, "reason": reason, "status": status, "request_id": request_id}
    return render(request, f"{status}.html", context, status=status)


@requires_csrf_token
def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """400: the request has a shape that no page of ours sends."""
    return _answer(request, 400, _("This request cannot be read"))


@requires_csrf_token
def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """403: visible, but not this actor's to do; the rule's own words say why."""
    reason = str(exception) if isinstance(exception, PermissionDenied) else ""
    return _answer(request, 403, _("This role may not do this"), reason)


@requires_csrf_token
def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """403 of a form whose page is too old, or that comes from elsewhere."""
    return _answer(
        request,
        403,
        _("This page is out of date"),
        _("The form was opened before the last sign-in. Reload and send again."),
    )


@requires_csrf_token
def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """404: missing, or hidden from this actor; the two look the same."""
    return _answer(request, 404, _("There is nothing here, or it is not visible to this account"))


def too_many(request: HttpRequest) -> HttpResponse:
    """429: too many attempts in a short time."""
    return _answer(request, 429, _("Too many attempts"))


def unavailable(request: HttpRequest) -> HttpResponse:
    """503: a part that this page needs is away."""
    response = _bare(request, 503)
    response.headers["Retry-After"] = str(RETRY_SOON)
    return response


def server_error(request: HttpRequest) -> HttpResponse:
    """500: our mistake; 503 where the database is away or busy. Without database, session or context processors."""
    if isinstance(sys.exception(), (OperationalError, InterfaceError)):
        return unavailable(request)
    return _bare(request, 500)


def _bare(request: HttpRequest, status: int) -> HttpResponse:
    if is_api(request):
        return problem_of_status(request, status)
    html = loader.get_template(f"{status}.html").render({"request_id": _request_id(request)})
    return HttpResponse(html, status=status)
