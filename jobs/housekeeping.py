"""The periodic jobs of this floor."""

from __future__ import annotations

from datetime import time, timedelta
from importlib import import_module
from typing import Final

import structlog
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from crm.core.access import Scope
from crm.core.options import option_value
from jobs.choices import TaskState
from jobs.models import JobRun, LongTask
from jobs.options import TRASH_DAYS
from jobs.registry import erasers
from jobs.schedule import periodic, periodic_once
from messaging.services import forget_old as forget_notices_and_mails
from organisation.answers import forget_answers
from organisation.services import forget_tokens, tell_endings
from outbox.models import Delivery
from outbox.services.intake import forget_old
from outbox.services.retention import trim_messages
from outbox.services.secrets import tell_old_secrets

log = structlog.get_logger(__name__)

DONE_KEPT: Final = timedelta(days=30)
RUNS_KEPT: Final = timedelta(days=90)
NIGHT: Final = time(3)
MORNING: Final = time(8)


@periodic(
    daily=NIGHT,
    label=_("Empty the trash"),
    description=_("Erases for good what lies in the trash for longer than the setting says."),
    counted={"erased": _("erased")},
)
def erase_trash(scope: Scope) -> dict[str, int]:
    """Erase for good what lies in the trash for longer than its days (a setting)."""
    before = scope.now - timedelta(days=option_value(TRASH_DAYS, scope))
    erased = sum(erase(scope, before) for erase in erasers())
    if erased:
        log.info("trash erased", organisation=scope.organisation_id, rows=erased)
    return {"erased": erased}


@periodic(
    daily=NIGHT,
    label=_("Forget old deliveries and runs"),
    description=_(
        "Deliveries are kept for 30 days after they are done, runs and tasks for 90; the log of events stays."
    ),
    counted={"deliveries": _("deliveries"), "runs": _("runs"), "tasks": _("tasks")},
)
def trim_deliveries(scope: Scope) -> dict[str, int]:
    """Forget deliveries done more than 30 days ago, and runs and tasks after 90; the log of events is kept."""
    old = scope.now - RUNS_KEPT
    deliveries = Delivery.objects.visible_to(scope).filter(state="DONE", done_at__lt=scope.now - DONE_KEPT)
    runs = JobRun.objects.visible_to(scope).filter(period__lt=old)  # those of the whole installation among them
    tasks = LongTask.objects.visible_to(scope).exclude(state__in=TaskState.open()).filter(created_at__lt=old)
    return {"deliveries": deliveries.delete()[0], "runs": runs.delete()[0], "tasks": tasks.delete()[0]}


@periodic(
    daily=NIGHT,
    label=_("Forget old messages of other systems"),
    description=_("Bodies of messages and calls are kept for 30 days, samples of refused ones for 7, keys for 400."),
    counted={"bodies": _("bodies")},
)
def forget_messages(scope: Scope) -> dict[str, int]:
    """Forget the raw bodies of messages that came in, and what else has had its time."""
    return {"bodies": forget_old(scope=scope)}


@periodic(
    daily=NIGHT,
    label=_("Forget old messages to subscribers"),
    description=_("Messages and their attempts are kept for 90 days; behind a pause they wait for 30."),
    counted={"messages": _("messages")},
)
def forget_sent_messages(scope: Scope) -> dict[str, int]:
    """Forget messages to subscribers and their attempts, and give up what waited too long."""
    return {"messages": trim_messages(scope=scope)}


@periodic(
    daily=NIGHT,
    label=_("Tell of old secrets"),
    description=_("Secrets of webhooks and connections that have been in use for more than a year, once each."),
    counted={"secrets": _("secrets")},
)
def tell_of_old_secrets(scope: Scope) -> dict[str, int]:
    """Have those told who can renew a secret that is older than a year."""
    return {"secrets": tell_old_secrets(scope=scope)}


@periodic(
    daily=NIGHT,
    label=_("Forget old notices and mails"),
    description=_(
        "Notices are kept for 90 days after they were read, unread ones for a year, mails for 90 days; a mail that could"
        " not be sent for 30 days is given up."
    ),
    counted={"notices": _("notices"), "mails": _("mails"), "given_up": _("given up")},
)
def forget_notices(scope: Scope) -> dict[str, int]:
    """Forget notices and mails that have had their time, and give up mails that waited too long."""
    return forget_notices_and_mails(scope=scope)


@periodic(
    daily=MORNING,
    label=_("Look after API tokens"),
    description=_("Tells their owners 30 and 7 days before the end; forgets tokens and links 30 days after it."),
    counted={"told": _("told"), "forgotten": _("forgotten")},
)
def look_after_tokens(scope: Scope) -> dict[str, int]:
    """Tell of tokens that end soon, forget those that ended long ago."""
    return {"told": tell_endings(scope=scope), "forgotten": forget_tokens(scope=scope)}


@periodic(
    every=timedelta(hours=1),
    label=_("Forget answers of the API"),
    description=_("An answer is kept under its Idempotency-Key for 24 hours."),
    counted={"answers": _("answers")},
)
def forget_old_answers(scope: Scope) -> dict[str, int]:
    """Delete answers to Idempotency-Keys that are older than a day."""
    return {"answers": forget_answers(scope)}


@periodic_once(
    every=timedelta(hours=1),
    label=_("Clear sessions"),
    description=_("Deletes sessions that have expired."),
)
def clear_sessions() -> None:
    """Delete sessions that have expired."""
    import_module(settings.SESSION_ENGINE).SessionStore.clear_expired()
