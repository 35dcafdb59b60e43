"""What customers can be filtered, sorted and shown by: the fixed fields of the hot projection and the catalogue's."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, time
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.db.models import Case, F, Model, OuterRef, Q, QuerySet, Subquery, TextChoices, When
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from crm.core.access import Scope
from crm.core.filters import Condition, FilterField, FilterRegistry, Operator, column, present, through
from crm.core.filters import FieldType as Filter
from crm.core.filters.fields import Build
from customers.choices import (
    AccountType,
    BusinessType,
    ContactRole,
    CustomerStatus,
    DecisionPower,
    FieldEntity,
    FieldType,
    KitchenSize,
    RoiBucket,
    SampleStatus,
    SeasonNow,
)
from customers.models import (
    Address,
    Contact,
    Customer,
    CustomerFieldChoice,
    CustomerFieldValue,
    CustomerHot,
    CustomerTag,
    FieldDefinition,
    Tag,
)
from organisation.models import User

SCALE: Final = 10_000  # numbers of catalogue fields are stored times 10,000
MOST_OFFERED: Final = 500  # of records to choose from; others are reached by their number in the address
NO_CONDITION: Final = Q()
PRESENCE: Final = (Operator.EMPTY, Operator.NOT_EMPTY)
EQUALITY: Final = (Operator.EQ, Operator.NE, Operator.IN, Operator.NOT_IN)

FILTER_TYPE: Final[dict[str, Filter]] = {
    FieldType.TEXT: Filter.TEXT,
    FieldType.LONG_TEXT: Filter.TEXT,
    FieldType.INTEGER: Filter.NUMBER,
    FieldType.DECIMAL: Filter.NUMBER,
    FieldType.MONEY: Filter.MONEY,
    FieldType.BOOLEAN: Filter.CHOICE,
    FieldType.DATE: Filter.DATE,
    FieldType.CHOICE: Filter.CHOICE,
    FieldType.MULTI_CHOICE: Filter.MULTI_CHOICE,
    FieldType.URL: Filter.TEXT,
    FieldType.EMAIL: Filter.TEXT,
    FieldType.PHONE: Filter.TEXT,
    FieldType.USER: Filter.USER,
}


def _user_names(scope: Scope, ids: Sequence[int]) -> Mapping[int, str]:
    return dict(User.objects.visible_to(scope).filter(pk__in=ids).values_list("pk", "name"))


def _tag_names(scope: Scope, ids: Sequence[int]) -> Mapping[int, str]:
    return dict(Tag.objects.visible_to(scope).filter(pk__in=ids).values_list("pk", "name"))


def _users(scope: Scope) -> Iterable[tuple[int, str]]:
    people: Iterable[tuple[int, str]] = (
        User.objects.visible_to(scope).active().order_by("name").values_list("pk", "name")
    )
    return people


def _tags(scope: Scope) -> Iterable[tuple[int, str]]:
    return Tag.objects.visible_to(scope).order_by("name").values_list("pk", "name")[:MOST_OFFERED]


def _chains(scope: Scope) -> Iterable[tuple[int, str]]:
    chains = CustomerHot.objects.visible_to(scope).filter(account_type=AccountType.CHAIN).order_by("name_key", "pk")
    return chains.values_list("pk", "customer__company_name")[:MOST_OFFERED]


def _chain_names(scope: Scope, ids: Sequence[int]) -> Mapping[int, str]:
    return dict(Customer.objects.visible_to(scope).filter(pk__in=ids).values_list("pk", "company_name"))


def _choice(key: str, label: Any, choices: type[TextChoices], *, nullable: bool = False) -> FilterField:
    return FilterField(
        key=key, label=label, type=Filter.CHOICE, build=column(key), choices=choices.choices, nullable=nullable
    )


def _moment(key: str, label: Any, *, nullable: bool = True) -> FilterField:
    return FilterField(key=key, label=label, type=Filter.DATETIME, build=column(key), nullable=nullable, group="dates")


def _money(key: str, label: Any, path: str, *, nullable: bool = True) -> FilterField:
    return FilterField(
        key=key,
        label=label,
        type=Filter.MONEY,
        build=column(path),
        right="money.read",
        nullable=nullable,
        group="dates",
    )


def _with_email(scope: Scope) -> QuerySet[Customer]:
    return Customer.objects.visible_to(scope).exclude(email="")


def _at_month_start(scope: Scope) -> QuerySet[Customer]:
    """The customers with `status_then`, that of the first of the scope's month; none where they were not there yet."""
    start = datetime.combine(scope.today.replace(day=1), time.min, ZoneInfo(scope.zone))
    before = Customer.history.filter(id=OuterRef("pk"), history_date__lt=start)
    last = Subquery(before.order_by("-history_date", "-history_id").values("status")[:1])
    unchanged = When(status_since__lt=start, then=F("status"))
    return Customer.objects.visible_to(scope).annotate(status_then=Case(unchanged, default=last))


