"""Quiet hours and the digest's instant, on the organisation's wall clock, over midnight and the changes of the clocks."""

from __future__ import annotations

from datetime import UTC, datetime, time

import pytest

from messaging.options import DIGEST_AT
from messaging.times import after_quiet, next_digest

BERLIN = "Europe/Berlin"


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "zone", "digest"),
    [
        ("2026-11-20T05:59:59", BERLIN, "2026-11-20T06:00:00"),
        ("2026-11-20T06:00:00", BERLIN, "2026-11-21T06:00:00"),
        ("2026-07-01T12:00:00", BERLIN, "2026-07-02T05:00:00"),
        ("2026-10-24T20:00:00", BERLIN, "2026-10-25T06:00:00"),  # the clocks go back in that night
        ("2026-03-28T20:00:00", BERLIN, "2026-03-29T05:00:00"),  # and forward in this one
        ("2026-11-20T11:00:00", "America/New_York", "2026-11-20T12:00:00"),
    ],
)
def test_the_digest_is_at_seven_where_the_organisation_is(now, zone, digest):
    assert next_digest(at(now), zone, DIGEST_AT.default) == at(digest)


@pytest.mark.parametrize(
    ("now", "begins", "ends", "due"),
    [
        ("2026-11-20T20:59:00", time(22), time(7), "2026-11-20T20:59:00"),
        ("2026-11-20T21:00:00", time(22), time(7), "2026-11-21T06:00:00"),
        ("2026-11-21T05:59:00", time(22), time(7), "2026-11-21T06:00:00"),
        ("2026-11-21T06:00:00", time(22), time(7), "2026-11-21T06:00:00"),
        ("2026-11-20T11:30:00", time(12), time(13, 30), "2026-11-20T12:30:00"),
        ("2026-11-20T12:30:00", time(12), time(13, 30), "2026-11-20T12:30:00"),
    ],
)
def test_quiet_hours_hold_until_they_end(now, begins, ends, due):
    assert after_quiet(at(now), BERLIN, begins, ends) == at(due)
