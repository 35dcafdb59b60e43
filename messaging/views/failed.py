"""Mails that failed for good, for administrators: whom they were for, why, and once more."""

from __future__ import annotations

from typing import Final

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from crm.core.access import CrmRequest
from crm.core.errors import Conflict
from crm.core.paging import Sort
from messaging import services
from messaging.choices import MessageState
from messaging.models import Message
from messaging.shown import reason_of, template_label
from messaging.views.paging import page_of

NEWEST_FIRST: Final = Sort("id", descending=True)


@login_required
@require_GET
def failed_mails(request: CrmRequest) -> HttpResponse:
    """The newest first, and how many still wait; what they say is their recipients' alone."""
    waiting = services.waiting_mails(scope=request.scope)
    page = page_of(request, Message.objects.visible_to(request.scope).filter(state=MessageState.FAILED), NEWEST_FIRST)
    rows = [
        {
            "message": one,
            "label": template_label(one),
            "reason": reason_of(one),
            "may_go": services.may_go_again(one),
        }
        for one in page.rows
    ]
    context = {
        "page": page,
        "rows": rows,
        "waiting": waiting,
        "sends_mail": settings.SENDS_MAIL,
        "tab": "failed",
        "area": "organisation",
    }
    return render(request, "messaging/failed.html", context)


@login_required
@require_POST
def send_again(request: CrmRequest, pk: int) -> HttpResponse:
    """Back into the queue."""
    try:
        services.send_again(scope=request.scope, message_id=pk)
    except Conflict as refused:
        messages.error(request, refused.message)
    else:
        messages.success(request, _("The mail is sent again in a moment."))
    return redirect("messaging:failed")
