"""What the inbox can be filtered and sorted by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from django.utils.translation import gettext_lazy as _

from crm.core.access import Scope
from crm.core.filters import FieldType, FilterField, FilterRegistry, Operator, column
from crm.core.listing import Column, Listing
from outbox.choices import InboxReason, InboxState
from outbox.models import Connection

_EXACT: Final = (Operator.EQ, Operator.NE, Operator.IN)


def _connection_names(scope: Scope, ids: Sequence[int]) -> Mapping[int, str]:
    return dict(Connection.objects.visible_to(scope).filter(pk__in=ids).values_list("pk", "label"))


INBOX_FILTERS: Final = FilterRegistry(
    "inbox_event",
    [
        FilterField(
            key="connection",
            label=_("Connection"),
            type=FieldType.REFERENCE,
            nullable=False,
            names=_connection_names,
            build=column("connection_id"),
        ),
        FilterField(
            key="state",
            label=_("State"),
            type=FieldType.CHOICE,
            choices=InboxState.choices,
            nullable=False,
            build=column("state"),
        ),
        FilterField(
            key="reason",
            label=_("Reason"),
            type=FieldType.CHOICE,
            choices=InboxReason.choices,
            nullable=False,
            build=column("reason"),
        ),
        FilterField(
            key="type", label=_("Type"), type=FieldType.TEXT, operators=_EXACT, nullable=False, build=column("type")
        ),
        FilterField(
            key="subject",
            label=_("Subject"),
            type=FieldType.TEXT,
            operators=_EXACT,
            nullable=False,
            build=column("subject"),
        ),
        FilterField(
            key="received", label=_("Received"), type=FieldType.DATETIME, nullable=False, build=column("received_at")
        ),
    ],
)

INBOX: Final = Listing(
    path="/settings/inbox/",
    registry=INBOX_FILTERS,
    columns=(
        Column("received", _("Received"), sort="received_at", descending_first=True, fixed=True),
        Column("type", _("Type"), fixed=True),
        Column("subject", _("Subject"), fixed=True),
        Column("state", _("State"), fixed=True),
        Column("reason", _("Reason"), fixed=True),
        Column("connection", _("Connection"), fixed=True),
    ),
    default_sort="-received",
)
