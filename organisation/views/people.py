"""People and teams, for administrators; everybody else gets 403 from the services' right."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import Count, Q
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from crm.core.access import CrmRequest
from organisation import services
from organisation.encryption import decrypt, encrypt
from organisation.factors import factors_of, has_factor
from organisation.forms import NewPersonForm, PersonForm, ReasonForm, TeamForm, VersionForm
from organisation.links import address_of
from organisation.mails import account_mails
from organisation.models import Team, User
from organisation.sessions import end_sign_ins, sign_ins

LINK_KEY = "new_set_up_link"  # session: shown once on the person's page


@login_required
@require_GET
def people(request: CrmRequest) -> HttpResponse:
    """All people, by name; narrowed by words in name or mail."""
    request.scope.require("people.manage")
    query = " ".join(request.GET.get("q", "").split())[:80]
    rows = User.objects.visible_to(request.scope).select_related("team").annotate(has_factor=has_factor())
    for word in query.split():
        rows = rows.filter(Q(name__icontains=word) | Q(email__icontains=word))
    return render(
        request,
        "organisation/people.html",
        {"people": rows.order_by("-is_active", "name", "pk"), "query": query, "tab": "people"},
    )


@login_required
@require_http_methods(["GET", "POST"])
def create_person(request: CrmRequest) -> HttpResponse:
    """A new person; he gets a link by mail, and the administrator sees it once."""
    request.scope.require("people.manage")
    initial = {"language": request.user.organisation.language}  # type: ignore[union-attr]
    form = NewPersonForm(request.POST if request.method == "POST" else None, initial=initial, scope=request.scope)
    if form.submit(services.create_user, scope=request.scope):
        messages.success(request, _("Person added."))
        return _send_link(request, form.result)
    return render(
        request, "organisation/person_new.html", {"form": form, "tab": "people"}, status=422 if form.errors else 200
    )


@login_required
@never_cache
@require_http_methods(["GET", "POST"])
def person(request: CrmRequest, pk: int) -> HttpResponse:
    """One person: role, team, rights, and what helps him sign in."""
    user = User.objects.visible_to(request.scope).select_related("team").get_or_not_found(pk=pk)
    request.scope.require("people.manage")
    initial = {
        name: getattr(user, name)
        for name in ("version", "email", "name", "role", "team", "phone", "added_rights", "withdrawn_rights")
    }
    form = PersonForm(request.POST if request.method == "POST" else None, initial=initial, scope=request.scope)
    if form.submit(services.change_user, scope=request.scope, user_id=pk):
        messages.success(request, _("Person saved."))
        return redirect("organisation:person", pk=pk)
    shown = request.session.get(LINK_KEY) or {}
    context = {
        "form": form,
        "person": user,
        "reason_form": ReasonForm(),
        "factors": factors_of(pk),
        "sign_ins": sign_ins(pk),
        "link": decrypt(shown["address"]) if shown.get("user") == pk else None,
        "tab": "people",
    }
    if context["link"]:
        del request.session[LINK_KEY]
    return render(request, "organisation/person.html", context, status=422 if form.errors else 200)


@login_required
@require_POST
def person_link(request: CrmRequest, pk: int) -> HttpResponse:
    """A new set-up link, for somebody who lost his password or never had one."""
    user = User.objects.visible_to(request.scope).get_or_not_found(pk=pk)
    request.scope.require("people.manage")
    return _send_link(request, user)


@login_required
@require_POST
def person_active(request: CrmRequest, pk: int) -> HttpResponse:
    """Deactivate, or activate again."""
    user = User.objects.visible_to(request.scope).get_or_not_found(pk=pk)
    service = services.deactivate_user if user.is_active else services.reactivate_user
    form = VersionForm(request.POST)
    if form.submit(service, scope=request.scope, user_id=pk):
        messages.success(request, _("Account activated.") if form.result.is_active else _("Account deactivated."))
    else:
        messages.error(request, _first_error(form))
    return redirect("organisation:person", pk=pk)


@login_required
@require_POST
def person_factor(request: CrmRequest, pk: int) -> HttpResponse:
    """Take a lost second factor away."""
    form = ReasonForm(request.POST)
    if form.submit(services.reset_second_factor, scope=request.scope, user_id=pk):
        messages.success(request, _("Second factor removed. The next sign-in sets a new one up."))
    else:
        messages.error(request, _first_error(form))
    return redirect("organisation:person", pk=pk)


@login_required
@require_POST
def person_sessions(request: CrmRequest, pk: int) -> HttpResponse:
    """End all sessions of a person."""
    user = User.objects.visible_to(request.scope).get_or_not_found(pk=pk)
    request.scope.require("people.manage")
    count = end_sign_ins(user.pk, but=request.session.session_key)
    messages.success(
        request, ngettext("%(count)d session ended.", "%(count)d sessions ended.", count) % {"count": count}
    )
    return redirect("organisation:person", pk=pk)


@login_required
@require_GET
def teams(request: CrmRequest) -> HttpResponse:
    """All teams with their leads and size."""
    request.scope.require("people.manage")
    members = Count("members", filter=Q(members__is_active=True), distinct=True)
    rows = Team.objects.visible_to(request.scope).prefetch_related("leads").annotate(size=members).order_by("name")
    return render(request, "organisation/teams.html", {"teams": rows, "tab": "teams"})


@login_required
@require_http_methods(["GET", "POST"])
def create_team(request: CrmRequest) -> HttpResponse:
    """A new team."""
    request.scope.require("people.manage")
    form = TeamForm(request.POST if request.method == "POST" else None, scope=request.scope)
    if form.submit(services.create_team, scope=request.scope):
        messages.success(request, _("Team added."))
        return redirect("organisation:teams")
    return render(request, "organisation/team.html", {"form": form, "tab": "teams"}, status=422 if form.errors else 200)


@login_required
@require_http_methods(["GET", "POST"])
def team(request: CrmRequest, pk: int) -> HttpResponse:
    """One team."""
    found = Team.objects.visible_to(request.scope).prefetch_related("leads", "members").get_or_not_found(pk=pk)
    request.scope.require("people.manage")
    initial = {
        "version": found.version,
        "name": found.name,
        "leads": list(found.leads.all()),
        "postcode_regions": ", ".join(found.postcode_regions),
    }
    form = TeamForm(request.POST if request.method == "POST" else None, initial=initial, scope=request.scope)
    if form.submit(services.change_team, scope=request.scope, team_id=pk):
        messages.success(request, _("Team saved."))
        return redirect("organisation:teams")
    return render(
        request,
        "organisation/team.html",
        {"form": form, "team": found, "tab": "teams"},
        status=422 if form.errors else 200,
    )


@sensitive_variables("token")
def _send_link(request: CrmRequest, user: User) -> HttpResponse:
    token = services.new_set_up_link(scope=request.scope, user_id=user.pk)
    address = address_of(token)
    account_mails().send_set_up_link(user=user, address=address)
    request.session[LINK_KEY] = {"user": user.pk, "address": encrypt(address)}
    return redirect("organisation:person", pk=user.pk)


def _first_error(form: VersionForm | ReasonForm) -> str:
    return str(next(iter(form.errors.values()))[0])
