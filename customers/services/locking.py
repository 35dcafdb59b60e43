"""What every service of customers begins with: lock what is visible, refuse what is not this actor's, compare versions."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Model
from django.utils.translation import gettext as _

from crm.core.access import Scope
from crm.core.errors import Conflict, Forbidden, Invalid
from customers.choices import AccountType, Refused
from customers.models import Customer
from organisation.choices import Role


def lock_customer(scope: Scope, customer_id: int, *, right: str = "customers.change") -> Customer:
    """The visible customer, locked, if the scope may change him by `right`.

    Raises NotFound (missing or hidden), Forbidden (visible, but not this actor's to change).
    """
    visible = Customer.objects.visible_to(scope)
    customer = visible.select_for_update(of=("self",)).get_or_not_found(pk=customer_id)
    scope.require(right)
    require_changeable(customer, [customer_id] if visible.changeable_by(scope).filter(pk=customer_id).exists() else [])
    return customer


def lock_customers(scope: Scope, customer_ids: Collection[int]) -> tuple[list[Customer], frozenset[int]]:
    """The visible ones of these customers, locked in the order of their ids, and the ids of those the scope may change.

    Two queries, whatever their number; `require_changeable` and `require_own` then say the same as for a single one.
    """
    visible = Customer.objects.visible_to(scope).filter(pk__in=customer_ids)
    rows = list(visible.order_by("pk").select_for_update(of=("self",)))
    if scope.writes_all:
        return rows, frozenset(row.pk for row in rows)
    return rows, frozenset(visible.changeable_by(scope).values_list("pk", flat=True))


def require_changeable(customer: Customer, changeable: Collection[int]) -> None:
    """Raise Forbidden where the customer is not among the ids that the scope may change."""
    if customer.pk not in changeable:
        raise Forbidden(
            _("This customer is shared for reading. The owner or a manager can change it."),
            rule=Refused.SHARED_FOR_READING,
        )


def stands_for_owner(scope: Scope, customer: Customer) -> bool:
    """Whether the scope decides about this customer as his owner does: owner, team lead, chain manager, who writes all.

    A grant to change is for the data alone: it neither activates, hands over, shares nor deletes.
    """
    if scope.writes_all:
        return True
    if scope.owner_ids is not None and customer.owner_id in scope.owner_ids:
        return True
    return manages_chain(scope, chain_of(customer))


def chain_of(customer: Customer) -> int | None:
    """The id of the chain that the customer is or belongs to."""
    return customer.pk if customer.account_type == AccountType.CHAIN else customer.chain_id


def manages_chain(scope: Scope, chain_id: int | None) -> bool:
    """Whether this chain is one of those that the scope, a chain manager's, looks after."""
    return scope.role == Role.CHAIN_MANAGER and chain_id in scope.changeable_ids


def lock_own(scope: Scope, customer_id: int, *, right: str) -> Customer:
    """As `lock_customer`, for what only the owner and those above him decide."""
    customer = lock_customer(scope, customer_id, right=right)
    require_own(scope, customer)
    return customer


def require_own(scope: Scope, customer: Customer) -> None:
    """Raise Forbidden unless the scope decides about the customer as his owner does."""
    if not stands_for_owner(scope, customer):
        raise Forbidden(_("Only the owner, the team lead or a manager decides this."), rule=Refused.NOT_OWNER)


def refuse_stale(row: Model, changes: Mapping[str, Any], version: int | None) -> None:
    """Raise Conflict where a field of `changes` was changed by someone else since `version`; other fields merge.

    The values of that version are read from history; `extra["conflicts"]` maps each field to (seen then, stored now).
    """
    if version is None or version == row.version:  # type: ignore[attr-defined]
        return
    seen = row.history.filter(id=row.pk, version=version).order_by("-history_id").first()  # type: ignore[attr-defined]
    if seen is None:
        raise Conflict(_("This version is not known. Please load the page again."), version=row.version)  # type: ignore[attr-defined]
    conflicts = {
        name: (_column(seen, name), _column(row, name))
        for name in changes
        if _column(seen, name) != _column(row, name) and _column(row, name) != _plain(changes[name])
    }
    if conflicts:
        name = next(iter(conflicts))
        raise Conflict(
            _("Someone changed this field meanwhile."),
            field=name,
            conflicts=conflicts,
            version=row.version,  # type: ignore[attr-defined]
        )


def _column(row: Model, name: str) -> Any:
    return getattr(row, row._meta.get_field(name).attname)  # type: ignore[union-attr]


def _plain(value: Any) -> Any:
    return value.pk if isinstance(value, Model) else value


def apply(row: Model, changes: Mapping[str, Any], *, allowed: Iterable[str]) -> list[str]:
    """Set `changes` on the row and validate these fields; the names that really changed.

    Raises Invalid with a message per field: unknown name, wrong shape, unknown choice.
    """
    unknown = set(changes) - set(allowed)
    if unknown:
        raise Invalid(
            _("There is no such field."), errors={name: _("There is no such field.") for name in sorted(unknown)}
        )
    changed = []
    for name, value in changes.items():
        if _column(row, name) != _plain(value):
            setattr(row, name, value)
            changed.append(name)
    validate(row, changes)
    return changed


def validate(row: Model, names: Iterable[str]) -> None:
    """Run the model's own field validation on these fields; raises Invalid with a message per field."""
    others = {field.name for field in row._meta.fields} - set(names)
    try:
        row.clean_fields(exclude=others)
    except ValidationError as error:
        errors = {name: " ".join(messages) for name, messages in error.message_dict.items()}
        raise Invalid(_("Please check the marked fields."), errors=errors) from error
