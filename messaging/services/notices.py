"""Telling users what happened, in the transaction of what happened; and their reading of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection, transaction
from django.urls import reverse
from django.utils import translation

from crm.core.access import Scope
from crm.core.options import option_value
from messaging.choices import Channel
from messaging.models import Notice, NoticePreference, QuietHours
from messaging.options import DIGEST_AT
from messaging.registry import NoticeKind, address_of, kind_named, subject_named
from messaging.scopes import telling
from messaging.services.messages import Mail, path_to_address, queue_mails
from messaging.times import after_quiet, next_digest
from organisation.models import Organisation, User

UNREAD_CAP: Final = 99
_INSERT: Final = """
INSERT INTO messaging_notice (organisation_id, user_id, kind, subject_type, subject_id, parameters, fold_key, times,
                              created_at, digest_at)
SELECT %(organisation)s, u.id, %(kind)s, %(subject_type)s, %(subject_id)s::bigint, %(parameters)s::jsonb, %(fold_key)s, 1,
       %(now)s::timestamptz, CASE WHEN u.in_digest THEN %(digest_at)s::timestamptz END
  FROM unnest(%(users)s::bigint[], %(in_digest)s::boolean[]) AS u (id, in_digest)
 ORDER BY u.id
ON CONFLICT (user_id, kind, fold_key) WHERE read_at IS NULL
DO UPDATE SET times = messaging_notice.times + 1, parameters = excluded.parameters, created_at = excluded.created_at
RETURNING id, user_id, xmax = 0
"""


@dataclass(frozen=True, slots=True)
class _Reader:
    """One user who is told, and how."""

    user: User
    channel: Channel


@transaction.atomic
def notify(
    *,
    scope: Scope,
    kind: str,
    users: Sequence[int],
    subject: tuple[str, int] | None,
    parameters: Mapping[str, Any],
) -> int:
    """Tell `users` (ids) of something about `subject` (type, id); how many were told. Set-based: five statements at most.

    Left out: who caused it, unless the kind says otherwise; who is inactive or of another organisation; who may not see
    the subject; who has switched the kind off. A notice equal to an unread one (same kind and subject, without a subject
    the same parameters) counts that one up, and mails nobody again.

    Raises ValueError for a kind or subject that nobody registered, or a missing parameter: programming errors.
    """
    known = kind_named(kind)
    if known is None:
        raise ValueError(f"There is no notice kind {kind!r}.")
    missing = known.parameters - set(parameters)
    if missing:
        raise ValueError(f"The notice {kind!r} lacks {sorted(missing)}.")
    wanted = {pk for pk in users if known.tells_actor or pk != scope.user_id}
    if not wanted:
        return 0
    with telling(scope) as wide:
        readers = _readers(wide, known, wanted, subject)
        if not readers:
            return 0
        fresh = _insert(wide, known, readers, subject, parameters)
        _mail(wide, known, [one for one in readers if one.user.pk in fresh], fresh, subject, parameters)
    return len(readers)


@transaction.atomic
def read_notice(*, scope: Scope, notice_id: int) -> Notice:
    """Mark one's own notice as read; the notice. Raises NotFound."""
    notice: Notice = Notice.objects.visible_to(scope).select_for_update(of=("self",)).get_or_not_found(pk=notice_id)
    if notice.read_at is None:
        notice.read_at = scope.now
        notice.digest_at = None
        notice.save(update_fields=["read_at", "digest_at"])
    return notice


@transaction.atomic
def read_all_notices(*, scope: Scope) -> int:
    """Mark all of one's own notices as read; how many."""
    return Notice.objects.visible_to(scope).unread().update(read_at=scope.now, digest_at=None)


def unread_count(scope: Scope) -> int:
    """How many of one's own notices are unread, counted no further than one beyond UNREAD_CAP."""
    return Notice.objects.visible_to(scope).unread().order_by().values("pk")[: UNREAD_CAP + 1].count()


def bell(scope: Scope) -> dict[str, object]:
    """What the bell in the frame shows: the number of unread notices, as text, "" for none."""
    unread = unread_count(scope)
    return {"unread": f"{UNREAD_CAP}+" if unread > UNREAD_CAP else str(unread or "")}


