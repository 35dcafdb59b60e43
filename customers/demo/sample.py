"""The sample in the repository: streets, kinds and hours of real places, apart from each other (`data/LICENSE.md`)."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

_DATA: Final = Path(__file__).parent / "data"


@dataclass(frozen=True, slots=True)
class Street:
    """A street with its postcode and part of the town; coordinates good to a kilometre."""

    street: str
    postcode: str
    city: str
    district: str
    country: str
    latitude: str = ""
    longitude: str = ""


@dataclass(frozen=True, slots=True)
class Kind:
    """Cuisine and opening hours that go together."""

    kind: str
    cuisine: str
    opening_hours: str


@cache
def berlin_streets() -> tuple[Street, ...]:
    """Streets of Berlin."""
    return tuple(
        Street(row["street"], row["postcode"], "Berlin", row["district"], "DE", row["lat"], row["lon"])
        for row in _read("berlin_streets.csv")
    )


@cache
def berlin_kinds() -> tuple[Kind, ...]:
    """Cuisines with hours."""
    return tuple(Kind(row["kind"], row["cuisine"], row["opening_hours"]) for row in _read("berlin_kinds.csv"))


def austrian_streets() -> tuple[Street, ...]:
    """Streets that every town has, in towns of Austria."""
    towns = (
        ("1010", "Wien"),
        ("1070", "Wien"),
        ("1160", "Wien"),
        ("8010", "Graz"),
        ("4020", "Linz"),
        ("6020", "Innsbruck"),
    )
    streets = ("Hauptstraße", "Bahnhofstraße", "Kirchengasse", "Gartengasse", "Feldgasse", "Schulgasse", "Mühlgasse")
    return tuple(Street(street, postcode, city, city, "AT") for postcode, city in towns for street in streets)


def _read(name: str) -> list[dict[str, str]]:
    with (_DATA / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
