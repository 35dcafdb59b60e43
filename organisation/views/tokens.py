"""One's own API tokens: make one, see when each was used, revoke."""

from __future__ import annotations

from allauth.account.decorators import reauthentication_required
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_http_methods, require_POST

from crm.core.access import CrmRequest
from organisation import services
from organisation.encryption import decrypt, encrypt
from organisation.forms import TokenForm
from organisation.models import ApiToken

TOKEN_KEY = "new_api_token"  # noqa: S105 - the session's name for it; shown once, on the next page


@login_required
@never_cache
@sensitive_variables("shown", "token", "form", "context")
@require_http_methods(["GET", "POST"])
# A way in of its own: asked for as for a second factor.
@reauthentication_required(allow_get=True, app="organisation")  # type: ignore[untyped-decorator]
def tokens(request: CrmRequest) -> HttpResponse:
    """One's tokens, newest first; POST makes one after a fresh sign-in, which the next page shows once."""
    request.scope.require("tokens.own")
    form = TokenForm(request.POST if request.method == "POST" else None, initial={"days": 90})
    if form.submit(services.create_token, scope=request.scope):
        _row, token = form.result
        request.session[TOKEN_KEY] = encrypt(token)
        messages.success(request, _("Token made."))
        return redirect("organisation:tokens")
    shown = request.session.pop(TOKEN_KEY, None) if request.method == "GET" else None
    own = ApiToken.objects.visible_to(request.scope).filter(user_id=request.scope.user_id or 0)
    context = {
        "form": form,
        "tokens": own,
        "now": request.scope.now,
        "shown": decrypt(shown) if shown else None,
        "tab": "tokens",
    }
    return render(request, "organisation/tokens.html", context, status=422 if form.errors else 200)


@login_required
@require_POST
def revoke_token(request: CrmRequest, pk: int) -> HttpResponse:
    """End one of one's own tokens at once."""
    services.revoke_token(scope=request.scope, token_id=pk)
    messages.success(request, _("Token revoked."))
    return redirect("organisation:tokens")
