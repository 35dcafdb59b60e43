"""docs/reliability.md: what was done to the product, what was lost, how long it took to recover."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bench.base import percentile
from bench.faults.load import Write
from bench.faults.truth import Ends

DOCUMENT = Path(__file__).resolve().parent.parent.parent / "docs" / "reliability.md"


@dataclass(frozen=True, slots=True)
class Outcome:
    """One fault in one round. Seconds count from the end of the fault until everything written before it was handled."""

    round: int
    fault: str
    how: str
    at: float
    lasted: float
    acknowledged: int
    refused: int
    lost: int
    doubled: int
    recovery: float


@dataclass(frozen=True, slots=True)
class Conditions:
    """How it was run."""

    command: str
    seed: int
    seconds: float
    rate: float
    with_redis: Sequence[float]  # milliseconds of acknowledged writes
    without_redis: Sequence[float]
    unplaced: int
    gaps: int
    ends: Ends


def windows(writes: Sequence[Write], spans: Sequence[tuple[float, float]]) -> tuple[list[float], list[float]]:
    """Milliseconds of acknowledged writes outside of these spans, and inside."""
    outside, inside = [], []
    for write in writes:
        if write.acknowledged:
            where = inside if any(begin <= write.at <= end for begin, end in spans) else outside
            where.append(write.seconds * 1000)
    return outside, inside


def line(outcome: Outcome) -> str:
    """One fault on the terminal."""
    return (
        f"round {outcome.round:2} {outcome.fault:<22} at {outcome.at:7.1f} s  {outcome.how:<24}"
        f" {outcome.acknowledged:4} writes, {outcome.refused:3} refused, {outcome.lost} lost, {outcome.doubled} doubled,"
        f" well again after {outcome.recovery:.1f} s"
    )


def document(outcomes: Sequence[Outcome], conditions: Conditions) -> str:
    """The whole page."""
    faults = list(dict.fromkeys(outcome.fault for outcome in outcomes))
    rounds = max(outcome.round for outcome in outcomes)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    text = [
        "# Faults",
        "",
        f"Made by `{conditions.command}` on {datetime.now(UTC):%d %B %Y}: {os.cpu_count()} cores, {memory:.0f} GB,"
        f" {platform.system()} {platform.release()}, seed {conditions.seed}, {conditions.seconds / 60:.0f} minutes, load"
        f" average {os.getloadavg()[2]:.1f} (whatever else the machine did is in it).",
        "",
        "The product runs as `./freshplan run` on a data folder of its own, with demo data. A demo's rep makes"
        f" {conditions.rate:.0f} customers a second over HTTP, never the same one twice, each with its event, the whole time."
        " Two hear of all: a simulated subscriber, and the product itself, through its own webhook door, behind which its worker"
        " takes in each message. At a random moment of each round a fault is made; then the tables are read as their owner.",
        "",
        "- **lost**: the product said yes, and the customer or its event is not there.",
        "- **doubled**: a customer, its event, or the handling of one is there more often than once.",
        "- **refused**: the product did not say yes, as while no web process or no database is there.",
        "- **well again**: seconds from the end of the fault until every process runs, /readyz says 200, and a new write and"
        " everything before it is placed in the feed and handled.",
        "",
        "A worker runs from its start, some seconds before it takes messages. What our own door refuses twice while no web process"
        " or no database is there comes again five minutes later by the plan of attempts, so its messages are counted at the end."
        " That a handler's effects happen exactly once while relay, worker and its children are killed is held besides by"
        " `tests/outbox/test_faults.py`.",
        "",
        "| fault | rounds | writes | refused | lost | doubled | well again, median | slowest |",
        "| --- | --: | --: | --: | --: | --: | --: | --: |",
    ]
    for fault in faults:
        of = [outcome for outcome in outcomes if outcome.fault == fault]
        took = [outcome.recovery for outcome in of]
        sums = [sum(getattr(outcome, key) for outcome in of) for key in ("acknowledged", "refused", "lost", "doubled")]
        text.append(
            f"| {fault} | {len(of)} | {' | '.join(map(str, sums))} | {percentile(took, 50):.1f} s | {max(took):.1f} s |"
        )
    text += [
        "",
        f"After the load ended: {conditions.unplaced} events without a position, {conditions.gaps} gaps in the feed;"
        f" {conditions.ends.never_sent} events never reached the subscriber, {conditions.ends.sent_again} did more than once, under"
        f" the one id that tells them apart, {conditions.ends.disorder} came behind a younger one of their record; the worker"
        f" behind our own door took in all but {conditions.ends.never_taken_in}, and {conditions.ends.taken_in_again} more than once.",
        "",
        "| acknowledged writes | number | p50 | p95 |",
        "| --- | --: | --: | --: |",
        *(
            f"| {what} | {len(times)} | {percentile(times, 50):.0f} ms | {percentile(times, 95):.0f} ms |"
            for what, times in (("with Redis", conditions.with_redis), ("without Redis", conditions.without_redis))
        ),
        "",
        "## Each round",
        "",
        "What was hurt, and seconds until well again.",
        "",
        "| round | " + " | ".join(faults) + " |",
        "| --: |" + " --- |" * len(faults),
    ]
    for number in range(1, rounds + 1):
        cells = {outcome.fault: outcome for outcome in outcomes if outcome.round == number}
        shown = [f"{cells[f].how}: {cells[f].recovery:.1f} s" if f in cells else "" for f in faults]
        text.append(f"| {number} | " + " | ".join(shown) + " |")
    return "\n".join(text) + "\n"
