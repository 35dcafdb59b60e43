"""Saved views of a list: all of them, one's own to change, and what is pressed beside them. Without a script as with one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from crm.core.access import CrmRequest
from crm.core.errors import Forbidden, NotFound
from crm.core.forms import ServiceForm
from crm.core.listing import Listing
from crm.core.listing.saved import listing_named, restored
from organisation import services
from organisation.choices import Audience, Role
from organisation.list_views import list_views
from organisation.models import ListDefault, SavedView
from organisation.view_forms import (
    MoveForm,
    NewViewForm,
    OwnDefaultForm,
    PinForm,
    RoleDefaultForm,
    SeenForm,
    StateForm,
    ViewForm,
    first_error,
)


@login_required
@require_http_methods(["GET", "POST"])
def views(request: CrmRequest, list_key: str) -> HttpResponse:
    """All views of a list that one sees. POST keeps the state that `query` says under a new name, and opens it."""
    listing = _listing(list_key)
    form = NewViewForm(request.POST if request.method == "POST" else None, scope=request.scope, listing=listing)
    if form.submit(services.save_view, scope=request.scope, list_key=list_key):
        messages.success(request, _("View saved."))
        return redirect(_opened(request, form.result))
    empty = restored({}, request.scope, listing)
    context = {
        "listing": listing,
        "area": list_key,
        "views": list_views(empty),
        "form": form if form.is_bound else None,
        "may_delete": request.scope.allows("views.share_all"),
        "own_default": ListDefault.objects.visible_to(request.scope)
        .filter(list_key=list_key, user_id=request.scope.user_id or 0)
        .exists(),
    }
    return render(request, "organisation/saved_views.html", context, status=422 if form.errors else 200)


@login_required
@require_http_methods(["GET", "POST"])
def view(request: CrmRequest, pk: int) -> HttpResponse:
    """One of one's own views: its name, who sees it, and for whom the list opens with it."""
    found = _seen(request, pk)
    if found.owner_id != request.scope.user_id and not request.scope.allows("views.share_all"):
        raise Forbidden(_("Only its owner changes a view; a copy is one's own."))
    form = ViewForm(request.POST if request.method == "POST" else None, scope=request.scope, view=found)
    if form.submit(services.change_view, scope=request.scope, view_id=pk):
        messages.success(request, _("View saved."))
        return redirect("lists:views", list_key=found.list_key)
    taken = ListDefault.objects.visible_to(request.scope).filter(view=found, user=None)
    roles = set(taken.values_list("role", flat=True))
    may_choose = request.scope.allows("views.share_all") and found.audience == Audience.ORGANISATION
    context = {
        "listing": _listing(found.list_key),
        "area": found.list_key,
        "view": found,
        "form": form,
        "is_mine": found.owner_id == request.scope.user_id,
        "roles": [{"key": role.value, "label": role.label, "on": role in roles} for role in Role] if may_choose else [],
    }
    return render(request, "organisation/saved_view.html", context, status=422 if form.errors else 200)


@login_required
@require_POST
def state(request: CrmRequest, pk: int) -> HttpResponse:
    """Keep the state that `query` says under this view's name."""
    found = _seen(request, pk)
    form = StateForm(request.POST, scope=request.scope, listing=_listing(found.list_key))
    if form.submit(services.change_view, scope=request.scope, view_id=pk):
        messages.success(request, _("View saved."))
        return redirect(_opened(request, form.result))
    messages.error(request, first_error(form))
    return redirect(_opened(request, found))


@login_required
@require_POST
def copy(request: CrmRequest, pk: int) -> HttpResponse:
    """A copy of one's own, opened for a name."""
    made = services.copy_view(scope=request.scope, view_id=pk)
    messages.success(request, _("Copied; the copy is private."))
    return redirect("lists:view", pk=made.pk)


@login_required
@require_POST
def pin(request: CrmRequest, pk: int) -> HttpResponse:
    """A tab above the list, or no longer."""
    return _done(request, pk, PinForm(request.POST), services.pin_view)


@login_required
@require_POST
def move(request: CrmRequest, pk: int) -> HttpResponse:
    """The tab one place on."""
    return _done(request, pk, MoveForm(request.POST), services.move_pin)


@login_required
@require_POST
def delete(request: CrmRequest, pk: int) -> HttpResponse:
    """Gone for everybody who had it."""
    return _done(request, pk, SeenForm(request.POST), services.delete_view, _("View deleted."))


@login_required
@require_POST
def own_default(request: CrmRequest, list_key: str) -> HttpResponse:
    """Open the list with this view; without one with the whole list."""
    _listing(list_key)
    form = OwnDefaultForm(request.POST)
    if not form.submit(services.set_default, scope=request.scope, list_key=list_key):
        messages.error(request, first_error(form))
    return redirect("lists:views", list_key=list_key)


@login_required
@require_POST
def clear_own_default(request: CrmRequest, list_key: str) -> HttpResponse:
    """Open the list as the role does."""
    services.clear_default(scope=request.scope, list_key=list_key)
    return redirect("lists:views", list_key=list_key)


@login_required
@require_POST
def role_default(request: CrmRequest, pk: int) -> HttpResponse:
    """Open the list with this view for everybody of a role, or no longer."""
    found = _seen(request, pk)
    form = RoleDefaultForm(request.POST)
    wished = services.set_default if "on" in request.POST else services.clear_default
    place = {"list_key": found.list_key} | ({"view_id": pk} if "on" in request.POST else {})
    if not form.submit(wished, scope=request.scope, **place):
        messages.error(request, first_error(form))
    return redirect("lists:view", pk=pk)


def _done(request: CrmRequest, pk: int, form: ServiceForm, service: Callable[..., Any], text: str = "") -> HttpResponse:
    """Press a button of the page of all views."""
    found = _seen(request, pk)
    if not form.submit(service, scope=request.scope, view_id=pk):
        messages.error(request, first_error(form))
    elif text:
        messages.success(request, text)
    return redirect("lists:views", list_key=found.list_key)


def _listing(key: str) -> Listing:
    listing = listing_named(key)
    if listing is None:
        raise NotFound(_("There is no such list."))
    return listing


def _seen(request: CrmRequest, pk: int) -> SavedView:
    rows = SavedView.objects.visible_to(request.scope).select_related("owner", "team")
    found: SavedView = rows.get_or_not_found(pk=pk)
    return found


def _opened(request: CrmRequest, view: SavedView) -> str:
    """The list in the view's state."""
    return restored(view.state, request.scope, _listing(view.list_key), view=str(view.pk)).url()
