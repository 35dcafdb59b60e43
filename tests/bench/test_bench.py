"""The bench command on a small world. How fast it is depends on the machine, so no time is asserted."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from datetime import date
from pathlib import Path

import psycopg

from bench.base import Figure, chosen, percentile
from bench.filters import PAIRED, combinations
from bench.load import Size
from bench.report import document, line

ROOT = Path(__file__).resolve().parent.parent.parent
CUSTOMERS = 2_000
MADE = 4 * 40  # by the case that makes customers, as each of four roles


def test_percentiles_are_of_the_nearest_rank() -> None:
    assert percentile([5, 1, 3, 2, 4], 50) == 3
    assert percentile(range(1, 101), 95) == 95
    assert percentile([7], 99) == 7
    assert percentile([], 50) == 0


def test_a_sample_leaves_nothing_out_for_ever() -> None:
    kept = list(chosen(list(range(420)), 40))
    assert 8 <= len(kept) <= 13
    assert len({number % 42 for number in kept}) > 5
    assert list(chosen([1, 2, 3], 1)) == [1, 2, 3]


def test_every_pair_of_the_six_is_among_the_combinations() -> None:
    names = {wanted.name for wanted in combinations(7, date(2026, 3, 1))}
    pairs = [name for name in names if " & " in name]
    assert len(PAIRED) == 6
    assert len(pairs) == 2 * 2 * 10 + 2 * 5  # five fields have two values, the owner one
    assert "status=RISIKO & business_type=ICE_CREAM" in names


def test_the_document_says_what_is_over_its_bound() -> None:
    figures = [
        Figure("list", "rep", "first page", "p95 ≤ 100 ms", True, [50.0, 150.0], slowest=[(150.0, "status=RISIKO")]),
        Figure("queries", "rep", "most of 6 pages", "≤ 12", False, value="11"),
    ]
    text = document(figures, customers=1000, counts={"customers_customer": 1120}, one_in=1, notes=())
    assert "| list | rep | first page | p95 ≤ 100 ms | 50.0 | 150.0 | 150.0 | 2 | **over** |" in text
    assert "customers_customer 1,120" in text
    assert line(figures[0]).startswith("OVER")


def test_a_small_world_is_loaded_measured_and_kept(tmp_path: Path) -> None:
    admin = os.environ["TEST_ADMIN_URL"]
    database = f"bench_{CUSTOMERS}"
    env = os.environ | {"CRM_ADMIN_URL": admin, "CRM_DATA_DIR": str(tmp_path), "PYTHONPATH": str(ROOT)}
    env.setdefault("DJANGO_SETTINGS_MODULE", "crm.settings.test")
    command = [
        sys.executable,
        "-m",
        "bench",
        "--customers",
        str(CUSTOMERS),
        "--cases",
        "queries,search,write,create",
        "--no-document",
    ]
    try:
        first = subprocess.run(command, env=env, cwd=ROOT, capture_output=True, text=True, check=False)
        figures = first.stdout.splitlines()
        assert re.fullmatch(r"33 cases, \d+ over their bound", figures[-1]), first.stderr[-3000:]
        untimed = [one for one in figures if one.split()[1] == "queries" or "his own" in one]
        assert len(untimed) == 5
        assert all(one.startswith("ok") for one in untimed), untimed
        again = subprocess.run(
            [*command[:-1], "--cases", "queries", "--no-document"],
            env=env,
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert f"database {database} is there" in again.stderr
        assert again.returncode == 0
        assert again.stdout.splitlines()[-1] == "4 cases, 0 over their bound"
        with psycopg.connect(re.sub(r"/[^/]*$", f"/{database}", admin)) as connection:
            counted = dict(
                connection.execute("SELECT organisation_id, count(*) FROM customers_customerhot GROUP BY 1").fetchall()
            )
            loaded = {
                organisation: last - first_id + 1
                for organisation, (first_id, last) in Size(CUSTOMERS).organisations.items()
            }
            assert counted == loaded | {1: loaded[1] + MADE}
            assert connection.execute("SELECT count(*) FROM customers_hot_differences()").fetchone() == (0,)
    finally:
        with psycopg.connect(admin, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE IF EXISTS {database} WITH (FORCE)")
