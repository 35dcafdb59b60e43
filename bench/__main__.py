"""`./freshplan bench [--customers N] [--cases A,B] [--roles A,B] [--quick]`: load customers and measure the named cases.

The table goes to stdout and to docs/performance.md, progress to stderr; the last line is `N cases, M over their bound`.
Exit 0 only when no case is over its bound.
"""

from __future__ import annotations

import argparse
import signal
import sys
import time

import psycopg

from bench import report
from bench.base import ROLES, Figure
from bench.load import Loader, Size
from bench.run import Run
from bench.world import enter_django, prepare, served, sign_in

QUICK = 40  # of so many combinations of the list one is measured
LEAST = 1_000


def main(arguments: list[str] | None = None) -> int:
    """The exit code."""
    options = _options(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # ends what it started
    started = time.monotonic()

    def say(text: str) -> None:
        print(f"{time.monotonic() - started:7.1f} s  {text}", file=sys.stderr, flush=True)

    world = prepare(Size(options.customers), say)
    enter_django(world)
    from bench.cases import CASES

    figures: list[Figure] = []
    with served(world) as port, psycopg.connect(world.owner, autocommit=True) as owner:
        askers = sign_in(world)
        asking = {role: asker for role, asker in askers.items() if role in options.roles}
        run = Run(world, askers, asking, port, owner, QUICK if options.quick else options.one_in, say)
        for name in options.cases:
            for figure in CASES[name](run):
                figures.append(figure)
                print(report.line(figure), flush=True)
    counts = Loader(world.owner, world.size, say).remember()
    if options.document:
        text = report.document(figures, customers=options.customers, counts=counts, one_in=run.one_in, notes=())
        report.DOCUMENT.parent.mkdir(exist_ok=True)
        report.DOCUMENT.write_text(text, encoding="utf-8")
    over = sum(figure.is_over for figure in figures)
    print(f"{len(figures)} cases, {over} over their bound")
    return 1 if over else 0


def _options(arguments: list[str] | None) -> argparse.Namespace:
    names = [
        "list",
        "filter",
        "search",
        "queries",
        "record",
        "write",
        "create",
        "duplicates",
        "api",
        "load",
        "door",
        "delivery",
        "bulk",
    ]
    parser = argparse.ArgumentParser(prog="freshplan bench", description="Load customers and measure the named cases.")
    parser.add_argument("--customers", type=int, default=100_000, help="of the large organisation (default 100,000)")
    parser.add_argument("--cases", default=",".join(names), help=f"some of {','.join(names)} (default all)")
    parser.add_argument(
        "--quick", action="store_true", help=f"of the list one combination in {QUICK}, of messages and events as many"
    )
    parser.add_argument(
        "--one-in", type=int, default=1, metavar="N", help="of the list, of messages and events one in N (default all)"
    )
    parser.add_argument(
        "--no-document", dest="document", action="store_false", help="leave docs/performance.md as it is"
    )
    parser.add_argument("--roles", default=",".join(ROLES), help=f"some of {','.join(ROLES)} (default all)")
    options = parser.parse_args(arguments)
    options.roles = [role for role in options.roles.split(",") if role]
    if unknown := set(options.roles) - set(ROLES):
        parser.error(f"no such role: {', '.join(sorted(unknown))}; there are {', '.join(ROLES)}")
    options.cases = [name for name in options.cases.split(",") if name]
    if unknown := set(options.cases) - set(names):
        parser.error(f"no such case: {', '.join(sorted(unknown))}; there are {', '.join(names)}")
    if options.customers < LEAST:
        parser.error(f"at least {LEAST} customers")
    options.one_in = max(options.one_in, 1)
    return options


if __name__ == "__main__":
    sys.exit(main())
