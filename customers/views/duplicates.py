"""Possible duplicates of the stock: pair by pair one is merged into the other, or the two are told apart."""

from __future__ import annotations

from typing import Final

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from crm.core.access import CrmRequest, Scope
from customers import services
from customers.duplicates import REASONS
from customers.models import Address, DuplicatePair
from customers.views.refusals import explains_refusal, to

PAGE: Final = 50


@login_required
@require_GET
@explains_refusal
def duplicates(request: CrmRequest) -> HttpResponse:
    """Pairs that the user may change on both sides, the surest first; `?show=parted` those told apart. Three queries."""
    request.scope.require("customers.change")
    parted = request.GET.get("show") == "parted"
    rows = DuplicatePair.objects.visible_to(request.scope).changeable_by(request.scope)
    rows = rows.filter(parted_at__isnull=not parted).order_by("-score", "pk")
    found = list(rows.select_related("first", "second", "first__owner", "second__owner", "parted_by")[: PAGE + 1])
    places = _places(request.scope, [one for pair in found for one in (pair.first_id, pair.second_id)])
    context = {
        "pairs": [
            {
                "pair": pair,
                "sides": [(one, places.get(one.pk, "")) for one in (pair.first, pair.second)],
                "reasons": [str(REASONS[code]) for code in pair.reasons],
            }
            for pair in found[:PAGE]
        ],
        "more": len(found) > PAGE,
        "parted": parted,
        "may_scan": request.scope.allows("jobs.manage"),
    }
    return render(request, "customers/duplicates.html", context)


def _places(scope: Scope, ids: list[int]) -> dict[int, str]:
    """Postcode and town of each account's first address. One query."""
    rows = Address.objects.visible_to(scope).filter(customer_id__in=ids)
    found: dict[int, str] = {}
    for customer_id, postcode, city in rows.order_by("-is_primary", "pk").values_list(
        "customer_id", "postcode", "city"
    ):
        found.setdefault(customer_id, f"{postcode} {city}".strip())
    return found


@login_required
@require_POST
@explains_refusal
def part(request: CrmRequest, pair_id: int) -> HttpResponse:
    """The two are not the same; `again` asks once more. At most 10 queries."""
    again = "again" in request.POST
    services.part_pair(scope=request.scope, pair_id=pair_id, are_two=not again)
    messages.success(request, _("Asked again") if again else _("Remembered: not the same"))
    return to(request, reverse("customers:duplicates") + ("?show=parted" if again else ""))
