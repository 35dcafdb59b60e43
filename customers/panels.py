"""What the account page shows, in a fixed number of queries: facts, people, fields, volumes, locations, alerts."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final

from django.urls import reverse
from django.utils.translation import gettext as _

from crm.core.access import Scope
from customers import season, services
from customers.chains import ChainHead, RolledUp, chain_heads, locations_by_town, rolled_up, sees_whole_chain
from customers.choices import FIELD_GROUPS, AccountType, CustomerStatus, FieldEntity, SeasonNow, Sensitivity
from customers.models import Address, Contact, Customer, CustomerFieldValue, CustomerHot, CustomerTag, FieldDefinition
from customers.services.accounts import PAINS
from customers.shown import column_text, month_name, upper_first, value_text
from customers.why import Why, shared_with, why_visible
from organisation.choices import Role
from organisation.models import User

FACTS: Final = (
    "company_name",
    "trading_name",
    "business_type",
    "kitchen_size",
    "phone",
    "email",
    "website",
    "employee_count",
    "branch_count",
    "is_chain",
    "legal_form",
    "vat_id",
    "is_natural_person",
    "source",
)
MONEY: Final = ("expected_annual_volume", "renewal_date")
INLINE: Final = (*FACTS, *MONEY)
MOST_LOCATIONS: Final = 50


@dataclass(frozen=True, slots=True)
class Fact:
    """One value in a panel. `url` opens its editor; without one `lock` says why it cannot be edited here."""

    name: str
    label: str
    text: str
    url: str = ""
    lock: str = ""
    help: str = ""


@dataclass(frozen=True, slots=True)
class FieldGroup:
    """Catalogue fields under one heading."""

    name: str
    facts: list[Fact]

    @property
    def filled(self) -> int:
        """How many have a value."""
        return sum(1 for fact in self.facts if fact.text)


@dataclass(frozen=True, slots=True)
class Volumes:
    """What was expected, what came, and how far apart they are: in money and in percent of the expected."""

    expected: Decimal | None
    actual: Decimal | None

    @property
    def deviation(self) -> Decimal | None:
        """actual less expected, in euros."""
        return None if self.expected is None or self.actual is None else self.actual - self.expected

    @property
    def percent(self) -> Decimal | None:
        """The deviation in whole percent of the expected volume."""
        if self.deviation is None or not self.expected:
            return None
        return (self.deviation * 100 / self.expected).quantize(Decimal(1), ROUND_HALF_UP)


@dataclass(slots=True)
class Can:
    """What the scope may do on this account: decides which buttons there are. The services decide again."""

    change: bool = False
    activate: bool = False
    status: bool = False
    assign: bool = False
    release: bool = False
    grant: bool = False
    grant_change: bool = False
    delete: bool = False
    add_location: bool = False
    move: bool = False
    money: bool = False


@dataclass(slots=True)
class Overview:
    """The whole first tab."""

    facts: list[Fact] = field(default_factory=list)
    pains: list[str] = field(default_factory=list)
    contacts: list[Contact] = field(default_factory=list)
    addresses: list[Address] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    locations: list[CustomerHot] = field(default_factory=list)
    rolled_up: RolledUp | None = None
    rolled_up_volumes: Volumes | None = None
    more_locations: bool = False
    partial_locations: bool = False
    shared: list[tuple[User, bool]] = field(default_factory=list)
    volumes: Volumes | None = None
    money: list[Fact] = field(default_factory=list)


def can(scope: Scope, customer: Customer, why: Why) -> Can:
    """The actor's possibilities on this account."""
    change = why.may_change
    own = change and services.stands_for_owner(scope, customer)
    keeps_chain = scope.role == Role.CHAIN_MANAGER
    grant = (
        own and scope.allows("customers.grant") and (not keeps_chain or customer.account_type == AccountType.LOCATION)
    )
    return Can(
        change=change,
        activate=own and scope.allows("customers.activate"),
        status=change and scope.allows("customers.status"),
        assign=own and scope.allows("customers.assign"),
        release=own
        and customer.owner_id is not None
        and (scope.allows("customers.assign") or customer.owner_id == scope.user_id),
        grant=grant,
        grant_change=grant and not keeps_chain,
        delete=own and scope.allows("customers.delete"),
        add_location=change and customer.account_type == AccountType.CHAIN and scope.allows("customers.add_location"),
        move=own
        and customer.account_type != AccountType.CHAIN
        and scope.allows("customers.add_location")
        and (customer.chain_id is None or services.may_change_chain(scope, customer.chain_id)),
        money=scope.allows("money.read"),
    )


def head(scope: Scope, customer: Customer) -> dict[str, Any]:
    """What stands above the tabs: chain, season, grounds of access, possibilities. At most five queries."""
    why = why_visible(scope, customer)
    chain: ChainHead | None = chain_heads([customer.chain_id]).get(customer.chain_id) if customer.chain_id else None
    now = season.season_now(customer, scope.today)
    until = season.pause_until(customer.seasonal_months, scope.today) if now == SeasonNow.PAUSED else None
    return {
        "customer": customer,
        "chain": chain,
        "chain_is_visible": chain is not None and sees_chain(scope, customer),
        "why": why,
        "can": can(scope, customer, why),
        "season_now": now.value,
        "pause_until": month_name(until),
        "place": customer.addresses.visible_to(scope).order_by("-is_primary", "pk").first(),
        "prospect_days": (scope.now - customer.status_since).days
        if customer.status == CustomerStatus.PROSPECT
        else None,
        "today": scope.today,
    }


