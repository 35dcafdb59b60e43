"""`./freshplan simulate NAME [--port N …]`: one of the simulators, until SIGINT or SIGTERM."""

from __future__ import annotations

import argparse
import asyncio
import sys

from simulators import subscriber

SIMULATORS = {"subscriber": subscriber}


def main(arguments: list[str] | None = None) -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(prog="freshplan simulate", description="Be another system on this machine.")
    kinds = parser.add_subparsers(dest="name", required=True)
    for name, simulator in SIMULATORS.items():
        one = kinds.add_parser(name, help=simulator.HELP, description=simulator.HELP)
        one.add_argument("--port", type=int, default=0, help="on 127.0.0.1 (default: one that is free)")
        simulator.add_arguments(one)
    options = parser.parse_args(arguments)
    try:
        asyncio.run(SIMULATORS[options.name].serve(options))
    except KeyboardInterrupt:
        return 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
