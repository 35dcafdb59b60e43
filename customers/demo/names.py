"""Invented names. Two rare words make one, so that no house of the demo bears a real one's; a test compares them."""

from __future__ import annotations

import itertools
import random
from typing import Final

from crm.core.folding import fold
from customers.choices import BusinessType

_FIRST: Final = (
    "Quitten", "Kranich", "Libellen", "Schlehen", "Ginster", "Otter", "Wiesel", "Nebel", "Hagebutten", "Zaunkönig",
    "Eisvogel", "Moorlilien", "Kiebitz", "Bachstelzen", "Rohrdommel", "Sanddorn", "Wacholder", "Feuerdorn", "Mispel",
    "Dohlen", "Hermelin", "Silberdistel", "Trollblumen", "Wiedehopf", "Schwalben", "Uferschnepfen", "Birnbaum",
    "Löwenzahn", "Kornblumen", "Hummel", "Grashüpfer", "Zeisig", "Goldammer", "Königskerzen", "Seerosen",
    "Blaumeisen", "Haselmaus", "Pirol", "Stieglitz", "Brachvogel",
)  # fmt: skip
_SECOND: Final = (
    "hof", "grund", "ufer", "garten", "stube", "winkel", "blick", "anger", "bogen", "steg", "krug", "kate", "tenne",
    "diele", "schänke", "wiese", "höhe", "insel", "mühle", "speicher",
)  # fmt: skip
_SOUTHERN: Final = (
    "Mirabello", "Fontanara", "Belvarossa", "Montefiorito", "Lunarossetta", "Casalvento", "Pietradolce", "Solamaro",
    "Ventobello", "Rosmarella", "Cantagrillo", "Fiordisale", "Campoletto", "Villamora", "Stellagrande", "Acquaterra",
    "Dolceria Nuvola", "Granello d'Oro", "Melagrano Blu", "Lavandola",
)  # fmt: skip
_PATTERNS: Final[dict[str, tuple[str, ...]]] = {
    BusinessType.RESTAURANT: ("Gasthaus {}", "Restaurant {}", "Wirtshaus {}", "Bistro {}", "{}", "Café {}", "Bar {}"),
    BusinessType.HOTEL: ("Hotel {}", "Landhotel {}", "Pension {}", "Hotel Garni {}"),
    BusinessType.CATERING: ("{} Catering", "Partyservice {}", "Eventküche {}", "{} Menüservice"),
    BusinessType.CANTEEN: ("Betriebsrestaurant {}", "Casino {}", "Mitarbeiterküche {}"),
    BusinessType.HOSPITAL: ("Klinik {}", "Krankenhaus {}", "Fachklinik {}"),
    BusinessType.CARE_HOME: ("Seniorenstift {}", "Pflegeheim {}", "Wohnpark {}", "Haus {}"),
    BusinessType.SCHOOL: ("Grundschule {}", "Gesamtschule {}", "Kita {}", "Schulküche {}"),
    BusinessType.RETAIL: ("Feinkost {}", "Hofladen {}", "Markt {}"),
    BusinessType.ICE_CREAM: ("Eiscafé {}", "Eismanufaktur {}", "Gelateria {}"),
    BusinessType.BEER_GARDEN: ("Biergarten {}", "Brauhausgarten {}"),
    BusinessType.OTHER: ("Vereinsheim {}", "Kulturhaus {}", "Bootshaus {}"),
}
_SOUTHERN_KINDS: Final = frozenset({BusinessType.ICE_CREAM, BusinessType.RESTAURANT})

CHAINS: Final[tuple[tuple[str, str], ...]] = (
    ("Brezelkranich", BusinessType.RESTAURANT), ("Suppenlibelle", BusinessType.RESTAURANT),
    ("Otterbäcker", BusinessType.RETAIL), ("Zeisig Hotels", BusinessType.HOTEL),
    ("Pflegeverbund Schlehengrund", BusinessType.CARE_HOME), ("Menüdienst Goldammer", BusinessType.CATERING),
    ("Eiswiesel", BusinessType.ICE_CREAM), ("Schulküchenwerk Stieglitz", BusinessType.SCHOOL),
)  # fmt: skip

_GIVEN: Final = (
    "Anneke", "Bastian", "Carlotta", "Deniz", "Elif", "Frieder", "Greta", "Henning", "Ilka", "Jannis", "Kaya",
    "Leander", "Malte", "Nele", "Okan", "Philippa", "Quirin", "Ronja", "Sönke", "Tamina", "Ulrike", "Valentin",
    "Wiebke", "Yasmin", "Zoltan", "Mirko",
)  # fmt: skip
_FAMILY: Final = (
    "Amselfeld", "Birkenthal", "Dornbusch-Ahl", "Eichwälder", "Federspiel", "Gänsewind", "Haferkorn", "Ilmenau-Rott",
    "Kirschgart", "Lindwurm", "Morgenroth", "Nachtigall", "Ostwald-Kern", "Pfefferling", "Quendel", "Rabenhorst",
    "Silbermann", "Thymian", "Uhlenbrock", "Veilchenfeld", "Wacholder", "Zuckerhut", "Öztürkoğlu",
    "Nowakowska", "Lindqvist",
)  # fmt: skip


class Names:
    """Names of houses, each once, and of persons."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._taken: set[str] = set()

    def house(self, business_type: str, town: str) -> str:
        """A name for a house of this kind; a name that is taken gets the part of the town behind it, then a number."""
        word = self._rng.choice(_FIRST) + self._rng.choice(_SECOND)
        if business_type in _SOUTHERN_KINDS and self._rng.random() < 0.3:
            word = self._rng.choice(_SOUTHERN)
        base = self._rng.choice(_PATTERNS[business_type]).format(word)
        others = (f"{base} {town} {number}" for number in itertools.count(2))
        name = next(name for name in itertools.chain((base, f"{base} {town}"), others) if fold(name) not in self._taken)
        self._taken.add(fold(name))
        return name

    def person(self) -> tuple[str, str]:
        """First and last name of an invented person."""
        return self._rng.choice(_GIVEN), self._rng.choice(_FAMILY)


def slug(name: str) -> str:
    """The name as part of a mail or web address."""
    letters = name.lower().translate(
        {ord("ä"): "ae", ord("ö"): "oe", ord("ü"): "ue", ord("ß"): "ss", ord("é"): "e", ord("à"): "a"}
    )
    return "-".join("".join(sign if sign.isascii() and sign.isalnum() else " " for sign in letters).split())
