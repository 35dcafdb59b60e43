"""Rows of demo customers in the form of an import: field → text."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from customers.choices import PATTERN_MONTHS, BusinessType, KitchenSize, SeasonalPattern
from customers.demo.names import CHAINS, Names, slug
from customers.demo.sample import Street, berlin_kinds
from customers.importing.mapping import ImportMapping

# Shares of the kinds in a hundred.
_KINDS: Final[dict[str, int]] = {
    BusinessType.RESTAURANT: 42,
    BusinessType.HOTEL: 10,
    BusinessType.CATERING: 7,
    BusinessType.CANTEEN: 8,
    BusinessType.HOSPITAL: 3,
    BusinessType.CARE_HOME: 9,
    BusinessType.SCHOOL: 7,
    BusinessType.RETAIL: 4,
    BusinessType.ICE_CREAM: 4,
    BusinessType.BEER_GARDEN: 4,
    BusinessType.OTHER: 2,
}
# Chance and pattern of a season by kind: together 20 to 30 % of all.
_SEASONS: Final[dict[str, tuple[float, tuple[str, ...]]]] = {
    BusinessType.ICE_CREAM: (1.0, (SeasonalPattern.ICE_CREAM,)),
    BusinessType.BEER_GARDEN: (1.0, (SeasonalPattern.BEER_GARDEN,)),
    BusinessType.SCHOOL: (0.6, (SeasonalPattern.CUSTOM,)),
    BusinessType.HOTEL: (0.25, (SeasonalPattern.SUMMER, SeasonalPattern.WINTER, SeasonalPattern.SKI)),
    BusinessType.CATERING: (0.4, (SeasonalPattern.CHRISTMAS, SeasonalPattern.SUMMER)),
    BusinessType.RESTAURANT: (0.12, (SeasonalPattern.SUMMER,)),
}
_SCHOOL_MONTHS: Final = "1,2,3,4,5,6,9,10,11,12"
# Numbers that the Bundesnetzagentur keeps for films: nobody answers them.
_PHONES: Final = ("+49 30 23125", "+49 69 90009", "+49 40 66969")
_TAGS: Final = ("Messe 2026", "Bio", "Testküche", "Neueröffnung", "Empfehlung", "Stammhaus", "Rückruf")
_SOURCES: Final = ("Messe", "Empfehlung", "Website", "Kaltakquise", "Bestand")
_FORMS: Final = ("GmbH", "GmbH & Co. KG", "e. K.", "GbR", "UG (haftungsbeschränkt)", "")
_PAINS: Final = (
    "pain_staff_shortage",
    "pain_high_costs",
    "pain_food_waste",
    "pain_quality_inconsistency",
    "pain_time_pressure",
    "pain_supplier_quality",
    "pain_unreliable_delivery",
    "pain_poor_service",
)
_LARGE: Final = frozenset({BusinessType.HOSPITAL, BusinessType.CANTEEN, BusinessType.CATERING, BusinessType.CARE_HOME})
_DAYS: Final = ("mo", "tu", "we", "th", "fr", "sa")
_WHOLESALERS: Final = (
    "Großmarkt Dohlenhof",
    "Frischdienst Kiebitz",
    "Gastroservice Uferland",
    "Tiefkühlkontor Nebelsee",
)

FIELDS: Final = (
    "company_name", "business_type", "kitchen_size", "employee_count", "legal_form", "is_natural_person", "source",
    "phone", "email", "website", "expected_annual_volume", "is_seasonal_business", "seasonal_pattern",
    "seasonal_months", "tags", "owner", "address.street", "address.house_number", "address.postcode", "address.city",
    "address.country", "address.latitude", "address.longitude", "chain.key", "chain.name", *_PAINS, "fields.district",
    "fields.opening_hours", "fields.cuisine", "fields.covers_per_day", "fields.convenience_share",
    "fields.organic_share", "fields.cooking_equipment", "fields.service_style", "fields.delivery_days",
    "fields.allergen_policy", "fields.buying_association", "fields.supplying_wholesaler", "fields.contract_end",
    "fields.best_visit_time", "fields.cold_storage", "fields.frozen_storage", "fields.food_budget",
    "fields.purchase_conditions", "fields.rest_day", "fields.order_rhythm",
)  # fmt: skip
MAPPING: Final = ImportMapping(columns={name: name for name in FIELDS})


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """Where the rows play: `owners` maps beginnings of postcodes to mails of owners, "" to those of all others."""

    streets: Sequence[Street]
    owners: dict[str, Sequence[str]]
    year: int


def demo_rows(rng: random.Random, setting: Setting, count: int, *, with_chains: bool) -> Iterator[dict[str, str]]:
    """`count` rows; with chains, about a twentieth of them are locations."""
    names = Names(rng)
    phones = _phones(rng)
    locations = list(_locations(rng, setting, phones)) if with_chains else []
    yield from locations[:count]
    for _ in range(count - len(locations)):
        kind = rng.choices(list(_KINDS), weights=list(_KINDS.values()))[0]
        street = rng.choice(setting.streets)
        name = names.house(kind, street.district)
        yield {"company_name": name, **_house(rng, setting, phones, kind, street, name), "source": rng.choice(_SOURCES)}


def _locations(rng: random.Random, setting: Setting, phones: Iterator[str]) -> Iterator[dict[str, str]]:
    for name, kind in CHAINS:
        districts: set[str] = set()
        for _ in range(rng.randint(6, 18)):
            street = rng.choice(setting.streets)
            if street.district in districts:
                continue
            districts.add(street.district)
            house = f"{name} {street.district}"
            row = _house(rng, setting, phones, kind, street, house)
            yield {"company_name": house, **row, "source": "Bestand", "chain.key": slug(name), "chain.name": name}


def _house(
    rng: random.Random, setting: Setting, phones: Iterator[str], kind: str, street: Street, name: str
) -> dict[str, str]:
    size = rng.choice(list(KitchenSize)[2:] if kind in _LARGE else list(KitchenSize)[:3])
    covers = rng.randint(150, 2_400) if kind in _LARGE else rng.randint(25, 320)
    form = rng.choice(_FORMS)
    row = {
        "business_type": kind,
        "kitchen_size": size,
        "employee_count": str(max(2, covers // 9)),
        "legal_form": form,
        "is_natural_person": "true" if form == "e. K." else "",
        "expected_annual_volume": str(covers * rng.randint(60, 190)),
        "address.street": street.street,
        "address.house_number": str(rng.randint(1, 180)),
        "address.postcode": street.postcode,
        "address.city": street.city,
        "address.country": street.country,
        "address.latitude": street.latitude,
        "address.longitude": street.longitude,
        "fields.district": street.district,
        "owner": _owner(rng, setting, street.postcode),
        **_reach(rng, phones, name),
        **_season(rng, kind),
        **dict.fromkeys(rng.sample(_PAINS, rng.choice((0, 0, 1, 2, 3))), "true"),
        "tags": ";".join(rng.sample(_TAGS, rng.choice((0, 0, 0, 1, 2)))),
    }
    if rng.random() < 0.65:
        row |= _fields(rng, setting, kind, covers)
    return row


def _owner(rng: random.Random, setting: Setting, postcode: str) -> str:
    for beginning, mails in setting.owners.items():
        if postcode.startswith(beginning):
            return rng.choice(mails)
    return ""


def _phones(rng: random.Random) -> Iterator[str]:
    """Every number of the ranges once, then again from the start."""
    numbers = [f"{beginning} {number:03d}" for beginning in _PHONES for number in range(1000)]
    rng.shuffle(numbers)
    while True:
        yield from numbers


def _reach(rng: random.Random, phones: Iterator[str], name: str) -> dict[str, str]:
    host = f"{slug(name)[:50].strip('-')}.example.org"
    return {
        "phone": next(phones) if rng.random() < 0.85 else "",
        "email": f"kueche@{host}" if rng.random() < 0.7 else "",
        "website": f"https://www.{host}/" if rng.random() < 0.55 else "",
    }


def _season(rng: random.Random, kind: str) -> dict[str, str]:
    chance, patterns = _SEASONS.get(kind, (0.0, ()))
    if rng.random() >= chance:
        return {}
    pattern = rng.choice(patterns)
    months = (
        _SCHOOL_MONTHS
        if pattern == SeasonalPattern.CUSTOM
        else ",".join(str(month) for month in PATTERN_MONTHS[pattern])
    )
    return {"is_seasonal_business": "true", "seasonal_pattern": pattern, "seasonal_months": months}


def _fields(rng: random.Random, setting: Setting, kind: str, covers: int) -> dict[str, str]:
    sample = rng.choice(berlin_kinds())
    eats_out = kind in {BusinessType.RESTAURANT, BusinessType.ICE_CREAM, BusinessType.BEER_GARDEN}
    values = {
        "fields.opening_hours": sample.opening_hours if eats_out else "Mo-Fr 07:00-15:00",
        "fields.cuisine": _cuisine(kind, sample.cuisine),
        "fields.covers_per_day": str(covers),
        "fields.convenience_share": str(rng.randrange(5, 95, 5)),
        "fields.organic_share": str(rng.choice((0, 0, 5, 10, 20, 30, 50, 100))),
        "fields.cooking_equipment": ";".join(
            rng.sample(("combi_steamer", "fryer", "grill", "tilting_pan", "blast_chiller"), 2)
        ),
        "fields.service_style": "tray"
        if kind == BusinessType.HOSPITAL
        else rng.choice(("a_la_carte", "buffet", "counter")),
        "fields.delivery_days": ";".join(sorted(rng.sample(_DAYS, 2), key=_DAYS.index)),
        "fields.allergen_policy": rng.choice(("labelling", "separate", "free_from", "none")),
        "fields.buying_association": rng.choice(("none", "none", "hotel", "care", "catering", "municipal")),
        "fields.supplying_wholesaler": rng.choice(_WHOLESALERS),
        "fields.contract_end": f"{setting.year + rng.randint(0, 2)}-{rng.randint(1, 12):02d}-{rng.choice((15, 28))}",
        "fields.best_visit_time": rng.choice(("early", "morning", "afternoon", "late", "appointment")),
        "fields.cold_storage": str(rng.randint(2, 60)),
        "fields.frozen_storage": str(rng.randint(1, 40)),
        "fields.food_budget": str(covers * rng.randint(20, 90)),
        "fields.purchase_conditions": f"{rng.randint(1, 6)} % Jahresbonus, {rng.choice((14, 30))} Tage netto",
        "fields.rest_day": rng.choice(("mo", "tu", "su", "")),
        "fields.order_rhythm": rng.choice(("weekly", "twice_weekly", "fortnightly", "monthly")),
    }
    return {name: value for name, value in values.items() if value and rng.random() < 0.75}


def _cuisine(kind: str, sampled: str) -> str:
    if kind == BusinessType.ICE_CREAM:
        return "ice_cream"
    if kind in {BusinessType.RESTAURANT, BusinessType.BEER_GARDEN}:
        return sampled.replace("italian_pizza", "italian;pizza")
    return "regional" if kind != BusinessType.RETAIL else ""
