"""When mails go: after quiet hours, with the digest. Wall-clock times are the organisation's."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo


def next_digest(now: datetime, zone: str, clock: time) -> datetime:
    """The instant of the next digest behind `now`, at `clock`."""
    return _next(now, zone, clock)


def after_quiet(now: datetime, zone: str, begins: time, ends: time) -> datetime:
    """`now`, or where it lies in the quiet hours their end. `begins` belongs to them, `ends` does not."""
    clock = now.astimezone(ZoneInfo(zone)).time()
    is_quiet = begins <= clock < ends if begins < ends else clock >= begins or clock < ends
    return _next(now, zone, ends) if is_quiet else now


def _next(now: datetime, zone: str, clock: time) -> datetime:
    """The next instant behind `now` at which the wall shows `clock`."""
    home = ZoneInfo(zone)
    today = now.astimezone(home).date()
    # Compared as instants, for on two days of the year the wall's hours are not all 60 minutes apart.
    for day in (today, today + timedelta(days=1)):
        instant = datetime.combine(day, clock, tzinfo=home)
        if instant.astimezone(now.tzinfo) > now:
            return instant.astimezone(now.tzinfo)
    return datetime.combine(today + timedelta(days=2), clock, tzinfo=home).astimezone(now.tzinfo)
