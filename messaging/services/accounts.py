"""Mails and notes about accounts: written before, or beside, any scope of a signed-in user."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import structlog
from allauth.account.utils import user_pk_to_url_str
from django.conf import settings
from django.contrib.auth.tokens import default_token_generator
from django.db import DatabaseError, connection, transaction
from django.urls import reverse
from django.utils import timezone

from crm.core.access import Scope
from messaging.models import ResetRequest
from messaging.scopes import JOB, acting_before_sign_in
from messaging.services.messages import Mail, path_to_address, queue_mails
from messaging.services.notices import notify
from organisation.access import enter_sign_in
from organisation.choices import Language
from organisation.links import LIFETIME
from organisation.mails import SecurityNote
from organisation.models import User
from outbox.encryption import SealBroken, open_sealed, seal

log = structlog.get_logger(__name__)

ASKED: Final = "messaging.resetrequest"  # what an address is sealed for
BATCH: Final = 50
KINDS: Final = {
    SecurityNote.PASSWORD_CHANGED: "security.password_changed",
    SecurityNote.FACTOR_ADDED: "security.factor_added",
    SecurityNote.FACTOR_REMOVED: "security.factor_removed",
    SecurityNote.CODES_MADE: "security.codes_made",
}


@transaction.atomic
def send_set_up_link(*, user: User, address: str) -> None:
    """Queue the mail by which a new person sets up his account. The link lies encrypted, until the mail is sent or it ends."""
    with acting_before_sign_in(user.organisation_id, user.organisation.zone) as scope:
        _queue(scope, user, "account.set_up", address, until=scope.now + LIFETIME)


@transaction.atomic
def ask_for_reset(*, email: str, language: str) -> None:
    """Note that somebody wants a new password for this address. The same work for every address, known or not."""
    chosen = language if language in Language.values else Language.DE
    with connection.cursor() as cursor:  # without RETURNING: who asks may not read the row
        cursor.execute(
            "INSERT INTO messaging_resetrequest (sealed, language) VALUES (%s, %s)",
            [seal(email.strip().lower(), associated=ASKED), chosen],
        )


@transaction.atomic
def answer_resets() -> int:
    """Queue a mail for each reset asked for whose address is an active user's; forget the others. How many were looked at."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('app.actor', %s, true)", [f"job:{JOB}"])
    try:
        rows = list(ResetRequest.objects.select_for_update(skip_locked=True).order_by("pk")[:BATCH])
        ResetRequest.objects.filter(pk__in=[row.pk for row in rows]).delete()
        for row in rows:
            try:
                with transaction.atomic():
                    _answer(open_sealed(row.sealed, associated=ASKED), row.created_at)
            except (SealBroken, DatabaseError) as error:  # asked for again by whoever it was
                log.error("reset not answered", error=type(error).__name__)
    finally:
        enter_sign_in("")
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('app.actor', '', true)")
    return len(rows)


@transaction.atomic
def note_security(*, user: User, what: SecurityNote, address: str, browser: str) -> None:
    """Tell a user that his password or a second factor changed, in the app and by mail. Part of the caller's transaction;
    the library calls after it, too, where a factor was added.

    `address` is the network address and `browser` the user agent from which it was done.
    """
    with acting_before_sign_in(user.organisation_id, user.organisation.zone) as scope:
        when = timezone.now().astimezone(ZoneInfo(scope.zone))
        values = {"when": f"{when:%d.%m.%Y %H:%M}", "address": address, "browser": browser[:120] or "–"}
        notify(scope=scope, kind=KINDS[what], users=[user.pk], subject=None, parameters=values)


def _answer(email: str, asked_at: datetime) -> None:
    enter_sign_in(email)
    user = User.objects.select_related("organisation").filter(email__iexact=email, is_active=True).first()
    if user is None:
        return
    key = f"{user_pk_to_url_str(user)}-{default_token_generator.make_token(user)}"
    path = reverse("account_reset_password_from_key", kwargs={"uidb36": "UID", "key": "KEY"}).replace("UID-KEY", key)
    with acting_before_sign_in(user.organisation_id, user.organisation.zone) as scope:
        until = asked_at + timedelta(seconds=settings.PASSWORD_RESET_TIMEOUT)
        _queue(scope, user, "account.reset", path_to_address(path), until=until)


def _queue(scope: Scope, user: User, template: str, address: str, *, until: datetime) -> None:
    values: dict[str, Any] = {"name": user.name, "address": address, "organisation": user.organisation.name}
    mail = Mail(
        user_id=user.pk,
        to_address=user.email,
        to_name=user.name,
        language=user.language,
        template=template,
        values=values,
        send_key=f"{template}:{hashlib.sha256(address.encode()).hexdigest()[:32]}",
        run_at=scope.now,
        expires_at=until,
    )
    queue_mails(scope=scope, mails=[mail])
