"""Bodies of customers, contacts, addresses and fields."""

from __future__ import annotations

from typing import Any, ClassVar

from rest_framework import serializers

from crm.core.access import Scope
from crm.core.api.bulk import MOST_ROWS
from crm.core.api.serializers import StrictModelSerializer, StrictSerializer
from customers.choices import AccountType, CustomerStatus, FieldType, Sensitivity
from customers.duplicates import OTHER_OPERATOR, POSSIBLE, SAME
from customers.models import Address, Contact, Customer, FieldDefinition
from customers.services.accounts import EDITABLE
from customers.services.catalogue import CHANGEABLE
from customers.services.people import ADDRESS_FIELDS, CONTACT_FIELDS
from customers.shown import MONEY_COLUMNS
from customers.transitions import BY_MANAGER

KEPT_BY_RULES = (
    "id",
    "customer_number",
    "account_type",
    "chain_id",
    "status",
    "status_since",
    "owner_id",
    "actual_annual_volume",
    "estimated_volume",
    "xentral_customer_id",
    "last_order_at",
    "last_contact_at",
    "activated_at",
    "activated_by_id",
    "first_order_number",
    "version",
    "created_at",
    "updated_at",
)


class CustomerSerializer(StrictModelSerializer):
    """A customer. What the caller may not read is absent, and unknown when written."""

    chain_id = serializers.IntegerField(read_only=True, allow_null=True)
    owner_id = serializers.IntegerField(read_only=True, allow_null=True)
    activated_by_id = serializers.IntegerField(read_only=True, allow_null=True)
    phone = serializers.CharField(required=False, allow_blank=True, max_length=40, help_text="Kept as E.164.")
    seasonal_months = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=12), required=False, max_length=12
    )

    class Meta:
        model = Customer
        fields = (*KEPT_BY_RULES, *EDITABLE)
        read_only_fields: ClassVar[tuple[str, ...]] = KEPT_BY_RULES

    def __init__(self, *args: Any, scope: Scope | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if scope is not None and not scope.allows("money.read"):
            for name in MONEY_COLUMNS:
                self.fields.pop(name, None)


class NewCustomerSerializer(CustomerSerializer):
    """A customer to be made: what can be changed later, and what is decided once."""

    account_type = serializers.ChoiceField(choices=AccountType.choices, default=AccountType.INDEPENDENT)
    chain_id = serializers.IntegerField(required=False, allow_null=True)
    owner_id = serializers.IntegerField(required=False, allow_null=True)

    class Meta(CustomerSerializer.Meta):
        read_only_fields: ClassVar[tuple[str, ...]] = tuple(
            name for name in KEPT_BY_RULES if name not in {"account_type", "chain_id", "owner_id"}
        )


class CustomerPageSerializer(serializers.Serializer[Any]):
    """A page of customers."""

    results = CustomerSerializer(many=True)
    next = serializers.CharField(allow_null=True)
    previous = serializers.CharField(allow_null=True)


class CustomerListSerializer(CustomerPageSerializer):
    """A page of customers. `similar` are the words that took the place of mistyped ones."""

    similar = serializers.ListField(child=serializers.CharField())


class ActivateSerializer(StrictSerializer):
    """The first order was delivered."""

    order_number = serializers.CharField(required=False, allow_blank=True, max_length=60, default="")


class ActivatedSerializer(serializers.Serializer[Any]):
    """The customer afterwards; `changed` is false where he was AKTIV already."""

    changed = serializers.BooleanField()
    customer = CustomerSerializer()


class StatusSerializer(StrictSerializer):
    """A step that a manager decides, with its reason."""

    status = serializers.ChoiceField(
        choices=CustomerStatus.choices, help_text="By hand: " + ", ".join(sorted(BY_MANAGER))
    )
    reason = serializers.CharField(max_length=500)


class TagsSerializer(StrictSerializer):
    """The tags of a customer."""

    tags = serializers.ListField(child=serializers.CharField(max_length=40))


def _text(longest: int) -> serializers.CharField:
    return serializers.CharField(required=False, allow_blank=True, max_length=longest, default="")


def _degrees(most: int) -> serializers.FloatField:
    return serializers.FloatField(required=False, allow_null=True, min_value=-most, max_value=most, default=None)


class TypedSerializer(StrictSerializer):
    """What is known of a customer that may be there already."""

    company_name = serializers.CharField(max_length=200)
    trading_name = _text(200)
    postcode = _text(10)
    phone = _text(40)
    email = _text(254)
    website = _text(300)
    vat_id = _text(20)
    street = _text(120)
    house_number = _text(20)
    city = _text(80)
    latitude = _degrees(90)
    longitude = _degrees(180)


class TwinSerializer(serializers.Serializer[Any]):
    """A customer that may be the same, or that was at the same place before."""

    id = serializers.IntegerField()
    customer_number = serializers.CharField()
    company_name = serializers.CharField()
    score = serializers.IntegerField(help_text="0 to 100; from 80 on the same.")
    verdict = serializers.ChoiceField(choices=[SAME, POSSIBLE, OTHER_OPERATOR], help_text="What the score means.")
    reasons = serializers.ListField(child=serializers.CharField(), help_text="In the caller's language.")


class TwinsSerializer(serializers.Serializer[Any]):
    """Customers that may be the same, the likeliest first."""

    results = TwinSerializer(many=True)
    hidden = serializers.BooleanField(help_text="One that the caller does not see is very likely the same.")


class TrashedSerializer(serializers.ModelSerializer[Customer]):
    """A customer in the trash."""

    owner_id = serializers.IntegerField(allow_null=True)
    deleted_by_id = serializers.IntegerField(allow_null=True)

    class Meta:
        model = Customer
        fields = ("id", "customer_number", "company_name", "owner_id", "deleted_at", "deleted_by_id", "version")
        read_only_fields = fields


class TrashSerializer(serializers.Serializer[Any]):
    """A page of the trash."""

    results = TrashedSerializer(many=True)
    next = serializers.CharField(allow_null=True)
    previous = serializers.CharField(allow_null=True)


class ContactSerializer(StrictModelSerializer):
    """A person who works for a customer."""

    phone = serializers.CharField(required=False, allow_blank=True, max_length=40, help_text="Kept as E.164.")
    mobile = serializers.CharField(required=False, allow_blank=True, max_length=40, help_text="Kept as E.164.")

    class Meta:
        model = Contact
        fields = ("id", *CONTACT_FIELDS, "version", "created_at", "updated_at")
        read_only_fields = ("id", "version", "created_at", "updated_at")


class AddressSerializer(StrictModelSerializer):
    """An address of a customer; one primary per kind."""

    class Meta:
        model = Address
        fields = ("id", *ADDRESS_FIELDS, "version", "created_at", "updated_at")
        read_only_fields = ("id", "version", "created_at", "updated_at")


class ContactListSerializer(serializers.Serializer[Any]):
    """A page of contacts."""

    results = ContactSerializer(many=True)
    next = serializers.CharField(allow_null=True)
    previous = serializers.CharField(allow_null=True)


class AddressListSerializer(serializers.Serializer[Any]):
    """A page of addresses."""

    results = AddressSerializer(many=True)
    next = serializers.CharField(allow_null=True)
    previous = serializers.CharField(allow_null=True)


class FieldDefinitionSerializer(serializers.ModelSerializer[FieldDefinition]):
    """A field of the catalogue."""

    type = serializers.ChoiceField(choices=FieldType.choices)
    sensitivity = serializers.ChoiceField(choices=Sensitivity.choices)
    validation = serializers.DictField()
    visible_if = serializers.DictField()

    class Meta:
        model = FieldDefinition
        fields: ClassVar[tuple[str, ...]] = (
            "id",
            "entity",
            "key",
            "label_de",
            "label_en",
            "help_de",
            "help_en",
            "group",
            "position",
            "type",
            "validation",
            "visible_if",
            "sensitivity",
            "is_hot",
            "is_active",
            "version",
        )


class NewFieldSerializer(StrictModelSerializer):
    """A field to be made. Its key is never used again, not even after it went out of use."""

    validation = serializers.DictField(
        required=False, help_text="Any of required, min, max, pattern, choices (value, label_de, label_en)."
    )
    visible_if = serializers.DictField(required=False, help_text="`field` (a key) and `equals` (its value), or empty.")
    is_hot = serializers.BooleanField(required=False, default=False, help_text="Lists filter and sort by it.")

    class Meta:
        model = FieldDefinition
        fields: ClassVar[tuple[str, ...]] = ("entity", "key", *CHANGEABLE, "is_hot")


class ChangedFieldSerializer(NewFieldSerializer):
    """What can change of a field: its type only while it has no values."""

    class Meta(NewFieldSerializer.Meta):
        fields = (*CHANGEABLE, "is_hot", "is_active")


class FieldDefinitionListSerializer(serializers.Serializer[Any]):
    """The catalogue."""

    results = FieldDefinitionSerializer(many=True)


class FieldWithValueSerializer(FieldDefinitionSerializer):
    """A field of the catalogue with this customer's value, null where he has none."""

    value = serializers.JSONField(allow_null=True)
    writable = serializers.BooleanField()

    class Meta(FieldDefinitionSerializer.Meta):
        fields = (*FieldDefinitionSerializer.Meta.fields, "value", "writable")


class FieldsSerializer(serializers.Serializer[Any]):
    """All fields of one customer."""

    results = FieldWithValueSerializer(many=True)


class WrittenSerializer(serializers.Serializer[Any]):
    """The values as they are kept, by key."""

    values = serializers.DictField()


class ChangeSerializer(serializers.Serializer[Any]):
    """One changed field, in the caller's language."""

    when = serializers.DateTimeField()
    actor = serializers.CharField()
    is_person = serializers.BooleanField()
    what = serializers.CharField(help_text="The row that it happened to; empty for the customer himself.")
    field = serializers.CharField()
    old = serializers.CharField()
    new = serializers.CharField()
    source = serializers.CharField()  # type: ignore[assignment]
    reason = serializers.CharField()


class FactSerializer(serializers.Serializer[Any]):
    """What one thing was then, and what it is today."""

    label = serializers.CharField()  # type: ignore[assignment]
    then = serializers.CharField()
    today = serializers.CharField()


class AsOfSerializer(serializers.Serializer[Any]):
    """The customer as he was."""

    at = serializers.DateTimeField()
    existed = serializers.BooleanField()
    facts = FactSerializer(many=True)
    addresses = serializers.ListField(child=serializers.CharField())
    contacts = serializers.ListField(child=serializers.CharField())


class HistorySerializer(serializers.Serializer[Any]):
    """The newest changes, and the instant to ask for as `before` to get older ones."""

    changes = ChangeSerializer(many=True)
    before = serializers.DateTimeField(allow_null=True)
    as_of = AsOfSerializer(allow_null=True, help_text="The customer as he was, where `as_of` asks for it.")


class BulkRowSerializer(StrictSerializer):
    """A customer to make (`create`), or one to change: `id` with `changes`, `fields`, or both."""

    create = serializers.DictField(required=False)  # type: ignore[assignment]
    id = serializers.IntegerField(required=False)
    version = serializers.IntegerField(required=False, help_text="The version that was read; another one now is 412.")
    changes = serializers.DictField(required=False)
    fields = serializers.DictField(required=False, help_text="Values of catalogue fields by key; null clears.")  # type: ignore[assignment]


class BulkSerializer(StrictSerializer):
    """Rows that are done one by one."""

    rows = serializers.ListField(child=BulkRowSerializer(), min_length=1, max_length=MOST_ROWS)


class BulkResultSerializer(serializers.Serializer[Any]):
    """What became of one row: the status that the single endpoint would have answered."""

    index = serializers.IntegerField()
    status = serializers.IntegerField()
    body = CustomerSerializer(required=False)
    problem = serializers.DictField(required=False)


class BulkResultsSerializer(serializers.Serializer[Any]):
    """One result per row, in order."""

    results = BulkResultSerializer(many=True)
