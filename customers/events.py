"""What happened to customers. Payloads are thin: ids, codes, old and new state, never a personal value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from outbox.events import DomainEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerEvent(DomainEvent):
    """An event whose subject is a customer."""

    subject_type: ClassVar[str] = "customer"

    customer_id: int

    @property
    def subject_id(self) -> int:
        """The customer's id."""
        return self.customer_id


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerCreated(CustomerEvent):
    """A customer is there: by page, import or conversion (the envelope's source says which)."""

    type: ClassVar[str] = "customer.created"

    number: str
    account_type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerUpdated(CustomerEvent):
    """Columns of the account, its contacts, addresses, tags, grants or trash changed; `fields` names them."""

    type: ClassVar[str] = "customer.updated"

    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerStatusChanged(CustomerEvent):
    """One step of the status machine."""

    type: ClassVar[str] = "customer.status.changed"

    old: str
    new: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerActivated(CustomerEvent):
    """The first delivered order, or a later one that lifted the customer again."""

    type: ClassVar[str] = "customer.activated"

    order_number: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerProspectWarned(CustomerEvent):
    """A prospect has not ordered for as many days as the setting `prospect.warnDays` says; `since` is an ISO date."""

    type: ClassVar[str] = "customer.prospect.warned"

    since: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerReviewRequired(CustomerEvent):
    """A manager is to decide about a prospect; `since` is the ISO date that the days, or the respite, count from."""

    type: ClassVar[str] = "customer.review.required"

    since: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerRenewalDue(CustomerEvent):
    """The supply agreement ends on `renewal_date` (ISO) in at most `days` days: 90, then 30."""

    type: ClassVar[str] = "customer.renewal.due"

    renewal_date: str
    days: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerMerged(CustomerEvent):
    """All that hung on the account `merged_id` hangs on this one now; the id of that one leads here."""

    type: ClassVar[str] = "customer.merged"

    merged_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerFieldsChanged(CustomerEvent):
    """Catalogue values were written; `keys` names the fields."""

    type: ClassVar[str] = "customer.fields.changed"

    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldDefinitionHotChanged(DomainEvent):
    """A catalogue field got or lost its slot in the hot projection; a long task fills or empties it in batches."""

    type: ClassVar[str] = "field_definition.hot.changed"
    subject_type: ClassVar[str] = "field_definition"

    definition_id: int
    slot: str

    @property
    def subject_id(self) -> int:
        """The definition's id."""
        return self.definition_id
