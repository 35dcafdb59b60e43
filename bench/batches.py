"""The case of batches: more than a hundred thousand customers changed in one go by what a worker does, and taken back again."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

from psycopg import sql

from bench.base import Client, Figure
from bench.run import Run
from bench.world import LARGE

AIM = 1_000  # customers a second
PATIENCE = 1_800.0  # seconds
FIELD, VALUE = "expected_annual_volume", "4711.00"
SELECTION = {"field": "status", "op": "in", "value": ["RISIKO", "INAKTIV"]}  # fifteen in a hundred
PASSING = ("version", "updated_at", "projected_at")


def bulk_(run: Run) -> Iterator[Figure]:
    """One field of all that match is set over the API, then undone; the tables are afterwards what they were before."""
    if "manager" not in run.asking:
        return
    client = run.client(run.asking["manager"])
    _end_old(client)
    before = _checksums(run)
    asked = {"action": "field", "field": FIELD, "value": VALUE, "filter": SELECTION}
    done = _finished(client, client.send("POST", "/api/bulk-actions/", asked))
    run.say(f"bulk: {done['done']:,} customers in {_seconds(done):.0f} s")
    changed = _checksums(run)
    undone = _finished(client, client.send("POST", f"/api/change-sets/{done['change_set_id']}/undo/", {}))
    run.say(f"bulk: undone in {_seconds(undone):.0f} s")
    for what, task in (("one field set", done), ("undone", undone)):
        rate = task["done"] / _seconds(task)
        yield Figure(
            "bulk", "manager", what, f"≥ {AIM:,} a second", rate < AIM or task["state"] != "DONE",
            value=f"{task['done']:,} rows in {_seconds(task):.0f} s: {rate:,.0f} a second; {task['state']}",
        )  # fmt: skip
    after = _checksums(run)
    differing = sorted(name for name in before if before[name] != after[name])
    moved = sorted(name for name in before if before[name] != changed[name])
    yield Figure(
        "bulk", "manager", "before = after the undo, by checksum of the tables", "equal", bool(differing or not moved),
        value=f"{len(before)} tables, {len(moved)} changed by it, {len(differing)} differ: {', '.join(differing) or 'none'}",
    )  # fmt: skip


def _end_old(client: Client) -> None:
    """Cancel what a run that was ended in between left to the worker."""
    for task in json.loads(client.get("/api/tasks/")[1])["results"]:
        if not task["finished_at"]:
            _finished(client, client.send("POST", f"/api/tasks/{task['id']}/cancel/", {}))


def _finished(client: Client, answer: str) -> dict[str, Any]:
    """The task, worked at in turns as a worker does until it is over. One whose worker died waits for the end of its lease."""
    from jobs.working import Outcome, work

    task_id, end = json.loads(answer)["id"], time.monotonic() + PATIENCE
    while work(LARGE, task_id) is not Outcome.OVER:
        if time.monotonic() > end:
            raise RuntimeError(f"task {task_id} did not end")
        time.sleep(1)
    task: dict[str, Any] = json.loads(client.get(f"/api/tasks/{task_id}/")[1])
    return task


def _seconds(task: dict[str, Any]) -> float:
    """What the worker took, by the product's own count."""
    return max(float(task["done"]) / task["rate"] if task["rate"] else 0.0, 0.001)


def _checksums(run: Run) -> dict[str, tuple[Any, ...]]:
    """Rows and content of every table of customers, every column but what each write moves on; no history: it only grows."""
    columns: dict[str, list[str]] = {}
    for table, column in run.owner.execute(
        "SELECT table_name, column_name FROM information_schema.columns JOIN information_schema.tables USING (table_schema, table_name)"
        " WHERE table_schema = 'public' AND table_type = 'BASE TABLE' AND table_name LIKE 'customers\\_%%'"
        " AND table_name NOT LIKE 'customers\\_historical%%' AND column_name <> ALL (%s) ORDER BY 1, ordinal_position",
        [list(PASSING)],
    ):
        columns.setdefault(table, []).append(column)
    found = {}
    for table, names in columns.items():
        row = sql.SQL("SELECT count(*), coalesce(sum(hashtextextended(row({})::text, 0)), 0) FROM {}").format(
            sql.SQL(", ").join(map(sql.Identifier, names)), sql.Identifier(table)
        )
        found[table] = run.owner.execute(row).fetchone() or ()
    return found
