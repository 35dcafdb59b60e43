"""Two accounts become one.

The account that is merged stays as a row, put away for good: `merged_into` names the kept one, `deleted_at` takes it out of every
list, search and count as the trash does. It is not in the trash: from there one account would come back empty, and after some
days the trash is erased, while the old id and the old history must lead somewhere as long as the kept account is there.
Merged once more, all old ids lead to the last one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.db import transaction
from django.utils.translation import gettext as _

from crm.core.access import Scope, activate
from crm.core.errors import Conflict, Invalid, NotFound
from customers.choices import AccountType, CustomerStatus
from customers.events import CustomerMerged, CustomerStatusChanged
from customers.models import Customer, CustomerTag, ExternalKey, FieldDefinition
from customers.services.locking import lock_customers, require_changeable, require_own
from customers.services.merging.choosing import (
    COLUMNS,
    LOSER,
    OF_CATALOGUE,
    columns_of,
    refuse_choices,
    suggest_column,
)
from customers.services.merging.moving import move_rows
from customers.transitions import STAGE_TAGS
from jobs.models import ChangeSet
from jobs.services import UndoResult, count_rows, open_change_set, undo_change_set
from outbox.services import publish

MERGE: Final = "merge"
UNDO_DAYS: Final = 30
XENTRAL: Final = "xentral"
_COUNTED: Final = {"version", "updated_at", "name_key"}
# Who has ordered is no prospect any more, and the last sign of life counts. An archived one stays apart.
_LIVELY: Final = (CustomerStatus.PROSPECT, CustomerStatus.INAKTIV, CustomerStatus.RISIKO, CustomerStatus.AKTIV)


@dataclass(frozen=True, slots=True, kw_only=True)
class Merge:
    """What a merge was: the kept account, and the change set that undoes it."""

    customer: Customer
    change_set_id: int


@transaction.atomic
def merge_customers(
    *,
    scope: Scope,
    winner_id: int,
    loser_id: int,
    winner_version: int,
    loser_version: int,
    choices: Mapping[str, str] | None = None,
) -> Merge:
    """Move all that hangs on the loser to the winner, and put the loser away; one change set, undone by `undo_merge`.

    `choices` maps columns, `fields.<key>` and the season (`is_seasonal_business`) to `winner` or `loser`; what is not named
    is taken as suggested. The versions are those that the user saw. Who merges may change both accounts and decides about
    the loser as its owner does: that one is gone afterwards. Raises NotFound (one is missing or hidden), Forbidden, Invalid
    (the same account twice, per choice), Conflict (changed or merged meanwhile, a chain with none, an archived one kept).
    """
    winner, loser = _locked(scope, winner_id, loser_id)
    chosen = dict(choices or {})
    _refuse(winner, loser)
    refuse_choices(scope, chosen)
    for row, version in ((winner, winner_version), (loser, loser_version)):
        if row.version != version:
            raise Conflict(
                _("%(name)s was changed meanwhile. Please compare again.") % {"name": row.company_name},
                version=row.version,
            )
    names = {"loser": _named(loser), "winner": _named(winner)}
    label = _("%(loser)s merged into %(winner)s") % names
    batch = open_change_set(scope=scope, kind=MERGE, label=label)
    columns = _columns(winner, loser, chosen)
    old_status = winner.status
    with activate(batch.widened(label)):
        rows = _put_away(scope, winner, loser)
        rows += move_rows(winner, loser, _sides(scope, chosen))
        rows += _keep_second_id(scope, winner, loser)
        for name, value in columns.items():
            setattr(winner, name, value)
        if columns:
            winner.save(update_fields=list(columns))
            rows += 1
        if winner.status != CustomerStatus.PROSPECT:
            CustomerTag.objects.filter(customer=winner, tag__name__in=STAGE_TAGS).delete()
        count_rows(scope=scope, change_set_id=batch.change_set_id or 0, rows=rows)
        publish(CustomerMerged(customer_id=winner.pk, merged_id=loser.pk))
        if winner.status != old_status:
            publish(CustomerStatusChanged(customer_id=winner.pk, old=old_status, new=winner.status))
        winner.refresh_from_db()
    return Merge(customer=winner, change_set_id=batch.change_set_id or 0)


@transaction.atomic
def undo_merge(*, scope: Scope, merge_id: int) -> UndoResult:
    """Take a merge back: both accounts as they were, but for what was changed since. `merge_id` is its change set.

    Raises NotFound (none, or another one's), Forbidden, Conflict (undone already, older than UNDO_DAYS, everything was
    changed since, something of today stands against it).
    """
    merge = ChangeSet.objects.visible_to(scope).filter(kind=MERGE).get_or_not_found(pk=merge_id)
    if ChangeSet.objects.visible_to(scope).changeable_by(scope).filter(pk=merge.pk, undone_at=None).exists():
        _give_back(scope, merge.pk)
    result = undo_change_set(scope=scope, change_set_id=merge.pk)
    if result.change_set_id is None:
        raise Conflict(_("All that was merged has been changed since. Nothing was undone."))
    return result


def parties_of(merge_id: int) -> tuple[int, int] | None:
    """The ids of the kept account and of the other one, where the active scope reads the history of that one."""
    rows = Customer.history.filter(history_change_set_id=merge_id, merged_into__isnull=False)
    found: tuple[int, int] | None = rows.order_by("history_id").values_list("merged_into", "id").last()
    return found


def _give_back(scope: Scope, merge_id: int) -> None:
    """What the kept account got and still has, where something else on it was changed since: that row is left alone as a
    whole by the undo, and would keep what only one may have."""
    with activate(scope.widened("merge undone")):
        parties = parties_of(merge_id)
        kept = Customer.objects.select_for_update(of=("self",)).filter(pk=parties[0] if parties else 0).first()
        rows = Customer.history.filter(id=kept.pk if kept else None).order_by("history_id")
        written = rows.filter(history_change_set_id=merge_id)
        first, last = written.first(), written.last()
        before = rows.filter(history_id__lt=first.history_id).last() if first else None
        columns = [field.attname for field in Customer._meta.concrete_fields if field.name not in _COUNTED]
        if kept is None or before is None or all(getattr(last, name) == getattr(kept, name) for name in columns):
            return
        back = {
            name: getattr(before, name)
            for name in columns
            if getattr(before, name) != getattr(last, name) == getattr(kept, name)
        }
        if back:
            Customer.objects.filter(pk=kept.pk).update(**back)


def kept_instead_of(scope: Scope, customer_id: int) -> int | None:
    """The id of the account that this one was merged into, where the scope sees that one; None else.

    Who sees the kept account reads in its history what went into it; whether he saw the old one does not matter.
    """
    with transaction.atomic(), activate(scope.widened("a merged account")):
        merged = Customer.objects.filter(pk=customer_id, organisation_id=scope.organisation_id)
        kept_id = merged.values_list("merged_into", flat=True).first()
    if kept_id is None:
        return None
    return Customer.objects.visible_to(scope).filter(pk=kept_id).values_list("pk", flat=True).first()


def _locked(scope: Scope, winner_id: int, loser_id: int) -> tuple[Customer, Customer]:
    """Both, locked in the order of their ids, so that two merges of the same two wait for each other."""
    if winner_id == loser_id:
        raise Invalid(_("An account is not merged with itself."), field="loser_id")
    rows, changeable = lock_customers(scope, [winner_id, loser_id])
    found = {row.pk: row for row in rows}
    if len(found) < 2:
        raise NotFound(_("Not found."))
    scope.require("customers.delete")
    for row in found.values():
        require_changeable(row, changeable)
    require_own(scope, found[loser_id])
    return found[winner_id], found[loser_id]


def _refuse(winner: Customer, loser: Customer) -> None:
    chains = [row.account_type == AccountType.CHAIN for row in (winner, loser)]
    if any(chains) and not all(chains):
        raise Conflict(_("A chain is merged with another chain only."))
    if winner.status == CustomerStatus.ARCHIVIERT != loser.status:
        raise Conflict(_("The account to be kept is archived, the other one is not. Reopen it, or keep the other one."))


def _named(customer: Customer) -> str:
    return f"{customer.company_name} ({customer.customer_number})"


def _columns(winner: Customer, loser: Customer, chosen: Mapping[str, str]) -> dict[str, Any]:
    """What changes on the kept account."""
    values: dict[str, Any] = {}
    for name in COLUMNS:
        if chosen.get(name, suggest_column(winner, loser, name)) == LOSER:
            values |= {column: getattr(loser, column) for column in columns_of(name)}
    values |= _facts(winner, loser) | _status(winner, loser)
    return {name: value for name, value in values.items() if getattr(winner, name) != value}


def _facts(winner: Customer, loser: Customer) -> dict[str, Any]:
    """What nobody chooses. What is true of one is true of the company: a sole trader's data are protected, orders are orders."""
    ordering = [row for row in (winner, loser) if row.activated_at]
    first = min(ordering, key=lambda row: row.activated_at or row.created_at, default=winner)
    turnover = [row.actual_annual_volume for row in (winner, loser) if row.actual_annual_volume is not None]
    return {
        "is_natural_person": winner.is_natural_person or loser.is_natural_person,
        "owner_id": winner.owner_id or loser.owner_id,
        "xentral_customer_id": winner.xentral_customer_id or loser.xentral_customer_id,
        "estimated_volume": winner.estimated_volume if winner.estimated_volume is not None else loser.estimated_volume,
        "actual_annual_volume": sum(turnover) if turnover else None,
        "last_order_at": max(filter(None, (winner.last_order_at, loser.last_order_at)), default=None),
        "last_contact_at": max(filter(None, (winner.last_contact_at, loser.last_contact_at)), default=None),
        "activated_at": first.activated_at,
        "activated_by_id": first.activated_by_id,
        "first_order_number": first.first_order_number,
    }


