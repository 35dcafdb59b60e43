"""Contacts and addresses of a customer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypeVar

from django.db import transaction
from django.utils.translation import gettext as _

from crm.core.access import Scope
from crm.core.errors import Invalid
from crm.core.phones import to_e164
from customers.events import CustomerUpdated
from customers.models import Address, Contact, Customer
from customers.services.locking import apply, lock_customer, refuse_stale
from outbox.services import publish

M = TypeVar("M", Contact, Address)

CONTACT_FIELDS: Final = (
    "first_name",
    "last_name",
    "role",
    "decision_power",
    "phone",
    "mobile",
    "email",
    "language",
    "birthday",
)
ADDRESS_FIELDS: Final = (
    "kind",
    "is_primary",
    "street",
    "house_number",
    "postcode",
    "city",
    "country",
    "latitude",
    "longitude",
)


@transaction.atomic
def add_contact(*, scope: Scope, customer_id: int, values: Mapping[str, Any]) -> Contact:
    """A new contact of a changeable customer. Raises NotFound, Forbidden, Invalid (per field)."""
    customer = lock_customer(scope, customer_id)
    contact = Contact(organisation_id=scope.organisation_id, customer=customer, created_at=scope.now)
    _set_contact(contact, {"last_name": "", **values})
    contact.save(force_insert=True)
    publish(CustomerUpdated(customer_id=customer.pk, fields=("contacts",)))
    return contact


@transaction.atomic
def change_contact(
    *, scope: Scope, customer_id: int, contact_id: int, changes: Mapping[str, Any], version: int | None = None
) -> Contact:
    """Change a contact. Raises NotFound, Forbidden, Invalid (per field), Conflict (same field changed since `version`)."""
    lock_customer(scope, customer_id)
    contact = _own(Contact, scope, customer_id, contact_id)
    refuse_stale(contact, changes, version)
    if changed := _set_contact(contact, changes):
        contact.save(update_fields=changed)
        publish(CustomerUpdated(customer_id=customer_id, fields=("contacts",)))
    return contact


@transaction.atomic
def remove_contact(*, scope: Scope, customer_id: int, contact_id: int) -> None:
    """Remove a contact; the history keeps what it was. Raises NotFound, Forbidden."""
    lock_customer(scope, customer_id)
    _own(Contact, scope, customer_id, contact_id).delete()
    publish(CustomerUpdated(customer_id=customer_id, fields=("contacts",)))


def _set_contact(contact: Contact, changes: Mapping[str, Any]) -> list[str]:
    values = dict(changes)
    for name in ("phone", "mobile"):
        if values.get(name):
            try:
                values[name] = to_e164(values[name])
            except Invalid as error:
                raise Invalid(error.message, field=name) from error
    return apply(contact, values, allowed=CONTACT_FIELDS)


@transaction.atomic
def add_address(*, scope: Scope, customer_id: int, values: Mapping[str, Any]) -> Address:
    """A new address; as primary it takes the place of the one of its kind. Raises NotFound, Forbidden, Invalid."""
    customer = lock_customer(scope, customer_id)
    address = Address(organisation_id=scope.organisation_id, customer=customer, created_at=scope.now)
    apply(address, values, allowed=ADDRESS_FIELDS)
    _refuse_empty(address)
    _yield_primary(customer, address)
    address.save(force_insert=True)
    publish(CustomerUpdated(customer_id=customer.pk, fields=("addresses",)))
    return address


@transaction.atomic
def change_address(
    *, scope: Scope, customer_id: int, address_id: int, changes: Mapping[str, Any], version: int | None = None
) -> Address:
    """Change an address. Raises NotFound, Forbidden, Invalid (per field), Conflict (same field changed since `version`)."""
    customer = lock_customer(scope, customer_id)
    address = _own(Address, scope, customer_id, address_id)
    refuse_stale(address, changes, version)
    if changed := apply(address, changes, allowed=ADDRESS_FIELDS):
        _refuse_empty(address)
        _yield_primary(customer, address)
        address.save(update_fields=changed)
        publish(CustomerUpdated(customer_id=customer_id, fields=("addresses",)))
    return address


@transaction.atomic
def remove_address(*, scope: Scope, customer_id: int, address_id: int) -> None:
    """Remove an address; the history keeps what it was. Raises NotFound, Forbidden."""
    lock_customer(scope, customer_id)
    _own(Address, scope, customer_id, address_id).delete()
    publish(CustomerUpdated(customer_id=customer_id, fields=("addresses",)))


def _own(model: type[M], scope: Scope, customer_id: int, pk: int) -> M:
    """The row, if it hangs on this very customer."""
    return model.objects.visible_to(scope).get_or_not_found(pk=pk, customer_id=customer_id)  # type: ignore[no-any-return]


def _refuse_empty(address: Address) -> None:
    if not (address.street or address.postcode or address.city):
        raise Invalid(_("An address needs at least street, postcode or town."), field="street")


def _yield_primary(customer: Customer, address: Address) -> None:
    if address.is_primary:
        others = Address.objects.filter(customer=customer, kind=address.kind, is_primary=True).exclude(pk=address.pk)
        others.update(is_primary=False)
