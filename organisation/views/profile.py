"""One's own profile, language, and everything about signing in."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from crm.core.access import CrmRequest
from organisation import services
from organisation.factors import factors_of, of_type, removable
from organisation.forms import ProfileForm
from organisation.models import User
from organisation.sessions import end_sign_ins, sign_ins
from organisation.views.second_factor import passkeys_possible


@login_required
@require_http_methods(["GET", "POST"])
def profile(request: CrmRequest) -> HttpResponse:
    """Name, phone, language."""
    me = User.objects.visible_to(request.scope).get_or_not_found(pk=request.scope.user_id)
    data = request.POST if request.method == "POST" else None
    form = ProfileForm(data, initial={"name": me.name, "phone": me.phone, "language": me.language})
    if form.submit(services.change_own_profile, scope=request.scope):
        messages.success(request, _("Profile saved."))
        return redirect("organisation:profile")
    context = {"form": form, "person": me, "tab": "profile"}
    return render(request, "organisation/profile.html", context, status=422 if form.errors else 200)


@login_required
@require_GET
def security(request: CrmRequest) -> HttpResponse:
    """Password, second factors, recovery codes, open sessions."""
    factors = list(factors_of(request.scope.user_id))
    app, codes = of_type(factors, "totp"), of_type(factors, "recovery_codes")
    context = {
        "tab": "security",
        "app": app[0] if app else None,
        "passkeys": of_type(factors, "webauthn"),
        "codes_left": len(codes[0].wrap().get_unused_codes()) if codes else 0,
        "removable": removable(factors),
        "has_factor": len(factors) > len(codes),
        "passkeys_possible": passkeys_possible(request),
        "sign_ins": sign_ins(request.scope.user_id or 0),
        "own_key": request.session.session_key,
    }
    return render(request, "organisation/security.html", context)


@login_required
@require_POST
def end_other_sessions(request: CrmRequest) -> HttpResponse:
    """Sign out everywhere but here."""
    count = end_sign_ins(request.scope.user_id or 0, but=request.session.session_key)
    text = ngettext("%(count)d other session ended.", "%(count)d other sessions ended.", count) % {"count": count}
    messages.success(request, text)
    return redirect("organisation:security")
