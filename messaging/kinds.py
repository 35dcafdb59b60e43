"""The kinds of notices that this floor and those below know, and what they are about. Apps above register their own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from django.utils.translation import gettext_lazy as _

from crm.core.access import Scope
from messaging.audience import seen_by
from messaging.choices import Channel
from messaging.registry import notice_kind, notice_subject
from organisation.choices import Role

SUPERVISORS: Final = (Role.ADMINISTRATOR, Role.MANAGER)
FAILED_MAILS: Final = "failed_mails"  # of an organisation: its id is the subject's
_WHERE: Final = _(
    "%(when)s, from %(address)s with %(browser)s. If it was somebody else: tell an administrator at once."
)


def register() -> None:
    """Called once at start-up."""
    notice_subject("subscription", url_name="webhooks:webhook", seers=seen_by(*SUPERVISORS))
    notice_subject("connection", url_name="intake:connection", seers=seen_by(*SUPERVISORS))
    notice_subject("job_run", url_name="jobs:schedule", seers=seen_by(*SUPERVISORS), has_page_each=False)
    notice_subject("long_task", url_name="jobs:task", seers=_whose_it_is)
    notice_subject("change_set", url_name="jobs:change_set", seers=_whose_it_is)
    notice_subject(FAILED_MAILS, url_name="messaging:failed", seers=seen_by(Role.ADMINISTRATOR), has_page_each=False)
    notice_subject("api_token", url_name="organisation:tokens", seers=_whose_it_is, has_page_each=False)
    notice_kind(
        "token.ending",
        _("An API token ends soon"),
        _("%(name)s works until %(date)s. Make a new one before, and put it where the program keeps it."),
        mandatory=True,
        default=Channel.MAIL,
        icon="key",
        tone="amber",
    )
    notice_kind(
        "mail.failed",
        _("A mail could not be sent"),
        _("It is listed with its reason, and can be sent again."),
        icon="mail-off",
        tone="amber",
        roles=(Role.ADMINISTRATOR,),
    )
    for key, title in (
        ("security.password_changed", _("Password changed")),
        ("security.factor_added", _("Second factor added")),
        ("security.factor_removed", _("Second factor removed")),
        ("security.codes_made", _("New recovery codes made")),
    ):
        notice_kind(
            key, title, _WHERE, mandatory=True, default=Channel.MAIL, icon="shield-lock", tone="amber", tells_actor=True
        )
    notice_kind(
        "subscription.failing",
        _("A webhook is failing"),
        _("The receiver has accepted nothing for %(hours)s h. Nothing is lost; it is tried again."),
        default=Channel.MAIL,
        icon="webhook",
        tone="amber",
        roles=SUPERVISORS,
    )
    notice_kind(
        "subscription.disabled",
        _("A webhook was switched off"),
        _("Its receiver wants or takes no more messages (%(reason)s). It is switched on again on its page."),
        default=Channel.MAIL,
        icon="webhook-off",
        tone="red",
        roles=SUPERVISORS,
    )
    for key, title, text in (
        (
            "subscription.secret.old",
            _("A webhook's secret is older than a year"),
            _("It is renewed on the webhook's page; both sign while the receiver takes over the new one."),
        ),
        (
            "integration.secret.old",
            _("A connection's secret is older than a year"),
            _("A new one is put in on the connection's page; both count until the new one has proven itself."),
        ),
    ):
        notice_kind(key, title, text, default=Channel.DIGEST, icon="key", tone="amber", roles=SUPERVISORS)
    notice_kind(
        "inbox.dead",
        _("An incoming message was given up"),
        _("%(event_type)s could not be processed (%(reason)s). It can be replayed from the inbox."),
        default=Channel.DIGEST,
        icon="inbox-off",
        tone="amber",
        roles=SUPERVISORS,
    )
    notice_kind(
        "integration.credentials.refused",
        _("A connection is refused"),
        _("The other side refuses our credentials (%(status)s). New ones are put in on the connection's page."),
        default=Channel.MAIL,
        icon="plug-connected-x",
        tone="red",
        roles=SUPERVISORS,
    )
    notice_kind(
        "job.failed",
        _("A background job is failing"),
        _("%(job)s has failed %(attempt)s times (%(error)s)."),
        default=Channel.MAIL,
        icon="clock-exclamation",
        tone="red",
        roles=(Role.ADMINISTRATOR,),
    )
    notice_kind(
        "change_set.undone",
        _("A batch was undone"),
        _("%(restored)s rows restored, %(removed)s removed, %(skipped)s left as others had changed them since."),
        icon="arrow-back-up",
        tone="amber",
    )
    notice_kind(
        "task.done",
        _("Long work done"),
        _("%(done)s done, %(refused)s refused."),
        icon="circle-check",
        tone="green",
        tells_actor=True,
    )
    notice_kind(
        "task.failed",
        _("Long work failed"),
        _("It stopped after %(done)s done and %(refused)s refused, and can be resumed."),
        icon="alert-triangle",
        tone="red",
        tells_actor=True,
    )


def _whose_it_is(_scope: Scope, _subject_id: int, user_ids: Sequence[int]) -> set[int]:
    """The event itself names whose task, batch or token it is, and that is who sees it."""
    return set(user_ids)
