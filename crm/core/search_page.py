"""Search over all records and actions: the results in the command palette, and the same as a page for who has no script."""

from __future__ import annotations

from typing import Final

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import render
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_safe

from crm.core.access import CrmRequest
from crm.core.global_search import LONGEST, find_actions, find_records

IN_PALETTE: Final = 6  # hits of each source
ON_PAGE: Final = 20


@login_required
@require_safe
def search(request: CrmRequest) -> HttpResponse:
    """Records and actions for `q`; as an htmx request the palette's list of them."""
    text = request.GET.get("q", "")[:LONGEST].replace("\0", "").strip()
    groups = find_records(request.scope, text, IN_PALETTE if request.htmx else ON_PAGE)
    actions = find_actions(request.scope, text)
    context = {
        "text": text,
        "groups": groups,
        "actions": actions,
        "count": sum(len(group.hits) for group in groups) + len(actions),
    }
    response = render(request, "core/parts/found.html" if request.htmx else "core/search.html", context)
    patch_vary_headers(response, ["HX-Request"])
    return response
