"""Seasons: whether a house is open for business on a day, and when it is again. Months are 1 to 12."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Final, Protocol

from customers.choices import SeasonNow

MONTHS: Final = tuple(range(1, 13))


class Seasonal(Protocol):
    """What has a season: a customer, or a row of its history."""

    @property
    def is_seasonal_business(self) -> bool:
        """Whether it rests at all."""

    @property
    def seasonal_months(self) -> Sequence[int]:
        """The months in season, 1 to 12."""


def in_season(months: Iterable[int], on: date) -> bool:
    """Whether the day lies in one of the months."""
    return on.month in set(months)


def season_now(customer: Seasonal, on: date) -> SeasonNow:
    """Season of the customer on a day; twelve months are no season. The projection says the same in SQL."""
    if not customer.is_seasonal_business or len(set(customer.seasonal_months)) == len(MONTHS):
        return SeasonNow.ALL_YEAR
    return SeasonNow.IN_SEASON if in_season(customer.seasonal_months, on) else SeasonNow.PAUSED


def should_check_for_churn(customer: Seasonal, on: date) -> bool:
    """False in the season's pause: then no day counts and nothing moves."""
    return season_now(customer, on) != SeasonNow.PAUSED


def pause_until(months: Iterable[int], on: date) -> date | None:
    """The first day of the next month in season, None while the season runs or where there is no month at all."""
    wanted = set(months)
    if not wanted or on.month in wanted:
        return None
    month = next(m for offset in range(1, 13) if (m := (on.month - 1 + offset) % 12 + 1) in wanted)
    return date(on.year + (month < on.month), month, 1)


def paused_since(months: Iterable[int], on: date) -> date | None:
    """The first day of the running pause, None while the season runs or where there is no month at all."""
    wanted = set(months)
    if not wanted or on.month in wanted:
        return None
    back = next(offset for offset in range(1, 13) if (on.month - 1 - offset) % 12 + 1 in wanted)
    month = (on.month - back) % 12 + 1
    return date(on.year - (month > on.month), month, 1)