def _catalogue_fields(scope: Scope) -> Iterator[FilterField]:
    for definition in FieldDefinition.objects.catalogue(scope, FieldEntity.CUSTOMER):
        yield catalogue_filter(definition)


def catalogue_filter(definition: FieldDefinition) -> FilterField:
    """The filter field of a catalogue field: its slot where it has one that is filled, else a subquery over its values."""
    kind, slot = FILTER_TYPE[definition.type], definition.ready_slot
    build = column(slot) if slot else _values_of(definition, kind)
    if kind is Filter.USER:
        build = _converted(build, lambda value: value * SCALE)
    elif kind is Filter.DATE and not slot:
        build = _converted(build, date.isoformat)
    return FilterField(
        key=f"fields.{definition.key}",
        label=definition.label,
        type=kind,
        build=build,
        sensitivity=definition.sensitivity,
        choices=_catalogue_choices(definition),
        scale=SCALE if kind in {Filter.NUMBER, Filter.MONEY} else 0,
        folded=kind is Filter.TEXT or definition.type == FieldType.CHOICE,
        names=_user_names if kind is Filter.USER else None,
        offered=_users if kind is Filter.USER else None,
        group=definition.group,
        help_text=definition.help_text,
        extra={"slot": slot, "type": definition.type, "key": definition.key},
    )


def _converted(build: Build, convert: Callable[[Any], Any]) -> Build:
    """The same condition on a column that stores the value in another form."""

    def each(value: Any) -> Any:
        if isinstance(value, (list, tuple)):
            return [convert(item) for item in value]
        return value if isinstance(value, bool) else convert(value)

    def converted(condition: Condition) -> Q:
        lookups = tuple((lookup, each(value)) for lookup, value in condition.lookups)
        return build(replace(condition, lookups=lookups))

    return converted


def _values_of(definition: FieldDefinition, kind: Filter) -> Build:
    pk = definition.pk
    if kind is Filter.MULTI_CHOICE:
        return through(
            lambda scope: CustomerFieldChoice.objects.visible_to(scope).filter(definition_id=pk),
            "choice",
            link="customer_id",
        )
    key = "number_key" if kind in {Filter.NUMBER, Filter.MONEY, Filter.USER} else "text_key"
    return through(
        lambda scope: CustomerFieldValue.objects.visible_to(scope).filter(definition_id=pk), key, link="customer_id"
    )


def _catalogue_choices(definition: FieldDefinition) -> list[tuple[str, Any]] | None:
    if definition.type == FieldType.BOOLEAN:
        return [("true", _("Yes")), ("false", _("No"))]
    choices = definition.validation.get("choices")
    if definition.type not in {FieldType.CHOICE, FieldType.MULTI_CHOICE} or not choices:
        return None
    label = "label_en" if (get_language() or "").startswith("en") else "label_de"
    return [(choice["value"], choice.get(label) or choice["value"]) for choice in choices]


def _member(key: str, label: Any, model: type[Model], path: str, choices: type[TextChoices]) -> FilterField:
    """What one of several rows of the customer is: holds for whoever has such a row."""
    return FilterField(
        key=key,
        label=label,
        type=Filter.MULTI_CHOICE,
        operators=(*EQUALITY, Operator.ALL),
        build=through(model._default_manager.of_listed, path, link="customer_id"),  # type: ignore[attr-defined]
        choices=choices.choices,
        nullable=False,
        words={operator: operator.label for operator in EQUALITY},
        group="contacts",
    )


