"""Pages of the inbox: what came in, how each message ended, replay, dry run, dismissal."""

from __future__ import annotations

from collections.abc import Callable
from zoneinfo import ZoneInfo

from django import forms
from django.contrib import messages
from django.contrib.auth import get_user_model
from django.contrib.auth.decorators import login_required
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from crm.core.access import CrmRequest, Scope
from crm.core.errors import Conflict, Forbidden, Invalid, NotFound
from crm.core.listing import ListState
from crm.core.paging import Count, capped_count
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
        **(_countable(rows) if state.is_narrowed and not state.problems else {}),
        "query": request.GET.urlencode(),
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
    """Apply the chosen ones again, or all that the filter of the query string lets pass."""

    def told(count: int) -> str:
        return ngettext("%(count)d message is applied again.", "%(count)d messages are applied again.", count)

    return _act(request, services.replay_events, services.replayable, told)


@login_required
@require_POST
def inbox_dismiss(request: CrmRequest) -> HttpResponse:
    """Close the chosen ones, or all that the filter of the query string lets pass, where they wait or were given up."""

    def told(count: int) -> str:
        return ngettext("%(count)d message dismissed.", "%(count)d messages dismissed.", count)

    return _act(request, services.dismiss_events, services.dismissible, told)


def _countable(rows: QuerySet[InboxEvent]) -> dict[str, Count]:
    """How many of a filter's rows could be applied again, and how many dismissed: told before it is done."""
    return {
        "again_all": capped_count(services.replayable(rows)),
        "dismiss_all": capped_count(services.dismissible(rows)),
    }


def _act(
    request: CrmRequest,
    service: Callable[..., int],
    narrowed: Callable[[QuerySet[InboxEvent]], QuerySet[InboxEvent]],
    told: Callable[[int], str],
) -> HttpResponse:
    """Run `service` for what was chosen, say how many there were or why not, and go back to where that was made."""
    back = request.POST.get("back", "")
    target = (
        redirect("intake:inbox_event", pk=int(back)) if back.isascii() and back.isdigit() else redirect("intake:inbox")
    )
    form = ReasonForm(request.POST)
    try:
        chosen = _matching(request, narrowed) if request.POST.get("all") else ids_from(request.POST.getlist("ids"))
    except forms.ValidationError as error:
        messages.error(request, error.messages[0])
        return target
    except Invalid as error:
        messages.error(request, error.message)
        return target
    if form.submit(service, scope=request.scope, event_ids=chosen):
        messages.success(request, told(form.result) % {"count": form.result})
    else:
        messages.error(request, str(next(iter(form.errors.values()))[0]))
    return target


def _matching(request: CrmRequest, narrowed: Callable[[QuerySet[InboxEvent]], QuerySet[InboxEvent]]) -> list[int]:
    """Of what the filter lets pass, the ids of those to act on, oldest first; one more than the service takes at most.

    Raises Invalid for a filter with faults, and where it leaves nothing to act on.
    """
    state = ListState.read(request, INBOX)
    state.require_sound()
    rows = narrowed(state.narrow(InboxEvent.objects.visible_to(request.scope)))
    found = list(rows.order_by("pk").values_list("pk", flat=True)[: services.MOST_AT_ONCE + 1])
    if not found:
        raise Invalid(_("The filter leaves nothing to do this with."))
    return found


@login_required
@require_safe
def inbox_event(request: CrmRequest, pk: int) -> HttpResponse:
    """One message: what it says, how it ended, what it caused."""
    return _page(request, pk)


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
    except (Conflict, Invalid) as error:
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
        "acted_by": _who(scope, event.acted_by),
        "caused": Event.objects.visible_to(scope).filter(cause=f"inbox:{pk}").order_by("pk")[:50],
        "reason_form": ReasonForm(),
        "dry_form": dry_form or DryRunForm(),
        "result": result,
        "may_act": scope.allows("inbox.replay"),
        "may_dismiss": event.state in services.DISMISSIBLE,
        "may_replay": event.state in services.REPLAYABLE and body is not None and event.connection.deleted_at is None,
        **TAB,
    }
    return render(request, "outbox/inbox_event.html", context, status=status)


def _who(scope: Scope, actor: str) -> str:
    """The name of who replayed or dismissed something; what is no person is the product itself."""
    number = actor.removeprefix("user:")
    people = get_user_model().objects.visible_to(scope)
    name = people.filter(pk=int(number)).values_list("name", flat=True).first() if number.isdigit() else None
    return str(name or "FreshPlan")
