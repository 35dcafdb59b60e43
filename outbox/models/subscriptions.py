"""Subscribers of our events: where to, with which secrets, what was sent and what came back (`standard_webhooks.md`)."""

from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from crm.core.classes import internal, restricted
from crm.core.models import OrganisationModel, VersionedModel, history_table
from outbox.choices import (
    AttemptError,
    DispatchState,
    ReplayState,
    SecretRole,
    SubscriptionReason,
    SubscriptionState,
)
from outbox.models.log import Event
from outbox.querysets import DispatchQuerySet, OfSubscriptionQuerySet, SubscriptionQuerySet


class Subscription(OrganisationModel, VersionedModel):
    """One address that gets our events, signed. It acts as a person: what he may not see is not sent."""

    name = internal(models.CharField(_("name"), max_length=80))
    url = internal(models.CharField(_("address"), max_length=2_000))
    description = internal(models.CharField(_("description"), max_length=500, blank=True))
    types = internal(ArrayField(models.CharField(max_length=80), verbose_name=_("events")))
    subject_kinds = internal(
        ArrayField(models.CharField(max_length=40), default=list, blank=True, verbose_name=_("kinds of records"))
    )
    where = internal(models.JSONField(_("condition on the account"), default=dict, db_default={}, blank=True))
    max_per_second = internal(models.PositiveSmallIntegerField(_("messages a second at most"), default=20))
    owner = internal(
        models.ForeignKey(
            settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", verbose_name=_("to be told")
        )
    )
    acts_as = internal(
        models.ForeignKey(
            settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", verbose_name=_("acts as")
        )
    )
    state = internal(
        models.CharField(_("state"), max_length=8, choices=SubscriptionState.choices, default=SubscriptionState.PAUSED)
    )
    reason = internal(
        models.CharField(
            _("reason"),
            max_length=8,
            choices=SubscriptionReason.choices,
            default=SubscriptionReason.UNPROVEN,
            blank=True,
        )
    )
    state_since = internal(models.DateTimeField(_("state since"), db_default=Now()))
    proven_at = internal(models.DateTimeField(_("test message accepted"), null=True))
    stopped_at = internal(models.BigIntegerField(_("position where it stopped"), null=True))

    objects = SubscriptionQuerySet.as_manager()
    history = history_table()

    class Meta:
        verbose_name, verbose_name_plural = _("subscription"), _("subscriptions")
        constraints = [
            models.UniqueConstraint(fields=["organisation", "name"], name="subscription_name_once"),
            models.CheckConstraint(condition=Q(state__in=SubscriptionState.values), name="subscription_state_known"),
            models.CheckConstraint(
                condition=Q(reason__in=["", *SubscriptionReason.values]), name="subscription_reason_known"
            ),
            models.CheckConstraint(
                condition=Q(max_per_second__gte=1, max_per_second__lte=100), name="subscription_pace_known"
            ),
            models.CheckConstraint(condition=~Q(types=[]), name="subscription_hears_something"),
        ]

    def __str__(self) -> str:
        return self.name


class SubscriptionSecret(OrganisationModel):
    """A secret that signs, sealed; shown once when it is made."""

    subscription = internal(
        models.ForeignKey(
            Subscription, on_delete=models.CASCADE, related_name="secrets", verbose_name=_("subscription")
        )
    )
    role = internal(models.CharField(_("role"), max_length=8, choices=SecretRole.choices, default=SecretRole.CURRENT))
    sealed = restricted(models.BinaryField(_("sealed secret")))
    tail = internal(models.CharField(_("last four characters"), max_length=4))
    created_at = internal(models.DateTimeField(_("created"), db_default=Now(), editable=False))
    ends_at = internal(models.DateTimeField(_("signs until"), null=True))

    objects = OfSubscriptionQuerySet["SubscriptionSecret"].as_manager()

    class Meta:
        verbose_name, verbose_name_plural = _("secret of a subscription"), _("secrets of subscriptions")
        constraints = [
            models.CheckConstraint(condition=Q(role__in=SecretRole.values), name="subscription_secret_role_known"),
            models.UniqueConstraint(fields=["subscription", "role"], name="subscription_secret_once"),
        ]

    def __str__(self) -> str:
        return f"…{self.tail}"


class SubscriptionPace(OrganisationModel):
    """How a subscriber fares at the moment: what the senders of all processes agree on. Apart, for it changes all the time."""

    subscription = internal(
        models.OneToOneField(
            Subscription,
            on_delete=models.CASCADE,
            primary_key=True,
            related_name="pace",
            verbose_name=_("subscription"),
        )
    )
    next_at = internal(models.DateTimeField(_("next message not before"), db_default=Now()))
    failures = internal(models.PositiveIntegerField(_("failures in a row"), default=0))
    failing_since = internal(models.DateTimeField(_("failing since"), null=True))
    told_hours = internal(models.PositiveSmallIntegerField(_("told after so many hours"), default=0))
    success_at = internal(models.DateTimeField(_("last success"), null=True))

    objects = OfSubscriptionQuerySet["SubscriptionPace"].as_manager()

    class Meta:
        verbose_name, verbose_name_plural = _("pace of a subscription"), _("paces of subscriptions")

    def __str__(self) -> str:
        return str(self.subscription_id)


