"""What becomes of a message and its subscriber after an attempt: done, tried again by the plan, given up, slowed, ended."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from django.db import connection
from django.utils import timezone

from crm.core.access import Scope
from outbox.choices import DispatchState, ReplayState, SubscriptionReason, SubscriptionState
from outbox.envelope import PING
from outbox.events import SubscriptionDisabled, SubscriptionFailing
from outbox.models import Attempt, Dispatch, Event, Replay, Subscription, SubscriptionPace
from outbox.plan import ATTEMPTS, next_attempt, wished
from outbox.querysets import DispatchQuerySet
from outbox.services.events import publish

if TYPE_CHECKING:
    from outbox.sending import Outcome

SLOWED_AFTER: Final = 20  # failures in a row
TELL_AFTER: Final = (24, 1)  # hours of failing after which the owner is told, longest first
ENDED_AFTER: Final = timedelta(days=5)  # without a success, and at least as many attempts as one plan has
LIVE: Final = frozenset({SubscriptionState.ACTIVE, SubscriptionState.FAILING})

_FINISH: Final = """
UPDATE outbox_dispatch d SET state = %(state)s, done_at = %(now)s, error = '', locked_until = NULL
  FROM unnest(%(ids)s::bigint[], %(attempts)s::int[]) AS n (id, attempts)
 WHERE d.id = n.id AND d.state = 'WAITING' AND d.attempts = n.attempts