def sees_chain(scope: Scope, customer: Customer) -> bool:
    """Whether the chain's own page opens for the scope."""
    return customer.chain_id is not None and Customer.objects.visible_to(scope).filter(pk=customer.chain_id).exists()


def overview(scope: Scope, customer: Customer, may: Can) -> Overview:
    """The first tab. Seven queries, of which two only for chains."""
    shown = Overview(
        facts=[fact(scope, customer, name, may) for name in FACTS],
        pains=[str(_column(name).verbose_name) for name in PAINS if name != "pain_notes" and getattr(customer, name)],
        contacts=list(Contact.objects.visible_to(scope).filter(customer=customer)),
        addresses=list(
            Address.objects.visible_to(scope).filter(customer=customer).order_by("kind", "-is_primary", "pk")
        ),
        tags=tags_of(scope, customer),
        shared=shared_with(customer),
    )
    if may.money:
        shown.volumes = Volumes(customer.expected_annual_volume, customer.actual_annual_volume)
    shown.money = [fact(scope, customer, name, may) for name in MONEY if may.money or name == "renewal_date"]
    if customer.account_type == AccountType.CHAIN:
        every = locations_by_town(scope, customer)
        found = list(every.select_related("customer", "owner")[: MOST_LOCATIONS + 1])
        shown.locations, shown.more_locations = found[:MOST_LOCATIONS], len(found) > MOST_LOCATIONS
        shown.rolled_up = rolled_up(every)
        if may.money:
            shown.rolled_up_volumes = Volumes(
                _euros(shown.rolled_up.expected_cents), _euros(shown.rolled_up.actual_cents)
            )
        shown.partial_locations = not sees_whole_chain(scope, customer)
    return shown


def _euros(cents: int | None) -> Decimal | None:
    return None if cents is None else Decimal(cents) / 100


def tags_of(scope: Scope, customer: Customer) -> list[str]:
    """The names of the customer's tags, in order."""
    rows = CustomerTag.objects.visible_to(scope).filter(customer=customer)
    return list(rows.order_by("tag__name").values_list("tag__name", flat=True))


def _column(name: str) -> Any:
    return Customer._meta.get_field(name)


def fact(scope: Scope, customer: Customer, name: str, may: Can) -> Fact:
    """One column of the account as a fact."""
    column = _column(name)
    return Fact(
        name=name,
        label=upper_first(str(column.verbose_name)),
        text=column_text(name, getattr(customer, name)),
        url=reverse("customers:field", args=[customer.pk, name]) if may.change else "",
        lock="" if may.change else _("Shared for reading."),
    )


def field_groups(scope: Scope, customer: Customer, may: Can) -> list[FieldGroup]:
    """The catalogue fields the scope may read, by group, with the customer's values. At most three queries."""
    definitions = FieldDefinition.objects.catalogue(scope, FieldEntity.CUSTOMER)
    rows = CustomerFieldValue.objects.visible_to(scope).filter(customer=customer, definition__in=definitions)
    values = dict(rows.values_list("definition_id", "value"))
    people = people_of(scope, definitions)
    by_key = {definition.key: values.get(definition.pk) for definition in definitions}
    groups: dict[str, list[Fact]] = {}
    for definition in definitions:
        condition = definition.visible_if
        if condition and by_key.get(condition["field"]) != condition["equals"] and values.get(definition.pk) is None:
            continue
        shown = catalogue_fact(scope, customer, definition, values.get(definition.pk), people, may)
        groups.setdefault(definition.group, []).append(shown)
    known = list(FIELD_GROUPS)
    ordered = sorted(groups.items(), key=lambda item: known.index(item[0]) if item[0] in known else len(known))
    return [FieldGroup(group_name(name), facts) for name, facts in ordered]


def group_name(group: str) -> str:
    """A group's heading: translated where it is one of the starter catalogue, else as the manager typed it."""
    return str(FIELD_GROUPS.get(group, upper_first(group.replace("_", " "))))


def catalogue_fact(
    scope: Scope, customer: Customer, definition: FieldDefinition, value: Any, people: dict[int, str], may: Can
) -> Fact:
    """One catalogue field as a fact."""
    lock = "" if may.change else _("Shared for reading.")
    if definition.sensitivity == Sensitivity.RESTRICTED and not scope.allows("fields.write_restricted"):
        lock = _("Only sales managers and administrators write this field.")
    return Fact(
        name=definition.key,
        label=definition.label,
        text=value_text(definition, value, people),
        url="" if lock else reverse("customers:value", args=[customer.pk, definition.key]),
        lock=lock,
        help=definition.help_text,
    )


def people_of(scope: Scope, definitions: list[FieldDefinition]) -> dict[int, str]:
    """Names of the organisation's users, where one of these fields names users."""
    if not any(definition.type == "USER" for definition in definitions):
        return {}
    return dict(User.objects.visible_to(scope).values_list("pk", "name"))
