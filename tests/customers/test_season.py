"""Seasons: which day counts, until when a pause lasts."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

import pytest

from customers.season import in_season, pause_until, paused_since, season_now, should_check_for_churn

SUMMER = [4, 5, 6, 7, 8, 9]
SKI = [12, 1, 2, 3]


@dataclass
class House:
    """Something with a season."""

    is_seasonal_business: bool = True
    seasonal_months: list[int] = field(default_factory=lambda: list(SUMMER))


@pytest.mark.parametrize(
    ("months", "on", "until", "since"),
    [
        (SUMMER, date(2026, 10, 1), date(2027, 4, 1), date(2026, 10, 1)),
        (SUMMER, date(2027, 3, 31), date(2027, 4, 1), date(2026, 10, 1)),
        (SKI, date(2026, 4, 1), date(2026, 12, 1), date(2026, 4, 1)),
        (SKI, date(2026, 11, 30), date(2026, 12, 1), date(2026, 4, 1)),
        ([1], date(2026, 12, 31), date(2027, 1, 1), date(2026, 2, 1)),
        ([12], date(2026, 1, 1), date(2026, 12, 1), date(2026, 1, 1)),
        (SUMMER, date(2026, 6, 1), None, None),
        ([], date(2026, 6, 1), None, None),
    ],
)
def test_pause(months: list[int], on: date, until: date | None, since: date | None) -> None:
    """The pause ends with the next month in season, over New Year too."""
    assert pause_until(months, on) == until
    assert paused_since(months, on) == since


def test_season_of_a_day() -> None:
    """Out of season nothing is checked; twelve months and no season are all year."""
    assert in_season(SKI, date(2026, 1, 31))
    assert not in_season(SKI, date(2026, 4, 1))
    assert should_check_for_churn(House(), date(2026, 4, 1))
    assert not should_check_for_churn(House(), date(2026, 3, 31))
    assert should_check_for_churn(House(is_seasonal_business=False), date(2026, 3, 31))
    assert season_now(House(seasonal_months=list(range(1, 13))), date(2026, 1, 1)) == "ALL_YEAR"
    assert season_now(House(), date(2026, 1, 1)) == "PAUSED"
