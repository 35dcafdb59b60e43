"""Enumerations of the outbox."""

from __future__ import annotations

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class DeliveryState(TextChoices):
    """Where the delivery of one event to one handler stands."""

    WAITING = "WAITING", _("Waiting")
    DONE = "DONE", _("Done")
    DEAD = "DEAD", _("Given up")


class ConnectionState(TextChoices):
    """Where a connection stands; BROKEN: the other side refuses our credentials."""

    DRAFT = "DRAFT", _("Being set up")
    ACTIVE = "ACTIVE", _("Active")
    PAUSED = "PAUSED", _("Paused")
    BROKEN = "BROKEN", _("Credentials refused")


class CredentialRole(TextChoices):
    """Which of the live secrets it is; the words stand at a connection's secrets."""

    CURRENT = "CURRENT", _("In use")
    NEXT = "NEXT", _("To come")
    PREVIOUS = "PREVIOUS", _("Running out")


class CheckResult(TextChoices):
    """How the other side answered a health call."""

    OK = "OK", _("Answers")
    REFUSED = "REFUSED", _("Refuses the credentials")
    WRONG = "WRONG", _("Answers wrongly")
    AWAY = "AWAY", _("Does not answer")


class InboxState(TextChoices):
    """Where an event that came in stands."""

    NEW = "NEW", _("New")
    RUNNING = "RUNNING", _("In work")
    DONE = "DONE", _("Done")
    IGNORED = "IGNORED", _("Not used")
    SUPERSEDED = "SUPERSEDED", _("Overtaken")
    WAITING = "WAITING", _("Waits for its object")
    RETRY = "RETRY", _("To be tried again")
    DEAD = "DEAD", _("Given up")


OPEN = (InboxState.NEW, InboxState.RUNNING, InboxState.WAITING, InboxState.RETRY)
BLOCKING = (InboxState.NEW, InboxState.RUNNING, InboxState.RETRY)  # younger events of their subject wait for these


class InboxReason(TextChoices):
    """Why an event that came in is not done."""

    BAD_JSON = "BAD_JSON", _("No JSON")
    BAD_SHAPE = "BAD_SHAPE", _("Unknown shape")
    UNKNOWN_OBJECT = "UNKNOWN_OBJECT", _("Its object never came")
    REFUSED_BY_RULE = "REFUSED_BY_RULE", _("Refused by a rule")
    GONE_THERE = "GONE_THERE", _("Gone at the provider")
    TOO_MANY_ATTEMPTS = "TOO_MANY_ATTEMPTS", _("Too many attempts")
    BUG = "BUG", _("Error of ours")
    TYPE_NOT_USED = "TYPE_NOT_USED", _("Type not used")
    DISMISSED = "DISMISSED", _("Dismissed")


class Refusal(TextChoices):
    """Why the door refused a request."""

    BAD_SIGNATURE = "BAD_SIGNATURE", _("Wrong signature")
    STALE = "STALE", _("Timestamp too far off")
    TOO_LARGE = "TOO_LARGE", _("Too large")
    SENDER = "SENDER", _("Address not listed")


class SubscriptionState(TextChoices):
    """Whether a subscriber gets its events: FAILING is slowed, PAUSED waits, DISABLED has ended until somebody resumes it."""

    ACTIVE = "ACTIVE", _("Active")
    FAILING = "FAILING", _("Failing")
    PAUSED = "PAUSED", _("Paused")
    DISABLED = "DISABLED", _("Switched off")


class SubscriptionReason(TextChoices):
    """Why a subscription is paused or switched off."""

    UNPROVEN = "UNPROVEN", _("No test message was accepted yet")
    BY_HAND = "BY_HAND", _("Paused by hand")
    GONE = "GONE", _("The address answered 410")
    TOO_LONG = "TOO_LONG", _("Five days without a success")
    ACTS_AS = "ACTS_AS", _("The account it acts as is not active")


class SecretRole(TextChoices):
    """Which of a subscription's secrets it is; both sign while they live."""

    CURRENT = "CURRENT", _("Current")
    PREVIOUS = "PREVIOUS", _("Running out")


class DispatchState(TextChoices):
    """Where one event stands on its way to one subscriber. HIDDEN: not for the eyes of whom the subscription acts as,
    or outside of its condition.
    """

    WAITING = "WAITING", _("Waiting")
    DONE = "DONE", _("Delivered")
    DEAD = "DEAD", _("Given up")
    HIDDEN = "HIDDEN", _("Not to be seen")
    SKIPPED = "SKIPPED", _("Left out")


class AttemptError(TextChoices):
    """Why an attempt failed; the words never tell what an inner address answered."""

    STATUS = "STATUS", _("Refused by its status")
    REDIRECT = "REDIRECT", _("Redirect, which is not followed")
    TIMEOUT = "TIMEOUT", _("No answer in time")
    CONNECT = "CONNECT", _("No connection")
    BROKEN = "BROKEN", _("Connection broken off")
    ADDRESS = "ADDRESS", _("Address refused")
    LOST = "LOST", _("Broken off on our side")
    EXPIRED = "EXPIRED", _("Waited too long")


class ReplayState(TextChoices):
    """How far a replay is."""

    RUNNING = "RUNNING", _("Running")
    DONE = "DONE", _("Done")
    STOPPED = "STOPPED", _("Stopped")
