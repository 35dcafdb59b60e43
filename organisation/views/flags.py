"""The page of feature flags, for administrators: one step on, off at once, who is first."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from crm.core.access import CrmRequest
from crm.core.errors import NotFound
from crm.core.flags import Flag, flag_named
from crm.core.forms import ServiceForm
from crm.core.operations import BUDGET
from organisation import services
from organisation.flag_list import flag_row, flag_rows, state_of
from organisation.models import Team, User
from organisation.operations import error_budget
from organisation.option_forms import FirstForm, FlagVersionForm, OffForm


@login_required
@require_GET
def flags(request: CrmRequest) -> HttpResponse:
    """All flags with their step, and the error budget that lets them go on."""
    request.scope.require("flags.change")
    budget = error_budget(request.scope)
    context = {
        "tab": "flags",
        "flags": flag_rows(request.scope),
        "budget": budget,
        "share": budget.share * 100,
        "allowed": BUDGET * 100,
    }
    return render(request, "organisation/flags.html", context)


@login_required
@require_http_methods(["GET", "POST"])
def first(request: CrmRequest, key: str) -> HttpResponse:
    """One flag: who has it first, and switching it off. POST names people and teams."""
    request.scope.require("flags.change")
    flag = _known(key)
    state = state_of(request.scope, flag)
    initial = {
        "version": state.version,
        "users": User.objects.visible_to(request.scope).filter(pk__in=state.user_ids),
        "teams": Team.objects.visible_to(request.scope).filter(pk__in=state.team_ids),
    }
    form = FirstForm(request.POST if request.method == "POST" else None, initial=initial, scope=request.scope)
    if form.submit(services.choose_first, scope=request.scope, key=key):
        messages.success(request, _("Flag saved."))
        return redirect("organisation:flags")
    context = {"tab": "flags", "row": flag_row(request.scope, flag, state), "form": form, "off": OffForm()}
    return render(request, "organisation/flag.html", context, status=422 if form.errors else 200)


@login_required
@require_POST
def advance(request: CrmRequest, key: str) -> HttpResponse:
    """To the next step."""
    form = FlagVersionForm(request.POST)
    if form.submit(services.advance_flag, scope=request.scope, key=key):
        messages.success(
            request, _("The flag is at its next step: %(step)s.") % {"step": form.result.get_step_display()}
        )
    else:
        messages.error(request, _first_error(form))
    return redirect("organisation:flags")


@login_required
@require_POST
def switch_off(request: CrmRequest, key: str) -> HttpResponse:
    """Off for everybody, at once."""
    form = OffForm(request.POST)
    if form.submit(services.switch_off_flag, scope=request.scope, key=key):
        messages.success(request, _("The flag is off."))
    else:
        messages.error(request, _first_error(form))
    return redirect("organisation:flags")


def _known(key: str) -> Flag:
    flag = flag_named(key)
    if flag is None:
        raise NotFound(_("There is no such flag."))
    return flag


def _first_error(form: ServiceForm) -> str:
    return str(next(iter(form.errors.values()))[0])
