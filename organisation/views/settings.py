"""The organisation's own settings."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from crm.core.access import CrmRequest
from organisation import services
from organisation.forms import OrganisationForm
from organisation.models import Organisation


@login_required
@require_http_methods(["GET", "POST"])
def organisation(request: CrmRequest) -> HttpResponse:
    """Name, time zone, language."""
    request.scope.require("organisation.edit")
    own = Organisation.objects.visible_to(request.scope).get_or_not_found()
    initial = {name: getattr(own, name) for name in ("version", "name", "zone", "language")}
    form = OrganisationForm(request.POST if request.method == "POST" else None, initial=initial)
    if form.submit(services.change_organisation, scope=request.scope):
        messages.success(request, _("Organisation saved."))
        return redirect("organisation:organisation")
    context = {"form": form, "own": own, "tab": "organisation"}
    return render(request, "organisation/organisation.html", context, status=422 if form.errors else 200)


@login_required
@require_POST
def leave_demo(request: CrmRequest) -> HttpResponse:
    """Take the demo mark away."""
    services.leave_demo(scope=request.scope)
    messages.success(request, _("This organisation is no demo any more."))
    return redirect("organisation:organisation")
