"""Figures as text: the table on stdout, and docs/performance.md."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from bench.base import Figure
from bench.world import ROOT

DOCUMENT = ROOT / "docs" / "performance.md"

PEERS = """
## Beside others

Measured by the same questions on 2 cores at 1,000,000 accounts as a restricted rep (p50 / p95 ms, their JSON without a
page): Odoo 19 list 117 / 145, page 100 278 / 330, three-letter search 728 / 1248, record 77 / 134, save a field 27 / 59,
create 39 / 92, 12 requests/s with 8 clients; EspoCRM list 3256 / 3944, global search 4399 / 6156. Neither finds a name
with a typing error. Our aims at p50: list and any page 40, search 30, record 50, save 20, create 30, 60 requests/s.
"""

HOW = """
Times are whole pages over HTTP against the running product (granian, two workers), one client, warm: session, second
factor, scope, row-level security as the unprivileged role, template and all, from sending to the last byte. A page that is
slow counts with the median of five more tries. "Far page" is the one behind row 50,000, or the last where there are fewer.
"Rows' queries against SQL by hand": the queries that find and read the rows, policies on, against one statement written by
hand for the same first page as the owner without policies in the same run; both count as 2 ms at least.
`told` stands where no bound is set.
"""


def line(figure: Figure) -> str:
    """One figure for the terminal."""
    mark = "OVER" if figure.is_over else "ok"
    if figure.times:
        value = f"p50 {figure.p50:7.1f}  p95 {figure.p95:7.1f}  p99 {figure.p99:7.1f}  ({len(figure.times)})"
    else:
        value = figure.value
    return f"{mark:4}  {figure.case:8} {figure.role:14} {figure.what:52} {figure.bound:18} {value}"


def document(
    figures: Sequence[Figure], *, customers: int, counts: dict[str, int], one_in: int, notes: Iterable[str]
) -> str:
    """The document's text."""
    now = datetime.now(UTC)
    part = "every combination" if one_in == 1 else f"a fixed sample of one combination in {one_in}"
    lines = [
        "# Performance",
        "",
        f"Written by `./freshplan bench --customers {customers}` on {now:%Y-%m-%d %H:%M} UTC; not edited by hand.",
        f"Machine: {_machine()}. List: {part}.",
        f"Load of the machine over the last 15 minutes: {os.getloadavg()[2]:.1f} (above its cores other work ran beside).",
        "Rows: " + ", ".join(f"{table} {count:,}" for table, count in counts.items()) + ".",
        HOW,
        "## Figures",
        "",
        "| case | role | what | bound | p50 ms | p95 ms | p99 ms | n | |",
        "| --- | --- | --- | --- | ---: | ---: | ---: | ---: | --- |",
    ]
    for figure in figures:
        times = (
            f"{figure.p50:.1f} | {figure.p95:.1f} | {figure.p99:.1f} | {len(figure.times)}"
            if figure.times
            else f"{figure.value} | | | "
        )
        verdict = "**over**" if figure.is_over else ""
        lines.append(f"| {figure.case} | {figure.role} | {figure.what} | {figure.bound} | {times} | {verdict} |")
    lines += ["", "## Slowest", ""]
    for figure in figures:
        if figure.slowest and figure.case != "queries":
            unit = "×" if "by hand" in figure.what else "ms"
            worst = "; ".join(f"{value:.1f} {unit} {name}" for value, name in figure.slowest[:3])
            lines.append(f"- {figure.case}, {figure.role}, {figure.what}: {worst}")
    lines += ["", *notes, PEERS.strip(), ""]
    return "\n".join(lines)


def _machine() -> str:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**30
    return f"{os.cpu_count()} cores ({_processor()}), {memory} GB, {platform.system()} {platform.release()}"


def _processor() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.processor()
    names = [row.partition(":")[2].strip() for row in text.splitlines() if row.startswith("model name")]
    return names[0] if names else platform.machine()
