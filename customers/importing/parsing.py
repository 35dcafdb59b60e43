"""From the text of a cell to a value. Every parser raises ValueError with a sentence that says what is right."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Sequence
from decimal import Decimal, InvalidOperation
from typing import Final

import phonenumbers
from django.core.exceptions import ValidationError
from django.core.validators import EmailValidator, URLValidator
from django.db.models import TextChoices
from django.utils.translation import gettext as _

from crm.core import digits

_TRUE: Final = frozenset({"1", "true", "yes", "y", "ja", "j", "wahr", "x"})
_FALSE: Final = frozenset({"0", "false", "no", "n", "nein", "falsch", "-"})
_DATE_FORMS: Final = ("%Y-%m-%d", "%d.%m.%Y", "%d.%m.%y", "%d/%m/%Y", "%Y/%m/%d")
_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_GERMAN_MONTHS: Final = {"mär": 3, "mae": 3, "mrz": 3, "mai": 5, "okt": 10, "dez": 12}
_SCHEME: Final = re.compile(r"^[a-z][a-z0-9+.-]*:", re.IGNORECASE)
# Words that stand before or after a number and are no text of its own.
_PHONE_WORDS: Final = re.compile(
    r"\b(?:phone|telefon|tel|fon|mobil|mobile|handy|fax|durchwahl|ext|dw|oder|or|und)\b\.?:?", re.IGNORECASE
)
_PHONE_PARTS: Final = re.compile(r"\s*(?:[;,|]|\s/\s(?=\+|0)|\boder\b|\bor\b|\bund\b)\s*", re.IGNORECASE)
_HOUSE_NUMBER: Final = re.compile(
    r"^(?:(?P<street>.+?[^\W\d].*?)\s+)?"
    r"(?P<number>\d+(?:\s?[a-z]{1,2})?(?:\s?(?:[-/;,&+.\u2013]|und|bis)\s?(?:\d+(?:\s?[a-z])?|[a-z]))*)$",
    re.IGNORECASE,
)
_NUMBERED_STREET: Final = re.compile(
    r"^(?:straße|strasse|str\.?|weg|platz|allee|route|u\.?s\.?|highway|calle|carrera)$", re.IGNORECASE
)

_valid_mail = EmailValidator()
_valid_url = URLValidator(schemes=["http", "https"])


def text_up_to(length: int) -> Callable[[str], str]:
    """A parser of texts of at most `length` characters, white space made single."""

    def parse(text: str) -> str:
        text = text.strip()
        if "\n" not in text:
            text = re.sub(r"\s+", " ", text)
        if len(text) > length:
            raise ValueError(_("At most %(length)s characters, here %(here)s.") % {"length": length, "here": len(text)})
        return text

    return parse


def one_of(choices: type[TextChoices]) -> Callable[[str], str]:
    """A parser of wire names, whatever their case."""
    known = tuple(choices.values)

    def parse(text: str) -> str:
        value = text.strip().upper().replace(" ", "_").replace("-", "_")
        if value not in known:
            raise ValueError(_("One of %(choices)s.") % {"choices": ", ".join(known)})
        return value

    return parse


def boolean(text: str) -> bool:
    """Yes or no, in German or English."""
    word = text.strip().lower()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise ValueError(_("Yes or no."))


def decimal(text: str) -> Decimal:
    """A number written in the German or the English way: `1.234,56` and `1,234.56` and `1234.56` are the same."""
    figure = re.sub(r"[\s\u00a0€%]|EUR", "", text)
    if "," in figure and "." in figure:
        thousands = "." if figure.rindex(",") > figure.rindex(".") else ","
        figure = figure.replace(thousands, "")
    elif figure.count(".") > 1 or re.fullmatch(r"-?[1-9]\d{0,2}(?:\.\d{3})+", figure):
        figure = figure.replace(".", "")
    elif figure.count(",") > 1:
        figure = figure.replace(",", "")
    try:
        number = Decimal(figure.replace(",", "."))
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite():
        raise ValueError(_("A number."))
    return number


def money(text: str) -> str:
    """An amount of at least 0 and at most ten digits before the comma, in euro with cents."""
    amount = decimal(text)
    if not 0 <= amount < 10**10:
        raise ValueError(_("An amount of at least 0."))
    return str(amount.quantize(Decimal("0.01")))


def whole_number(text: str) -> int:
    """A whole number of at least 0."""
    number = decimal(text)
    if number != number.to_integral_value() or not 0 <= number < 2**31:
        raise ValueError(_("A whole number of at least 0."))
    return int(number)


def degrees(most: int) -> Callable[[str], str]:
    """A parser of geographic degrees from -most to most, six digits after the point."""

    def parse(text: str) -> str:
        try:
            number = Decimal(text.strip().replace(",", "."))
        except InvalidOperation:
            number = Decimal("NaN")
        if not number.is_finite() or abs(number) > most:
            raise ValueError(_("Degrees between -%(most)s and %(most)s.") % {"most": most})
        return str(number.quantize(Decimal("0.000001")))

    return parse


def date(text: str) -> str:
    """A date as `YYYY-MM-DD`, from the ISO or the German way of writing it."""
    for form in _DATE_FORMS:
        try:
            return datetime.datetime.strptime(text.strip(), form).date().isoformat()  # noqa: DTZ007 - a date has no zone
        except ValueError:
            continue
    raise ValueError(_("A date, for example 2026-11-20 or 20.11.2026."))


def months(text: str) -> list[int]:
    """Months as numbers or names, separated by commas or semicolons."""
    found = set()
    for part in re.split(r"[,;|\s]+", text.strip().lower()):
        word = part[:3]
        number = (
            digits.whole_number(part) or _GERMAN_MONTHS.get(word) or (_MONTHS.index(word) + 1 if word in _MONTHS else 0)
        )
        if not 1 <= number <= 12:
            raise ValueError(_("Months as numbers, for example 4,5,6."))
        found.add(number)
    return sorted(found)


def mail(text: str) -> str:
    """An e-mail address."""
    address = text.strip().removeprefix("mailto:")
    try:
        _valid_mail(address)
    except ValidationError:
        raise ValueError(_("An e-mail address.")) from None
    if len(address) > 254:
        raise ValueError(_("An e-mail address."))
    return address


def website(text: str) -> str:
    """A web address; a scheme that is missing is added (https), a misspelled one put right."""
    address = text.strip().split(";")[0].strip()
    address = re.sub(r"^h+t+ps?:/*(?=[^/])", lambda found: "https://" if "s" in found.group() else "http://", address)
    if not _SCHEME.match(address) or re.match(r"^[^/:]+:\d+", address):
        address = f"https://{address}"
    host = re.sub(r"^https?://", "", address, flags=re.IGNORECASE).split("/")[0]
    try:
        if "@" in host:
            raise ValidationError("mail")
        _valid_url(address)
    except ValidationError:
        raise ValueError(_("A web address, for example https://example.org.")) from None
    if len(address) > 300:
        raise ValueError(_("At most %(length)s characters, here %(here)s.") % {"length": 300, "here": len(address)})
    return address


def phones(text: str, region: str = "DE") -> tuple[list[str], list[str]]:
    """The numbers in a cell as E.164, and the parts that are none. `region` reads numbers without country code.

    Opening hours, a bare country code and words are no numbers, whatever digits they hold.
    """
    numbers: list[str] = []
    others: list[str] = []
    for part in _PHONE_PARTS.split(text.strip()):
        if not part:
            continue
        number = _phone(part, region)
        if number is None:
            others.append(part)
        elif number not in numbers:
            numbers.append(number)
    return numbers, others


def _phone(text: str, region: str) -> str | None:
    bare = _PHONE_WORDS.sub(" ", text).replace("±", "+").strip()
    if re.search(r"[^\W\d_]", bare) or re.search(r"\d:\d", bare):
        return None
    # A second way of writing Germany's prefix: 0049, 049, and 49 in front of an area code.
    for spelling in (bare, re.sub(r"^\(?0?49\)?(?=[\s(/-]*0?[1-9])", "+49 ", bare)):
        try:
            number = phonenumbers.parse(spelling, region or None)
        except phonenumbers.NumberParseException:
            continue
        if phonenumbers.is_valid_number(number):
            return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))
    return None


def split_street(text: str) -> tuple[str, str]:
    """Street and house number of a line that holds both; the number is "" where the line has none."""
    line = text.strip().rstrip(",").strip()
    found = _HOUSE_NUMBER.match(line)
    if found is None or len(found["number"]) > 20:
        return line, ""
    street = found["street"] or ""
    if _NUMBERED_STREET.match(street):
        return line, ""
    return street.strip(" ,"), re.sub(r"\s+", " ", found["number"])


def words(text: str) -> Sequence[str]:
    """The distinct parts of a list in one cell, separated by semicolons, commas or bars, in their order."""
    return list(dict.fromkeys(part.strip() for part in re.split(r"[;,|]", text) if part.strip()))
