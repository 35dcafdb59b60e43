"""The demo's mailbox: mails that would go out, for administrators of a demo organisation; elsewhere there is no such page."""

from __future__ import annotations

from typing import Final

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from crm.core.access import CrmRequest
from crm.core.errors import NotFound
from crm.core.paging import Sort
from messaging import services
from messaging.models import Message
from messaging.views.paging import page_of
from organisation.models import Organisation

NEWEST_FIRST: Final = Sort("id", descending=True)


@login_required
@require_GET
def mailbox(request: CrmRequest) -> HttpResponse:
    """All mails, newest first."""
    _demo_only(request)
    page = page_of(request, Message.objects.visible_to(request.scope), NEWEST_FIRST)
    rows = [(message, services.shown_mail(message).subject) for message in page.rows]
    return render(
        request, "messaging/mailbox.html", {"page": page, "rows": rows, "tab": "mailbox", "area": "organisation"}
    )


@login_required
@never_cache
@require_GET
def mail(request: CrmRequest, pk: int) -> HttpResponse:
    """One mail as its recipient reads it; its links work."""
    _demo_only(request)
    message = Message.objects.visible_to(request.scope).get_or_not_found(pk=pk)
    shown = services.shown_mail(message)
    return render(
        request, "messaging/mail.html", {"message": message, "shown": shown, "tab": "mailbox", "area": "organisation"}
    )


def _demo_only(request: CrmRequest) -> None:
    own = Organisation.objects.visible_to(request.scope).filter(is_demo=True)
    if request.scope.role != "ADMINISTRATOR" or not own.exists():
        raise NotFound(_("Not found."))
