"""The page of all settings: read by everybody, each row changed where it stands by whom it is given to."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from crm.core.access import CrmRequest
from crm.core.errors import Forbidden, NotFound
from crm.core.options import Option, option_found, option_named
from organisation import services
from organisation.option_forms import OptionForm, ResetForm
from organisation.option_list import OptionRow, Place, areas, changes_of, option_row, option_rows


@login_required
@require_GET
def options(request: CrmRequest) -> HttpResponse:
    """All settings; narrowed by area, by words, to what was changed."""
    return _page(request, {})


@login_required
@require_http_methods(["GET", "POST"])
def option(request: CrmRequest, key: str) -> HttpResponse:
    """One setting, opened: its history, and the form where the asker may set it. POST sets it."""
    found = _known(key)
    row = option_row(request.scope, found)
    place = _place(row, request.POST.get("level") or request.GET.get("level", ""))
    if request.method != "POST":
        return _row(request, row, place, _form(request, found, place) if place else None)
    if place is None:
        raise Forbidden(_("This role may not do this."))
    form = _form(request, found, place, request.POST)
    if form.submit(services.set_value, scope=request.scope, key=key):
        return _done(request, found, _("Setting saved."))
    return _row(request, row, place, form, status=422)


@login_required
@require_POST
def reset_option(request: CrmRequest, key: str) -> HttpResponse:
    """Take a value away, so that the next level's holds."""
    found = _known(key)
    row = option_row(request.scope, found)
    place = _place(row, request.POST.get("level", ""))
    if place is None:
        raise Forbidden(_("This role may not do this."))
    reset = ResetForm(request.POST)
    if reset.submit(services.clear_value, scope=request.scope, key=key):
        return _done(request, found, _("Setting reset."))
    form = _form(request, found, place, request.POST)
    shown = form.errors
    shown.clear()
    shown |= reset.errors
    return _row(request, row, place, form, status=422)


def _known(key: str) -> Option[Any]:
    found = option_named(key)
    if found is None:
        raise NotFound(_("There is no such setting."))
    return found


def _place(row: OptionRow, level: str) -> Place | None:
    """The level asked for, else the first at which the scope may set it; None where he may nowhere, or not there."""
    return next((place for place in row.places if level in ("", place.level)), None)


def _form(request: CrmRequest, found: Option[Any], place: Place, data: Any = None) -> OptionForm:
    value = option_found(found, request.scope).value if place.value is None else place.value
    return OptionForm(data, option=found, place=place, value=value)


def _done(request: CrmRequest, found: Option[Any], said: str) -> HttpResponse:
    if request.htmx:
        return _row(request, option_row(request.scope, found), None, None, saved=said, closed=True)
    messages.success(request, said)
    return redirect("organisation:options")


def _row(
    request: CrmRequest,
    row: OptionRow,
    place: Place | None,
    form: OptionForm | None,
    *,
    saved: str = "",
    closed: bool = False,
    status: int = 200,
) -> HttpResponse:
    """The row alone for htmx, else the whole page with this row opened."""
    is_open = not closed and "read" not in request.GET
    opened = {"place": place, "form": form, "changes": changes_of(request.scope, row.option)} if is_open else {}
    context: dict[str, Any] = {"row": row, "opened": opened or None, "saved": saved}
    if request.htmx:
        return render(request, "organisation/parts/option.html", context, status=status)
    return _page(request, {"opened_row": row, **context}, status)


def _page(request: CrmRequest, more: dict[str, Any], status: int = 200) -> HttpResponse:
    asked = {name: " ".join(request.GET.get(name, "").split())[:80] for name in ("area", "changed", "q")}
    rows = option_rows(request.scope, area=asked["area"], changed=bool(asked["changed"]), words=asked["q"])
    context = {"tab": "options", "rows": rows, "areas": areas(), **asked, **more}
    return render(request, "organisation/options.html", context, status=status)