"""


def note(scope: Scope, subscription: Subscription, pace: SubscriptionPace, outcomes: Sequence[Outcome]) -> None:
    """Write down what came of attempts; `subscription` and `pace` are changed with it, the pace is saved by the caller.

    A message that was finished meanwhile (the lease was over) keeps its state; the attempt is kept anyway.
    """
    now = timezone.now()
    Attempt.objects.bulk_create(
        [
            Attempt(
                organisation_id=scope.organisation_id,
                dispatch=outcome.claim.dispatch,
                subscription=subscription,
                number=outcome.claim.attempt,
                at=outcome.started,
                status=outcome.status,
                error=outcome.error,
                milliseconds=outcome.milliseconds,
                answer=outcome.answer,
                replay_id=outcome.claim.dispatch.replay_id,
            )
            for outcome in outcomes
        ]
    )
    accepted = [outcome.claim for outcome in outcomes if not outcome.error]
    finish_all([claim.dispatch for claim in accepted], DispatchState.DONE, now)
    for claim in accepted:
        _note_success(subscription, pace, claim.dispatch, claim.url, now)
    for outcome in outcomes:
        if outcome.error:
            _plan(outcome.claim.dispatch, outcome, now)
            if outcome.claim.dispatch.type != PING:
                _note_failure(subscription, pace, outcome, now)


def finish_all(dispatches: Sequence[Dispatch], state: DispatchState, now: datetime) -> None:
    """As `finish`, in one statement for those whose end means nothing for others: no gap told, no replay."""
    plain = [one for one in dispatches if not (one.gap or one.replay_id)]
    if plain:
        values: dict[str, Any] = {
            "state": state,
            "now": now,
            "ids": [one.pk for one in plain],
            "attempts": [one.attempts for one in plain],
        }
        with connection.cursor() as cursor:
            cursor.execute(_FINISH, values)
    for dispatch in dispatches:
        if dispatch.gap or dispatch.replay_id:
            finish(dispatch, state, now)


def put_back(dispatches: Sequence[Dispatch]) -> None:
    """Messages that were claimed and not sent: as they were, for the next claim."""
    for dispatch in dispatches:
        _open(dispatch).update(attempts=dispatch.attempts - 1, locked_until=None)


def finish(dispatch: Dispatch, state: DispatchState, now: datetime, error: str = "") -> None:
    """The end of a message's way, unless it was finished or claimed again meanwhile; its replay ends with the last one.

    Of a dead one the next message of its subject says that it is missing, until one that said so was accepted.
    """
    if not _open(dispatch).update(state=state, done_at=now, error=error, locked_until=None):
        return
    if state == DispatchState.DONE and dispatch.gap:
        earlier = Dispatch.objects.filter(
            subscription_id=dispatch.subscription_id,
            subject_type=dispatch.subject_type,
            subject_id=dispatch.subject_id,
            position__lt=dispatch.position,
        )
        earlier.dead().update(gap_told=True)
    if dispatch.replay_id and not Dispatch.objects.waiting().filter(replay_id=dispatch.replay_id).exists():
        Replay.objects.filter(pk=dispatch.replay_id, state=ReplayState.RUNNING).update(state=ReplayState.DONE)


def _open(dispatch: Dispatch) -> DispatchQuerySet:
    """The row, as long as it stands where this process took it."""
    return Dispatch.objects.waiting().filter(pk=dispatch.pk, attempts=dispatch.attempts)


def disable(subscription: Subscription, reason: SubscriptionReason, now: datetime) -> None:
    """End a running subscription by itself, remember where the feed stood, and tell. The caller holds the pace."""
    if subscription.state not in LIVE:
        return
    subscription.state, subscription.reason = SubscriptionState.DISABLED, reason
    subscription.state_since = now
    subscription.stopped_at = Event.objects.filter(organisation_id=subscription.organisation_id).last_position()
    subscription.save(update_fields=["state", "reason", "state_since", "stopped_at"])
    publish(SubscriptionDisabled(subscription_id=subscription.pk, owner_id=subscription.owner_id, reason=reason))


def look_after(subscription: Subscription, pace: SubscriptionPace, now: datetime) -> None:
    """Tell the owner after an hour and a day of failing; end it after five days without a success.

    The caller holds the pace and saves it.
    """
    if pace.failing_since is None or subscription.state not in LIVE:
        return
    failing = now - pace.failing_since
    if failing >= ENDED_AFTER and pace.failures >= ATTEMPTS:
        disable(subscription, SubscriptionReason.TOO_LONG, now)
        return
    hours = next((one for one in TELL_AFTER if failing >= timedelta(hours=one)), 0)
    if hours > pace.told_hours:
        pace.told_hours = hours
        _set_state(subscription, SubscriptionState.FAILING, now)
        publish(SubscriptionFailing(subscription_id=subscription.pk, owner_id=subscription.owner_id, hours=hours))


def _plan(dispatch: Dispatch, outcome: Outcome, now: datetime) -> None:
    """The next attempt, or the end. A test message has one attempt: whoever sent it looks at what comes back.

    What was under way when its replay was stopped is not tried again: it is as it was before.
    """
    if dispatch.replay_id and Replay.objects.filter(pk=dispatch.replay_id, state=ReplayState.STOPPED).exists():
        before = DispatchState(dispatch.before or DispatchState.SKIPPED)
        finish(dispatch, before, now, outcome.error if before == DispatchState.DEAD else "")
        return
    not_before = wished(outcome.status or 0, outcome.retry_after, now)
    due = None if dispatch.type == PING else next_attempt(dispatch.attempts, now, not_before=not_before)
    if due is None:
        finish(dispatch, DispatchState.DEAD, now, outcome.error)
    else:
        _open(dispatch).update(run_at=due, error=outcome.error, locked_until=None)


def _note_success(
    subscription: Subscription, pace: SubscriptionPace, dispatch: Dispatch, url: str, now: datetime
) -> None:
    if pace.failures >= SLOWED_AFTER:  # all that waited behind the probe is due now, oldest first
        waiting = Dispatch.objects.waiting().filter(subscription=subscription, run_at__gt=now)
        waiting.update(run_at=now)
    pace.failures, pace.failing_since, pace.told_hours, pace.success_at = 0, None, 0, now
    if subscription.state == SubscriptionState.FAILING:
        _set_state(subscription, SubscriptionState.ACTIVE, now)
    if dispatch.type == PING and url == subscription.url:
        if subscription.proven_at is None:
            subscription.proven_at = now
            subscription.save(update_fields=["proven_at"])
        if subscription.reason == SubscriptionReason.UNPROVEN:
            _set_state(subscription, SubscriptionState.ACTIVE, now)


def _note_failure(subscription: Subscription, pace: SubscriptionPace, outcome: Outcome, now: datetime) -> None:
    pace.failures += 1
    pace.failing_since = pace.failing_since or outcome.started
    if subscription.state not in LIVE:
        return
    if outcome.status == 410:
        disable(subscription, SubscriptionReason.GONE, now)
        return
    if pace.failures >= SLOWED_AFTER:
        _set_state(subscription, SubscriptionState.FAILING, now)
    look_after(subscription, pace, now)


def _set_state(subscription: Subscription, state: SubscriptionState, now: datetime) -> None:
    if subscription.state == state:
        return
    subscription.state, subscription.reason, subscription.state_since = state, "", now
    subscription.save(update_fields=["state", "reason", "state_since"])
