"""How a user wants to be told."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import time
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from crm.core.access import Scope
from crm.core.errors import Invalid
from messaging.models import NoticePreference, QuietHours
from messaging.registry import kind_named


@transaction.atomic
def change_notice_settings(
    *, scope: Scope, channels: Mapping[str, str], begins: time | None = None, ends: time | None = None
) -> None:
    """Keep one's own choice per kind of notice, and one's quiet hours (both ends, or none for no quiet hours).

    Raises Invalid for an unknown kind, a channel that the kind does not have (a mandatory one cannot be off), or half
    or empty quiet hours (field ends).
    """
    for key, channel in channels.items():
        kind = kind_named(key)
        if kind is None or channel not in kind.channels:
            raise Invalid(_("This choice is not possible here."), field=key)
    if (begins is None) != (ends is None) or (begins is not None and begins == ends):
        raise Invalid(_("A beginning and an end that differ, or neither."), field="ends")
    own: dict[str, Any] = {"organisation_id": scope.organisation_id, "user_id": scope.user_id}
    NoticePreference.objects.bulk_create(
        [NoticePreference(**own, kind=key, channel=channel) for key, channel in sorted(channels.items())],
        update_conflicts=True,
        unique_fields=["user", "kind"],
        update_fields=["channel"],
    )
    if begins is None or ends is None:
        QuietHours.objects.visible_to(scope).filter(user_id=scope.user_id).delete()
        return
    # Sent twice at once, the second finds the first's row.
    QuietHours.objects.bulk_create(
        [QuietHours(**own, begins=begins, ends=ends)],
        update_conflicts=True,
        unique_fields=["user"],
        update_fields=["begins", "ends"],
    )
