"""Catalogue values: the service behind `PATCH …/fields/` and the page's inline editors. All or nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from crm.core.access import Scope
from crm.core.errors import Conflict, Invalid
from customers.choices import FieldEntity
from customers.events import CustomerFieldsChanged
from customers.field_values import canonical
from customers.models import CustomerFieldValue, FieldDefinition
from customers.operations import FIELD_WRITE
from customers.services.locking import lock_customer
from outbox.services import publish


@FIELD_WRITE.counted
@transaction.atomic
def write_fields(
    *, scope: Scope, customer_id: int, values: Mapping[str, Any], seen: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Write catalogue values by key; None clears. Returns the canonical values written.

    `seen` are the stored values that the user saw; without it nothing is compared. Raises NotFound, Forbidden, Invalid
    (per key; an unknown key and one this role may not write look the same), Conflict (changed since by somebody else:
    `conflicts` maps each key to (seen then, stored now), `values` holds what was to be written).
    """
    customer = lock_customer(scope, customer_id)
    definitions = writable_fields(scope)
    clean = validated(scope, definitions, values)
    there = {row.definition_id: row for row in CustomerFieldValue.objects.filter(customer=customer).select_for_update()}
    _refuse_overwriting(seen or {}, {key: there.get(definitions[key].pk) for key in clean}, clean)
    changed = [key for key in clean if _differs(there.get(definitions[key].pk), clean[key])]
    if not changed:
        return clean
    _write(scope, customer.pk, {definitions[key].pk: clean[key] for key in changed}, there)
    publish(CustomerFieldsChanged(customer_id=customer.pk, keys=tuple(sorted(changed))))
    return clean


def writable_fields(scope: Scope) -> dict[str, FieldDefinition]:
    """The catalogue fields of customers that the scope may write, by key."""
    fields = FieldDefinition.objects.visible_to(scope).active().of_entity(FieldEntity.CUSTOMER).writable_in(scope)
    return {definition.key: definition for definition in fields}


def validated(scope: Scope, definitions: Mapping[str, FieldDefinition], values: Mapping[str, Any]) -> dict[str, Any]:
    """The values as stored, None for those to clear. Raises Invalid (per key)."""
    clean: dict[str, Any] = {}
    errors: dict[str, str] = {}
    for key, value in values.items():
        if key not in definitions:
            errors[key] = _("There is no such field.")
            continue
        try:
            clean[key] = canonical(definitions[key], value, scope)
        except Invalid as error:
            errors[key] = error.message
    if errors:
        raise Invalid(_("Please check the marked fields."), errors=errors)
    return clean


def _refuse_overwriting(
    seen: Mapping[str, Any], stored: Mapping[str, CustomerFieldValue | None], clean: Mapping[str, Any]
) -> None:
    conflicts = {}
    for key, then in seen.items():
        if key in clean and _differs(stored[key], then) and _differs(stored[key], clean[key]):
            row = stored[key]
            conflicts[key] = (then, row.value if row is not None else None)
    if conflicts:
        raise Conflict(
            _("Someone changed this field meanwhile."),
            field=next(iter(conflicts)),
            conflicts=conflicts,
            values=dict(clean),
        )


def _differs(row: CustomerFieldValue | None, value: Any) -> bool:
    return bool((row.value if row is not None else None) != value)


def _write(scope: Scope, customer_id: int, values: Mapping[int, Any], there: Mapping[int, CustomerFieldValue]) -> None:
    """Three statements at the most, whatever the number of fields, so that triggers run once for all."""
    cleared = [there[pk].pk for pk, value in values.items() if value is None and pk in there]
    if cleared:
        CustomerFieldValue.objects.filter(pk__in=cleared).delete()
    updated = []
    for pk, value in values.items():
        if value is not None and pk in there:
            there[pk].value = value
            updated.append(there[pk])
    if updated:
        CustomerFieldValue.objects.bulk_update(updated, ["value"])
    CustomerFieldValue.objects.bulk_create(
        CustomerFieldValue(
            organisation_id=scope.organisation_id, customer_id=customer_id, definition_id=pk, value=value
        )
        for pk, value in values.items()
        if value is not None and pk not in there
    )
