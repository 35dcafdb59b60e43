"""Route × method: who is let in. A new route without a row fails the suite; a row names somebody who is let in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.matrix.world import EVERYBODY, MANAGERS, READERS, SIGNED_IN, WRITERS, World

Arguments = Callable[[World], Mapping[str, Any]]


@dataclass(frozen=True)
class Row:
    """Who may `method` a route on the world's record. `data` is a valid body; everybody else is refused.

    `others` is how the refused are answered: 404 on records, 403 or a redirect elsewhere.
    """

    method: str
    open_to: frozenset[str]
    arguments: Arguments = lambda world: {}
    data: Callable[[World], Mapping[str, Any]] = lambda world: {}


def of(world: World) -> Mapping[str, Any]:
    """The location's address."""
    return {"pk": world.location.pk}


ROUTES: dict[str, list[Row]] = {
    "home": [Row("GET", SIGNED_IN | {"anonymous"})],
    "core:healthz": [Row("GET", EVERYBODY)],
    "core:readyz": [Row("GET", EVERYBODY)],
    "customers:list": [Row("GET", SIGNED_IN)],
    "customers:detail": [Row("GET", READERS, of)],
}

# Routes of libraries, each with the reason why it has no row of its own.
EXCUSED: dict[str, str] = {}
_ = (MANAGERS, WRITERS, field)
