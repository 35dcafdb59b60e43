"""What /metrics tells of connections to other systems: their state, and that of their breakers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from crm.core.access import Scope
from crm.core.metrics import Figure, of_each_organisation
from outbox.choices import ConnectionState
from outbox.guards import breaker_states
from outbox.models import Connection

BREAKER_STATES = ("closed", "half-open", "open")


def figures() -> Iterator[Figure]:
    """How many connections of each provider are in each state, and their breakers; a state that none is in says 0."""
    states: Counter[tuple[str, str]] = Counter()
    breakers: Counter[tuple[str, str]] = Counter()
    rows = [row for of in of_each_organisation(_connections) for row in of]
    found = breaker_states([pk for pk, _provider, _state, base_url in rows if base_url])
    for pk, provider, state, _base_url in rows:
        states[provider, state] += 1
        if pk in found:
            breakers[provider, found[pk]] += 1
    for provider in sorted({row[1] for row in rows}):
        for state in ConnectionState.values:
            labels = {"provider": provider, "state": state.lower()}
            yield Figure("freshplan_connections", "Connections by state.", states[provider, state], labels)
        for state in BREAKER_STATES:
            labels = {"provider": provider, "state": state}
            yield Figure("freshplan_breakers", "Breakers of connections by state.", breakers[provider, state], labels)


def _connections(scope: Scope) -> list[tuple[int, str, str, str]]:
    """(id, provider, state, address) of one organisation's."""
    rows = Connection.objects.visible_to(scope).present()
    return list(rows.values_list("pk", "provider", "state", "base_url"))
