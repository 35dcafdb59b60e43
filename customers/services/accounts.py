"""The account: make it, change it, hand it over, delete and restore it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Any, Final

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from crm.core.access import Scope, activate
from crm.core.errors import Conflict, Forbidden, Invalid, NotFound
from crm.core.options import option_value
from crm.core.phones import to_e164
from customers.choices import PATTERN_MONTHS, AccountType, Refused, SeasonalPattern
from customers.events import CustomerCreated, CustomerUpdated
from customers.models import Customer
from customers.notices import tell_assigned
from customers.numbers import take_customer_numbers
from customers.operations import FIELD_WRITE
from customers.services.chains import lock_chain
from customers.services.locking import apply, chain_of, lock_customer, lock_own, manages_chain, refuse_stale
from jobs.options import TRASH_DAYS
from organisation.models import User
from outbox.services import publish, publish_many

PAINS: Final = tuple(field.name for field in Customer._meta.fields if field.name.startswith("pain_"))
SEASON: Final = ("is_seasonal_business", "seasonal_months", "seasonal_pattern")
EDITABLE: Final = (
    "company_name",
    "trading_name",
    "business_type",
    "kitchen_size",
    "employee_count",
    "branch_count",
    "is_chain",
    *PAINS,
    "expected_annual_volume",
    "renewal_date",
    "phone",
    "email",
    "website",
    "vat_id",
    "legal_form",
    "is_natural_person",
    "source",
    *SEASON,
)


@transaction.atomic
def create_customer(
    *,
    scope: Scope,
    account_type: str = AccountType.INDEPENDENT,
    chain_id: int | None = None,
    owner_id: int | None = None,
    values: Mapping[str, Any],
) -> Customer:
    """A new PROSPECT with the next customer number; a rep becomes its owner himself.

    `values` maps names of EDITABLE to values. Raises Forbidden (no right; a location outside his chains), Invalid (per field),
    NotFound (chain or owner hidden).
    """
    scope.require("customers.create")
    chain = _chain_for_location(scope, account_type, chain_id)
    owner = _owner_for_new(scope, owner_id, chain_id)
    (number,) = take_customer_numbers(scope, 1)
    customer = Customer(
        organisation_id=scope.organisation_id,
        customer_number=number,
        account_type=account_type,
        chain=chain,
        owner=owner,
        status_since=scope.now,
        created_at=scope.now,
    )
    _set_values(customer, values, required=("company_name",))
    customer.save(force_insert=True)
    publish(CustomerCreated(customer_id=customer.pk, number=number, account_type=account_type))
    return customer


def _chain_for_location(scope: Scope, account_type: str, chain_id: int | None) -> Customer | None:
    if account_type != AccountType.LOCATION:
        if chain_id is not None:
            raise Invalid(_("Only a location belongs to a chain."), field="chain")
        return None
    if chain_id is None:
        raise Invalid(_("A location needs its chain."), field="chain")
    return lock_chain(scope, chain_id)


def _owner_for_new(scope: Scope, owner_id: int | None, chain_id: int | None) -> User | None:
    """Whom the new customer belongs to; who does not see all keeps it in sight by owning it himself."""
    if owner_id is None:
        return None if scope.sees_all else User.objects.get(pk=scope.user_id)
    return _assignable(scope, owner_id, chain_id)


def possible_owners(scope: Scope, chain_id: int | None) -> QuerySet[User]:
    """Whom the scope may make owner of a customer of that chain, or of none: inside his chains a chain manager anybody."""
    users = User.objects
    own: QuerySet[User] = (
        users.visible_to(scope).active() if manages_chain(scope, chain_id) else users.assignable_by(scope)
    )
    return own


def _assignable(scope: Scope, owner_id: int, chain_id: int | None) -> User:
    owner: User | None = possible_owners(scope, chain_id).filter(pk=owner_id).first()
    if owner is None:
        raise Invalid(_("This person cannot be made owner here."), field="owner")
    return owner


def _set_values(customer: Customer, values: Mapping[str, Any], required: tuple[str, ...] = ()) -> list[str]:
    values = dict(values)
    for name in required:
        if not values.get(name):
            raise Invalid(_("This field is required."), field=name)
    if values.get("phone"):
        try:
            values["phone"] = to_e164(values["phone"])
        except Invalid as error:
            raise Invalid(error.message, field="phone") from error
    _complete_season(customer, values)
    return apply(customer, values, allowed=EDITABLE)


def checked_values(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values of EDITABLE as any customer would keep them. Raises Invalid (per field)."""
    probe = Customer()
    _set_values(probe, values)
    return {name: getattr(probe, name) for name in values}


