"""Pages of connections: list, set-up, secrets, states, test, last calls, and what another installation told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import Q
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from crm.core.access import CrmRequest, Scope
from crm.core.errors import DomainError, Forbidden, Invalid, NotFound
from crm.core.paging import Sort, paginate
from outbox.call_figures import Calls, breaker_changes, calls_by_connection, calls_by_hour
from outbox.choices import ConnectionState, CredentialRole
from outbox.door import webhook_path
from outbox.guards import Guards, breaker_states
from outbox.intake_figures import counters, dead_and_open, figures, refusals
from outbox.intake_forms import ConnectionForm, PauseForm, SecretForm
from outbox.models import CallLog, Connection, ConnectionCheck, Credential, RemoteEvent
from outbox.providers import CredentialKind, Provider, all_providers, provider_named
from outbox.services import connections as services

LAST_CALLS: Final = 100
TAB: Final = {"tab": "connections", "area": "organisation"}


@dataclass(frozen=True, slots=True)
class Line:
    """One connection in the list."""

    connection: Connection
    provider: Provider | None
    check: ConnectionCheck | None
    breaker: str
    calls: Calls | None
    open: int
    dead: int


@dataclass(frozen=True, slots=True)
class SecretLine:
    """A kind of secret with its live ones; `form` puts in the next."""

    kind: CredentialKind
    rows: list[Credential]
    form: SecretForm

    @property
    def is_full(self) -> bool:
        """Whether two live already."""
        return len(self.rows) > 1


@login_required
@require_safe
def connection_list(request: CrmRequest) -> HttpResponse:
    """All connections, by name."""
    request.scope.require("integrations.read")
    rows = Connection.objects.visible_to(request.scope).present().select_related("check_row").order_by("label", "pk")
    counts = dead_and_open(request.scope)
    asked = [row.pk for row in rows if row.base_url]
    breakers, calls = breaker_states(asked), calls_by_connection(request.scope, asked)
    lines = [
        Line(
            row,
            provider_named(row.provider),
            getattr(row, "check_row", None),
            breakers.get(row.pk, ""),
            calls.get(row.pk),
            *counts.get(row.pk, (0, 0)),
        )
        for row in rows
    ]
    return render(request, "outbox/connections.html", {"lines": lines, **TAB})


@login_required
@require_http_methods(["GET", "POST"])
def create_connection(request: CrmRequest) -> HttpResponse:
    """A new connection to the provider that the address names, the first one without."""
    request.scope.require("connections.manage")
    providers = all_providers()
    chosen = provider_named(request.GET.get("provider", "")) or providers[0]
    form = ConnectionForm(request.POST if request.method == "POST" else None, provider=chosen)
    if form.submit(services.create_connection, scope=request.scope, provider=chosen.key):
        messages.success(request, _("Connection added. Put the secret in next."))
        return redirect("intake:connection", pk=form.result.pk)
    context = {"form": form, "provider": chosen, "providers": providers, **TAB}
    return render(request, "outbox/connection_new.html", context, status=422 if form.errors else 200)


@login_required
@require_http_methods(["GET", "POST"])
def connection(request: CrmRequest, pk: int) -> HttpResponse:
    """One connection; the form changes name, address and settings."""
    row, provider = _found(request.scope, pk)
    form = ConnectionForm(request.POST if request.method == "POST" else None, provider=provider, connection=row)
    if request.method == "POST":
        request.scope.require("connections.manage")
        if form.submit(services.change_connection, scope=request.scope, connection_id=pk):
            messages.success(request, _("Connection saved."))
            return redirect("intake:connection", pk=pk)
    return _page(request, row, provider, form=form)


@login_required
@require_POST
@sensitive_post_parameters()
def connection_secret(request: CrmRequest, pk: int, kind: str) -> HttpResponse:
    """Put a secret in: the first, or the next one."""
    row, provider = _found(request.scope, pk)
    form = SecretForm(request.POST, prefix=kind)
    if form.submit(services.set_credential, scope=request.scope, connection_id=pk, kind=kind):
        is_next = form.result.role == CredentialRole.NEXT
        messages.success(
            request, _("Secret stored; it is used once it has proven itself.") if is_next else _("Secret stored.")
        )
        return redirect("intake:connection", pk=pk)
    return _page(request, row, provider, secret={kind: form})


@login_required
@require_POST
def connection_secret_end(request: CrmRequest, pk: int, credential_id: int) -> HttpResponse:
    """End the old secret, or take the next one back."""
    return _do(
        request,
        pk,
        lambda: services.end_credential(scope=request.scope, connection_id=pk, credential_id=credential_id),
        _("Secret ended."),
    )


@login_required
@require_POST
def connection_activate(request: CrmRequest, pk: int) -> HttpResponse:
    """Set it going, or on again."""
    return _do(
        request,
        pk,
        lambda: services.move_connection(scope=request.scope, connection_id=pk, target=ConnectionState.ACTIVE),
        _("The connection is active."),
    )


@login_required
@require_POST
def connection_pause(request: CrmRequest, pk: int) -> HttpResponse:
    """Let it rest, with a reason."""
    row, provider = _found(request.scope, pk)
    form = PauseForm(request.POST)
    if form.submit(services.move_connection, scope=request.scope, connection_id=pk, target=ConnectionState.PAUSED):
        messages.success(request, _("The connection is paused. What comes in is kept and waits."))
        return redirect("intake:connection", pk=pk)
    return _page(request, row, provider, pause=form)


@login_required
@require_POST
def connection_key(request: CrmRequest, pk: int) -> HttpResponse:
    """Another webhook address."""
    return _do(
        request,
        pk,
        lambda: services.renew_key(scope=request.scope, connection_id=pk),
        _("The webhook address is new. Put it in at the other side: the old one is unknown from now."),
    )


@login_required
@require_POST
def connection_delete(request: CrmRequest, pk: int) -> HttpResponse:
    """Close it for good."""
    try:
        services.delete_connection(scope=request.scope, connection_id=pk)
    except (NotFound, Forbidden):
        raise
    except DomainError as error:
        messages.error(request, error.message)
        return redirect("intake:connection", pk=pk)
    messages.success(request, _("Connection deleted."))
    return redirect("intake:connections")


@login_required
@require_POST
def connection_test(request: CrmRequest, pk: int) -> HttpResponse:
    """Have a worker ask the other side; the page shows the answer when it is there."""
    return _do(
        request, pk, lambda: services.ask_check(scope=request.scope, connection_id=pk), _("Asking the other side.")
    )


@login_required
@require_safe
def connection_check(request: CrmRequest, pk: int) -> HttpResponse:
    """How the other side answered, as a part of the page that asks again while the answer is awaited."""
    row, _provider = _found(request.scope, pk)
    return render(request, "outbox/parts/check.html", {"connection": row, **_check(request.scope, row)})


@login_required
@require_safe
def remote_events(request: CrmRequest, pk: int) -> HttpResponse:
    """What another installation told, newest first."""
    row, _provider = _found(request.scope, pk)
    rows = RemoteEvent.objects.visible_to(request.scope).filter(connection=row)
    subject = " ".join(request.GET.get("subject", "").split())[:200]
    if subject:
        rows = rows.filter(subject=subject)
    newest, after, before = Sort("id", descending=True), request.GET.get("after", ""), request.GET.get("before", "")
    try:
        page = paginate(rows, sort=newest, after=after, before=before)
    except Invalid:  # a cursor of another list, or an old one
        page = paginate(rows, sort=newest)
    context = {"connection": row, "page": page, "subject": subject, **TAB}
    return render(request, "outbox/remote_events.html", context)


def _found(scope: Scope, pk: int) -> tuple[Connection, Provider]:
    row = Connection.objects.visible_to(scope).present().select_related("owner").get_or_not_found(pk=pk)
    provider = provider_named(row.provider)
    if provider is None:
        raise NotFound(_("Not found."))
    return row, provider


def _do(request: CrmRequest, pk: int, act: Callable[[], object], done: str) -> HttpResponse:
    """Run one service and go back to the page, with what was done or why not."""
    try:
        act()
    except (NotFound, Forbidden):
        raise
    except DomainError as error:
        messages.error(request, error.message)
    else:
        messages.success(request, done)
    return redirect("intake:connection", pk=pk)


def _check(scope: Scope, row: Connection) -> dict[str, object]:
    found = ConnectionCheck.objects.visible_to(scope).filter(connection=row).first()
    return {"check": found, "is_awaited": bool(found and found.due_at and found.due_at <= scope.now)}


def _calls_out(scope: Scope, row: Connection, provider: Provider) -> dict[str, object]:
    """How calls out go: the guards as they stand, the last day by hour, when the breaker changed."""
    guards = Guards(row.pk, calls_per_minute=provider.calls_per_minute)
    return {
        "breaker": guards.state(),
        "rate_left": int(guards.rate_left()),
        "rate_size": guards.size,
        "hours": calls_by_hour(scope, row.pk),
        "changes": breaker_changes(scope, row.pk),
    }


def _page(
    request: CrmRequest,
    row: Connection,
    provider: Provider,
    *,
    form: ConnectionForm | None = None,
    secret: dict[str, SecretForm] | None = None,
    pause: PauseForm | None = None,
) -> HttpResponse:
    scope = request.scope
    is_live = Q(valid_until=None) | Q(valid_until__gt=scope.now)
    live = Credential.objects.visible_to(scope).filter(is_live, connection=row).select_related("set_by")
    live = live.order_by("role", "pk")
    secrets = [
        SecretLine(
            kind,
            [one for one in live if one.kind == kind.key],
            (secret or {}).get(kind.key) or SecretForm(prefix=kind.key),
        )
        for kind in provider.credentials
    ]
    calls = CallLog.objects.visible_to(scope).filter(connection=row).order_by("-pk")[:LAST_CALLS]
    has_errors = any(one is not None and one.errors for one in (form, pause, *(secret or {}).values()))
    context = {
        "connection": row,
        "provider": provider,
        "form": form or ConnectionForm(provider=provider, connection=row),
        "pause_form": pause or PauseForm(),
        "secrets": secrets,
        "address": request.build_absolute_uri(webhook_path(row.provider, row.key)),
        "figures": figures(scope, row.pk),
        "counters": counters(scope, row.pk),
        "refusals": refusals(scope, row.pk),
        "calls": list(calls),
        **(_calls_out(scope, row, provider) if row.base_url else {}),
        "remote": RemoteEvent.objects.visible_to(scope).filter(connection=row).exists(),
        "may_activate": services.may_become(row.state, ConnectionState.ACTIVE),
        "lacks_secrets": services.lacks_secrets(scope, row),
        "may_pause": services.may_become(row.state, ConnectionState.PAUSED),
        **_check(scope, row),
        **TAB,
    }
    return render(request, "outbox/connection.html", context, status=422 if has_errors else 200)
