"""Events sent to one subscriber again: chosen by time, types and subject, in order, and behind nothing live."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from django.db import connection, transaction
from django.db.models import Exists, F, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _

from crm.core.access import Scope, activate
from crm.core.errors import Conflict, Forbidden, Invalid
from outbox.choices import DispatchState, ReplayState, SubscriptionState
from outbox.envelope import PING
from outbox.matching import of_types
from outbox.models import Attempt, Dispatch, Event, Replay, Subscription, SubscriptionPace
from outbox.wakeup import wake_senders

LONGEST: Final = 100_000  # events in one replay
Only = Literal["dead", "all"]

# Messages of events that never had one: published before the subscription was there, or while it was switched off.
_MAKE: Final = """
INSERT INTO outbox_dispatch (organisation_id, subscription_id, event_id, type, subject_type, subject_id, position, state,
                             attempts, error, gap_told, before, replay_id)
SELECT e.organisation_id, %(subscription)s, e.id, e.type, e.subject_type, e.subject_id, e.position, 'WAITING', 0, '', false,
       '', %(replay)s
  FROM outbox_event e WHERE e.id = ANY (%(events)s)
 ORDER BY e.position
ON CONFLICT (subscription_id, event_id) DO NOTHING
"""


@dataclass(frozen=True, slots=True)
class Replayed:
    """How many events a replay has; `replay` None where it was only counted."""

    count: int
    replay: Replay | None


@transaction.atomic
def replay_events(
    *,
    scope: Scope,
    subscription_id: int,
    start: datetime,
    end: datetime,
    types: Sequence[str] = (),
    subject: str = "",
    only: Only = "dead",
    dry_run: bool = False,
) -> Replayed:
    """Send again what happened from `start` until before `end`: what was given up, or all that the subscription hears.

    `subject` as in the envelope ("customer/123"). A replayed subject waits for its live messages and these for it.
    Raises NotFound, Forbidden, Invalid (over 100,000 events), Conflict (switched off; another replay runs).
    """
    # The subscriber's lock, as senders take it: none of its messages is claimed or noted meanwhile.
    SubscriptionPace.objects.visible_to(scope).select_for_update(of=("self",)).get_or_not_found(pk=subscription_id)
    subscription = Subscription.objects.visible_to(scope).get_or_not_found(pk=subscription_id)
    scope.require("webhooks.manage")
    if not Subscription.objects.filter(pk=subscription.pk).changeable_by(scope).exists():
        raise Forbidden(_("Only its owner and administrators change a subscription."))
    if start >= end:
        raise Invalid(_("The end lies before the beginning."), field="end")
    chosen = _chosen(subscription, start=start, end=end, types=types, subject=subject)
    with activate(scope.widened("webhooks")):
        finished = _finished(subscription, chosen, only)
        missing = list(_missing(subscription, chosen)[: LONGEST + 1]) if only == "all" else []
        count = finished.count() + len(missing)
        if count > LONGEST:
            raise Invalid(_("More than 100,000 events: choose a shorter time, types or a subject."), field="start")
        if dry_run:
            return Replayed(count, None)
        if subscription.state == SubscriptionState.DISABLED:
            raise Conflict(_("This subscription is switched off: resume it first."), allowed=[])
        if Replay.objects.filter(subscription=subscription, state=ReplayState.RUNNING).exists():
            raise Conflict(_("A replay is under way: wait for its end, or stop it."), allowed=[])
        replay = Replay.objects.create(
            organisation_id=scope.organisation_id,
            subscription=subscription,
            actor=scope.actor,
            filters=_filters(start, end, types, subject, only),
            count=count,
            state=ReplayState.RUNNING if count else ReplayState.DONE,
        )
        # The error stays until the next attempt: where the replay is stopped, the message is as it was.
        finished.update(before=F("state"), state=DispatchState.WAITING, replay=replay, attempts=0, run_at=scope.now)
        values: dict[str, Any] = {"subscription": subscription.pk, "replay": replay.pk, "events": missing}
        with connection.cursor() as cursor:
            cursor.execute(_MAKE, values)
    transaction.on_commit(wake_senders, robust=True)
    return Replayed(count, replay)


@transaction.atomic
def stop_replay(*, scope: Scope, replay_id: int) -> Replay:
    """Stop a replay: what it has not sent is as it was before. Raises NotFound, Forbidden, Conflict where it has ended."""
    replay = Replay.objects.visible_to(scope).get_or_not_found(pk=replay_id)
    paces = SubscriptionPace.objects.visible_to(scope).select_for_update(of=("self",))
    paces.get_or_not_found(pk=replay.subscription_id)
    scope.require("webhooks.manage")
    if not Subscription.objects.filter(pk=replay.subscription_id).changeable_by(scope).exists():
        raise Forbidden(_("Only its owner and administrators change a subscription."))
    replay.refresh_from_db()
    if replay.state != ReplayState.RUNNING:
        raise Conflict(_("This replay has ended."), allowed=[])
    put_back(replay, scope.now)
    return replay


def put_back(replay: Replay, now: datetime) -> None:
    """End a replay: what it has not sent is as it was before. The caller holds the pace of its subscription.

    What is under way at this moment is told of by whoever sends it (`noting`): accepted, or as it was before.
    """
    waiting = Dispatch.objects.waiting().filter(replay=replay).exclude(locked_until__gt=now)
    made = waiting.filter(before="")
    never_tried = made.filter(~Exists(Attempt.objects.filter(dispatch=OuterRef("pk"))))
    never_tried._raw_delete(never_tried.db)  # set-based: nothing else hangs on them
    made.update(state=DispatchState.SKIPPED, done_at=now)
    numbers = Attempt.objects.filter(dispatch=OuterRef("pk")).order_by("-number").values("number")[:1]
    waiting.exclude(before="").update(state=F("before"), attempts=Coalesce(Subquery(numbers), 0), locked_until=None)
    replay.state = ReplayState.STOPPED
    replay.save(update_fields=["state"])


def _chosen(subscription: Subscription, *, start: datetime, end: datetime, types: Sequence[str], subject: str) -> Q:
    """The events in question, as a condition on events."""
    chosen = Q(
        organisation_id=subscription.organisation_id,
        position__isnull=False,
        occurred_at__gte=start,
        occurred_at__lt=end,
    )
    chosen &= of_types(types) & ~Q(type=PING)
    if subject:
        kind, _slash, number = subject.partition("/")
        if not (number.isascii() and number.isdigit() and len(number) <= 18):
            raise Invalid(_("A subject looks like customer/123."), field="subject")
        chosen &= Q(subject_type=kind, subject_id=int(number))
    return chosen


def _finished(subscription: Subscription, chosen: Q, only: Only) -> Any:
    """Messages that have come to their end, of the chosen events."""
    rows = Dispatch.objects.filter(subscription=subscription, event__in=Event.objects.filter(chosen))
    return rows.dead() if only == "dead" else rows.exclude(state=DispatchState.WAITING)


def _missing(subscription: Subscription, chosen: Q) -> Any:
    """Ids of chosen events that the subscription hears and has no message of."""
    events = Event.objects.filter(chosen).filter(of_types(subscription.types))
    if subscription.subject_kinds:
        events = events.filter(subject_type__in=subscription.subject_kinds)
    had = Dispatch.objects.filter(subscription=subscription, event=OuterRef("pk"))
    return events.filter(~Exists(had)).order_by("position").values_list("pk", flat=True)


def _filters(start: datetime, end: datetime, types: Sequence[str], subject: str, only: Only) -> dict[str, Any]:
    return {
        "from": start.isoformat(),
        "to": end.isoformat(),
        "types": list(types),
        "subject": subject,
        "only": only,
    }
