"""`./freshplan COMMAND`: the table of commands and the way into each."""

from __future__ import annotations

import argparse
import importlib
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass

from crm.launcher.environment import DEVELOP, PYTHON, ROOT, SERVE, VENV, prepare
from crm.launcher.problem import BEGIN, Problem

PREPARED = "CRM_PREPARED"


@dataclass(frozen=True)
class Command:
    """What `--help` says, the packages it needs, and what it does with its arguments (its exit code)."""

    help: str
    groups: tuple[str, ...]
    work: Callable[[list[str]], int]


def main(arguments: list[str]) -> int:
    """The exit code. Problems end as one line on stderr."""
    if not arguments or arguments[0] in {"-h", "--help", "help"}:
        print(_overview())
        return 0 if arguments else 2
    name, *rest = arguments
    if name not in COMMANDS:
        print(f"freshplan: there is no command {name}; ./freshplan --help lists them.", file=sys.stderr)
        return 2
    command = COMMANDS[name]
    try:
        if os.environ.pop(PREPARED, "") != name:
            prepare(command.groups)
            _enter(name, arguments)
        return command.work(rest)
    except Problem as problem:
        print(f"freshplan: {problem}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _enter(name: str, arguments: list[str]) -> None:
    """Go on in the environment's Python, as the same process."""
    env = os.environ | {PREPARED: name, "CRM_BEGIN": str(BEGIN)}
    env.pop("PYTHONHOME", None)
    env.pop("PYTHONPATH", None)
    path = os.pathsep.join([str(VENV / "bin"), env.get("PATH", "/usr/bin:/bin")])
    os.execve(PYTHON, [str(PYTHON), str(ROOT / "freshplan"), *arguments], env | {"PATH": path})  # noqa: S606 - ourselves


def _overview() -> str:
    width = max(map(len, COMMANDS))
    lines = ["FreshPlan, the CRM for German B2B food sales.", "", "  ./freshplan COMMAND [arguments]", ""]
    lines += [f"  {name:<{width}}  {command.help}" for name, command in COMMANDS.items()]
    lines += [
        "",
        "  Data lies in var/ of the checkout, or where CRM_DATA_DIR points. ./freshplan COMMAND --help tells more.",
    ]
    return "\n".join(lines)


def _run(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="freshplan run", description=COMMANDS["run"].help)
    parser.add_argument("--port", type=int, default=8000, help="port on 127.0.0.1 (default 8000)")
    parser.add_argument("--no-demo", action="store_true", help="do not load the demo organisations the first time")
    options = parser.parse_args(arguments)
    from crm.launcher.supervisor import run

    return run(options.port, demo=not options.no_demo)


def _module(name: str) -> Callable[[list[str]], int]:
    """A command that is a module of the launcher with `main(arguments)`."""
    return lambda arguments: int(importlib.import_module(f"crm.launcher.{name}").main(arguments))


def _inside(name: str, *words: str) -> Callable[[list[str]], int]:
    """A command of the product: its servers are brought up, or those that run are used; arguments go on unchanged."""

    def work(arguments: list[str]) -> int:
        from crm.launcher.backing import standing
        from crm.launcher.children import end_on_sigterm, foreground

        command = [str(PYTHON), *words, *arguments]
        if {"-h", "--help"} & set(arguments[:1]) and words[0] != "-m":
            return subprocess.run(command, env=_env_for_help(), check=False).returncode
        end_on_sigterm()
        with standing(name) as env:
            return foreground(command, env)

    return work


def _beside(*words: str) -> Callable[[list[str]], int]:
    """A command that starts what it needs itself."""

    def work(arguments: list[str]) -> int:
        from crm.launcher.children import end_on_sigterm, foreground

        end_on_sigterm()
        return foreground([str(PYTHON), *words, *arguments], os.environ | {"PYTHONPATH": str(ROOT)})

    return work


def _env_for_help() -> dict[str, str]:
    """Django reads its settings even to print a help text; nothing is connected to."""
    nowhere = {
        "DATABASE_URL": "postgresql://127.0.0.1/help",
        "REDIS_URL": "redis://127.0.0.1",
        "SECRET_KEY": "help-" * 12,
        "FRESHPLAN_CREDENTIAL_KEYS": "help-" * 12,
    }
    return os.environ | {"DJANGO_SETTINGS_MODULE": "crm.settings", "PYTHONPATH": str(ROOT)} | nowhere


MANAGE = str(ROOT / "manage.py")
# To add a command: one entry. `_inside` runs something of the product, `_module` something of the launcher.
COMMANDS = {
    "run": Command("run the product on http://127.0.0.1:8000 (--port N)", SERVE, _run),
    "test": Command(
        "pass the tests (pytest's arguments; --fast leaves browser, fault and fuzz out)", DEVELOP, _module("testing")
    ),
    "check": Command("every lint, type, migration, translation and dependency check", DEVELOP, _module("checks")),
    "bench": Command(
        "load customers and measure the named cases (--customers N --cases A,B)", SERVE, _inside("bench", "-m", "bench")
    ),
    "seed": Command("load customers at scale", SERVE, _inside("seed", MANAGE, "seed")),
    "import": Command(
        "import customers (customers FILE --mapping FILE.json)", SERVE, _inside("import", MANAGE, "crm_import")
    ),
    "churn-check": Command(
        "put worked cases of churn (FILE, JSON) to the product's own nights; exit 1 on a difference",
        SERVE,
        _inside("churn-check", MANAGE, "churn_check"),
    ),
    "projection": Command(
        "rebuild the customers' projection or check it (rebuild|check)",
        SERVE,
        _inside("projection", MANAGE, "projection"),
    ),
    "duplicates-eval": Command(
        "try the check for duplicates on labelled pairs (DIR with pairs.csv)",
        SERVE,
        _inside("duplicates-eval", MANAGE, "duplicates_eval"),
    ),
    "organisation": Command(
        "make an organisation and its first administrator (create)",
        SERVE,
        _inside("organisation", MANAGE, "organisation"),
    ),
    "backup": Command(
        "back up database and files, prove a backup, restore one (create|verify FILE|restore FILE)",
        SERVE,
        _module("backups.command"),
    ),
    "faults": Command(
        "kill and stop parts of a product of its own under load, count what is lost (--rounds N --quick)",
        SERVE,
        _beside("-m", "bench.faults"),
    ),
    "simulate": Command("be another system on this machine (subscriber)", SERVE, _beside("-m", "simulators")),
    "rotate-credentials": Command(
        "seal the secrets of other systems anew under the first of FRESHPLAN_CREDENTIAL_KEYS",
        SERVE,
        _inside("rotate-credentials", MANAGE, "rotate_credentials"),
    ),
    "settings": Command(
        "settings of all organisations (list|set|clear)", SERVE, _inside("settings", MANAGE, "settings")
    ),
    "shell": Command("Django's shell with the product's models", SERVE, _inside("shell", MANAGE, "shell")),
}
