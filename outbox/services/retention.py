"""How long what concerns subscribers is kept (`standard_webhooks.md`, Replay and feed). The log of events stays."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from django.db import transaction

from crm.core.access import Scope
from outbox.choices import AttemptError, DispatchState, ReplayState, SubscriptionState
from outbox.models import Attempt, Dispatch, Replay, SubscriptionPace, SubscriptionSecret
from outbox.services.replays import put_back

KEPT: Final = timedelta(days=90)  # messages and attempts
WAITED: Final = timedelta(days=30)  # that messages of a paused subscription wait


@transaction.atomic
def trim_messages(*, scope: Scope) -> int:
    """Give up what waited too long behind a pause, forget messages and attempts after 90 days, erase ended secrets.

    What a replay made wait is no loss: it is as it was before. How many messages were forgotten.
    """
    too_old, resting = scope.now - WAITED, (SubscriptionState.PAUSED, SubscriptionState.DISABLED)
    waiting = Dispatch.objects.visible_to(scope).waiting().filter(subscription__state__in=resting, replay=None)
    waiting.filter(event__occurred_at__lt=too_old).update(
        state=DispatchState.DEAD, error=AttemptError.EXPIRED, done_at=scope.now
    )
    old = Dispatch.objects.visible_to(scope).filter(done_at__lt=scope.now - KEPT)
    old = old.exclude(state=DispatchState.WAITING)
    attempts = Attempt.objects.visible_to(scope)
    attempts.filter(dispatch__in=old).delete()
    attempts.filter(at__lt=scope.now - KEPT).delete()
    SubscriptionSecret.objects.visible_to(scope).filter(ends_at__lt=scope.now).delete()
    count = old._raw_delete(old.db)  # set-based: these may be many, and their attempts are gone
    replays = Replay.objects.visible_to(scope).filter(subscription__state__in=resting, created_at__lt=too_old)
    for replay in replays.filter(state=ReplayState.RUNNING):  # last, for each takes the lock of its subscriber
        SubscriptionPace.objects.visible_to(scope).select_for_update(of=("self",)).get(pk=replay.subscription_id)
        put_back(replay, scope.now)
    return count
