"""Periodic jobs as code: what runs, how often, for whom. `jobs.tasks.tick` starts what is due."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final, TypeVar
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from crm.core.access import Scope

EPOCH: Final = datetime(2026, 1, 1, tzinfo=UTC)
LIMIT: Final = 300  # seconds that a run may take where its job says nothing
LARGEST_LIMIT: Final = 540  # seconds; the worker's own limit lies behind it
LATE: Final = timedelta(minutes=15)  # so long after its time a run that has not begun counts as missed

Counts = Mapping[str, int]
PerOrganisation = Callable[[Scope], Any]
J = TypeVar("J", bound=PerOrganisation)
W = TypeVar("W", bound=Callable[[], Any])


@dataclass(frozen=True, slots=True)
class Every:
    """Periods of one length, the same in every zone; those of an hour begin with the hour."""

    length: timedelta

    def start(self, now: datetime, zone: str) -> datetime:
        """The beginning of the period that `now` is in."""
        return EPOCH + (now - EPOCH) // self.length * self.length

    def next(self, start: datetime, zone: str) -> datetime:
        """The beginning of the period after the one that begins at `start`."""
        return start + self.length

    def skipped(self, last: datetime, start: datetime, zone: str) -> int:
        """How many periods lie between two beginnings."""
        return max(0, (start - last) // self.length - 1)

    @property
    def words(self) -> str:
        """The plan as people say it."""
        minutes = int(self.length.total_seconds()) // 60
        if minutes % 60 == 0:
            return ngettext("every hour", "every %(count)d hours", minutes // 60) % {"count": minutes // 60}
        return ngettext("every minute", "every %(count)d minutes", minutes) % {"count": minutes}


@dataclass(frozen=True, slots=True)
class Daily:
    """One period a day, beginning at this time on the organisation's wall clock: 23 to 25 hours long.

    A time that a change of the clock leaves out is an hour later that day; of one that comes twice the first counts.
    """

    at: time

    def start(self, now: datetime, zone: str) -> datetime:
        """The beginning of the period that `now` is in."""
        today = now.astimezone(ZoneInfo(zone)).date()
        begun = self._on(today, zone)
        return begun if begun <= now else self._on(today - timedelta(days=1), zone)

    def next(self, start: datetime, zone: str) -> datetime:
        """The beginning of the period after the one that begins at `start`."""
        return self._on(start.astimezone(ZoneInfo(zone)).date() + timedelta(days=1), zone)

    def skipped(self, last: datetime, start: datetime, zone: str) -> int:
        """How many periods lie between two beginnings."""
        days = (start.astimezone(ZoneInfo(zone)).date() - last.astimezone(ZoneInfo(zone)).date()).days
        return max(0, days - 1)

    @property
    def words(self) -> str:
        """The plan as people say it."""
        return _("daily at %(time)s") % {"time": f"{self.at:%H:%M}"}

    def _on(self, day: date, zone: str) -> datetime:
        return datetime.combine(day, self.at, ZoneInfo(zone)).astimezone(UTC)


Plan = Every | Daily


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodicJob:
    """One job: run once in each period of its plan, and ended after `limit` seconds.

    One of the two calls is set: once per organisation, or once for the whole installation, whose days are UTC's.
    `counted` names the figures that a run may return.
    """

    name: str
    label: Any
    description: Any
    plan: Plan
    limit: int = LIMIT
    counted: Mapping[str, Any] = field(default_factory=dict)
    for_organisation: PerOrganisation | None = None
    for_installation: Callable[[], Any] | None = None

    def period(self, now: datetime, zone: str = "UTC") -> datetime:
        """The beginning of the period that `now` is in."""
        return self.plan.start(now, zone)

    def next_run(self, now: datetime, zone: str = "UTC") -> datetime:
        """When it is due again after `now`."""
        return self.plan.next(self.plan.start(now, zone), zone)

    def missed(self, last: datetime | None, period: datetime, now: datetime, zone: str = "UTC") -> int:
        """How often its time has passed without a run when the run of `period` begins at `now`.

        `last` is the period of the run before; a job that never ran here has missed nothing.
        """
        if last is None or last >= period:
            return 0
        return self.plan.skipped(last, period, zone) + (now - period > LATE)


_jobs: dict[str, PeriodicJob] = {}


def periodic(
    *,
    label: Any,
    description: Any,
    every: timedelta | None = None,
    daily: time | None = None,
    limit: int = LIMIT,
    counted: Mapping[str, Any] | None = None,
    name: str = "",
) -> Callable[[J], J]:
    """Register a function `(scope)` that runs once per period in each organisation, in one transaction under its scope.

    `every` is the length of the periods, or `daily` the time of day on the organisation's clock. After `limit` seconds
    the run is ended. `label` and `description` are shown (lazy translations); `counted` maps names of figures to their
    words: the function may return a mapping with them. It runs again where it failed or its worker died, so it must bear
    repetition. Raises ValueError for a taken name or a wrong plan.
    """

    def register(call: J) -> J:
        _add(
            PeriodicJob(
                name=name or _name(call),
                label=label,
                description=description,
                plan=_plan(every, daily),
                limit=limit,
                counted=counted or {},
                for_organisation=call,
            )
        )
        return call

    return register


def periodic_once(
    *,
    label: Any,
    description: Any,
    every: timedelta | None = None,
    daily: time | None = None,
    limit: int = LIMIT,
    counted: Mapping[str, Any] | None = None,
    name: str = "",
) -> Callable[[W], W]:
    """Register a function without arguments that runs once per period for the whole installation, without a scope.

    All else as in `periodic`; its days are UTC's.
    """

    def register(call: W) -> W:
        _add(
            PeriodicJob(
                name=name or _name(call),
                label=label,
                description=description,
                plan=_plan(every, daily),
                limit=limit,
                counted=counted or {},
                for_installation=call,
            )
        )
        return call

    return register


def job_named(name: str) -> PeriodicJob | None:
    """The job of that name, or None where this release has it no longer."""
    return _jobs.get(name)


def all_jobs() -> list[PeriodicJob]:
    """Every registered job."""
    return list(_jobs.values())


def _name(call: Callable[..., object]) -> str:
    return f"{call.__module__.partition('.')[0]}.{call.__name__}"


def _plan(every: timedelta | None, daily: time | None) -> Plan:
    if (every is None) == (daily is None):
        raise ValueError("A job runs every so often, or daily at a time.")
    return Every(every) if every is not None else Daily(daily or time())


def _add(job: PeriodicJob) -> None:
    if job.name in _jobs:
        raise ValueError(f"The job name {job.name!r} is taken.")
    if not 0 < job.limit <= LARGEST_LIMIT:
        raise ValueError(f"A run of {job.name} may take 1 to {LARGEST_LIMIT} seconds.")
    _jobs[job.name] = job