def _readers(scope: Scope, kind: NoticeKind, wanted: set[int], subject: tuple[str, int] | None) -> list[_Reader]:
    if subject is not None:
        registered = subject_named(subject[0])
        if registered is None:
            raise ValueError(f"There is no notice subject {subject[0]!r}.")
        wanted = wanted & registered.seers(scope, subject[1], sorted(wanted))
    people = list(User.objects.visible_to(scope).active().filter(pk__in=wanted).order_by("pk"))
    chosen = dict(
        NoticePreference.objects.visible_to(scope)
        .filter(kind=kind.key, user__in=[one.pk for one in people])
        .values_list("user_id", "channel")
    )
    readers = [_Reader(one, channel_in(kind, chosen.get(one.pk))) for one in people]
    return [one for one in readers if one.channel is not Channel.OFF]


def channel_in(kind: NoticeKind, chosen: str | None) -> Channel:
    """How a kind reaches somebody who chose `chosen` (None: nothing); a mandatory kind is never off."""
    channel = Channel(chosen) if chosen in Channel.values else kind.default
    return channel if channel in kind.channels else kind.default


def _insert(
    scope: Scope,
    kind: NoticeKind,
    readers: Sequence[_Reader],
    subject: tuple[str, int] | None,
    parameters: Mapping[str, Any],
) -> dict[int, int]:
    """Write the notices; ids of the new ones by user, without those that only counted up."""
    in_digest = [one.channel is Channel.DIGEST for one in readers]
    content = json.dumps(dict(parameters), cls=DjangoJSONEncoder, ensure_ascii=False, sort_keys=True)
    values: dict[str, Any] = {
        "organisation": scope.organisation_id,
        "kind": kind.key,
        "subject_type": subject[0] if subject else "",
        "subject_id": subject[1] if subject else None,
        "parameters": content,
        "fold_key": f"{subject[0]}:{subject[1]}" if subject else hashlib.sha256(content.encode()).hexdigest(),
        "now": scope.now,
        "digest_at": next_digest(scope.now, scope.zone, option_value(DIGEST_AT, scope)) if any(in_digest) else None,
        "users": [one.user.pk for one in readers],
        "in_digest": in_digest,
    }
    with connection.cursor() as cursor:
        cursor.execute(_INSERT, values)
        return {user_id: pk for pk, user_id, is_new in cursor.fetchall() if is_new}


def _mail(
    scope: Scope,
    kind: NoticeKind,
    readers: Sequence[_Reader],
    notices: Mapping[int, int],
    subject: tuple[str, int] | None,
    parameters: Mapping[str, Any],
) -> None:
    """A mail for each new notice that is to come by mail at once."""
    by_mail = [one.user for one in readers if one.channel is Channel.MAIL]
    if not by_mail:
        return
    path = address_of(*subject) if subject else ""
    shared = {
        "address": path_to_address(path or reverse("messaging:notices")),
        "organisation": Organisation.objects.visible_to(scope).get().name,
    }
    due = _due(scope, kind, by_mail)
    mails = []
    for user in by_mail:
        with translation.override(user.language):
            title, text = kind.render(parameters)
        mails.append(
            Mail(
                user_id=user.pk,
                to_address=user.email,
                to_name=user.name,
                language=user.language,
                template="notice",
                # In a mail the title is its subject: one line, whatever a name in it holds.
                values=shared | {"name": user.name, "title": " ".join(title.split()), "text": text},
                send_key=f"notice:{notices[user.pk]}",
                run_at=due.get(user.pk, scope.now),
            )
        )
    queue_mails(scope=scope, mails=mails)


def _due(scope: Scope, kind: NoticeKind, users: Sequence[User]) -> dict[int, datetime]:
    """When each one's mail may go; notes about one's own account do not wait for the morning."""
    if kind.tells_actor:
        return {}
    hours = QuietHours.objects.visible_to(scope).filter(user__in=[one.pk for one in users])
    return {one.user_id: after_quiet(scope.now, scope.zone, one.begins, one.ends) for one in hours}