def _status(winner: Customer, loser: Customer) -> dict[str, Any]:
    if CustomerStatus.ARCHIVIERT in {loser.status, winner.status}:
        return {}
    if winner.status == loser.status:
        return {"status_since": min(winner.status_since, loser.status_since)}
    livelier = max((winner, loser), key=lambda row: _LIVELY.index(CustomerStatus(row.status)))
    return {"status": livelier.status, "status_since": livelier.status_since}


def _sides(scope: Scope, chosen: Mapping[str, str]) -> dict[int, str]:
    keys = {name.removeprefix(OF_CATALOGUE): side for name, side in chosen.items() if name.startswith(OF_CATALOGUE)}
    fields = FieldDefinition.objects.visible_to(scope).filter(entity="CUSTOMER", key__in=keys)
    return {pk: keys[key] for pk, key in fields.values_list("pk", "key")}


def _put_away(scope: Scope, winner: Customer, loser: Customer) -> int:
    """Before the kept account gets what only one may have. A location leaves its chain, which it would keep from the trash."""
    values: dict[str, Any] = {"deleted_at": scope.now, "deleted_by_id": scope.user_id, "merged_into": winner}
    if loser.account_type == AccountType.LOCATION:
        values |= {"account_type": AccountType.INDEPENDENT, "chain": None}
    return Customer.objects.filter(pk=loser.pk).update(**values)


def _keep_second_id(scope: Scope, winner: Customer, loser: Customer) -> int:
    """Where both are in the ERP, the other id stays as an external key."""
    if not winner.xentral_customer_id or not loser.xentral_customer_id:
        return 0
    key = {"organisation_id": scope.organisation_id, "source": XENTRAL, "key": loser.xentral_customer_id}
    if not ExternalKey.objects.filter(**key).exists():
        ExternalKey.objects.create(customer=winner, **key)
        return 1
    return 0
