"""Delete with undo, the trash, restore."""

from __future__ import annotations

from typing import Final

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from crm.core.access import CrmRequest
from crm.core.errors import Conflict
from crm.core.options import option_value
from customers import services
from customers.models import Customer
from customers.views.refusals import explains_refusal, to
from jobs.options import TRASH_DAYS

PAGE: Final = 100


@login_required
@require_POST
@explains_refusal
def delete(request: CrmRequest, pk: int) -> HttpResponse:
    """Into the trash, with ten seconds to take it back; later from the trash. At most 15 queries."""
    try:
        customer = services.delete_customer(scope=request.scope, customer_id=pk)
    except Conflict as error:
        messages.error(request, error.message)
        return to(request, reverse("customers:detail", args=[pk]))
    text = _("%(name)s deleted") % {"name": customer.company_name}
    messages.success(request, text, extra_tags=reverse("customers:restore", args=[pk]))
    return to(request, reverse("customers:list"))


@login_required
@require_POST
@explains_refusal
def restore(request: CrmRequest, pk: int) -> HttpResponse:
    """Out of the trash again, with all that hangs on the account. At most 15 queries."""
    try:
        customer = services.restore_customer(scope=request.scope, customer_id=pk)
    except Conflict as error:
        messages.error(request, error.message)
        return to(request, reverse("customers:trash"))
    messages.success(request, _("%(name)s restored") % {"name": customer.company_name})
    return to(request, reverse("customers:detail", args=[pk]))


@login_required
@require_GET
def trash(request: CrmRequest) -> HttpResponse:
    """What the user deleted and may restore, for managers everybody's; the newest 100. Three queries."""
    rows = Customer.objects.trashed_for(request.scope).select_related("deleted_by", "owner")
    found = list(rows.order_by("-deleted_at", "pk")[: PAGE + 1])
    context = {"customers": found[:PAGE], "more": len(found) > PAGE, "days": option_value(TRASH_DAYS, request.scope)}
    return render(request, "customers/trash.html", context)
