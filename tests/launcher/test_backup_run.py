"""From one installation into another, with embedded servers: the second one serves what the first one held."""

from __future__ import annotations

import json
import re
import shutil
import signal
import urllib.request
from http.cookiejar import CookieJar
from pathlib import Path
from urllib.parse import urlencode

import psycopg
import pytest

from crm.launcher.backups import shelf
from crm.launcher.children import leftovers
from crm.launcher.servers import free_port
from tests.launcher.test_run import Run, _finish, _freshplan, _start, _status

pytestmark = pytest.mark.fault
COUNTED = (
    "customers_customer",
    "customers_customerhot",
    "customers_historicalcustomer",
    "organisation_user",
    "outbox_event",
)


def counts(run: Run) -> dict[str, object]:
    with psycopg.connect(run.facts["environment"]["DATABASE_OWNER_URL"]) as owner:
        return {
            table: owner.execute(f"SELECT count(*), sum(hashtext(t::text)) FROM {table} t").fetchone()
            for table in COUNTED
        }


def signed_in_list(run: Run) -> str:
    """The list of customers as the first demo user sees it, by one click."""
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar := CookieJar()))
    login = f"http://127.0.0.1:{run.port}/accounts/login/"
    page = opener.open(login, timeout=10).read().decode()
    user = re.findall(r'name="user" value="(\d+)"', page)[0]
    csrf = next(cookie.value for cookie in jar if cookie.name == "csrf")
    asked = urllib.request.Request(f"{login}demo/", urlencode({"user": user, "csrfmiddlewaretoken": csrf}).encode())
    opener.open(asked, timeout=10)
    text: str = opener.open(f"http://127.0.0.1:{run.port}/customer-management/customers/", timeout=10).read().decode()
    return text


def last_line(text: str) -> str:
    return (text.strip().splitlines() or [""])[-1]


def test_a_backup_of_a_running_product_serves_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    first = _start(tmp_path / "one" / "var", free_port())
    try:
        made = _freshplan(first.data, "backup", "create", "--prove")
        assert made.returncode == 0, made.stderr[-3000:]
        created, verified = made.stdout.strip().splitlines()
        assert re.fullmatch(r"created \S+\.backup: \d+ tables, \d+ rows, \d+ bytes", created)
        assert re.fullmatch(r"verified \S+\.backup: \d+ tables, \d+ rows equal", verified)
        (kept,) = shelf.backups(first.data / "backups")
        assert kept.proven is not None
        token = (first.data / "metrics-token").read_text()
        asked = urllib.request.Request(
            f"http://127.0.0.1:{first.port}/metrics", headers={"Authorization": f"Bearer {token}"}
        )
        figures = urllib.request.urlopen(asked, timeout=10).read().decode()
        assert "freshplan_backup_proof_age_seconds " in figures
        assert re.search(r'freshplan_heartbeat_age_seconds\{process="relay"\} ', figures)
        assert _status(first, "/metrics") == 404
        before = counts(first)
        logins = json.loads((first.data / "demo-logins.json").read_text())
    finally:
        _finish(first, signal.SIGTERM)
    assert before["customers_customer"][0] > 10

    second = tmp_path / "two" / "var"
    second.mkdir(parents=True)
    refused = _freshplan(second, "backup", "restore", str(kept.path))
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "Set BACKUP_KEY to the key that the backup was made with" in last_line(refused.stderr)

    shutil.copy(first.data / "backup-key", second / "backup-key")
    done = _freshplan(second, "backup", "restore", str(kept.path))
    assert done.returncode == 0, done.stderr[-3000:]
    assert re.fullmatch(r"restored \S+\.backup: \d+ tables, \d+ rows equal", last_line(done.stdout))
    assert leftovers(second) == []
    assert not (second / "run.json").exists()

    again = _start(second, free_port())
    try:
        assert _status(again, "/readyz") == 200
        after = counts(again)
        assert {table: after[table] for table in COUNTED if table != "outbox_event"} == {
            table: before[table] for table in COUNTED if table != "outbox_event"
        }
        assert json.loads((again.data / "demo-logins.json").read_text()) == logins
        page = signed_in_list(again)
        assert page.count("/customer-management/customers/") > 10
    finally:
        _finish(again, signal.SIGTERM)

    third = _freshplan(second, "backup", "restore", str(kept.path))
    assert (third.returncode, "is not empty. To give up what it holds, add --replace freshplan." in third.stderr) == (
        1,
        True,
    )
