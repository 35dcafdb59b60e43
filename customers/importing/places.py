"""In which country a row lies. A search for "Berlin" also finds one in Connecticut: nothing is German by default."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Final

import phonenumbers
from babel import Locale

Point = tuple[float, float]

# Rough borders as (longitude, latitude), good to about ten kilometres; NEAR says what lies too close to them to tell.
_GERMANY: Final[tuple[Point, ...]] = (
    (8.3, 55.07), (9.44, 54.86), (10.1, 54.6), (11.35, 54.5), (12.4, 54.55), (13.4, 54.75), (14.25, 54.0),
    (14.45, 53.3), (14.15, 52.85), (14.65, 52.6), (14.56, 52.3), (14.75, 52.05), (14.6, 51.75), (15.05, 51.3),
    (15.0, 51.1), (14.8, 50.85), (14.3, 51.05), (13.9, 50.75), (13.4, 50.6), (12.95, 50.4), (12.3, 50.2),
    (12.1, 50.3), (12.5, 49.95), (12.4, 49.75), (12.65, 49.45), (13.1, 49.15), (13.8, 48.78), (13.45, 48.55),
    (12.85, 48.2), (12.95, 47.9), (13.05, 47.65), (13.0, 47.47), (12.75, 47.63), (12.2, 47.6), (11.6, 47.58),
    (11.0, 47.4), (10.7, 47.56), (10.2, 47.27), (9.75, 47.55), (9.2, 47.66), (8.4, 47.57), (7.6, 47.57),
    (7.57, 48.05), (7.8, 48.6), (8.2, 48.97), (7.5, 49.1), (7.0, 49.12), (6.4, 49.46), (6.5, 49.8), (6.13, 50.15),
    (6.25, 50.5), (6.0, 50.76), (5.87, 51.05), (6.2, 51.4), (5.95, 51.82), (6.75, 51.9), (7.05, 52.35), (6.7, 52.6),
    (7.05, 52.65), (7.2, 53.2), (6.65, 53.6), (7.9, 53.8), (7.6, 54.3), (8.2, 54.6),
)  # fmt: skip
_UNITED_STATES: Final[tuple[Point, ...]] = (
    (-124.7, 48.4), (-123.0, 49.0), (-95.2, 49.0), (-89.5, 48.0), (-84.8, 46.5), (-82.5, 45.3), (-82.4, 43.0),
    (-83.1, 42.1), (-79.0, 42.6), (-79.0, 43.3), (-76.8, 43.6), (-75.0, 44.9), (-71.5, 45.0), (-70.3, 46.0),
    (-69.2, 47.4), (-67.8, 47.0), (-67.0, 44.8), (-70.0, 43.0), (-69.9, 41.6), (-74.0, 39.7), (-75.0, 38.2),
    (-75.4, 35.2), (-81.0, 31.0), (-80.0, 26.8), (-80.2, 25.1), (-82.0, 26.0), (-84.0, 30.0), (-89.0, 28.9),
    (-94.0, 29.4), (-97.3, 25.9), (-99.5, 27.5), (-101.4, 29.7), (-103.2, 29.0), (-106.5, 31.7), (-111.0, 31.3),
    (-117.1, 32.5), (-120.6, 34.5), (-124.4, 40.3),
)  # fmt: skip
_NEAR: Final = 0.15

_OTHER_NAMES: Final = {
    "deutschland": "DE",
    "usa": "US",
    "u.s.a.": "US",
    "u.s.": "US",
    "uk": "GB",
    "england": "GB",
    "scotland": "GB",
    "holland": "NL",
}
_GERMAN_POSTCODE: Final = re.compile(r"(?:D-?\s?)?(\d{5})$")


@dataclass(frozen=True, slots=True)
class Country:
    """ISO code, or "" where it cannot be told; `doubt` when the row's own country is not what its other cells say."""

    code: str
    doubt: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Witnesses:
    """What a row tells about where it lies; each may be empty."""

    stated: str = ""
    text: str = ""
    postcode: str = ""
    city: str = ""
    phone: str = ""
    latitude: float | None = None
    longitude: float | None = None


