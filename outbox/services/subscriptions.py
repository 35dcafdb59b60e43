"""Services of subscriptions: who gets which events, with which secrets; pausing, resuming, test messages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from django.contrib.auth import get_user_model
from django.db import IntegrityError, connection, transaction
from django.utils.translation import gettext as _

from crm.core.access import Scope, activate
from crm.core.errors import Conflict, Duplicate, Forbidden, Invalid
from crm.core.options import option_value
from outbox.addresses import AddressRefused, checked_addresses, checked_url
from outbox.catalogue import event_types, is_known
from outbox.choices import DispatchState, ReplayState, SecretRole, SubscriptionReason, SubscriptionState
from outbox.encryption import seal
from outbox.envelope import PING
from outbox.events import SubscriberPinged
from outbox.matching import EVERYTHING, PLACING_LOCK
from outbox.models import Attempt, Dispatch, Event, Replay, Subscription, SubscriptionPace, SubscriptionSecret
from outbox.noting import LIVE
from outbox.options import ROTATION_HOURS
from outbox.services.events import publish
from outbox.services.replays import put_back
from outbox.signing import new_secret, seal_place
from outbox.standard_webhooks import SECRET_BYTES, secret_bytes
from outbox.visibility import checked_condition
from outbox.wakeup import wake_senders

RESOLVE_SECONDS: Final = 2.0  # a page waits for it
LONGEST_OVERLAP: Final = timedelta(days=7)
Start = Literal["stop", "now"] | datetime

# Messages that nobody made while it was switched off, or before it was there.
_CATCH_UP: Final = """
INSERT INTO outbox_dispatch (organisation_id, subscription_id, event_id, type, subject_type, subject_id, position, state,
                             attempts, error, gap_told, before)
SELECT e.organisation_id, s.id, e.id, e.type, e.subject_type, e.subject_id, e.position, 'WAITING', 0, '', false, ''
  FROM outbox_subscription s
  JOIN outbox_event e ON e.organisation_id = s.organisation_id AND e.position > %(after)s AND e.position <= %(until)s
   AND e.type <> %(ping)s
   AND (%(since)s::timestamptz IS NULL OR e.occurred_at >= %(since)s::timestamptz)
   AND outbox_hears(s.types, s.subject_kinds, e.type, e.subject_type)
 WHERE s.id = %(subscription)s
 ORDER BY e.position
