"""What happens to change sets, to runs of periodic jobs and to long tasks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from outbox.events import DomainEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeSetUndone(DomainEvent):
    """A change set was undone as far as nobody had changed its rows since; `made_by` is the user who had made it, if one had."""

    type: ClassVar[str] = "change_set.undone"
    subject_type: ClassVar[str] = "change_set"

    change_set_id: int
    made_by: int | None
    restored: int
    removed: int
    recreated: int
    skipped: int

    @property
    def subject_id(self) -> int:
        """The id of the change set that was undone."""
        return self.change_set_id


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEvent(DomainEvent):
    """Something about one run of a periodic job, by the job's name."""

    subject_type: ClassVar[str] = "job_run"

    run_id: int
    job: str

    @property
    def subject_id(self) -> int:
        """The run's id."""
        return self.run_id


@dataclass(frozen=True, slots=True, kw_only=True)
class JobAsked(RunEvent):
    """Somebody asked for a run now; `period` is the instant that names it."""

    type: ClassVar[str] = "job.asked"

    period: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFailed(RunEvent):
    """A run failed for the so-manieth time, with that kind of error; `given_up`: it is not tried again in its period."""

    type: ClassVar[str] = "job.failed"

    attempt: int
    error: str
    given_up: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class JobMissed(RunEvent):
    """A run began late: so often had its job's time passed without one. It is run once for all of them."""

    type: ClassVar[str] = "job.missed"

    missed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskEvent(DomainEvent):
    """Something about one long task; `user_id` is who started it, None for the product itself."""

    subject_type: ClassVar[str] = "long_task"

    task_id: int
    kind: str
    user_id: int | None

    @property
    def subject_id(self) -> int:
        """The task's id."""
        return self.task_id


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskQueued(TaskEvent):
    """It waits for a worker, for the first time or again."""

    type: ClassVar[str] = "task.queued"


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskEnded(TaskEvent):
    """It is over: `state` DONE, FAILED or CANCELLED, with its counts."""

    type: ClassVar[str] = "task.ended"

    state: str
    done: int
    refused: int