def country_of(seen: Witnesses) -> Country:
    """The country of a row; German only where nothing speaks against it."""
    stated = country_code(seen.stated)
    abroad = _abroad(seen, stated)
    if abroad is not None:
        return Country(abroad, doubt=not abroad or stated == "DE" or bool(seen.stated and not stated))
    doubt = bool(seen.stated and not stated)
    if stated == "DE" or _country_in(seen.text) == "DE" or _verdict(seen) == "inside":
        return Country("DE", doubt=doubt)
    if _german_postcode(seen.postcode) and seen.city:
        return Country("DE", doubt=doubt)
    if seen.phone and _phone_region(seen.phone) == "DE":
        return Country("DE", doubt=doubt)
    return Country("", doubt=doubt)


def _abroad(seen: Witnesses, stated: str) -> str | None:
    """The foreign country, "" for an unknown one, or None where nothing speaks for a foreign one."""
    verdict = _verdict(seen)
    named = [code for code in (stated, _country_in(seen.text)) if code and code != "DE"]
    if named:
        return named[0]
    if verdict == "outside":
        if _inside(_UNITED_STATES, (seen.longitude or 0, seen.latitude or 0)):
            return "US"
        region = _phone_region(seen.phone)
        return region if region not in {"", "DE"} else ""
    if verdict in {"near", "inside"} and seen.postcode and not _german_postcode(seen.postcode):
        return ""
    if (
        verdict == "unknown"
        and stated == "DE"
        and re.fullmatch(r"(?:[A-Z]{1,2}-)?\d{4}|[A-Z]\d[A-Z] ?\d[A-Z]\d", seen.postcode)
    ):
        return ""
    return None


@cache
def _names() -> dict[str, str]:
    names = dict(_OTHER_NAMES)
    for language in ("en", "de"):
        names |= {
            name.lower(): code
            for code, name in Locale(language).territories.items()
            if len(code) == 2 and code.isalpha()
        }
    return names


def country_code(text: str) -> str:
    """The ISO code of a country's code or German or English name; "" for anything else."""
    word = text.strip()
    if len(word) == 2 and word.isalpha() and word.upper() in _names().values():
        return word.upper()
    return _names().get(word.lower(), "")


def _country_in(text: str) -> str:
    """The country that an address names as its last part, as geocoders write it."""
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if len(parts) < 2 or len(parts[-1]) <= 3:
        return ""
    return country_code(parts[-1])


def _phone_region(phone: str) -> str:
    try:
        number = phonenumbers.parse(phone, None)
    except phonenumbers.NumberParseException:
        return ""
    return str(phonenumbers.region_code_for_number(number) or "")


def _german_postcode(postcode: str) -> bool:
    return bool(_GERMAN_POSTCODE.match(postcode.strip()))


@lru_cache(maxsize=8)  # asked several times for one row
def _verdict(seen: Witnesses) -> str:
    """Where the coordinates lie: inside Germany, near its border, outside, or unknown."""
    if seen.latitude is None or seen.longitude is None:
        return "unknown"
    point = (seen.longitude, seen.latitude)
    near = _distance(_GERMANY, point) <= _NEAR
    if near:
        return "near"
    return "inside" if _inside(_GERMANY, point) else "outside"


def _inside(polygon: tuple[Point, ...], point: Point) -> bool:
    x, y = point
    inside = False
    for (x1, y1), (x2, y2) in zip(polygon, polygon[1:] + polygon[:1], strict=True):
        if (y1 > y) != (y2 > y) and x < (x2 - x1) * (y - y1) / (y2 - y1) + x1:
            inside = not inside
    return inside


def _distance(polygon: tuple[Point, ...], point: Point) -> float:
    """Degrees to the nearest edge; a degree of longitude counts 0.63 at these latitudes."""
    squeeze = 0.63
    x, y = point[0] * squeeze, point[1]
    nearest = math.inf
    for (x1, y1), (x2, y2) in zip(polygon, polygon[1:] + polygon[:1], strict=True):
        ax, bx = x1 * squeeze, x2 * squeeze
        along = ((x - ax) * (bx - ax) + (y - y1) * (y2 - y1)) / ((bx - ax) ** 2 + (y2 - y1) ** 2)
        along = max(0.0, min(1.0, along))
        nearest = min(nearest, math.hypot(x - ax - along * (bx - ax), y - y1 - along * (y2 - y1)))
    return nearest
