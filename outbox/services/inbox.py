"""Services of the inbox: replay, dismissal, dry run."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db import connection, transaction
from django.db.models import F, Model, QuerySet
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from crm.core.access import Scope, activate
from crm.core.classes import DataClass, data_class_of
from crm.core.errors import Conflict, Invalid, NotFound
from outbox.applying import PLAUSIBLE_YEARS, apply_event
from outbox.choices import InboxReason, InboxState
from outbox.models import Event, InboxEvent
from outbox.providers import Permanent, Provider, provider_named
from outbox.services.intake import provider_scope
from outbox.wakeup import wake_relay

MOST_AT_ONCE: Final = 10_000
REPLAYABLE: Final = (
    InboxState.DONE,
    InboxState.IGNORED,
    InboxState.SUPERSEDED,
    InboxState.WAITING,
    InboxState.RETRY,
    InboxState.DEAD,
)
DISMISSIBLE: Final = (InboxState.WAITING, InboxState.RETRY, InboxState.DEAD)
_MASK: Final = "•••"
_WRITTEN: Final = """
SELECT relname, n_tup_ins, n_tup_upd, n_tup_del FROM pg_stat_xact_user_tables WHERE n_tup_ins + n_tup_upd + n_tup_del > 0
"""


@dataclass(frozen=True, slots=True)
class RowChange:
    """What would happen to one row: its fields with the old and the new value, as text."""

    label: str
    kind: str  # "+" new, "~" changed, "-" deleted
    fields: list[tuple[str, str, str]]


@dataclass(frozen=True, slots=True)
class DryRun:
    """What applying an event would do. `tables` are rows written in tables that `rows` does not show, with their number."""

    state: InboxState
    reason: str
    error: str
    rows: list[RowChange]
    tables: list[tuple[str, int]]
    events: list[tuple[str, str, Any]]


def replayable(rows: QuerySet[InboxEvent]) -> QuerySet[InboxEvent]:
    """Those of `rows` that can be applied again: at rest, their body still there, their connection too."""
    return rows.filter(state__in=REPLAYABLE, request__body__isnull=False, connection__deleted_at=None)


@transaction.atomic
def replay_events(*, scope: Scope, event_ids: Sequence[int], reason: str) -> int:
    """Have events applied again from their raw bodies; how many. What runs now, or is new anyway, is left as it is.

    Raises Forbidden without `inbox.replay`, Invalid without a reason or for more than MOST_AT_ONCE, NotFound where none is
    visible, Conflict where none can be replayed (in work, the body forgotten, or the connection deleted).
    """
    rows = _chosen(scope, event_ids)
    clean = _clean_reason(reason)
    chosen = replayable(rows).select_for_update(of=("self",), skip_locked=True)
    locked = list(chosen.order_by("pk").values_list("pk", flat=True))
    if not locked:
        raise Conflict(_("Nothing here can be applied again: it is in work, or body or connection are gone."))
    InboxEvent.objects.visible_to(scope).filter(pk__in=locked).update(
        state=InboxState.NEW,
        reason="",
        note=clean,
        attempts=0,
        run_at=Now(),
        locked_until=None,
        waits_until=None,
        done_at=None,
        error="",
        replays=F("replays") + 1,
        acted_by=scope.actor,
        acted_at=scope.now,
    )
    transaction.on_commit(wake_relay, robust=True)
    return len(locked)


def dismissible(rows: QuerySet[InboxEvent]) -> QuerySet[InboxEvent]:
    """Those of `rows` that can be dismissed: they wait, or were given up."""
    return rows.filter(state__in=DISMISSIBLE)


@transaction.atomic
def dismiss_events(*, scope: Scope, event_ids: Sequence[int], reason: str) -> int:
    """Close what waits or was given up, with the reason why; how many. What a worker has in hand is left as it is.

    Raises Forbidden without `inbox.replay`, Invalid without a reason or for more than MOST_AT_ONCE, NotFound where none is
    visible, Conflict where none can be dismissed.
    """
    rows = _chosen(scope, event_ids)
    clean = _clean_reason(reason)
    chosen = dismissible(rows).select_for_update(of=("self",), skip_locked=True)
    locked = list(chosen.order_by("pk").values_list("pk", flat=True))
    if not locked:
        raise Conflict(_("Only what waits or was given up can be dismissed."))
    InboxEvent.objects.visible_to(scope).filter(pk__in=locked).update(
        state=InboxState.IGNORED,
        reason=InboxReason.DISMISSED,
        note=clean,
        locked_until=None,
        done_at=Now(),
        acted_by=scope.actor,
        acted_at=scope.now,
    )
    return len(locked)


@transaction.atomic
def dry_run(*, scope: Scope, event_id: int, now: datetime | None = None) -> DryRun:
    """Apply an event at `now` (its receipt where not given) and take everything back; what it would have done.

    Raises NotFound, Forbidden without `inbox.replay`, Invalid for an instant out of all reason, Conflict where the body was
    forgotten.
    """
    rows = InboxEvent.objects.visible_to(scope).select_related("request", "connection")
    event = rows.get_or_not_found(pk=event_id)
    scope.require("inbox.replay")
    if now is not None and now.year not in PLAUSIBLE_YEARS:
        raise Invalid(_("A time between 1970 and 2199."), field="now")
    provider = provider_named(event.connection.provider)
    if provider is None or event.request.body is None:
        raise Conflict(_("The body of this message was forgotten after 30 days."))
    acting = dataclasses.replace(
        provider_scope(provider, scope.organisation_id, scope.request_id),
        now=now or event.received_at,
        zone=scope.zone,
        cause=f"dry-run:{event.pk}",
    )
    result: DryRun | None = None
    with transaction.atomic(), activate(acting):
        result = _try(provider, event, acting, shows_personal=scope.allows("connections.manage"))
        transaction.set_rollback(True)
    return result


def _chosen(scope: Scope, event_ids: Sequence[int]) -> QuerySet[InboxEvent]:
    scope.require("inbox.replay")
    if len(event_ids) > MOST_AT_ONCE:
        raise Invalid(_("At most %(count)d at once.") % {"count": MOST_AT_ONCE})
    rows = InboxEvent.objects.visible_to(scope).filter(pk__in=list(event_ids))
    if not rows.exists():
        raise NotFound(_("Not found."))
    return rows


def _try(provider: Provider, event: InboxEvent, scope: Scope, *, shows_personal: bool) -> DryRun:
    rows = provider.rows_of(event)
    before, written = [_rows(one) for one in rows], _written()
    state, reason, error = InboxState.DEAD, "", ""
    try:
        with transaction.atomic():
            outcome = apply_event(provider, event, scope)
            state, reason = outcome.state, str(outcome.reason)
    except Permanent as refusal:
        reason = str(refusal.reason)
    except Exception as broken:  # noqa: BLE001 - whatever a handler raises is the result
        state, error = InboxState.RETRY, type(broken).__name__
    changes = [
        change
        for query, old in zip(rows, before, strict=True)
        for change in _changes(query.model, old, _rows(query), shows_personal=shows_personal)
    ]
    shown = {query.model._meta.db_table for query in rows} | {Event._meta.db_table}
    tables = sorted(
        (name, count - written.get(name, 0))
        for name, count in _written().items()
        if count > written.get(name, 0) and name not in shown
    )
    published = Event.objects.visible_to(scope).filter(cause=scope.cause, position=None).order_by("pk")
    events = [(one.type, f"{one.subject_type}/{one.subject_id}", one.data) for one in published]
    return DryRun(state, reason, error, changes, tables, events)


def _rows(query: QuerySet[Any]) -> dict[int, dict[str, Any]]:
    return {row["id"]: row for row in query.all().values()}


def _written() -> dict[str, int]:
    """Rows written by the open transaction, by table."""
    with connection.cursor() as cursor:
        cursor.execute(_WRITTEN)
        return {name: inserted + updated + deleted for name, inserted, updated, deleted in cursor.fetchall()}


def _changes(
    model: type[Model], old: dict[int, dict[str, Any]], new: dict[int, dict[str, Any]], *, shows_personal: bool
) -> list[RowChange]:
    found = []
    for pk in sorted(old.keys() | new.keys()):
        was, is_now = old.get(pk, {}), new.get(pk, {})
        kind = "~" if was and is_now else "+" if is_now else "-"
        fields = []
        for field in model._meta.concrete_fields:
            if field.primary_key or was.get(field.attname) == is_now.get(field.attname):
                continue
            hidden = data_class_of(field) in {DataClass.PERSONAL, DataClass.RESTRICTED} and not shows_personal
            old_text, new_text = (
                _MASK if hidden and value is not None else _text(value)
                for value in (was.get(field.attname), is_now.get(field.attname))
            )
            fields.append((str(field.verbose_name), old_text, new_text))
        if fields:
            found.append(RowChange(str(model._meta.verbose_name), kind, fields))
    return found


def _text(value: object) -> str:
    return "" if value is None else str(value)


def _clean_reason(text: str) -> str:
    clean = " ".join(text.split())
    if not 3 <= len(clean) <= 300:
        raise Invalid(_("A reason of 3 to 300 characters."), field="reason")
    return clean
