"""Editing the wordings of mails: each save is a version, the shipped one can be had back."""

from __future__ import annotations

import uuid

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from crm.core.access import Scope
from crm.core.errors import Conflict, NotFound
from messaging.models import TemplateVersion
from messaging.scopes import telling
from messaging.services.messages import Mail, queue_mails, refuse_gaps, wording_in_force
from messaging.services.previews import example_values
from messaging.wordings import TEMPLATES, checked
from organisation.choices import Language
from organisation.models import User


@transaction.atomic
def save_wording(*, scope: Scope, key: str, language: str, version: int, subject: str, body: str) -> TemplateVersion:
    """Keep a new wording; `version` is the number of the newest one that the user saw, 0 for none.

    Raises NotFound (no such template), Forbidden, Conflict (changed since), Invalid (an unknown placeholder, a text
    without its link).
    """
    clean_subject, clean_body = checked(_known(scope, key, language), subject, body)
    return _add(scope, key, language, version, subject=clean_subject, body=clean_body)


@transaction.atomic
def restore_wording(*, scope: Scope, key: str, language: str, version: int) -> TemplateVersion:
    """Let the shipped wording hold again, today's and that of later releases. Raises NotFound, Forbidden, Conflict."""
    return _add(scope, _known(scope, key, language), language, version, is_shipped=True)


@transaction.atomic
def send_test_mail(*, scope: Scope, key: str, language: str) -> None:
    """Queue the wording in force, filled with an example, to oneself. Raises NotFound, Forbidden, Invalid."""
    _known(scope, key, language)
    me = User.objects.visible_to(scope).get_or_not_found(pk=scope.user_id)
    values = example_values(scope=scope, key=key, language=language, person=me)
    refuse_gaps(wording_in_force(scope=scope, key=key, language=language), values)
    mail = Mail(
        user_id=me.pk,
        to_address=me.email,
        to_name=me.name,
        language=language,
        template=key,
        values=values,
        send_key=f"test:{uuid.uuid4()}",
        run_at=scope.now,
    )
    with telling(scope) as wide:
        queue_mails(scope=wide, mails=[mail])


def newest_number(*, scope: Scope, key: str, language: str) -> int:
    """The number of the newest version, 0 where the shipped wording was never touched."""
    row = TemplateVersion.objects.visible_to(scope).of(key, language).first()
    return row.number if row else 0


def _known(scope: Scope, key: str, language: str) -> str:
    if key not in TEMPLATES or language not in Language.values:
        raise NotFound(_("Not found."))
    scope.require("templates.edit")
    return key


def _add(
    scope: Scope,
    key: str,
    language: str,
    version: int,
    *,
    subject: str = "",
    body: str = "",
    is_shipped: bool = False,
) -> TemplateVersion:
    changed = Conflict(_("Someone changed this template meanwhile."), version=version)
    if newest_number(scope=scope, key=key, language=language) != version:
        raise changed
    try:
        with transaction.atomic():
            return TemplateVersion.objects.create(
                organisation_id=scope.organisation_id,
                key=key,
                language=language,
                number=version + 1,
                is_shipped=is_shipped,
                subject=subject,
                body=body,
                created_at=scope.now,
                created_by_id=scope.user_id,
            )
    except IntegrityError:
        raise changed from None
