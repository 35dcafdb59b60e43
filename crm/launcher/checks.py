"""`./freshplan check`: every lint and type check, one line each; the last line is `N checks, M failed`."""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass

from crm.launcher.children import end_on_sigterm
from crm.launcher.environment import ASSETS, PYTHON, ROOT, VENV, npm_command, npm_env
from crm.launcher.problem import say
from crm.launcher.roles import provision
from crm.launcher.stages import build_assets
from crm.launcher.testing import test_servers

MANAGE = [str(PYTHON), str(ROOT / "manage.py")]
AUDIT_WAIT = 60  # seconds for an advisory service to answer
# Rules about white space and about empty elements that style sheets draw: looks of the source, not of the page.
LAYOUT = ("H015", "H020")
DEPLOYED = {"ALLOWED_HOSTS": "crm.example.com", "CRM_ADDRESS": "crm.example.com", "CRM_EMBEDDED": "0"}


@dataclass(frozen=True)
class Outcome:
    """Whether a check holds, what its line says behind the name, and what it printed."""

    holds: bool
    note: str = ""
    output: str = ""


Check = Callable[[dict[str, str]], Outcome]


def _tool(*words: str) -> Check:
    """A program of the environment that exits 0 when all is well."""

    def check(env: dict[str, str]) -> Outcome:
        done = _call([str(VENV / "bin" / words[0]), *words[1:]], env)
        return Outcome(done.returncode == 0, output=done.stdout)

    return check


def _manage(*words: str, **extra: str) -> Check:
    """One of Django's commands that exits 0 when all is well."""

    def check(env: dict[str, str]) -> Outcome:
        done = _call([*MANAGE, *words], env | extra)
        return Outcome(done.returncode == 0, output=done.stdout)

    return check


def _python_advisories(env: dict[str, str]) -> Outcome:
    """Known holes in the locked Python packages; "not checked" where no advisory service answers."""
    command = [str(VENV / "bin" / "pip-audit"), "-r", str(ROOT / "requirements" / "runtime.lock"), "--disable-pip"]
    command += ["--require-hashes", "--timeout", "10", "--progress-spinner", "off", "-f", "json"]
    try:
        done = subprocess.run(
            command, env=env, cwd=ROOT, capture_output=True, text=True, timeout=AUDIT_WAIT, check=False
        )
        packages = json.loads(done.stdout)["dependencies"]
    except (subprocess.TimeoutExpired, ValueError, KeyError):
        return Outcome(True, "not checked: no advisory service answers")
    looked_at = [package for package in packages if "skip_reason" not in package]
    if not looked_at:
        return Outcome(True, "not checked: no advisory service answers")
    bad = [
        f"{package['name']} {package['version']}: {hole['id']}" for package in looked_at for hole in package["vulns"]
    ]
    return Outcome(not bad, f"{len(looked_at)} packages", "\n".join(bad))


def _npm_advisories(env: dict[str, str]) -> Outcome:
    """The same for the front end's packages."""
    command = [*npm_command(), "audit", "--json", "--audit-level", "moderate", "--fetch-retries", "0"]
    try:
        done = subprocess.run(
            command, env=npm_env(), cwd=ASSETS, capture_output=True, text=True, timeout=AUDIT_WAIT, check=False
        )
        counts = json.loads(done.stdout)["metadata"]["vulnerabilities"]
    except (subprocess.TimeoutExpired, ValueError, KeyError):
        return Outcome(True, "not checked: no advisory service answers")
    bad = sum(counts[level] for level in ("moderate", "high", "critical"))
    return Outcome(bad == 0, f"{bad} known holes", done.stdout)


def _migration_lint(env: dict[str, str]) -> Outcome:
    """No migration may break the version that still serves while it runs."""
    done = _call([*MANAGE, "lintmigrations", "--no-cache"], env | {"DJANGO_SETTINGS_MODULE": "tests.lint_settings"})
    counts = re.search(r"Erroneous migrations: (\d+)/(\d+)", done.stdout)
    return Outcome(done.returncode == 0, f"{counts[2]} migrations" if counts else "", done.stdout)


# To add a check: one line.
CHECKS: dict[str, Check] = {
    "ruff check": _tool("ruff", "check", "--quiet", "."),
    "ruff format": _tool("ruff", "format", "--check", "--quiet", "."),
    "types (mypy)": _tool("mypy"),
    "imports (import-linter)": _tool("lint-imports", "--no-cache"),
    "templates (djlint)": _tool("djlint", "templates", "--lint", "--quiet", "--ignore", ",".join(LAYOUT)),
    "settings (check --deploy)": _manage("check", "--deploy", "--fail-level", "WARNING", **DEPLOYED),
    "models and migrations agree": _manage("makemigrations", "--check", "--dry-run"),
    "migrations (linter)": _migration_lint,
    "API documents (docs/api)": _manage("api_schema", "--check"),
    "translations": _tool("python", "-m", "crm.launcher.translations", "--check"),
    "Python packages (advisories)": _python_advisories,
    "npm packages (advisories)": _npm_advisories,
}


def main(arguments: list[str]) -> int:
    """1 when a check fails. Arguments: parts of names of checks, to run only these."""
    end_on_sigterm()
    chosen = {name: check for name, check in CHECKS.items() if not arguments or any(word in name for word in arguments)}
    failed = 0
    with test_servers("check") as servers:
        build_assets()
        urls = provision(servers["TEST_ADMIN_URL"], "freshplan_check")
        env = servers | {"DATABASE_URL": urls["owner"], "REDIS_URL": servers["TEST_REDIS_URL"]}
        for name, check in chosen.items():
            begin = time.monotonic()
            outcome = check(env)
            failed += not outcome.holds
            if not outcome.holds:
                for line in outcome.output.strip().splitlines():
                    say(line, "check")
            note = f" ({outcome.note})" if outcome.note else ""
            print(
                f"{'ok    ' if outcome.holds else 'FAILED'} {name}{note} {time.monotonic() - begin:.1f} s", flush=True
            )
    print(f"{len(chosen)} checks, {failed} failed", flush=True)
    return 1 if failed else 0


def _call(command: list[str], env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        env=env,
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
