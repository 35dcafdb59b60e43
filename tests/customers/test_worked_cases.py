"""`./freshplan churn-check`: the given cases come out as they say, a falsified one is printed, nothing stays behind."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from crm.core.access import organisation_ids
from tests.conftest import REAL_DATA

pytestmark = pytest.mark.django_db
GIVEN = REAL_DATA / "churn" / "cases.json"


def check(path: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, list[str]]:
    """Exit code and lines."""
    code = 0
    try:
        call_command("churn_check", str(path))
    except SystemExit as end:
        code = int(end.code or 0)
    return code, capsys.readouterr().out.splitlines()


def falsified(tmp_path: Path, id: str, **values: Any) -> Path:
    """The given case with other values."""
    (case,) = (case for case in CASES if case["id"] == id)
    path = tmp_path / "cases.json"
    path.write_text(json.dumps([case | values]), encoding="utf-8")
    return path


# The cases of domain-rules.md C that the falsifications start from, as the given file has them.
MONTHS = list(range(1, 13))
CASES: list[dict[str, Any]] = [
    {
        "id": "S03",
        "months": [4, 5, 6, 7, 8, 9],
        "last_order": "2025-09-15",
        "risiko_on": "2026-06-14",
        "inaktiv_on": "2026-09-12",
    },
    {
        "id": "N05",
        "months": MONTHS,
        "status": "AKTIV",
        "last_order": "2026-01-01",
        "night": "2026-07-20",
        "inactive_days": 200,
        "becomes": ["RISIKO", "INAKTIV"],
    },
    {"id": "L01", "delivered_at": "2026-03-28T23:30:00+00:00", "anchor": "2026-03-29", "risiko_on": "2026-06-27"},
    {"id": "P02", "prospect_since": "2026-01-01", "on": "2026-03-02", "tags": ["WARNED_60_DAYS"]},
]


@pytest.mark.skipif(not GIVEN.exists(), reason="the given cases lie beside the checkout")
def test_the_given_cases(capsys: pytest.CaptureFixture[str]) -> None:
    """24 cases, and no organisation more than before."""
    before = organisation_ids()
    assert check(GIVEN, capsys) == (0, ["24 cases, 0 differences"])
    assert organisation_ids() == before


@pytest.mark.parametrize("id", [case["id"] for case in CASES])
def test_each_form_of_case_passes(tmp_path: Path, capsys: pytest.CaptureFixture[str], id: str) -> None:
    """As the rules have it."""
    assert check(falsified(tmp_path, id), capsys) == (0, ["1 cases, 0 differences"])


@pytest.mark.parametrize(
    ("id", "values", "line"),
    [
        (
            "S03",
            {"risiko_on": "2026-06-15"},
            "S03: status after the night to 2026-06-14: expected AKTIV, found RISIKO",
        ),
        (
            "S03",
            {"inaktiv_on": "2026-09-11"},
            "S03: status after the night to 2026-09-11: expected INAKTIV, found RISIKO",
        ),
        (
            "N05",
            {"becomes": ["INAKTIV"]},
            "N05: steps in the night to 2026-07-20: expected INAKTIV, found RISIKO, INAKTIV",
        ),
        ("N05", {"inactive_days": 199}, "N05: days counted in the night to 2026-07-20: expected 199, found 200"),
        ("L01", {"anchor": "2026-03-28"}, "L01: anchor: expected 2026-03-28, found 2026-03-29"),
        ("P02", {"tags": []}, "P02: tags after the night to 2026-03-02: expected nothing, found WARNED_60_DAYS"),
    ],
)
def test_a_falsified_case_is_printed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], id: str, values: dict[str, Any], line: str
) -> None:
    """What was expected, what was found, and exit 1."""
    assert check(falsified(tmp_path, id, **values), capsys) == (1, [line, "1 cases, 1 differences"])


@pytest.mark.parametrize("text", ["", "{}", '[{"id": "X"}]', '[{"night": "tomorrow", "becomes": []}]'])
def test_what_is_no_file_of_cases_is_refused(tmp_path: Path, text: str) -> None:
    """With a sentence, not with a trace."""
    path = tmp_path / "cases.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(CommandError):
        call_command("churn_check", str(path))
