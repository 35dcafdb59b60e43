"""How one wants to be told."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from crm.core.access import CrmRequest
from messaging import services
from messaging.forms import NoticeSettingsForm
from messaging.models import NoticePreference, QuietHours
from messaging.registry import all_kinds


@login_required
@require_http_methods(["GET", "POST"])
def notice_settings(request: CrmRequest) -> HttpResponse:
    """A choice per kind of notice, and quiet hours."""
    kinds = [kind for kind in all_kinds() if kind.concerns(request.scope.role)]
    chosen = dict(NoticePreference.objects.visible_to(request.scope).values_list("kind", "channel"))
    hours = QuietHours.objects.visible_to(request.scope).first()
    initial = {kind.key: services.channel_in(kind, chosen.get(kind.key)) for kind in kinds}
    if hours is not None:
        initial |= {"begins": hours.begins, "ends": hours.ends}
    form = NoticeSettingsForm(request.POST if request.method == "POST" else None, initial=initial, kinds=kinds)
    if form.submit(services.change_notice_settings, scope=request.scope):
        messages.success(request, _("Notices saved."))
        return redirect("messaging:settings")
    context = {"form": form, "tab": "notices", "area": "organisation"}
    return render(request, "messaging/settings.html", context, status=422 if form.errors else 200)
