"""Mails that failed for good: sending one again, to the address that its recipient has today."""

from __future__ import annotations

import structlog
from django.db import transaction
from django.utils.translation import gettext as _

from crm.core.access import Scope
from crm.core.errors import Conflict
from messaging.choices import MessageState
from messaging.models import Message
from messaging.scopes import telling
from messaging.wordings import TEMPLATES
from organisation.models import User

log = structlog.get_logger(__name__)


@transaction.atomic
def send_again(*, scope: Scope, message_id: int) -> Message:
    """Put a failed mail back into the queue, with the same Message-ID and all its attempts anew.

    Raises Forbidden, NotFound (unknown, or it has not failed), Conflict: its link was erased or has ended, its recipient
    is deactivated.
    """
    scope.require("mails.manage")
    failed = Message.objects.visible_to(scope).filter(state=MessageState.FAILED)
    message: Message = failed.select_for_update(of=("self",)).get_or_not_found(pk=message_id)
    if not may_go_again(message) or (message.expires_at is not None and message.expires_at <= scope.now):
        raise Conflict(_("Its link is gone. Send a new one from the page of the person."))
    if message.user_id is not None:
        person: User | None = User.objects.visible_to(scope).active().filter(pk=message.user_id).first()
        if person is None:
            raise Conflict(_("The account of its recipient is not active."))
        message.to_address, message.to_name = person.email, person.name
    message.state, message.attempts, message.unclear = MessageState.QUEUED, 0, 0
    message.run_at, message.finished_at, message.error = scope.now, None, ""
    with telling(scope):
        message.save(
            update_fields=[
                "to_address",
                "to_name",
                "state",
                "attempts",
                "unclear",
                "run_at",
                "finished_at",
                "error",
            ]
        )
    log.info("mail sent again", message=message.pk, organisation=scope.organisation_id)
    return message


def may_go_again(message: Message) -> bool:
    """Whether it still holds all that it says: secret links are erased with the last step."""
    template = TEMPLATES.get(message.template)
    return template is not None and not template.secret


def waiting_mails(*, scope: Scope) -> int:
    """How many mails of the organisation wait to be sent. Raises Forbidden."""
    scope.require("mails.manage")
    with telling(scope) as wide:
        return Message.objects.visible_to(wide).filter(state=MessageState.QUEUED).count()
