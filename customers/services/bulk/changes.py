"""What can be done with many customers: for each the checks of the single service, and set-based statements."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, ClassVar, Final

from django.utils.translation import gettext as _

from crm.core.access import Scope
from crm.core.errors import Invalid
from customers.choices import AccountType, Bulk, CustomerStatus
from customers.events import CustomerFieldsChanged, CustomerUpdated
from customers.models import Customer, CustomerFieldValue, CustomerTag
from customers.services.accounts import (
    chains_with_locations,
    checked_values,
    hand_over,
    may_own,
    refuse_deletion,
    refuse_handover,
    right_to_assign,
)
from customers.services.fields import validated, writable_fields
from customers.services.locking import chain_of, manages_chain, require_own
from customers.services.status import reason_given, refuse_step, take_steps
from customers.services.tags import tag_names, tags_named
from organisation.models import User
from outbox.services import publish_many

COLUMNS: Final = ("business_type", "kitchen_size", "source", "legal_form", "renewal_date", "expected_annual_volume")
"""Columns of the account that many may be given at once; beside them every field of the catalogue, as `fields.<key>`."""
_GIVEN: Final[dict[str, tuple[type, ...]]] = {
    "DateField": (str, date),
    "DecimalField": (str, int, float, Decimal),
}
"""What a column takes that is no text, by its kind; `None` clears all of them."""
EVERYBODY: Final = frozenset(AccountType.values)
CHAINS: Final = frozenset({AccountType.CHAIN.value})


class Change(ABC):
    """One change, with its values. A batch calls `prepare` once, `look` with the locked rows, `refuse` for each, `write`."""

    key: ClassVar[Bulk]
    right: str = "customers.change"
    rounds: ClassVar[tuple[frozenset[str], ...]] = (EVERYBODY,)
    """Account types: all customers of one round's are done before those of the next."""

    @abstractmethod
    def prepare(self, scope: Scope) -> None:
        """Check the values and read what they stand for. Raises Invalid, NotFound."""

    def look(self, scope: Scope, customers: Sequence[Customer]) -> None:  # noqa: B027 - most checks need only the row
        """Read what the checks of these rows need, in as many queries as for one."""

    def refuse(self, scope: Scope, customer: Customer) -> None:  # noqa: B027 - most changes need only the row's right
        """Raise what the single service raises; the row is locked, visible and the scope's to change."""

    @abstractmethod
    def write(self, scope: Scope, customers: Sequence[Customer]) -> int:
        """Write those that differ and publish their events; how many differed."""

    @abstractmethod
    def label(self) -> str:
        """What is done, in words, for the page of batches."""

    def kept(self, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """The values as a task keeps them, once they are prepared."""
        return values


class SetOwner(Change):
    """Hand over to somebody, or release: `owner_id`, `reason`."""

    key = Bulk.OWNER

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.owner_id: int | None = values.get("owner_id")
        self.reason = str(values.get("reason", "")).strip()
        self.right = right_to_assign(self.owner_id)
        self.name = ""
        self._may_own: dict[bool, bool] = {}

    def prepare(self, scope: Scope) -> None:
        """The person must be there."""
        if self.owner_id is None:
            return
        owner = User.objects.visible_to(scope).active().filter(pk=self.owner_id).first()
        if owner is None:
            raise Invalid(_("There is no such person."), field="owner_id")
        self.name = owner.name

    def refuse(self, scope: Scope, customer: Customer) -> None:
        """As `assign_owner`."""
        require_own(scope, customer)
        refuse_handover(scope, customer, self.owner_id, is_possible=self._is_possible(scope, customer))

    def _is_possible(self, scope: Scope, customer: Customer) -> bool:
        if self.owner_id is None:
            return True
        chain_id = chain_of(customer)
        manages = manages_chain(scope, chain_id)
        if manages not in self._may_own:
            self._may_own[manages] = may_own(scope, self.owner_id, chain_id)
        return self._may_own[manages]

    def write(self, scope: Scope, customers: Sequence[Customer]) -> int:
        """One statement; the new owner is told once, at the end of all."""
        ids = [one.pk for one in customers if one.owner_id != self.owner_id]
        if ids:
            hand_over(scope, ids, self.owner_id, self.reason)
        return len(ids)

    def label(self) -> str:
        """To whom."""
        return _("New owner: %(name)s") % {"name": self.name} if self.owner_id is not None else _("Released")


class _OneTag(Change):
    def __init__(self, values: Mapping[str, Any]) -> None:
        self.names = tag_names([str(values.get("tag", ""))])

    def prepare(self, scope: Scope) -> None:
        """A name is needed."""
        if not self.names:
            raise Invalid(_("This field is required."), field="tag")

    @property
    def name(self) -> str:
        """The tag's name."""
        return next(iter(self.names))

    @staticmethod
    def tell(ids: Collection[int]) -> int:
        """Publish that the tags of these changed."""
        publish_many([CustomerUpdated(customer_id=pk, fields=("tags",)) for pk in sorted(ids)])
        return len(ids)


class AddTag(_OneTag):
    """Give a tag, made where there is none yet: `tag`."""

    key = Bulk.TAG

    def write(self, scope: Scope, customers: Sequence[Customer]) -> int:
        """Who has it already keeps it."""
        tag = tags_named(scope, self.names).get()
        ids = {one.pk for one in customers}
        ids -= set(CustomerTag.objects.filter(tag=tag, customer__in=ids).values_list("customer_id", flat=True))
        rows = [CustomerTag(organisation_id=scope.organisation_id, customer_id=pk, tag=tag) for pk in sorted(ids)]
        CustomerTag.objects.bulk_create(rows, ignore_conflicts=True)  # an import may have been there first
        return self.tell(ids)

    def label(self) -> str:
        """Which one."""
        return _("Tag added: %(name)s") % {"name": self.name}


class RemoveTag(_OneTag):
    """Take a tag away: `tag`."""

    key = Bulk.UNTAG

    def write(self, scope: Scope, customers: Sequence[Customer]) -> int:
        """Who does not have it stays as he is."""
        rows = CustomerTag.objects.filter(tag__name__in=self.names, customer__in=[one.pk for one in customers])
        found = dict(rows.values_list("pk", "customer_id"))
        CustomerTag.objects.filter(pk__in=found).delete()
        return self.tell(found.values())

    def label(self) -> str:
        """Which one."""
        return _("Tag removed: %(name)s") % {"name": self.name}


class _Step(Change):
    right = "customers.status"
    status: ClassVar[CustomerStatus]

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.reason = str(values.get("reason", ""))

    def prepare(self, scope: Scope) -> None:
        """A reason is needed."""
        self.reason = reason_given(self.reason)

    def refuse(self, scope: Scope, customer: Customer) -> None:
        """As `change_status`: staying where one is changes nothing."""
        if customer.status != self.status:
            refuse_step(customer, self.status)

    def write(self, scope: Scope, customers: Sequence[Customer]) -> int:
        """As `change_status`, for all at once."""
        steps = [one for one in customers if one.status != self.status]
        if steps:
            take_steps(scope.with_reason(self.reason), steps, self.status)
        return len(steps)


class Archive(_Step):
    """Archive: `reason`."""

    key, status = Bulk.ARCHIVE, CustomerStatus.ARCHIVIERT

    def label(self) -> str:
        """Nothing but what it is."""
        return _("Archived")


class Reopen(_Step):
    """Reopen what was archived: `reason`."""

    key, status = Bulk.REOPEN, CustomerStatus.PROSPECT

    def refuse(self, scope: Scope, customer: Customer) -> None:
        """As `change_status`; only what was archived is reopened."""
        refuse_step(customer, self.status)

    def label(self) -> str:
        """Nothing but what it is."""
        return _("Reopened")


class SetField(Change):
    """Give one field a value, or none: `field`, `value`. A column of COLUMNS, or `fields.<key>` of the catalogue."""

    key = Bulk.FIELD

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.field, self.value = str(values.get("field", "")), values.get("value")
        self.name: Any = self.field
        self.definition_id = 0

    def prepare(self, scope: Scope) -> None:
        """The field must be there and be the scope's to write, the value such as it takes."""
        key = self.field.removeprefix("fields.") if self.field.startswith("fields.") else ""
        try:
            if key:
                definitions = writable_fields(scope)
                self.value = validated(scope, definitions, {key: self.value})[key]
                self.definition_id, self.name = definitions[key].pk, definitions[key].label
            elif self.field in COLUMNS:
                column: Any = Customer._meta.get_field(self.field)
                empty = None if column.null else ""
                value = empty if self.value in (None, "") else self.value
                is_text_or_like = isinstance(value, _GIVEN.get(column.get_internal_type(), str))
                if value != empty and (isinstance(value, bool) or not is_text_or_like):
                    raise Invalid(_("The value does not have the type of this field."), field="value")
                self.value, self.name = checked_values({self.field: value})[self.field], column.verbose_name
            else:
                raise Invalid(_("There is no such field."), field="field")
        except Invalid as error:
            place = "field" if key and key not in writable_fields(scope) else error.field or "value"
            raise Invalid(next(iter(error.errors.values()), error.message), field=place) from None

    def write(self, scope: Scope, customers: Sequence[Customer]) -> int:
        """One statement, for a catalogue field three."""
        if self.definition_id:
            return self._write_value(scope, {one.pk for one in customers})
        ids = [one.pk for one in customers if getattr(one, self.field) != self.value]
        if ids:
            Customer.objects.filter(pk__in=ids).update(**{self.field: self.value})
            publish_many([CustomerUpdated(customer_id=pk, fields=(self.field,)) for pk in ids])
        return len(ids)

    def _write_value(self, scope: Scope, ids: set[int]) -> int:
        rows = CustomerFieldValue.objects.filter(definition_id=self.definition_id, customer__in=ids)
        there = {row.customer_id: row.value for row in rows.select_for_update(of=("self",))}
        different = {pk for pk, value in there.items() if value != self.value}
        missing = ids - there.keys() if self.value is not None else set()
        changing = CustomerFieldValue.objects.filter(definition_id=self.definition_id, customer__in=different)
        if self.value is None:
            changing.delete()
        elif different:
            changing.update(value=self.value)
        CustomerFieldValue.objects.bulk_create(
            CustomerFieldValue(
                organisation_id=scope.organisation_id,
                customer_id=pk,
                definition_id=self.definition_id,
                value=self.value,
            )
            for pk in sorted(missing)
        )
        key = self.field.removeprefix("fields.")
        changed = sorted(different | missing)
        publish_many([CustomerFieldsChanged(customer_id=pk, keys=(key,)) for pk in changed])
        return len(changed)

    def kept(self, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """The value as it was understood: a worker may speak another language, in which 1,500 is another number."""
        return {**values, "value": self.value}

    def label(self) -> str:
        """Which field; never its value, which may be restricted."""
        return _("Field set: %(name)s") % {"name": self.name}


class Delete(Change):
    """Into the trash. Chains come last, so that one whose locations are all deleted goes with them."""

    key = Bulk.DELETE
    right = "customers.delete"
    rounds = (EVERYBODY - CHAINS, CHAINS)

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._with_locations: frozenset[int] = frozenset()

    def prepare(self, scope: Scope) -> None:
        """There is nothing to check."""

    def look(self, scope: Scope, customers: Sequence[Customer]) -> None:
        """Which chains still have locations."""
        self._with_locations = chains_with_locations(scope, customers)

    def refuse(self, scope: Scope, customer: Customer) -> None:
        """As `delete_customer`."""
        require_own(scope, customer)
        refuse_deletion(customer, self._with_locations)

    def write(self, scope: Scope, customers: Sequence[Customer]) -> int:
        """One statement."""
        ids = [one.pk for one in customers]
        Customer.objects.filter(pk__in=ids).update(deleted_at=scope.now, deleted_by_id=scope.user_id)
        publish_many([CustomerUpdated(customer_id=pk, fields=("deleted_at",)) for pk in ids])
        return len(ids)

    def label(self) -> str:
        """Nothing but what it is."""
        return _("Deleted")


_CHANGES: Final[dict[str, type[Any]]] = {
    one.key: one for one in (SetOwner, AddTag, RemoveTag, Archive, Reopen, SetField, Delete)
}


def change_of(action: str, values: Mapping[str, Any]) -> Change:
    """The change of that name. Raises Invalid for an unknown one, or a tag that is too long."""
    if action not in _CHANGES:
        raise Invalid(_("One of %(choices)s.") % {"choices": ", ".join(_CHANGES)}, field="action")
    change: Change = _CHANGES[action](values)
    return change
