"""The review page: prospects who have not ordered for long, and a manager's word on each."""

from __future__ import annotations

from typing import Final

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from crm.core.access import CrmRequest
from crm.core.options import option_value
from customers import services
from customers.choices import CustomerStatus
from customers.models import Customer, CustomerTag
from customers.options import REVIEW_DAYS
from customers.review_forms import ReviewForm
from customers.transitions import REVIEW_REQUIRED
from customers.views.life import may, refuse
from customers.views.refusals import answer_dialog, explains_refusal, visible_customer

PAGE: Final = 100


@login_required
@require_GET
@explains_refusal
def reviews(request: CrmRequest) -> HttpResponse:
    """Who waits for a decision, the longest first. Three queries."""
    request.scope.require("customers.status")
    marked = CustomerTag.objects.visible_to(request.scope).filter(tag__name=REVIEW_REQUIRED)
    rows = Customer.objects.visible_to(request.scope).filter(
        status=CustomerStatus.PROSPECT, pk__in=marked.values("customer_id")
    )
    found = list(rows.select_related("owner").order_by("status_since", "pk")[: PAGE + 1])
    context = {
        "customers": found[:PAGE],
        "more": len(found) > PAGE,
        "days": option_value(REVIEW_DAYS, request.scope),
    }
    return render(request, "customers/reviews.html", context)


@login_required
@require_http_methods(["GET", "POST"])
@explains_refusal
def review(request: CrmRequest, pk: int) -> HttpResponse:
    """Keep or archive one; then on to the next. At most 25 queries."""
    customer = visible_customer(request, pk)
    refuse(_("Sales managers review prospects."), allowed=may(request, customer).status)
    form = ReviewForm(request.POST if request.method == "POST" else None)
    done = form.submit(services.decide_review, scope=request.scope, customer_id=pk)
    return answer_dialog(
        request,
        form,
        done=done,
        customer=customer,
        title=_("Review prospect"),
        note=_("Kept until a day, nobody is told of the prospect before it. Archived, it can be reopened."),
        submit=_("Decide"),
        said=_("Decided"),
        possible=done or customer.status == CustomerStatus.PROSPECT,
        then=reverse("customers:reviews"),
    )
