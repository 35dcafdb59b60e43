"""Periodic jobs as code: what runs, how often, for whom. `jobs.tasks.tick` starts what is due."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, TypeVar

from crm.core.access import Scope

EPOCH: Final = datetime(2026, 1, 1, tzinfo=UTC)

PerOrganisation = Callable[[Scope], object]
J = TypeVar("J", bound=PerOrganisation)
W = TypeVar("W", bound=Callable[[], object])


@dataclass(frozen=True, slots=True)
class PeriodicJob:
    """One job: run once in each period of length `every`, periods beginning `offset` after midnight UTC.

    One of the two calls is set: once per organisation, or once for the whole installation.
    """

    name: str
    every: timedelta
    offset: timedelta
    for_organisation: PerOrganisation | None = None
    for_installation: Callable[[], object] | None = None

    def period(self, now: datetime) -> datetime:
        """The beginning of the period that `now` is in."""
        passed = (now - EPOCH - self.offset) // self.every
        return EPOCH + self.offset + passed * self.every


_jobs: dict[str, PeriodicJob] = {}


def periodic(*, every: timedelta, offset: timedelta = timedelta(0), name: str = "") -> Callable[[J], J]:
    """Register a function `(scope)` that runs once per period in each organisation, in one transaction under its scope.

    It runs again where it failed or its worker died, so it must bear repetition. Raises ValueError for a taken name.
    """

    def register(call: J) -> J:
        _add(PeriodicJob(name or _name(call), every, offset, for_organisation=call))
        return call

    return register


def periodic_once(*, every: timedelta, offset: timedelta = timedelta(0), name: str = "") -> Callable[[W], W]:
    """Register a function without arguments that runs once per period for the whole installation, without a scope."""

    def register(call: W) -> W:
        _add(PeriodicJob(name or _name(call), every, offset, for_installation=call))
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


def _add(job: PeriodicJob) -> None:
    if job.name in _jobs:
        raise ValueError(f"The job name {job.name!r} is taken.")
    _jobs[job.name] = job
