"""Two accounts side by side, the choice between them, and the way back."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST

from crm.core.access import CrmRequest
from crm.core.digits import whole_number
from crm.core.errors import Conflict, Invalid
from customers import merge_rows, services
from customers.models import Customer
from customers.services.merging import parties_of
from customers.views.life import may, refuse
from customers.views.refusals import explains_refusal, to, visible_customer


@login_required
@require_http_methods(["GET", "POST"])
@explains_refusal
def merge(request: CrmRequest, pk: int) -> HttpResponse:
    """The account that is kept, beside the one named by `?with=`; without it, the choice of one. At most 45 queries."""
    winner = visible_customer(request, pk)
    refuse(_("Who may change both accounts merges them."), allowed=may(request, winner).change)
    request.scope.require("customers.delete")
    other = whole_number(request.POST.get("with") or request.GET.get("with", ""))
    if other is None or other == pk:
        return _choose(request, winner)
    loser = visible_customer(request, other)
    refuse(_("Only the owner, the team lead or a manager decides this."), allowed=may(request, loser).delete)
    if request.method == "GET":
        return _compare(request, winner, loser)
    try:
        merged = services.merge_customers(
            scope=request.scope,
            winner_id=pk,
            loser_id=other,
            winner_version=whole_number(request.POST.get("winner_version", "")) or 0,
            loser_version=whole_number(request.POST.get("loser_version", "")) or 0,
            choices={
                name.removeprefix("choose."): str(side)
                for name, side in request.POST.items()
                if name.startswith("choose.")
            },
        )
    except (Conflict, Invalid) as error:
        return _compare(request, visible_customer(request, pk), visible_customer(request, other), error)
    said = _("%(name)s merged") % {"name": loser.company_name}
    messages.success(request, said, extra_tags=reverse("customers:unmerge", args=[merged.change_set_id]))
    return to(request, reverse("customers:detail", args=[pk]))


def _choose(request: CrmRequest, winner: Customer) -> HttpResponse:
    words = request.GET.get("q", "").replace("\0", "").strip()
    context = {
        "customer": winner,
        "words": words,
        "candidates": merge_rows.candidates(request.scope, winner, words),
    }
    return render(request, "customers/merge_choose.html", context)


def _compare(
    request: CrmRequest, winner: Customer, loser: Customer, error: Conflict | Invalid | None = None
) -> HttpResponse:
    """The two with what was chosen so far; after a refusal with its reason (409)."""
    context: dict[str, Any] = {
        "customer": winner,
        "loser": loser,
        "rows": merge_rows.rows(request.scope, winner, loser, request.POST),
        "moving": merge_rows.moving(loser),
        "error": error.message if error else "",
    }
    return render(request, "customers/merge.html", context, status=409 if error else 200)


@login_required
@require_POST
@explains_refusal
def unmerge(request: CrmRequest, pk: int) -> HttpResponse:
    """Take a merge back; what was changed since stays, and is counted. At most 60 queries."""
    parties = parties_of(pk)
    try:
        result = services.undo_merge(scope=request.scope, merge_id=pk)
    except Conflict as error:
        messages.error(request, error.message)
        return to(request, reverse("jobs:change_set", args=[pk]))
    if result.skipped:
        text = ngettext(
            "Merge undone. %(count)d row was changed since and stays as it is.",
            "Merge undone. %(count)d rows were changed since and stay as they are.",
            len(result.skipped),
        )
        messages.success(request, text % {"count": len(result.skipped)})
    else:
        messages.success(request, _("Merge undone"))
    return to(request, reverse("customers:detail", args=[parties[0]]) if parties else reverse("customers:list"))