def _contact(key: str, label: Any, condition: Q = NO_CONDITION) -> FilterField:
    """Whether the customer has a contact at all, or one of whom `condition` holds."""
    return FilterField(
        key=key,
        label=label,
        type=Filter.BOOLEAN,
        build=present(lambda scope: Contact.objects.of_listed(scope).filter(condition), link="customer_id"),
        nullable=False,
        group="contacts",
    )


CUSTOMER_FIELDS: Final = FilterRegistry(
    "customer",
    [
        _choice("status", _("Status"), CustomerStatus),
        FilterField(
            key="owner",
            label=_("Owner"),
            type=Filter.USER,
            build=column("owner_id"),
            names=_user_names,
            offered=_users,
        ),
        _choice("business_type", _("Business type"), BusinessType),
        _choice("sample_status", _("Sample"), SampleStatus),
        _choice("roi_bucket", _("ROI"), RoiBucket),
        FilterField(
            key="renewal_date", label=_("Renewal date"), type=Filter.DATE, build=column("renewal_date"), group="dates"
        ),
        _choice("season_now", _("Season"), SeasonNow),
        _choice("account_type", _("Account type"), AccountType),
        _choice("kitchen_size", _("Kitchen size"), KitchenSize, nullable=True),
        FilterField(
            key="name", label=_("Company"), type=Filter.TEXT, build=column("name_key"), folded=True, nullable=False
        ),
        FilterField(key="number", label=_("Number"), type=Filter.TEXT, build=column("customer_number"), nullable=False),
        FilterField(key="city", label=_("Town"), type=Filter.TEXT, build=column("city_key"), folded=True),
        FilterField(key="postcode", label=_("Postcode"), type=Filter.TEXT, build=column("postcode")),
        FilterField(
            key="chain",
            label=_("Chain"),
            type=Filter.REFERENCE,
            build=column("chain_id"),
            names=_chain_names,
            offered=_chains,
        ),
        FilterField(key="lead_source", label=_("Source"), type=Filter.TEXT, build=column("lead_source")),
        _moment("last_contact_at", _("Last contact")),
        _moment("last_order_at", _("Last order")),
        _moment("next_appointment_at", _("Next appointment")),
        _moment("created_at", _("Created"), nullable=False),
        FilterField(
            key="status_since",
            label=_("Status since"),
            type=Filter.DATETIME,
            build=through(Customer.objects.visible_to, "status_since", link="pk"),
            nullable=False,
        ),
        FilterField(
            key="status_at_month_start",
            label=_("Status at the beginning of the month"),
            type=Filter.CHOICE,
            build=through(_at_month_start, "status_then", link="pk"),
            choices=CustomerStatus.choices,
        ),
        FilterField(
            key="contacts",
            label=_("Contacts"),
            type=Filter.REFERENCE,
            operators=PRESENCE,
            build=through(Contact.objects.visible_to, "pk", link="customer_id"),
        ),
        FilterField(
            key="email",
            label=_("E-mail"),
            type=Filter.TEXT,
            operators=PRESENCE,
            build=through(_with_email, "email", link="pk"),
        ),
        _money("open_opportunity", _("Open opportunity value"), "open_opportunity_cents", nullable=False),
        _money("expected_volume", _("Expected volume"), "expected_volume_cents"),
        _money("actual_volume", _("Actual volume"), "actual_volume_cents"),
        FilterField(
            key="tag",
            label=_("Tag"),
            type=Filter.REFERENCE,
            operators=(*EQUALITY, Operator.EMPTY, Operator.NOT_EMPTY),
            build=through(CustomerTag.objects.visible_to, "tag_id", link="customer_id"),
            names=_tag_names,
            offered=_tags,
        ),
        _contact("contact", _("Contact on file")),
        _contact("contact_email", _("Contact with e-mail"), ~Q(email="")),
        _contact("contact_phone", _("Contact with a phone number"), ~Q(phone="") | ~Q(mobile="")),
        _member("contact_power", _("Decision power of a contact"), Contact, "decision_power", DecisionPower),
        _member("contact_role", _("Role of a contact"), Contact, "role", ContactRole),
        FilterField(
            key="address_postcode",
            label=_("Postcode of an address"),
            type=Filter.TEXT,
            operators=(Operator.EQ, Operator.NE, Operator.IN),
            build=through(Address.objects.of_listed, "postcode", link="customer_id"),
            nullable=False,
            group="contacts",
        ),
    ],
    provider=_catalogue_fields,
)
