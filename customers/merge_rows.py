"""What the page of a merge shows: who may be the same account, the fields in which two differ, what moves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.utils.translation import gettext as _

from crm.core.access import Scope
from customers.duplicates import Evidence, Twin, find_twins
from customers.models import Address, Customer, CustomerHot
from customers.panels import people_of
from customers.search import search
from customers.services.merging import LOSER, WINNER, Difference, differences
from customers.services.merging.moving import MOVERS
from customers.shown import column_text, upper_first, value_text

MOST: Final = 10
# What is no row of its own to who looks at an account.
_UNSAID: Final = {(Customer, "merged_into")}


@dataclass(frozen=True, slots=True)
class Row:
    """One field with both values as text; `chosen` is the side that is marked."""

    name: str
    label: str
    winner: str
    loser: str
    chosen: str


def rows(scope: Scope, winner: Customer, loser: Customer, posted: Mapping[str, Any]) -> list[Row]:
    """The fields in which the two differ, marked as posted, else as suggested."""
    found = differences(scope, winner, loser)
    people = people_of(scope, [one.definition for one in found if one.definition])
    return [_row(one, winner, loser, people, posted.get(f"choose.{one.name}")) for one in found]


def _row(one: Difference, winner: Customer, loser: Customer, people: dict[int, str], posted: Any) -> Row:
    if one.definition is not None:
        label = one.definition.label
        texts = [value_text(one.definition, value, people) for value in (one.winner, one.loser)]
    elif one.name == "is_seasonal_business":
        label = _("Season")
        texts = [
            column_text("seasonal_months", row.seasonal_months) if row.is_seasonal_business else _("All year")
            for row in (winner, loser)
        ]
    else:
        label = upper_first(str(Customer._meta.get_field(one.name).verbose_name))  # type: ignore[union-attr]
        texts = [column_text(one.name, value) for value in (one.winner, one.loser)]
    chosen = posted if posted in {WINNER, LOSER} else one.suggested
    return Row(one.name, label, texts[0], texts[1], chosen)


def moving(loser: Customer) -> list[tuple[str, int]]:
    """What hangs on the account that goes: names of records and how many there are. One query a table."""
    found = []
    for model, name in MOVERS:
        count = model._default_manager.filter(**{name: loser}).count()
        if count and (model, name) not in _UNSAID:
            label = _("locations") if model is Customer else model._meta.verbose_name_plural
            found.append((upper_first(str(label)), count))
    return found


def candidates(scope: Scope, customer: Customer, words: str) -> list[Twin]:
    """With whom the account may be merged: those that the one rule finds, or by name and number those of `words`."""
    if not words:
        return [
            twin for twin in find_twins(scope, _evidence(scope, customer)).visible if twin.customer.pk != customer.pk
        ]
    there = CustomerHot.objects.visible_to(scope).exclude(customer_id=customer.pk)
    ids = list(search(there, words, scope).order_by("name_key", "pk").values_list("customer_id", flat=True)[:MOST])
    found = Customer.objects.visible_to(scope).select_related("owner").in_bulk(ids)
    return [Twin(found[pk], 0, "", []) for pk in ids if pk in found]


def _evidence(scope: Scope, customer: Customer) -> Evidence:
    place = Address.objects.visible_to(scope).filter(customer=customer).first() or Address()
    return Evidence(
        name=customer.company_name,
        trading_name=customer.trading_name,
        phone=customer.phone,
        email=customer.email,
        website=customer.website,
        vat_id=customer.vat_id,
        street=place.street,
        house_number=place.house_number,
        postcode=place.postcode,
        city=place.city,
        latitude=float(place.latitude) if place.latitude is not None else None,
        longitude=float(place.longitude) if place.longitude is not None else None,
    )
