"""What people are told about the schedule: that it stood still."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from messaging.choices import Channel
from messaging.registry import notice_kind
from organisation.choices import Role

MISSED = "job.missed"


def register() -> None:
    """The kinds; called once at start-up. Failures and ended tasks are messaging's own."""
    notice_kind(
        MISSED,
        _("A background job was missed"),
        _("%(job)s began late: %(missed)s starts had passed without a run. One run made up for them."),
        default=Channel.MAIL,
        icon="clock-exclamation",
        tone="amber",
        roles=(Role.ADMINISTRATOR,),
    )
