"""What a worker does with a mail: claim it with a lease, hand it to the server outside any transaction, note the answer.

A worker killed between the server's yes and the note leaves the mail SENDING; SMTP cannot tell, so it goes once more with
the same Message-ID, by which mailboxes recognise it. After the note it never goes again.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import timedelta
from email.message import EmailMessage
from typing import Final

import structlog
from django.conf import settings
from django.db import connection, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from crm.core.access import Scope, activate, current_scope, system_scope_for
from messaging.audience import people_of
from messaging.choices import MessageState
from messaging.gates import may_write_to
from messaging.kinds import FAILED_MAILS
from messaging.models import Message
from messaging.scopes import JOB
from messaging.services.messages import values_of, wording_of
from messaging.services.notices import notify
from messaging.smtp import Answer, Outcome, build, hand_over, new_message_id
from messaging.wordings import PlaceholderEmpty
from organisation.choices import Role

log = structlog.get_logger(__name__)

RETRY_AFTER: Final = (60, 300, 1_200, 3_600, 14_400)  # seconds; 5 in 6 hours (operations.md, contracts/email.md)
LEASE: Final = timedelta(seconds=90)  # more than one attempt can take
UNCLEAR_MOST: Final = 2  # attempts that may have been sent: the first, and the one more that the contract allows


class _Blocked(Exception):
    """The mail does not go, for good."""

    def __init__(self, state: MessageState, cause: str) -> None:
        super().__init__(cause)
        self.state, self.cause = state, cause


def busy_organisations() -> list[int]:
    """Where something is to be sent, given up or gathered; readable without a scope."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT messaging_busy_organisations(%s)", [settings.SENDS_MAIL])
        return [row[0] for row in cursor.fetchall()]


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of a turn: attempts made, and whether the mail server was there."""

    attempts: int = 0
    is_server_there: bool = True


def send_due(organisation_id: int, *, until: float | None = None) -> Sent:
    """Send what is due of an organisation, oldest first, one mail at a time, until `time.monotonic()` is past `until`.

    Ends where the server is away: one mail has found that out for all. Without EMAIL_URL mails wait.
    """
    scope = system_scope_for(organisation_id, job=JOB)
    give_up_expired(scope)
    attempts = 0
    while (
        settings.SENDS_MAIL and (until is None or time.monotonic() < until) and (message := _claim(scope)) is not None
    ):
        attempts += 1
        answer = _attempt(scope, message)
        if answer is not None and answer.is_server_away:
            return Sent(attempts, is_server_there=False)
    return Sent(attempts)


def give_up_expired(scope: Scope) -> int:
    """What has become worthless while it waited (a link that has ended) is not sent any more; how many."""
    now = timezone.now()
    with transaction.atomic(), activate(scope):
        return Message.objects.filter(state=MessageState.QUEUED, expires_at__lte=now).update(
            state=MessageState.SUPPRESSED, rule="EXPIRED", sealed=None, finished_at=now
        )


def _claim(scope: Scope) -> Message | None:
    """The oldest mail that is due, now this worker's; None where there is none, or another worker is at it.

    One at a time: a server that hangs holds one worker, not all. A lease that ran out was a worker that died: the mail may
    have been sent.
    """
    now = timezone.now()
    due = Q(state=MessageState.QUEUED, run_at__lte=now) | Q(state=MessageState.SENDING, locked_until__lte=now)
    with transaction.atomic(), activate(scope):
        if Message.objects.filter(state=MessageState.SENDING, locked_until__gt=now).exists():
            return None
        rows = Message.objects.filter(due).select_for_update(of=("self",), skip_locked=True)
        message = rows.order_by("run_at", "pk").first()
        if message is None:
            return None
        if message.state == MessageState.SENDING:
            message.unclear += 1
        if message.unclear >= UNCLEAR_MOST:
            _finish(message, MessageState.FAILED, error="worker lost")
            return _claim(scope)
        message.state, message.locked_until = MessageState.SENDING, now + LEASE
        message.attempts += 1
        message.message_id = message.message_id or new_message_id(message.pk)
        message.save(update_fields=["state", "locked_until", "attempts", "unclear", "message_id"])
        return message


def _attempt(scope: Scope, message: Message) -> Answer | None:
    """One try; the server's answer, or None where the mail was not to go at all."""
    try:
        with transaction.atomic(), activate(scope):
            mail = _built(scope, message)
    except _Blocked as blocked:
        with transaction.atomic(), activate(scope):
            is_rule = blocked.state == MessageState.SUPPRESSED
            _finish(message, blocked.state, **{"rule" if is_rule else "error": blocked.cause})
        return None
    answer = hand_over(mail, message.to_address)
    with transaction.atomic(), activate(scope):
        _note(message, answer)
    return answer


def _built(scope: Scope, message: Message) -> EmailMessage:
    """The mail in its words of the day it was queued. Raises _Blocked."""
    if message.contact_id is not None:
        verdict = may_write_to(scope, message.contact_id, message.purpose)
        if not verdict.is_allowed:
            raise _Blocked(MessageState.SUPPRESSED, verdict.rule[:40])
    try:
        subject, body = wording_of(message).fill(values_of(message))
        return build(
            to_address=message.to_address,
            to_name=message.to_name,
            subject=subject,
            body=body,
            message_id=message.message_id,
        )
    except PlaceholderEmpty as error:
        raise _Blocked(MessageState.FAILED, f"no value: {error}"[:80]) from None
    except Exception as error:  # noqa: BLE001 - what this mail lacks (a template gone, a broken seal) stops no other
        raise _Blocked(MessageState.FAILED, type(error).__name__) from None


def _note(message: Message, answer: Answer) -> None:
    if answer.outcome is Outcome.SENT:
        _finish(message, MessageState.SENT)
        return
    log.warning("mail not sent", message=message.pk, attempt=message.attempts, error=answer.error)
    unclear = message.unclear + (answer.outcome is Outcome.UNKNOWN)
    is_last = message.attempts > len(RETRY_AFTER) or unclear >= UNCLEAR_MOST or answer.outcome is Outcome.REFUSED
    if is_last:
        _finish(message, MessageState.FAILED, error=answer.error, unclear=unclear)
        return
    _held(message).update(
        state=MessageState.QUEUED,
        run_at=timezone.now() + timedelta(seconds=RETRY_AFTER[message.attempts - 1]),
        locked_until=None,
        error=answer.error,
        unclear=unclear,
    )


def _finish(message: Message, state: MessageState, **values: object) -> None:
    """The last step of a mail; its secrets go with it."""
    done = _held(message).update(
        state=state, finished_at=timezone.now(), locked_until=None, sealed=None, **({"error": ""} | values)
    )
    if done and state is MessageState.FAILED:
        _tell_failure(current_scope())


def _tell_failure(scope: Scope) -> None:
    """Administrators, once while the notice is unread: a notice about a mail that failed makes no second one."""
    subject = (FAILED_MAILS, scope.organisation_id)
    notify(scope=scope, kind="mail.failed", users=people_of(scope, Role.ADMINISTRATOR), subject=subject, parameters={})


def _held(message: Message) -> QuerySet[Message]:
    """The row, while it is this attempt's: a worker whose lease has run out no longer writes to it."""
    return Message.objects.filter(pk=message.pk, state=MessageState.SENDING, attempts=message.attempts)
