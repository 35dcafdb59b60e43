"""What every case gets: the world, who asks, where the product answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import psycopg

from bench.base import LIST, Asker, Client
from bench.world import HOST, World


@dataclass(frozen=True, slots=True)
class Run:
    """What a case may use: the world, who asks, the product's port, a connection as owner, one in how many combinations.

    `askers` are all roles, `asking` those whose pages are measured.
    """

    world: World
    askers: dict[str, Asker]
    asking: dict[str, Asker]
    port: int
    owner: psycopg.Connection
    one_in: int
    say: Callable[[str], None]

    def client(self, asker: Asker) -> Client:
        """A warm client of this person."""
        client = Client(HOST, self.port, asker)
        for _ in range(8):
            client.get(LIST)
        return client

    def some(self, asker: Asker, count: int) -> list[int]:
        """Ids of customers that the asker may change, the same in every run."""
        rows = self.owner.execute(
            f"SELECT h.customer_id FROM customers_customerhot h WHERE h.organisation_id = 1 AND {asker.rows}"  # type: ignore[arg-type]
            " AND h.customer_id > 5 ORDER BY hashint8(h.customer_id), 1 LIMIT %s",
            [count],
        ).fetchall()
        return [int(pk) for (pk,) in rows]