def _complete_season(customer: Customer, values: dict[str, Any]) -> None:
    """Season fields hang together: a template brings its months, no season has none, a season needs one to twelve."""
    if not set(SEASON) & set(values):
        return
    seasonal = values.get("is_seasonal_business", customer.is_seasonal_business)
    pattern = values.get("seasonal_pattern", customer.seasonal_pattern)
    if not seasonal:
        values |= {"is_seasonal_business": False, "seasonal_months": [], "seasonal_pattern": ""}
        return
    months = values.get("seasonal_months", customer.seasonal_months)
    if pattern in PATTERN_MONTHS:
        months = PATTERN_MONTHS[pattern]
    months = sorted(set(months))
    if not months or not set(months) <= set(range(1, 13)):
        raise Invalid(_("A seasonal business needs at least one month in season."), field="seasonal_months")
    values |= {"seasonal_months": months, "seasonal_pattern": pattern or SeasonalPattern.CUSTOM}


@FIELD_WRITE.counted
@transaction.atomic
def update_customer(
    *, scope: Scope, customer_id: int, changes: Mapping[str, Any], version: int | None = None
) -> Customer:
    """Change columns of EDITABLE; `version` is the one the user saw, None where the caller just read the row.

    Fields that others changed since merge; raises Conflict where the same field was changed, with both values. Raises
    NotFound, Forbidden, Invalid (per field). Nothing is written where nothing changes.
    """
    customer = lock_customer(scope, customer_id)
    refuse_stale(customer, changes, version)
    changed = _set_values(customer, changes, required=("company_name",) if "company_name" in changes else ())
    if not changed:
        return customer
    customer.save(update_fields=changed)
    publish(CustomerUpdated(customer_id=customer.pk, fields=tuple(sorted(changed))))
    customer.refresh_from_db()
    return customer


@transaction.atomic
def assign_owner(*, scope: Scope, customer_id: int, owner_id: int | None, reason: str = "") -> None:
    """Hand the customer to `owner_id`; None releases it, then only managers and administrators see it.

    A rep may release his own; team leads assign inside their teams, chain managers inside their chains, managers anyone.
    The row may leave the actor's sight: the one statement runs under a named wider scope. Raises NotFound, Forbidden, Invalid.
    """
    customer = lock_own(scope, customer_id, right=right_to_assign(owner_id))
    is_possible = owner_id is None or may_own(scope, owner_id, chain_of(customer))
    refuse_handover(scope, customer, owner_id, is_possible=is_possible)
    if customer.owner_id == owner_id:
        return
    hand_over(scope, [customer.pk], owner_id, reason)
    tell_assigned(scope=scope, customer=customer, owner_id=owner_id)


def right_to_assign(owner_id: int | None) -> str:
    """What it takes to give customers to somebody, or to nobody."""
    return "customers.release" if owner_id is None else "customers.assign"


def may_own(scope: Scope, owner_id: int, chain_id: int | None) -> bool:
    """Whether the scope may make this person owner of a customer of that chain, or of none; one query."""
    return possible_owners(scope, chain_id).filter(pk=owner_id).exists()


