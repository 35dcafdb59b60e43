"""The plan of attempts, by a clock that stands still."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from outbox.plan import AFTER, ATTEMPTS, next_attempt, wished

NOW = datetime(2026, 9, 29, 6, 5, 32, tzinfo=UTC)


def test_ten_attempts_over_75_hours_35_minutes():
    now, attempts = NOW, 1
    while (due := next_attempt(attempts, now, chance=lambda: 0.5)) is not None:
        now, attempts = due, attempts + 1
    assert attempts == ATTEMPTS == 10
    assert now - NOW == timedelta(hours=75, minutes=35, seconds=5)
    assert [timedelta(seconds=one) for one in AFTER] == [
        timedelta(seconds=5),
        timedelta(minutes=5),
        timedelta(minutes=30),
        *[timedelta(hours=hours) for hours in (2, 5, 10, 14, 20, 24)],
    ]


@pytest.mark.parametrize(("chance", "share"), [(0.0, 0.9), (0.5, 1.0), (1.0, 1.1)])
def test_a_tenth_of_jitter_both_ways(chance, share):
    for failed, seconds in enumerate(AFTER, start=1):
        due = next_attempt(failed, NOW, chance=lambda: chance)
        assert due - NOW == timedelta(seconds=seconds * share)


@pytest.mark.parametrize(
    ("status", "header", "wait"),
    [
        (503, "120", timedelta(seconds=120)),
        (429, format_datetime(NOW + timedelta(hours=2), usegmt=True), timedelta(hours=2)),
        (502, "999999999", timedelta(hours=24)),
        (504, format_datetime(NOW - timedelta(hours=2), usegmt=True), timedelta(0)),
    ],
)
def test_retry_after_in_seconds_or_as_a_date_at_most_a_day(status, header, wait):
    assert wished(status, header, NOW) == NOW + wait


@pytest.mark.parametrize(("status", "header"), [(500, "120"), (503, ""), (503, "soon"), (503, "-5"), (200, "5")])
def test_no_wish_where_there_is_none(status, header):
    assert wished(status, header, NOW) is None


def test_a_wish_only_ever_delays():
    late = NOW + timedelta(hours=1)
    assert next_attempt(1, NOW, not_before=late) == late
    assert next_attempt(4, NOW, not_before=late, chance=lambda: 0.5) == NOW + timedelta(hours=2)
    assert next_attempt(10, NOW, not_before=late) is None
