"""One's own notices: behind the bell, and on a page."""

from __future__ import annotations

from typing import Final

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from crm.core.access import CrmRequest
from crm.core.paging import Sort
from messaging import services
from messaging.models import Notice
from messaging.views.paging import page_of

NEWEST_FIRST: Final = Sort("created_at", descending=True)


@login_required
@require_GET
def notices(request: CrmRequest) -> HttpResponse:
    """All of one's own, newest first, or the unread alone."""
    only_unread = request.GET.get("show") == "unread"
    rows = Notice.objects.visible_to(request.scope)
    page = page_of(request, rows.unread() if only_unread else rows, NEWEST_FIRST)
    context = {
        "page": page,
        "only_unread": only_unread,
        "unread": services.unread_count(request.scope),
        "cap": services.UNREAD_CAP,
    }
    return render(request, "messaging/notices.html", context)


@login_required
@require_GET
def popover(request: CrmRequest) -> HttpResponse:
    """The newest ones, as the bell shows them."""
    return _popover(request)


@login_required
@require_POST
def open_notice(request: CrmRequest, pk: int) -> HttpResponse:
    """Mark one as read and go to what it is about."""
    notice = services.read_notice(scope=request.scope, notice_id=pk)
    return redirect(notice.address or "messaging:notices")


@login_required
@require_POST
def read_all(request: CrmRequest) -> HttpResponse:
    """Mark all as read; from the bell the list comes back, from the page the page."""
    services.read_all_notices(scope=request.scope)
    return _popover(request) if request.htmx else redirect("messaging:notices")


def _popover(request: CrmRequest) -> HttpResponse:
    context = {
        "notices": Notice.objects.visible_to(request.scope).newest(),
        "unread": services.unread_count(request.scope),
        "cap": services.UNREAD_CAP,
    }
    return render(request, "messaging/popover.html", context)
