"""The parts of a list's URL; what is faulty becomes a problem and the usual value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from django.utils.translation import gettext as _

from crm.core.filters import Problem
from crm.core.listing.offered import Column, Listing
from crm.core.paging import LARGEST_SIZE

LONGEST_SEARCH: Final = 200
MOST_COLUMNS: Final = 60
DENSITIES: Final = ("compact", "normal", "roomy")


def read_search(text: str, problems: list[Problem]) -> str:
    """The words searched for, at most LONGEST_SEARCH characters of them."""
    text = " ".join(text.replace("\0", " ").split())
    if len(text) > LONGEST_SEARCH:
        problems.append(Problem("q", _("At most %(count)d characters.") % {"count": LONGEST_SEARCH}))
        return text[:LONGEST_SEARCH]
    return text


def read_sort(
    key: str, listing: Listing, available: Mapping[str, Column], problems: list[Problem], *, is_search: bool
) -> str:
    """A sortable column's key, "-key" for descending; the usual order for any other."""
    if not key:
        return listing.usual_sort(is_search=is_search)
    column = available.get(key.removeprefix("-"))
    if column is None or not column.sort:
        problems.append(Problem("sort", _("The list cannot be sorted by this.")))
        return listing.usual_sort(is_search=is_search)
    return key


def read_columns(texts: list[str], available: Mapping[str, Column], problems: list[Problem]) -> tuple[str, ...]:
    """The keys of the columns chosen, those that there are."""
    wanted = [key for text in texts for key in text.split(",") if key]
    known = tuple(dict.fromkeys(key for key in wanted[:MOST_COLUMNS] if key in available))
    if len(known) < len(set(wanted)):
        problems.append(Problem("columns", _("Some of the columns do not exist.")))
    return known


def read_size(text: str, listing: Listing, problems: list[Problem]) -> int:
    """Rows a page."""
    if not text:
        return listing.size
    if not (text.isascii() and text.isdigit() and len(text) < 5 and 1 <= int(text) <= LARGEST_SIZE):
        problems.append(Problem("size", _("Between 1 and %(count)d rows.") % {"count": LARGEST_SIZE}))
        return listing.size
    return int(text)


def read_density(text: str, problems: list[Problem]) -> str:
    """The height of rows, one of DENSITIES; "" for what the reader has on this device."""
    if text and text not in DENSITIES:
        problems.append(Problem("density", _("One of: %(values)s.") % {"values": ", ".join(DENSITIES)}))
        return ""
    return text
