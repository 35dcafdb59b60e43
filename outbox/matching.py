"""Which events a reader hears: exact types, `area.*`, or all; in SQL the function `outbox_hears` says the same."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from django.db.models import Q

EVERYTHING: Final = "*"
PLACING_LOCK: Final = 4_711_001  # advisory lock of whoever gives positions, or needs that none are given meanwhile


def of_types(types: Sequence[str]) -> Q:
    """Events of these types, each exact or `area.*`; all where none is named."""
    found = Q()
    for one in types:
        if one == EVERYTHING:
            return Q()
        found |= Q(type__startswith=one[:-1]) if is_area(one) else Q(type=one)
    return found


def is_area(pattern: str) -> bool:
    """Whether it stands for a whole area: its first word and `.*`, nothing between."""
    return pattern.endswith(".*") and "." not in pattern[:-2]
