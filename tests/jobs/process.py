"""What the processes of the tests do:
`python -m tests.jobs.process schedule SECONDS | run ORGANISATION | work ORGANISATION TASK`."""

from __future__ import annotations

import sys
import time
from datetime import timedelta
from uuid import UUID

BATCHES, SIZE = 40, 25


def register():
    """A job that is due every second, one that waits at a gate in its middle, and a task that writes a thousand rows."""
    from django.db import connection

    from jobs import schedule
    from jobs.kinds import Step, kind_named, task_kind
    from tests.outbox.models import Effect

    def effects(scope, handler, numbers):
        Effect.objects.bulk_create(
            Effect(
                organisation_id=scope.organisation_id,
                handler=handler,
                event_id=UUID(int=number),
                subject_id=number,
                number=number,
            )
            for number in numbers
        )

    if kind_named("probe.write") is None:

        @task_kind("probe.write", label="Write", description="For tests.", unit="rows")
        def write(scope, batch):
            place = batch.cursor or 0
            effects(scope, "task", range(place * SIZE, (place + 1) * SIZE))
            time.sleep(0.03)
            return Step(cursor=place + 1, done=SIZE, total=BATCHES * SIZE, finished=place + 1 == BATCHES)

    if schedule.job_named("probe.second") is None:

        @schedule.periodic(every=timedelta(seconds=1), label="Second", description="For tests.", name="probe.second")
        def second(scope):
            effects(scope, "job", [int(time.time() * 1000)])
            time.sleep(0.2)

        @schedule.periodic(every=timedelta(hours=1), label="Gate", description="For tests.", name="probe.gate")
        def gate(scope):
            effects(scope, "gate", range(500))
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_xact_lock(4711)")


def run_once(organisation_id):
    """A worker that got a message."""
    from django.utils import timezone

    from jobs.running import run
    from jobs.schedule import job_named

    job = job_named("probe.gate")
    run(job, organisation_id, job.period(timezone.now()))


def keep_schedule(seconds):
    """A scheduler and its worker in one."""
    from django.utils import timezone

    from jobs.running import due_runs, run
    from jobs.schedule import job_named

    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for due in due_runs(timezone.now()):
            if due.job == "probe.second":
                run(job_named(due.job), due.organisation_id, due.period)


def keep_working(organisation_id, task_id):
    """A worker that is told of the task again and again."""
    from jobs import working

    working.LEASE = 1
    while working.work(organisation_id, task_id) is not working.Outcome.OVER:
        time.sleep(0.05)


if __name__ == "__main__":
    import django

    django.setup()
    register()
    what, *numbers = sys.argv[1:]
    {"schedule": keep_schedule, "run": run_once, "work": keep_working}[what](*map(int, numbers))
