"""Mails into the queue. A worker sends them; nothing here calls out."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.utils.translation import gettext as _

from crm.core.access import Scope
from crm.core.errors import Conflict, Invalid
from messaging.gates import may_write_to
from messaging.models import Message, TemplateVersion
from messaging.scopes import telling
from messaging.wordings import TEMPLATES, PlaceholderEmpty, Wording, shipped
from outbox.encryption import SealBroken, open_sealed, seal


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """One mail to be written to the queue: to a user or a contact, once per `send_key`, not after `expires_at`."""

    user_id: int | None = None
    contact_id: int | None = None
    purpose: str = ""
    to_address: str
    to_name: str
    language: str
    template: str
    values: Mapping[str, Any]
    send_key: str
    run_at: datetime
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ShownMail:
    """A mail as its recipient reads it; `gap` names a placeholder without value, for which it does not go."""

    subject: str
    body: str
    gap: str = ""


def queue_mails(*, scope: Scope, mails: Sequence[Mail]) -> None:
    """Write the mails, two statements however many there are; those whose send key is taken are there already.

    `scope` sees the whole organisation (`telling`). Secret values are encrypted, bound to their row's send key.
    """
    if not mails:
        return
    numbers = _current_numbers(scope, {mail.template for mail in mails})
    Message.objects.bulk_create(
        [_row(scope, mail, numbers.get((mail.template, mail.language), 0)) for mail in mails], ignore_conflicts=True
    )


@transaction.atomic
def queue_contact_mail(
    *,
    scope: Scope,
    contact_id: int,
    to_address: str,
    to_name: str,
    language: str,
    purpose: str,
    template: str,
    values: Mapping[str, Any],
    send_key: str,
) -> None:
    """Queue a mail to a contact, if the consent gate allows it; asked again when it is sent.

    Raises Conflict with the deciding `rule` where the gate refuses or there is none, Invalid for an address that cannot
    be or a placeholder without value.
    """
    verdict = may_write_to(scope, contact_id, purpose)
    if not verdict.is_allowed:
        raise Conflict(_("This contact may not be written to."), rule=verdict.rule)
    refuse_header_break(to_address, to_name)
    _refuse_address(to_address)
    refuse_gaps(wording_in_force(scope=scope, key=template, language=language), values)
    mail = Mail(
        contact_id=contact_id,
        purpose=purpose,
        to_address=to_address,
        to_name=to_name,
        language=language,
        template=template,
        values=values,
        send_key=send_key,
        run_at=scope.now,
    )
    with telling(scope) as wide:
        queue_mails(scope=wide, mails=[mail])


def refuse_header_break(*values: str) -> None:
    """Raise Invalid where a value would break out of a mail's header."""
    if any(character in value for value in values for character in "\r\n\0"):
        raise Invalid(_("No line breaks here."))


def refuse_gaps(wording: Wording, values: Mapping[str, Any]) -> None:
    """Raise Invalid naming the first placeholder of the wording that has no value."""
    try:
        wording.fill(values)
    except PlaceholderEmpty as error:
        raise Invalid(_("The placeholder %(name)s has no value.") % {"name": f"{{{{ {error} }}}}"}) from None


def wording_in_force(*, scope: Scope, key: str, language: str) -> Wording:
    """What the organisation's mails of this template say today."""
    row = TemplateVersion.objects.visible_to(scope).of(key, language).first()
    return _wording(row, key, language)


def wording_of(message: Message) -> Wording:
    """What the mail said when it was queued. Read under a scope of its organisation."""
    rows = TemplateVersion.objects.filter(organisation_id=message.organisation_id)
    row = rows.of(message.template, message.language).filter(number=message.template_version).first()
    return _wording(row, message.template, message.language)


def values_of(message: Message) -> dict[str, Any]:
    """All values of a mail, the secret ones opened while they are there. Raises SealBroken."""
    secret: dict[str, Any] = {}
    if message.sealed is not None:
        secret = json.loads(open_sealed(message.sealed, associated=_place(message.organisation_id, message.send_key)))
    return {**message.parameters, **secret}


def shown_mail(message: Message) -> ShownMail:
    """Subject and text of a mail; where a secret link was erased, a note stands in its place."""
    secret = TEMPLATES[message.template].secret if message.template in TEMPLATES else frozenset()
    try:
        values = values_of(message)
    except SealBroken:
        values = dict(message.parameters)
    values |= {name: _("(link erased)") for name in secret if name not in values}
    try:
        return ShownMail(*wording_of(message).fill(values))
    except PlaceholderEmpty as error:
        return ShownMail(message.template, "", gap=str(error))


def path_to_address(path: str) -> str:
    """The whole address of a path of the product, as mails need it."""
    scheme = "http" if settings.ON_LOOPBACK else "https"
    return f"{scheme}://{settings.ADDRESS}{path}"


def _current_numbers(scope: Scope, keys: set[str]) -> dict[tuple[str, str], int]:
    rows = TemplateVersion.objects.visible_to(scope).filter(key__in=keys).order_by("number")
    found = rows.values_list("key", "language", "number", "is_shipped")
    return {(key, language): 0 if is_shipped else number for key, language, number, is_shipped in found}


def _row(scope: Scope, mail: Mail, number: int) -> Message:
    secret = {name: mail.values[name] for name in TEMPLATES[mail.template].secret if name in mail.values}
    sealed = seal(json.dumps(secret), associated=_place(scope.organisation_id, mail.send_key)) if secret else None
    return Message(
        organisation_id=scope.organisation_id,
        user_id=mail.user_id,
        contact_id=mail.contact_id,
        purpose=mail.purpose,
        to_address=mail.to_address,
        to_name=mail.to_name,
        language=mail.language,
        template=mail.template,
        template_version=number,
        parameters={name: value for name, value in mail.values.items() if name not in secret},
        sealed=sealed,
        send_key=mail.send_key,
        run_at=mail.run_at,
        expires_at=mail.expires_at,
    )


def _wording(row: TemplateVersion | None, key: str, language: str) -> Wording:
    if row is None or row.is_shipped:
        return shipped(key, language)
    return Wording(row.subject, row.body, row.number)


def _place(organisation_id: int, send_key: str) -> str:
    return f"messaging.message:{organisation_id}:{send_key}"


def _refuse_address(address: str) -> None:
    try:
        validate_email(address)
    except ValidationError:
        raise Invalid(_("An e-mail address, for example name@company.de."), field="to_address") from None
