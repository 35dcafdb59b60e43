"""`./freshplan faults [--rounds N] [--faults A,B] [--quick] [--seed N]`: hurt the product under load and count what was lost.

Progress goes to stderr, one line a fault to stdout and all to docs/reliability.md; the last line is
`N rounds, L lost, D doubled`. Exit 0 only when nothing was lost, doubled or left without its place.
"""

from __future__ import annotations

import argparse
import random
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg

from bench.faults import hearing, report, truth
from bench.faults.installation import Installation
from bench.faults.load import FIRST, Browser, Load
from bench.simulated import Simulator, simulated
from crm.launcher.datafolder import DataFolder

WELL = 180.0  # seconds after which a fault counts as not recovered from
LAST = 420.0  # seconds for what was refused twice by our own door, and is tried again after five minutes
BAD = 4.0  # seconds that the receiver is bad: shorter than the first pause before a message is tried again
RATE, WRITERS = 6.0, 3


@dataclass
class Bout:
    """Everything a fault may use."""

    product: Installation
    receiver: Simulator
    chance: random.Random
    away: float  # seconds that Redis is away
    without_redis: list[tuple[float, float]] = field(default_factory=list)


def _killed(name: str) -> Callable[[Bout], str]:
    return lambda bout: bout.product.kill(name, bout.chance)


def _redis(how: str) -> Callable[[Bout], str]:
    def fault(bout: Bout) -> str:
        away = bout.product.redis_away() if how == "refuses" else bout.product.redis_hanging()
        with away:
            begin = time.monotonic()
            time.sleep(bout.away)
            bout.without_redis.append((begin, time.monotonic()))
        return f"{how} for {bout.away:.0f} s"

    return fault


def _subscriber(**told: Any) -> Callable[[Bout], str]:
    def fault(bout: Bout) -> str:
        bout.receiver.faults(**told)
        time.sleep(BAD)
        bout.receiver.faults()
        return f"for {BAD:.0f} s"

    return fault


FAULTS: dict[str, Callable[[Bout], str]] = {
    "web killed": _killed("web"),
    "worker killed": _killed("worker"),
    "relay killed": _killed("relay"),
    "sender killed": _killed("sender"),
    "beat killed": _killed("beat"),
    "Redis away": _redis("refuses"),
    "Redis hanging": _redis("hangs"),
    "PostgreSQL restarted": lambda bout: bout.product.restart_postgres(bout.chance),
    "receiver answers 500": _subscriber(error={"status": 500}),
    "receiver hangs": _subscriber(hang=60),
    "receiver cuts off": _subscriber(reset=True),
}


def main(arguments: list[str] | None = None) -> int:
    """The exit code."""
    options = _options(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # ends what it started
    begun = time.monotonic()

    def say(text: str) -> None:
        print(f"{time.monotonic() - begun:7.1f} s  {text}", file=sys.stderr, flush=True)

    say(f"seed {options.seed}; starting a product of its own")
    mark = f"Faultlauf {options.seed}"
    with simulated("subscriber") as receiver, _product() as product:
        bout = Bout(product, receiver, random.Random(options.seed), options.away)
        browser = Browser(product.port, FIRST)
        browser.sign_in("Sales rep")
        hearing.set_up(product, receiver, _until)
        with _running(Load(browser, rate=RATE, writers=WRITERS, mark=mark)) as load:
            outcomes = []
            for number in range(1, options.rounds + 1):
                for name in options.faults:
                    outcome = _one(number, name, bout, load, mark, begun)
                    outcomes.append(outcome)
                    print(report.line(outcome), flush=True)
        say("the load has ended; waiting for what is tried again later, then counting once more")
        _until(lambda: truth.is_over(product.owner_url), LAST)
        with psycopg.connect(product.owner_url) as owner:
            count = truth.count(owner, load.writes, mark, feed=True)
            ends = truth.ends(owner, load.writes, receiver.log(), receiver.state()["disorder"])
    outside, inside = report.windows(load.writes, bout.without_redis)
    conditions = report.Conditions(
        command="./freshplan faults " + " ".join(sys.argv[1:] if arguments is None else arguments),
        seed=options.seed, seconds=time.monotonic() - begun, rate=RATE, with_redis=outside, without_redis=inside,
        unplaced=count.unplaced, gaps=count.gaps, ends=ends,
    )  # fmt: skip
    if options.document:
        report.DOCUMENT.write_text(report.document(outcomes, conditions), encoding="utf-8")
    lost = max(count.lost, *(outcome.lost for outcome in outcomes)) + ends.never_sent + ends.never_taken_in
    doubled = max(count.doubled, *(outcome.doubled for outcome in outcomes)) + ends.taken_in_again
    unwell = sum(outcome.recovery >= WELL for outcome in outcomes)
    say(
        f"{count.acknowledged} writes, {count.unplaced} without a position, {count.gaps} gaps, {unwell} never well again"
    )
    print(f"{options.rounds} rounds, {lost} lost, {doubled} doubled", flush=True)
    if lost or doubled or count.unplaced or count.gaps or ends.disorder or unwell:
        say(f"its data and log stay in {product.data}")
        return 1
    product.remove()
    return 0


def _one(number: int, name: str, bout: Bout, load: Load, mark: str, begun: float) -> report.Outcome:
    time.sleep(bout.chance.uniform(0.5, 4.0))
    first, at = len(load.writes), time.monotonic()
    how = FAULTS[name](bout)
    ended = time.monotonic()
    last = truth.last_event(bout.product.owner_url)
    _until(lambda: bout.product.is_whole() and truth.is_settled(bout.product.owner_url, last))
    recovery = time.monotonic() - ended
    time.sleep(0.5)
    during = load.writes[first:]
    with psycopg.connect(bout.product.owner_url) as owner:
        count = truth.count(owner, list(load.writes), mark, feed=False)
    said_yes = sum(write.acknowledged for write in during)
    return report.Outcome(
        round=number, fault=name, how=how, at=at - begun, lasted=ended - at, acknowledged=said_yes,
        refused=len(during) - said_yes, lost=count.lost, doubled=count.doubled, recovery=recovery,
    )  # fmt: skip


def _until(holds: Callable[[], bool], seconds: float = WELL) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end and not holds():
        time.sleep(0.1)


@contextmanager
def _product() -> Iterator[Installation]:
    product = Installation(DataFolder.chosen().path / "faults")
    try:
        yield product
    finally:
        product.stop()


@contextmanager
def _running(load: Load) -> Iterator[None]:
    load.start()
    try:
        yield load
    finally:
        load.stop()


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="freshplan faults", description="Hurt the product under load, count losses.")
    parser.add_argument("--rounds", type=int, default=10, help="how often each fault is made (default 10)")
    parser.add_argument("--faults", default=",".join(FAULTS), help=f"some of {', '.join(FAULTS)} (default all)")
    parser.add_argument(
        "--quick", dest="away", action="store_const", const=10.0, default=60.0, help="Redis away for 10 s"
    )
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6), help="of the moments")
    parser.add_argument(
        "--no-document", dest="document", action="store_false", help="leave docs/reliability.md as it is"
    )
    options = parser.parse_args(arguments)
    options.faults = [name for name in options.faults.split(",") if name]
    if unknown := set(options.faults) - set(FAULTS):
        parser.error(f"no such fault: {', '.join(sorted(unknown))}; there are {', '.join(FAULTS)}")
    options.rounds = max(options.rounds, 1)
    return options


if __name__ == "__main__":
    sys.exit(main())