ON CONFLICT (subscription_id, event_id) DO NOTHING
"""


@dataclass(frozen=True, slots=True)
class NewSecret:
    """A subscription and its secret, which is shown once and never again."""

    subscription: Subscription
    secret: str


@transaction.atomic
def create_subscription(
    *,
    scope: Scope,
    name: str,
    url: str,
    types: Sequence[str],
    description: str = "",
    subject_kinds: Sequence[str] = (),
    where: Mapping[str, Any] | None = None,
    acts_as_id: int | None = None,
    max_per_second: int = 20,
    secret: str = "",
) -> NewSecret:
    """A new subscriber: paused until its first test message, which is sent at once, was accepted.

    `acts_as_id` is the user whose rights it has, oneself where not given. `where` is a tree of the filter language over owner
    and team of the account that an event is about. `secret`: one of the subscriber's own.
    Raises Forbidden without `webhooks.manage`, Invalid, Duplicate (field name).
    """
    scope.require("webhooks.manage")
    if scope.user_id is None:
        raise Invalid(_("A subscription belongs to a person."))
    subscription = Subscription(
        organisation_id=scope.organisation_id,
        owner_id=scope.user_id,
        acts_as_id=_clean_person(scope, acts_as_id or scope.user_id),
        state_since=scope.now,
    )
    _fill(
        scope,
        subscription,
        name=name,
        url=url,
        types=types,
        description=description,
        subject_kinds=subject_kinds,
        where=where or {},
        max_per_second=max_per_second,
    )
    _save(subscription)
    SubscriptionPace.objects.create(organisation_id=scope.organisation_id, subscription=subscription, next_at=scope.now)
    made = _add_secret(scope, subscription, secret)
    publish(SubscriberPinged(subscription_id=subscription.pk))
    return NewSecret(subscription, made)


@transaction.atomic
def change_subscription(
    *,
    scope: Scope,
    subscription_id: int,
    version: int,
    name: str,
    url: str,
    types: Sequence[str],
    description: str = "",
    subject_kinds: Sequence[str] = (),
    where: Mapping[str, Any] | None = None,
    acts_as_id: int | None = None,
    max_per_second: int = 20,
) -> Subscription:
    """Change a subscriber. A new address has to accept a test message first; events wait meanwhile.

    Raises NotFound, Forbidden, Conflict (changed since `version`), Duplicate (name), Invalid.
    """
    subscription, _pace = _locked(scope, subscription_id)
    if subscription.version != version:
        raise Conflict(_("Someone changed this subscription meanwhile."), version=subscription.version)
    before = subscription.url
    if acts_as_id is not None and acts_as_id != subscription.acts_as_id:
        subscription.acts_as_id = _clean_person(scope, acts_as_id)
    _fill(
        scope,
        subscription,
        name=name,
        url=url,
        types=types,
        description=description,
        subject_kinds=subject_kinds,
        where=where or {},
        max_per_second=max_per_second,
    )
    moved = subscription.url != before
    if moved and subscription.state == SubscriptionState.DISABLED:
        subscription.proven_at = None
    elif moved and subscription.reason == SubscriptionReason.BY_HAND:
        # It stays paused, whatever the test message says.
        subscription.proven_at = None
        if subscription.stopped_at is None:
            subscription.stopped_at = _feed_end(scope)
    elif moved:
        _set_state(scope, subscription, SubscriptionState.PAUSED, SubscriptionReason.UNPROVEN)
    _save(subscription)
    if moved:
        publish(SubscriberPinged(subscription_id=subscription.pk))
    subscription.refresh_from_db()
    return subscription


@transaction.atomic
def delete_subscription(*, scope: Scope, subscription_id: int) -> None:
    """Remove a subscriber with all that was kept of its messages. Raises NotFound, Forbidden."""
    subscription, _pace = _locked(scope, subscription_id)
    messages = Dispatch.objects.filter(subscription=subscription)
    for many in (Attempt.objects.filter(subscription=subscription), messages):
        many._raw_delete(many.db)
    _hold_feed()  # the relay makes no message between here and the end of what it would belong to
    for rows in (
        messages,
        Replay.objects.filter(subscription=subscription),
        SubscriptionSecret.objects.filter(subscription=subscription),
        SubscriptionPace.objects.filter(subscription=subscription),
    ):
        rows._raw_delete(rows.db)  # nothing else hangs on them
    subscription.delete()


@transaction.atomic
def send_test(*, scope: Scope, subscription_id: int) -> None:
    """Send a test message, whatever the state; it is tried once. Raises NotFound, Forbidden."""
    subscription, _pace = _locked(scope, subscription_id)
    publish(SubscriberPinged(subscription_id=subscription.pk))


@transaction.atomic
def pause_subscription(*, scope: Scope, subscription_id: int) -> Subscription:
    """Let events wait. Raises NotFound, Forbidden, Conflict where it does not run."""
    subscription, _pace = _locked(scope, subscription_id)
    if subscription.state not in LIVE:
        raise Conflict(_("Only a running subscription can be paused."), allowed=[])
    _set_state(scope, subscription, SubscriptionState.PAUSED, SubscriptionReason.BY_HAND)
    _save(subscription)
    return subscription


@transaction.atomic
def resume_subscription(*, scope: Scope, subscription_id: int, start: Start = "stop") -> Subscription:
    """Go on: from where it stopped, from now, or with what happened since an instant.

    A replay goes on with it only from where it stopped; else it ends. Raises NotFound, Forbidden, Conflict where it runs
    already or has not accepted a test message.
    """
    subscription, pace = _locked(scope, subscription_id)
    if subscription.state in LIVE:
        raise Conflict(_("This subscription runs."), allowed=[])
    if subscription.proven_at is None or subscription.reason == SubscriptionReason.UNPROVEN:
        raise Conflict(_("The address has to accept a test message first."), allowed=[])
    waiting = Dispatch.objects.waiting().filter(subscription=subscription).exclude(type=PING)
    if start != "stop":
        for replay in Replay.objects.filter(subscription=subscription, state=ReplayState.RUNNING):
            put_back(replay, scope.now)
    if start == "now":
        waiting.update(state=DispatchState.SKIPPED, done_at=scope.now)
    elif isinstance(start, datetime):
        waiting.filter(event__occurred_at__lt=start).update(state=DispatchState.SKIPPED, done_at=scope.now)
        _catch_up(scope, subscription, after=0, since=start)
    elif subscription.stopped_at is not None:
        _catch_up(scope, subscription, after=subscription.stopped_at, since=None)
    waiting.update(run_at=scope.now)
    pace.failures, pace.failing_since, pace.told_hours, pace.next_at = 0, None, 0, scope.now
    pace.save(update_fields=["failures", "failing_since", "told_hours", "next_at"])
    subscription.stopped_at = None
    _set_state(scope, subscription, SubscriptionState.ACTIVE, "")
    _save(subscription)
    transaction.on_commit(wake_senders, robust=True)
    return subscription


@transaction.atomic
def rotate_secret(*, scope: Scope, subscription_id: int, overlap: timedelta | None = None) -> NewSecret:
    """A new secret; the old one signs beside it for `overlap`, at most seven days, else for the hours of the setting.

    Raises NotFound, Forbidden, Invalid (overlap), Conflict while an old one still signs.
    """
    subscription, _pace = _locked(scope, subscription_id)
    if overlap is None:
        overlap = timedelta(hours=option_value(ROTATION_HOURS, scope))
    if not timedelta(0) <= overlap <= LONGEST_OVERLAP:
        raise Invalid(_("At most seven days."), field="overlap")
    secrets = SubscriptionSecret.objects.filter(subscription=subscription)
    old = secrets.filter(role=SecretRole.PREVIOUS)
    if old.filter(ends_at__gt=scope.now).exists():
        raise Conflict(_("The secret before still signs: end it first, or wait for its end."), allowed=[])
    old.delete()
    secrets.update(role=SecretRole.PREVIOUS, ends_at=scope.now + overlap)
    return NewSecret(subscription, _add_secret(scope, subscription, ""))


@transaction.atomic
def end_old_secret(*, scope: Scope, subscription_id: int) -> None:
    """The old secret signs no longer, from now. Raises NotFound, Forbidden, Conflict where none does."""
    subscription, _pace = _locked(scope, subscription_id)
    old = SubscriptionSecret.objects.filter(subscription=subscription, role=SecretRole.PREVIOUS)
    if not old.delete()[0]:
        raise Conflict(_("There is no old secret."), allowed=[])


def _locked(scope: Scope, subscription_id: int) -> tuple[Subscription, SubscriptionPace]:
    """The subscription, locked, for somebody who may change it; its pace first, as senders do."""
    paces = SubscriptionPace.objects.visible_to(scope).select_for_update(of=("self",))
    pace = paces.get_or_not_found(pk=subscription_id)
    # Without the key: the relay goes on making messages of others and of this one.
    rows = Subscription.objects.visible_to(scope).select_for_update(of=("self",), no_key=True)
    subscription = rows.get_or_not_found(pk=subscription_id)
    scope.require("webhooks.manage")
    if not Subscription.objects.filter(pk=subscription.pk).changeable_by(scope).exists():
        raise Forbidden(_("Only its owner and administrators change a subscription."))
    return subscription, pace


def _set_state(scope: Scope, subscription: Subscription, state: SubscriptionState, reason: str) -> None:
    subscription.state, subscription.reason, subscription.state_since = state, reason, scope.now


def _fill(
    scope: Scope,
    subscription: Subscription,
    *,
    name: str,
    url: str,
    types: Sequence[str],
    description: str,
    subject_kinds: Sequence[str],
    where: Mapping[str, Any],
    max_per_second: int,
) -> None:
    clean = " ".join(name.split())
    if not 2 <= len(clean) <= 80:
        raise Invalid(_("A name of 2 to 80 characters."), field="name")
    if not 1 <= max_per_second <= 100:
        raise Invalid(_("From 1 to 100."), field="max_per_second")
    if len(description) > 500:
        raise Invalid(_("At most 500 characters."), field="description")
    subscription.name, subscription.description = clean, description.strip()
    subscription.max_per_second = max_per_second
    subscription.types = _clean_types(scope, types)
    subscription.subject_kinds = _clean_kinds(subject_kinds)
    subscription.where = checked_condition(scope, where)
    if subscription.url != url.strip():
        subscription.url = _clean_url(url)


def _clean_types(scope: Scope, types: Sequence[str]) -> list[str]:
    wanted = sorted({one.strip() for one in types if one.strip()})
    if not wanted:
        raise Invalid(_("At least one type of event."), field="types")
    if EVERYTHING in wanted:
        if scope.role != "ADMINISTRATOR":
            raise Invalid(_("Only administrators may subscribe to everything."), field="types")
        return [EVERYTHING]
    unknown = [one for one in wanted if not is_known(one)]
    if unknown:
        raise Invalid(_("Unknown: %(types)s.") % {"types": ", ".join(unknown)}, field="types")
    return wanted


def _clean_kinds(kinds: Sequence[str]) -> list[str]:
    wanted = sorted({one.strip() for one in kinds if one.strip()})
    unknown = set(wanted) - {one.subject_type for one in event_types()}
    if unknown:
        raise Invalid(_("Unknown: %(types)s.") % {"types": ", ".join(sorted(unknown))}, field="subject_kinds")
    return wanted


def _clean_url(url: str) -> str:
    """The address after all rules; its name is looked up now, and again at every attempt."""
    try:
        parsed = checked_url(url.strip())
        checked_addresses(
            parsed.host, parsed.port or (443 if parsed.scheme == "https" else 80), timeout=RESOLVE_SECONDS
        )
    except (ValueError, AddressRefused) as error:
        raise Invalid(str(error), field="url") from None
    return url.strip()


def _clean_person(scope: Scope, user_id: int) -> int:
    """Nobody lends rights that he has not: others act as themselves, administrators choose among the active."""
    if user_id == scope.user_id:
        return user_id
    people = get_user_model()._default_manager.filter(organisation_id=scope.organisation_id, is_active=True, pk=user_id)
    if scope.role != "ADMINISTRATOR" or not people.exists():
        raise Invalid(_("An active person of this organisation, chosen by an administrator."), field="acts_as_id")
    return user_id


def _add_secret(scope: Scope, subscription: Subscription, given: str) -> str:
    secret = given.strip() or new_secret()
    try:
        length = len(secret_bytes(secret))
    except ValueError:
        length = 0
    if length not in SECRET_BYTES:
        raise Invalid(_("whsec_ and 24 to 64 bytes in base64."), field="secret")
    row = SubscriptionSecret.objects.create(
        organisation_id=scope.organisation_id, subscription=subscription, sealed=b"", tail=secret[-4:]
    )
    row.sealed = seal(secret, associated=seal_place(row.pk))
    row.save(update_fields=["sealed"])
    return secret


def _catch_up(scope: Scope, subscription: Subscription, *, after: int, since: datetime | None) -> None:
    """Messages of the events behind a position: of the many that have their place already, then, while none gets one, the rest."""
    values = {"subscription": subscription.pk, "since": since, "ping": PING}
    with activate(scope.widened("webhooks")), connection.cursor() as cursor:
        placed = max(after, _feed_end(scope))
        cursor.execute(_CATCH_UP, values | {"after": after, "until": placed})
        _hold_feed()
        cursor.execute(_CATCH_UP, values | {"after": placed, "until": _feed_end(scope)})


def _feed_end(scope: Scope) -> int:
    """Where the feed stands now."""
    with activate(scope.widened("webhooks")):
        return Event.objects.filter(organisation_id=scope.organisation_id).last_position()


def _hold_feed() -> None:
    """No event gets its place until this transaction ends, which has to be soon: the relay places those of everybody."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [PLACING_LOCK])


def _save(subscription: Subscription) -> None:
    try:
        with transaction.atomic():
            subscription.save()
    except IntegrityError:
        raise Duplicate(_("There is a subscription of this name already."), field="name") from None
