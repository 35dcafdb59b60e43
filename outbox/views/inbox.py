"""Pages of the inbox: what came in, how each message ended, replay, dry run, dismissal."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from crm.core.access import CrmRequest
from crm.core.errors import Conflict, Forbidden, NotFound
from crm.core.listing import ListState
from crm.core.paging import capped_count
from outbox.choices import InboxState
from outbox.inbox_list import INBOX
from outbox.intake_forms import DryRunForm, ReasonForm, ids_from
from outbox.models import Connection, Event, InboxEvent
from outbox.providers import provider_named
from outbox.services import inbox as services
from outbox.shown import body_text

TAB = {"tab": "inbox", "area": "organisation"}
BUILDER = ("connection", "state", "type", "subject", "received")


@login_required
@require_safe
def inbox(request: CrmRequest) -> HttpResponse:
    """The list, newest first; filter and place stand in the URL."""
    request.scope.require("integrations.read")
    state = ListState.read(request, INBOX)
    rows = state.narrow(InboxEvent.objects.visible_to(request.scope))
    page = state.page(rows.select_related("connection"))
    context = {
        "state": state,
        "rows": page.rows,
        "total": capped_count(rows),
        "connections": Connection.objects.visible_to(request.scope).order_by("label", "pk"),
        "states": InboxState.choices,
        "asked": {name: request.GET.get(name, "") for name in BUILDER},
        "kept": [pair for pair in state.pairs() if pair[0] not in BUILDER],
        "reason_form": ReasonForm(),
        **TAB,
    }
    return render(request, "outbox/inbox.html", context)


@login_required
@require_POST
def inbox_replay(request: CrmRequest) -> HttpResponse:
    """Apply the chosen ones again; back to where the choice was made."""
    back = request.POST.get("back", "")
    target = (
        redirect("intake:inbox_event", pk=int(back)) if back.isascii() and back.isdigit() else redirect("intake:inbox")
    )
    form = ReasonForm(request.POST)
    try:
        chosen = ids_from(request.POST.getlist("ids"))
    except forms.ValidationError as error:
        messages.error(request, error.messages[0])
        return target
    if form.submit(services.replay_events, scope=request.scope, event_ids=chosen):
        text = ngettext("%(count)d message is applied again.", "%(count)d messages are applied again.", form.result)
        messages.success(request, text % {"count": form.result})
    else:
        messages.error(request, _first(form))
    return target


@login_required
@require_safe
def inbox_event(request: CrmRequest, pk: int) -> HttpResponse:
    """One message: what it says, how it ended, what it caused."""
    return _page(request, pk)


@login_required
@require_POST
def inbox_dismiss(request: CrmRequest, pk: int) -> HttpResponse:
    """Close what waits or was given up."""
    form = ReasonForm(request.POST)
    if form.submit(services.dismiss_event, scope=request.scope, event_id=pk):
        messages.success(request, _("Message dismissed."))
    else:
        messages.error(request, _first(form))
    return redirect("intake:inbox_event", pk=pk)


@login_required
@require_POST
def inbox_dry_run(request: CrmRequest, pk: int) -> HttpResponse:
    """What applying it would do; nothing is done."""
    form = DryRunForm(request.POST)
    if not form.is_valid():
        return _page(request, pk, dry_form=form, status=422)
    now, zone = form.cleaned_data["now"], ZoneInfo(request.scope.zone)  # typed as the organisation's clock shows
    try:
        result = services.dry_run(scope=request.scope, event_id=pk, now=now.replace(tzinfo=zone) if now else None)
    except (NotFound, Forbidden):
        raise
    except Conflict as error:
        messages.error(request, error.message)
        return redirect("intake:inbox_event", pk=pk)
    return _page(request, pk, dry_form=form, result=result)


def _page(
    request: CrmRequest,
    pk: int,
    *,
    dry_form: DryRunForm | None = None,
    result: services.DryRun | None = None,
    status: int = 200,
) -> HttpResponse:
    scope = request.scope
    rows = InboxEvent.objects.visible_to(scope).select_related("request", "connection", "request__credential")
    event = rows.get_or_not_found(pk=pk)
    scope.require("integrations.read")
    provider = provider_named(event.connection.provider)
    whole = scope.allows("connections.manage")
    body = None if event.request.body is None else bytes(event.request.body)
    context = {
        "event": event,
        "body": None if body is None else body_text(body, provider, whole=whole),
        "is_forgotten": body is None,
        "is_masked": not whole,
        "headers": sorted(event.request.headers.items()),
        "caused": Event.objects.visible_to(scope).filter(cause=f"inbox:{pk}").order_by("pk")[:50],
        "reason_form": ReasonForm(),
        "dry_form": dry_form or DryRunForm(),
        "result": result,
        "may_act": scope.allows("inbox.replay"),
        "may_dismiss": event.state in services.DISMISSIBLE,
        "may_replay": event.state in services.REPLAYABLE and body is not None,
        **TAB,
    }
    return render(request, "outbox/inbox_event.html", context, status=status)


def _first(form: ReasonForm) -> str:
    return str(next(iter(form.errors.values()))[0])
