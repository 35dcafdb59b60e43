"""Whole numbers in what people and addresses bring."""

from __future__ import annotations

from typing import Final

MOST_DIGITS: Final = 18  # what a bigint holds, whatever the digits are


def whole_number(text: str) -> int | None:
    """The number that 1 to 18 ASCII digits spell, else None: `isdigit()` is true of "²" too, which `int()` refuses."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= MOST_DIGITS else None
