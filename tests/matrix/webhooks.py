"""Subscribers in each state, for the matrices; made as the system, without anybody listening."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from django.utils import timezone

from organisation.models import Organisation, User
from outbox.choices import DispatchState, SecretRole, SubscriptionReason, SubscriptionState
from outbox.encryption import seal
from outbox.models import Attempt, Dispatch, Event, Replay, Subscription, SubscriptionPace, SubscriptionSecret
from outbox.signing import new_secret, seal_place

HOOK = "https://8.8.8.8/hook"  # an address without a name: nothing is looked up


@dataclass
class Webhooks:
    """One that runs; one that is paused, rotates and replays; a message to the latter."""

    running: Subscription
    paused: Subscription
    message: Dispatch
    replay: Replay


def build_webhooks(organisation: Organisation, owner: User) -> Webhooks:
    """Under the system scope of `organisation`."""
    now = timezone.now()

    def make(name: str, **values: object) -> Subscription:
        made = Subscription.objects.create(
            organisation=organisation,
            name=name,
            url=HOOK,
            types=["customer.*"],
            owner=owner,
            acts_as=owner,
            proven_at=now,
            state_since=now,
            **values,
        )
        SubscriptionPace.objects.create(organisation=organisation, subscription=made, next_at=now)
        sign(made, SecretRole.CURRENT)
        return made

    def sign(subscription: Subscription, role: SecretRole, **values: object) -> None:
        secret = new_secret()
        row = SubscriptionSecret.objects.create(
            organisation=organisation, subscription=subscription, role=role, sealed=b"", tail=secret[-4:], **values
        )
        row.sealed = seal(secret, associated=seal_place(row.pk))
        row.save()

    running = make("Laden", state=SubscriptionState.ACTIVE, reason="")
    paused = make("Lager", state=SubscriptionState.PAUSED, reason=SubscriptionReason.BY_HAND)
    sign(paused, SecretRole.PREVIOUS, ends_at=now + timedelta(hours=1))
    event = Event.objects.create(
        organisation=organisation,
        type="customer.created",
        subject_type="customer",
        subject_id=1,
        data={"customer_id": 1, "number": "K-1", "account_type": "CHAIN"},
        actor="job:test",
        source="job",
        occurred_at=now,
        position=1,
    )
    message = Dispatch.objects.create(
        organisation=organisation,
        subscription=paused,
        event=event,
        type=event.type,
        subject_type=event.subject_type,
        subject_id=event.subject_id,
        position=1,
        state=DispatchState.DEAD,
        attempts=1,
        done_at=now,
        body=b"{}",
    )
    Attempt.objects.create(
        organisation=organisation,
        dispatch=message,
        subscription=paused,
        number=1,
        at=now,
        status=500,
        error="STATUS",
        milliseconds=12,
        answer=b"no",
    )
    replay = Replay.objects.create(organisation=organisation, subscription=paused, actor="job:test", count=1)
    return Webhooks(running, paused, message, replay)