def refuse_handover(scope: Scope, customer: Customer, owner_id: int | None, *, is_possible: bool) -> None:
    """Raise where the scope, who stands for the customer's owner, may not hand him to `owner_id`, or release him (None).

    `is_possible`: whether `may_own` is true of that person. Raises Forbidden, Invalid.
    """
    if owner_id is not None:
        if not is_possible:
            raise Invalid(_("This person cannot be made owner here."), field="owner", rule=Refused.OWNER_NOT_POSSIBLE)
    elif not scope.allows("customers.assign") and customer.owner_id != scope.user_id:
        raise Forbidden(_("Only the owner can release a customer."), rule=Refused.NOT_OWNER)


def hand_over(scope: Scope, customer_ids: Collection[int], owner_id: int | None, reason: str) -> None:
    """Write the owner of locked customers, and say so: rows may leave the actor's sight, so under a named wider scope."""
    with activate(scope.widened("owner changed").with_reason(reason or "owner changed")):
        Customer.objects.filter(pk__in=customer_ids).update(owner_id=owner_id)
        publish_many([CustomerUpdated(customer_id=pk, fields=("owner",)) for pk in customer_ids])


@transaction.atomic
def delete_customer(*, scope: Scope, customer_id: int) -> Customer:
    """Move the customer to the trash; back within its days there (a setting) with all that hangs on it, then a job erases it.

    A chain goes only without locations. Raises NotFound, Forbidden, Conflict.
    """
    customer = lock_own(scope, customer_id, right="customers.delete")
    refuse_deletion(customer, chains_with_locations(scope, [customer]))
    customer.deleted_at, customer.deleted_by_id = scope.now, scope.user_id
    customer.save(update_fields=["deleted_at", "deleted_by"])
    publish(CustomerUpdated(customer_id=customer.pk, fields=("deleted_at",)))
    return customer


def refuse_deletion(customer: Customer, with_locations: Collection[int]) -> None:
    """Raise Conflict for a chain that is among those with locations."""
    if customer.pk in with_locations:
        raise Conflict(_("This chain still has locations. Delete them first."), rule=Refused.HAS_LOCATIONS)


def chains_with_locations(scope: Scope, customers: Collection[Customer]) -> frozenset[int]:
    """The ids of the chains among `customers` that have locations, also such as the actor does not see. One query."""
    chains = [one.pk for one in customers if one.account_type == AccountType.CHAIN]
    if not chains:
        return frozenset()
    with activate(scope.widened("locations of a chain")):
        found = Customer.objects.filter(chain__in=chains, deleted_at=None).values_list("chain_id", flat=True)
        return frozenset(found.distinct())


def _lies_in_trash(scope: Scope, chain_id: int) -> bool:
    """Of a chain that the actor may not see, too."""
    with activate(scope.widened("chain of a location")):
        return Customer.objects.filter(pk=chain_id, deleted_at__isnull=False).exists()


@transaction.atomic
def restore_customer(*, scope: Scope, customer_id: int) -> Customer:
    """Take the customer out of the trash. Raises NotFound (not in his trash), Conflict (its days there are over; chain deleted)."""
    trash = Customer.objects.trashed_for(scope).select_for_update(of=("self",))
    customer = trash.get_or_not_found(pk=customer_id)
    scope.require("customers.delete")
    oldest = scope.now - timedelta(days=option_value(TRASH_DAYS, scope))
    if customer.deleted_at is None or customer.deleted_at < oldest:
        raise NotFound(_("Not found."))
    if customer.chain_id is not None and _lies_in_trash(scope, customer.chain_id):
        raise Conflict(_("Its chain is in the trash. Restore the chain first."))
    customer.deleted_at = customer.deleted_by = None
    customer.save(update_fields=["deleted_at", "deleted_by"])
    publish(CustomerUpdated(customer_id=customer.pk, fields=("deleted_at",)))
    return customer
