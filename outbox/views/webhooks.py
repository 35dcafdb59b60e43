"""Subscribers of our events: list, one with its messages and attempts, and what is done with it."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any, Final

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from crm.core.access import CrmRequest, Scope
from crm.core.errors import DomainError, Forbidden, NotFound
from crm.core.options import option_value
from outbox.choices import DispatchState, ReplayState
from outbox.encryption import open_sealed, seal
from outbox.models import Attempt, Dispatch, Replay, Subscription, SubscriptionPace, SubscriptionSecret
from outbox.options import ROTATION_HOURS
from outbox.plan import ATTEMPTS
from outbox.recipes import recipes
from outbox.services import replays, subscriptions
from outbox.subscription_figures import figures_of, overview
from outbox.visibility import in_words
from outbox.webhook_forms import ChangeSubscriptionForm, ReplayForm, ResumeForm, SubscriptionForm

SECRET_KEY: Final = "new_webhook_secret"  # noqa: S105 - session: shown once on the subscription's page
ROWS: Final = 50

TAB: Final = {"tab": "webhooks", "area": "organisation"}


@login_required
@require_GET
def webhooks(request: CrmRequest) -> HttpResponse:
    """All subscribers, with how they fare."""
    _require_reading(request.scope)
    return render(request, "outbox/webhooks.html", {"lines": overview(request.scope), **TAB})


@login_required
@sensitive_variables("made")
@require_http_methods(["GET", "POST"])
def create_webhook(request: CrmRequest) -> HttpResponse:
    """A new subscriber; its secret is shown once, on its page."""
    request.scope.require("webhooks.manage")
    form = SubscriptionForm(request.POST if request.method == "POST" else None, scope=request.scope)
    if form.submit(subscriptions.create_subscription, scope=request.scope):
        _keep_secret(request, form.result)
        messages.success(request, _("Webhook added; a test message is on its way."))
        return redirect("webhooks:webhook", pk=form.result.subscription.pk)
    return render(request, "outbox/webhook_edit.html", {"form": form, **TAB}, status=422 if form.errors else 200)


@login_required
@never_cache
@require_GET
def webhook(request: CrmRequest, pk: int) -> HttpResponse:
    """One subscriber: state, figures, messages; `state` narrows them, `before` (a position) turns the page."""
    subscription = _readable(request.scope, pk)
    rows = Dispatch.objects.visible_to(request.scope).filter(subscription=subscription).select_related("event")
    shown = request.GET.get("state", "")
    if shown in DispatchState.values:
        rows = rows.filter(state=shown)
    before = request.GET.get("before", "")
    if before.isascii() and before.isdigit() and len(before) <= 18:
        rows = rows.filter(position__lt=int(before))
    found = list(rows.order_by("-position")[: ROWS + 1])
    last = rows.order_by("-position").filter(state=DispatchState.DONE).first()
    context = {
        "subscription": subscription,
        "condition": in_words(request.scope, subscription.where),
        "pace": SubscriptionPace.objects.visible_to(request.scope).get_or_not_found(pk=pk),
        "figures": figures_of(request.scope, [pk])[pk],
        "secrets": SubscriptionSecret.objects.visible_to(request.scope).filter(subscription=subscription),
        "secret": _shown_secret(request, pk),
        "rows": found[:ROWS],
        "older": found[ROWS - 1].position if len(found) > ROWS else None,
        "shown": shown,
        "states": DispatchState.choices,
        "replay": Replay.objects.visible_to(request.scope)
        .filter(subscription=subscription, state=ReplayState.RUNNING)
        .first(),
        "resume_form": ResumeForm(scope=request.scope),
        "replay_form": ReplayForm(scope=request.scope),
        "recipes": recipes(last),
        "most_attempts": ATTEMPTS,
        "rotation_hours": option_value(ROTATION_HOURS, request.scope),
        **TAB,
    }
    return render(request, "outbox/webhook.html", context)


@login_required
@require_http_methods(["GET", "POST"])
def change_webhook(request: CrmRequest, pk: int) -> HttpResponse:
    """Change where to, what and in whose name."""
    subscription = _readable(request.scope, pk)
    request.scope.require("webhooks.manage")
    names = ("version", "name", "url", "acts_as_id", "max_per_second", "description", "types", "subject_kinds", "where")
    form = ChangeSubscriptionForm(
        request.POST if request.method == "POST" else None,
        scope=request.scope,
        initial={name: getattr(subscription, name) or None for name in names},
    )
    if form.submit(subscriptions.change_subscription, scope=request.scope, subscription_id=pk):
        messages.success(request, _("Webhook saved."))
        return redirect("webhooks:webhook", pk=pk)
    context = {"form": form, "subscription": subscription, **TAB}
    return render(request, "outbox/webhook_edit.html", context, status=422 if form.errors else 200)


@login_required
@never_cache
@require_GET
def webhook_message(request: CrmRequest, pk: int, message_id: int) -> HttpResponse:
    """One message and every attempt; for who manages webhooks with its body and what came back."""
    subscription = _readable(request.scope, pk)
    rows = Dispatch.objects.visible_to(request.scope).filter(subscription=subscription).select_related("event")
    message = rows.get_or_not_found(pk=message_id)
    whole = request.scope.allows("webhooks.manage")
    attempts = [
        {"row": row, "answer": bytes(row.answer).decode("utf-8", "replace") if whole else ""}
        for row in Attempt.objects.visible_to(request.scope).filter(dispatch=message).order_by("pk")
    ]
    body = bytes(message.body).decode() if whole and message.body is not None else ""
    context = {"subscription": subscription, "message": message, "attempts": attempts, "body": body, **TAB}
    return render(request, "outbox/webhook_message.html", context)


@login_required
@require_POST
def webhook_test(request: CrmRequest, pk: int) -> HttpResponse:
    """Send a test message."""
    return _act(request, pk, subscriptions.send_test, _("A test message is on its way."))


@login_required
@require_POST
def webhook_pause(request: CrmRequest, pk: int) -> HttpResponse:
    """Let events wait."""
    return _act(request, pk, subscriptions.pause_subscription, _("Paused: events wait up to 30 days."))


@login_required
@require_POST
def webhook_resume(request: CrmRequest, pk: int) -> HttpResponse:
    """Go on, from where it was asked."""
    form = ResumeForm(request.POST, scope=request.scope)
    if form.submit(subscriptions.resume_subscription, scope=request.scope, subscription_id=pk):
        messages.success(request, _("The webhook runs again."))
    else:
        messages.error(request, str(next(iter(form.errors.values()))[0]))
    return redirect("webhooks:webhook", pk=pk)


@login_required
@sensitive_variables("made")
@require_POST
def webhook_rotate(request: CrmRequest, pk: int) -> HttpResponse:
    """A new secret, shown once; the old one signs beside it for the hours of the setting."""
    try:
        made = subscriptions.rotate_secret(scope=request.scope, subscription_id=pk)
    except (NotFound, Forbidden):
        raise
    except DomainError as error:
        messages.error(request, error.message)
    else:
        _keep_secret(request, made)
    return redirect("webhooks:webhook", pk=pk)


@login_required
@require_POST
def webhook_end_secret(request: CrmRequest, pk: int) -> HttpResponse:
    """The old secret signs no longer."""
    return _act(request, pk, subscriptions.end_old_secret, _("The old secret has ended."))


@login_required
@require_POST
def webhook_replay(request: CrmRequest, pk: int) -> HttpResponse:
    """Send again, or only count what that would be."""
    form = ReplayForm(request.POST, scope=request.scope)
    if form.submit(replays.replay_events, scope=request.scope, subscription_id=pk):
        count = form.result.count
        if not count:
            text = _("No event matches: nothing to send again.")
        elif form.result.replay is None:
            text = ngettext("%(count)d event would be sent again.", "%(count)d events would be sent again.", count)
        else:
            text = ngettext("%(count)d event is sent again.", "%(count)d events are sent again.", count)
        messages.success(request, text % {"count": count})
    else:
        messages.error(request, str(next(iter(form.errors.values()))[0]))
    return redirect("webhooks:webhook", pk=pk)


@login_required
@require_POST
def webhook_stop_replay(request: CrmRequest, pk: int, replay_id: int) -> HttpResponse:
    """Stop what is being sent again."""
    replay = Replay.objects.visible_to(request.scope).get_or_not_found(pk=replay_id, subscription_id=pk)
    try:
        replays.stop_replay(scope=request.scope, replay_id=replay.pk)
    except (NotFound, Forbidden):
        raise
    except DomainError as error:
        messages.error(request, error.message)
    else:
        messages.success(request, _("Stopped; what was not sent is as it was before."))
    return redirect("webhooks:webhook", pk=pk)


@login_required
@require_POST
def webhook_delete(request: CrmRequest, pk: int) -> HttpResponse:
    """Remove a subscriber with its messages."""
    subscriptions.delete_subscription(scope=request.scope, subscription_id=pk)
    messages.success(request, _("Webhook deleted."))
    return redirect("webhooks:list")


def _act(request: CrmRequest, pk: int, service: Callable[..., Any], done: str) -> HttpResponse:
    try:
        service(scope=request.scope, subscription_id=pk)
    except (NotFound, Forbidden):
        raise
    except DomainError as error:
        messages.error(request, error.message)
    else:
        messages.success(request, done)
    return redirect("webhooks:webhook", pk=pk)


def _require_reading(scope: Scope) -> None:
    if not scope.allows("integrations.read"):
        scope.require("webhooks.manage")


def _readable(scope: Scope, pk: int) -> Subscription:
    subscription = Subscription.objects.visible_to(scope).select_related("owner", "acts_as").get_or_not_found(pk=pk)
    _require_reading(scope)
    return subscription


def _place(request: CrmRequest, pk: int) -> str:
    return f"shown to {request.scope.user_id}: {pk}"


def _keep_secret(request: CrmRequest, made: subscriptions.NewSecret) -> None:
    """Into the session, sealed, for the one page that shows it."""
    pk = made.subscription.pk
    sealed = base64.b64encode(seal(made.secret, associated=_place(request, pk))).decode()
    request.session[SECRET_KEY] = {"subscription": pk, "sealed": sealed}


def _shown_secret(request: CrmRequest, pk: int) -> str:
    """The new secret of this subscription, once."""
    kept = request.session.get(SECRET_KEY) or {}
    if kept.get("subscription") != pk:
        return ""
    del request.session[SECRET_KEY]
    return open_sealed(base64.b64decode(kept["sealed"]), associated=_place(request, pk))
