"""Numbers in what people and addresses bring."""

from __future__ import annotations

import re
from typing import Final

from django.utils.translation import get_language

MOST_DIGITS: Final = 18  # what a bigint holds, whatever the digits are


def whole_number(text: str) -> int | None:
    """The number that 1 to 18 ASCII digits spell, else None: `isdigit()` is true of "²" too, which `int()` refuses."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= MOST_DIGITS else None


def typed_number(text: str) -> str:
    """A number as people type it, in the form that programs read: 1.234,56 in German, 1,234.56 in English.

    A dot before exactly three digits groups in German (48.600 are not 48.6); else it may stand for the comma.
    """
    text = re.sub("[\u00a0\u202f €]", "", text)
    group, point = (",", ".") if (get_language() or "").startswith("en") else (".", ",")
    if re.fullmatch(rf"[-+]?\d{{1,3}}(\{group}\d{{3}})+(\{point}\d+)?", text):
        text = text.replace(group, "")
    return text.replace(",", ".") if point == "," and "." not in text else text
