"""The life of a customer, as data: which status may follow which, and who may say so."""

from __future__ import annotations

from typing import Final

from customers.choices import CustomerStatus as S

# 10 of 25 pairs; staying where one is changes nothing, all else is refused (domain-rules.md C).
ALLOWED: Final[dict[str, frozenset[str]]] = {
    S.PROSPECT: frozenset({S.AKTIV, S.ARCHIVIERT}),
    S.AKTIV: frozenset({S.RISIKO, S.ARCHIVIERT}),
    S.RISIKO: frozenset({S.AKTIV, S.INAKTIV, S.ARCHIVIERT}),
    S.INAKTIV: frozenset({S.AKTIV, S.ARCHIVIERT}),
    S.ARCHIVIERT: frozenset({S.PROSPECT}),
}

# A delivered order lifts these to AKTIV; a person changes the rest by hand.
LIFTED_BY_ORDER: Final = frozenset({S.PROSPECT, S.RISIKO, S.INAKTIV})
LIFTED_BY_MANAGER: Final = frozenset({S.RISIKO, S.INAKTIV})  # by a service of its own: the count must agree
BY_MANAGER: Final = frozenset({S.ARCHIVIERT, S.PROSPECT})

# What the nights mark a prospect with who does not order; the tags go when he is none any more.
WARNED, REVIEW_REQUIRED = "WARNED_60_DAYS", "REVIEW_REQUIRED"
STAGE_TAGS: Final = (WARNED, REVIEW_REQUIRED)
