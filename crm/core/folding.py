"""One fold for all comparisons of names and words: Müller = Mueller = muller, Straße = strasse, Łódź = lodz.

The twin of `crm/core/sql/fold.sql` (`crm_fold`, `crm_fold_words`): a test holds both equal, so that what Python folds
is found by an index over what SQL folded. Nothing here rests on a collation or locale of the database.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

LONGEST_WORD: Final = 40

# Small letters for Latin, Greek and Cyrillic after accents are gone, written out: lower() differs between servers.
_CAPITALS: Final = "ØŁĐÐŦĦŊÞ" + "ΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣΤΥΦΧΨΩ" + "АБВГДЕЖЗИКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯЂЄЅІЈЉЊЋЏҐ"
_SMALL: Final = "olddthnþ" + "αβγδεζηθικλμνξοπρστυφχψω" + "абвгдежзиклмнопрстуфхцчшщъыьэюяђєѕіјљњћџґ"
_VARIANTS: Final = dict(zip("øłđðŧħŋıς", "olddthniσ", strict=True))  # noqa: RUF001 - Greek is meant
_LETTERS: Final = str.maketrans(
    {chr(code): chr(code + 32) for code in range(ord("A"), ord("Z") + 1)}
    | dict(zip(_CAPITALS, _SMALL, strict=True))
    | _VARIANTS
    | {"ß": "ss", "ẞ": "ss", "æ": "ae", "Æ": "ae", "œ": "oe", "Œ": "oe", "þ": "th", "Þ": "th"}
)
_MARKS: Final = re.compile("[\u0300-\u036f\u00ad\u200b-\u200d\u2060\ufeff]")  # accents, and what is not seen
_UMLAUT_E: Final = re.compile("([aou])e+")
_BLANKS: Final = re.compile("[\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+")
# What parts words: ASCII and Latin-1 signs, punctuation and symbol blocks, private use, emoji.
_BETWEEN: Final = re.compile(
    "[\x01-/:-@\\[-`{-\xa9\xab-\xb1\xb4\xb6-\xb8\xbb\xbf\xd7\xf7\u02c2-\u02df\u2000-\u206f\u20a0-\u20cf\u2100-\u2bff"
    "\u2e00-\u2e7f\u3000-\u303f\ue000-\uf8ff\ufe10-\ufe6f\U0001f000-\U0001faff]+"
)


def fold(text: str) -> str:
    """`text` as it is compared: small letters, no accents, ß = ss, and ae, oe, ue as a, o, u; blanks collapsed.

    Folding twice changes nothing. "neue" becomes "neu", as it does in SQL; a fold is compared, never shown.
    """
    plain = _MARKS.sub("", unicodedata.normalize("NFKD", text)).translate(_LETTERS)
    return _BLANKS.sub(" ", _UMLAUT_E.sub(r"\1", plain)).strip(" ")


def fold_words(text: str) -> list[str]:
    """The distinct folded words of `text` in their order: runs of letters and digits, cut at 40 characters."""
    return list(dict.fromkeys(word[:LONGEST_WORD] for word in _BETWEEN.split(fold(text)) if word))
