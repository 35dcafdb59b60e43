"""Wordings of mails: list, edit with preview, restore, test mail."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from crm.core.access import CrmRequest
from crm.core.errors import DomainError, NotFound
from messaging import services
from messaging.forms import PreviewForm, RestoreForm, WordingForm
from messaging.models import TemplateVersion
from messaging.wordings import TEMPLATES, PlaceholderEmpty, Template, Wording, shipped
from organisation.choices import Language
from organisation.models import User


@login_required
@require_GET
def wordings(request: CrmRequest) -> HttpResponse:
    """Every template in both languages, with what was changed about it."""
    request.scope.require("templates.edit")
    newest: dict[tuple[str, str], TemplateVersion] = {}
    for row in TemplateVersion.objects.visible_to(request.scope).select_related("created_by").order_by("number"):
        newest[row.key, row.language] = row
    rows = [
        {"template": one, "language": language, "version": newest.get((one.key, language.value))}
        for one in TEMPLATES.values()
        for language in Language
    ]
    return render(request, "messaging/wordings.html", {"rows": rows, "tab": "wordings", "area": "organisation"})


@login_required
@require_http_methods(["GET", "POST"])
def wording(request: CrmRequest, key: str, language: str) -> HttpResponse:
    """One wording: edit, versions, preview."""
    template = _known(request, key, language)
    number = services.newest_number(scope=request.scope, key=key, language=language)
    now = services.wording_in_force(scope=request.scope, key=key, language=language)
    initial = {"version": number, "subject": now.subject, "body": now.body}
    form = WordingForm(request.POST if request.method == "POST" else None, initial=initial)
    if form.submit(services.save_wording, scope=request.scope, key=key, language=language):
        messages.success(request, _("Template saved."))
        return redirect("messaging:wording", key=key, language=language)
    context = {
        "form": form,
        "template": template,
        "language_label": Language(language).label,
        "key": key,
        "language_code": language,
        "placeholders": [f"{{{{ {name} }}}}" for name in sorted(template.placeholders)],
        "is_shipped": now == shipped(key, language),
        "restore": RestoreForm(initial={"version": number}),
        "versions": TemplateVersion.objects.visible_to(request.scope)
        .of(key, language)
        .select_related("created_by")[:20],
        "people": _people(request),
        "tab": "wordings",
        "area": "organisation",
    } | _preview(request, template, language, now)
    return render(request, "messaging/wording.html", context, status=422 if form.errors else 200)


@login_required
@require_POST
def preview(request: CrmRequest, key: str, language: str) -> HttpResponse:
    """What the typed wording says about a person; nothing is kept."""
    template = _known(request, key, language)
    draft = Wording(request.POST.get("subject", "")[:200], request.POST.get("body", "")[:20_000])
    return render(request, "messaging/preview.html", _preview(request, template, language, draft))


@login_required
@require_POST
def restore(request: CrmRequest, key: str, language: str) -> HttpResponse:
    """Back to the shipped wording."""
    _known(request, key, language)
    form = RestoreForm(request.POST)
    if form.submit(services.restore_wording, scope=request.scope, key=key, language=language):
        messages.success(request, _("The shipped wording holds again."))
    else:
        messages.error(request, str(next(iter(form.errors.values()))[0]))
    return redirect("messaging:wording", key=key, language=language)


@login_required
@require_POST
def test_mail(request: CrmRequest, key: str, language: str) -> HttpResponse:
    """The saved wording, to oneself."""
    _known(request, key, language)
    try:
        services.send_test_mail(scope=request.scope, key=key, language=language)
    except DomainError as error:
        messages.error(request, error.message)
    else:
        messages.success(request, _("Test mail queued."))
    return redirect("messaging:wording", key=key, language=language)


def _known(request: CrmRequest, key: str, language: str) -> Template:
    request.scope.require("templates.edit")
    if key not in TEMPLATES or language not in Language.values:
        raise NotFound(_("Not found."))
    return TEMPLATES[key]


def _people(request: CrmRequest) -> QuerySet[User]:
    people: QuerySet[User] = User.objects.visible_to(request.scope).active().order_by("name", "pk")
    return people


def _preview(request: CrmRequest, template: Template, language: str, draft: Wording) -> dict[str, object]:
    """Subject and text filled with a real person, or what stands in the way."""
    form = PreviewForm(request.POST or None)
    form.fields["person"].queryset = _people(request)  # type: ignore[attr-defined]
    chosen = form.cleaned_data["person"] if form.is_valid() else None
    person = chosen or User.objects.visible_to(request.scope).get_or_not_found(pk=request.scope.user_id)
    values = services.example_values(scope=request.scope, key=template.key, language=language, person=person)
    try:
        subject, body = draft.fill(values)
    except PlaceholderEmpty as error:
        return {"person": person, "gap": f"{{{{ {error} }}}}"}
    return {"person": person, "subject": subject, "body": body}