class Replay(OrganisationModel):
    """Events sent to one subscriber again."""

    subscription = internal(
        models.ForeignKey(
            Subscription, on_delete=models.CASCADE, related_name="replays", verbose_name=_("subscription")
        )
    )
    actor = internal(models.CharField(_("actor"), max_length=80))
    filters = internal(models.JSONField(_("chosen by"), default=dict))
    count = internal(models.PositiveIntegerField(_("events")))
    state = internal(
        models.CharField(_("state"), max_length=8, choices=ReplayState.choices, default=ReplayState.RUNNING)
    )
    created_at = internal(models.DateTimeField(_("created"), db_default=Now(), editable=False))

    objects = OfSubscriptionQuerySet["Replay"].as_manager()

    class Meta:
        verbose_name, verbose_name_plural = _("replay"), _("replays")
        ordering = ["-pk"]
        constraints = [models.CheckConstraint(condition=Q(state__in=ReplayState.values), name="replay_state_known")]

    def __str__(self) -> str:
        return str(self.pk)


class Dispatch(OrganisationModel):
    """One event to one subscriber. Subject, type and position are the event's, so that the next one is found fast.

    `body` and `gap` are fixed at the first attempt: every later one and every replay sends the same bytes.
    `before` is the state that a replay found it in; empty where the replay made the row.
    """

    subscription = internal(
        models.ForeignKey(
            Subscription, on_delete=models.CASCADE, related_name="dispatches", verbose_name=_("subscription")
        )
    )
    event = internal(models.ForeignKey(Event, on_delete=models.PROTECT, related_name="+", verbose_name=_("event")))
    type = internal(models.CharField(_("type"), max_length=80))
    subject_type = internal(models.CharField(_("subject type"), max_length=40))
    subject_id = internal(models.BigIntegerField(_("subject")))
    position = internal(models.BigIntegerField(_("position")))
    state = internal(
        models.CharField(_("state"), max_length=8, choices=DispatchState.choices, default=DispatchState.WAITING)
    )
    attempts = internal(models.PositiveSmallIntegerField(_("attempts"), default=0))
    run_at = internal(models.DateTimeField(_("due"), db_default=Now()))
    locked_until = internal(models.DateTimeField(_("held by a worker until"), null=True))
    done_at = internal(models.DateTimeField(_("finished"), null=True))
    error = internal(models.CharField(_("error"), max_length=8, choices=AttemptError.choices, blank=True))
    gap = internal(models.BooleanField(_("gap before it"), null=True))
    gap_told = internal(models.BooleanField(_("the reader knows that it is missing"), default=False))
    body = internal(models.BinaryField(_("message"), null=True))
    replay = internal(
        models.ForeignKey(
            Replay, on_delete=models.SET_NULL, null=True, related_name="dispatches", verbose_name=_("replay")
        )
    )
    before = internal(
        models.CharField(_("state before the replay"), max_length=8, choices=DispatchState.choices, blank=True)
    )

    objects = DispatchQuerySet.as_manager()

    class Meta:
        verbose_name, verbose_name_plural = _("message to a subscriber"), _("messages to subscribers")
        constraints = [
            models.UniqueConstraint(fields=["subscription", "event"], name="dispatch_once"),
            models.CheckConstraint(condition=Q(state__in=DispatchState.values), name="dispatch_state_known"),
        ]
        indexes = [
            models.Index(fields=["subscription", "position"], name="dispatch_waiting", condition=Q(state="WAITING")),
            models.Index(
                fields=["subscription", "subject_type", "subject_id", "position"],
                name="dispatch_order",
                condition=Q(state="WAITING"),
            ),
            models.Index(
                fields=["subscription", "subject_type", "subject_id", "position"],
                name="dispatch_dead",
                condition=Q(state="DEAD"),
            ),
            models.Index(
                fields=["subscription", "locked_until"],
                name="dispatch_held",
                condition=Q(state="WAITING", locked_until__isnull=False),
            ),
            models.Index(fields=["subscription", "-position"], name="dispatch_list"),
            models.Index(fields=["organisation", "done_at"], name="dispatch_finished"),
            models.Index(fields=["replay"], name="dispatch_replay", condition=Q(replay__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.position}"


class Attempt(OrganisationModel):
    """One try to deliver a message, and what came back."""

    dispatch = internal(
        models.ForeignKey(Dispatch, on_delete=models.CASCADE, related_name="tries", verbose_name=_("message"))
    )
    subscription = internal(
        models.ForeignKey(Subscription, on_delete=models.CASCADE, related_name="+", verbose_name=_("subscription"))
    )
    number = internal(models.PositiveSmallIntegerField(_("attempt")))
    at = internal(models.DateTimeField(_("time"), db_default=Now()))
    status = internal(models.PositiveSmallIntegerField(_("status"), null=True))
    error = internal(models.CharField(_("error"), max_length=8, choices=AttemptError.choices, blank=True))
    milliseconds = internal(models.PositiveIntegerField(_("milliseconds")))
    answer = restricted(models.BinaryField(_("beginning of the answer"), default=b""))
    replay_id = internal(models.BigIntegerField(_("replay"), null=True))

    objects = OfSubscriptionQuerySet["Attempt"].as_manager()

    class Meta:
        verbose_name, verbose_name_plural = _("attempt"), _("attempts")
        indexes = [
            models.Index(fields=["subscription", "-at"], name="attempt_of_subscription"),
            models.Index(fields=["organisation", "at"], name="attempt_trim"),
        ]

    def __str__(self) -> str:
        return f"{self.number}: {self.status or self.error}"
