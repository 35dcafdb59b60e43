"""Real processes: two schedulers at once, and workers that are killed with -9 in the middle of a long task."""

from __future__ import annotations

import random
import time
from collections import Counter
from itertools import pairwise

from django.db import connection, transaction
from django.utils import timezone

from crm.core.access import activate, system_scope
from customers.models import Contact, Customer
from jobs.models import ChangeSet, JobRun, LongTask
from jobs.services import ask_undo, open_change_set, start_task
from jobs.working import Outcome, work
from organisation.choices import Role
from tests.conftest import make_organisation, make_user, scope_of
from tests.jobs import process
from tests.outbox.models import Effect


def wait_until(condition, seconds=60):
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end
        time.sleep(0.02)
    return found


def task_of(organisation, task):
    with system_scope(organisation.pk, job="test"):
        return LongTask.objects.get(pk=task.pk)


def checksum(organisation):
    """Of all that the task wrote, whose ids may differ."""
    with system_scope(organisation.pk, job="test"), connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*), md5(string_agg(concat_ws('|', handler, event_id, subject_id, number), ',' ORDER BY number, id))"
            f" FROM {Effect._meta.db_table} WHERE organisation_id = %s",
            [organisation.pk],
        )
        return cursor.fetchone()


def test_two_schedulers_at_once_run_each_period_once(committed_db, probe, child):
    houses = [make_organisation(f"Haus {n}") for n in range(2)]
    both = [child("schedule", 12) for _ in range(2)]
    assert [one.wait(60) for one in both] == [0, 0]
    for house in houses:
        with system_scope(house.pk, job="test"):
            runs = list(JobRun.objects.filter(organisation=house).order_by("started_at"))
            assert len(runs) >= 4
            assert {(row.state, row.attempts) for row in runs} == {("DONE", 1)}
            assert Effect.objects.filter(handler="job").count() == len(runs)
            assert max(Counter(row.period for row in runs).values()) == 1
            for before, after in pairwise(runs):
                assert after.started_at >= before.finished_at, "two runs of one job overlap"


def test_a_task_whose_workers_are_killed_ends_as_an_undisturbed_one(committed_db, probe, child):
    calm, rough = make_organisation("Ruhig"), make_organisation("Rauh")
    tasks = []
    for house in (calm, rough):
        with system_scope(house.pk, job="test") as scope:
            tasks.append(start_task(scope=scope, kind="probe.write"))
    assert work(calm.pk, tasks[0].pk) is Outcome.OVER

    chance, done = random.Random(20261121), 0
    for _kill in range(4):
        worker = child("work", rough.pk, tasks[1].pk)
        wait_until(lambda before=done: task_of(rough, tasks[1]).done > before)
        time.sleep(chance.random() * 0.1)
        worker.kill()
        assert worker.wait() == -9
        done = task_of(rough, tasks[1]).done
        assert done % process.SIZE == 0
    assert task_of(rough, tasks[1]).state == "RUNNING"
    workers = [child("work", rough.pk, tasks[1].pk) for _ in range(2)]  # two at once
    wait_until(lambda: task_of(rough, tasks[1]).state == "DONE")
    for one in workers:
        one.kill()
    first, second = task_of(calm, tasks[0]), task_of(rough, tasks[1])
    assert (second.done, second.total, second.cursor) == (first.done, first.total, first.cursor) == (1_000, 1_000, 40)
    assert checksum(rough) == checksum(calm)
    assert checksum(calm)[0] == 1_000


def test_an_undo_shows_its_progress_is_killed_and_begins_anew(committed_db, child):
    """Half an undo is none: what the killed one had written back is as if it had never been."""
    house = make_organisation("Haus")
    manager = make_user(house, Role.MANAGER)
    with system_scope(house.pk, job="test"):
        Customer.objects.bulk_create(
            Customer(
                organisation=house, company_name=f"Haus {n}", customer_number=f"T-{n:05d}", status_since=timezone.now()
            )
            for n in range(2_000)
        )
        Contact.objects.create(organisation=house, customer=Customer.objects.first(), last_name="Probe")

    def state():
        found = []
        with system_scope(house.pk, job="test"):
            for model in (Customer, Contact):
                names = [f.attname for f in model._meta.concrete_fields if f.attname not in {"version", "updated_at"}]
                found += model.objects.order_by("pk").values_list(*names)
        return found

    before = state()
    with transaction.atomic():
        scope = scope_of(manager)
        with activate(scope):
            batch = open_change_set(scope=scope, kind="bulk", label="Anders")
            with activate(batch):
                Customer.objects.update(company_name="Anders", phone="+49301")
                Contact.objects.update(last_name="Anders")
            task = ask_undo(scope=scope, change_set_id=batch.change_set_id)
    changed = state()
    assert changed != before

    # Held up behind its first table, it is seen from outside and killed there.
    worker = child("work", house.pk, task.pk)
    with system_scope(house.pk, job="test"):
        with connection.cursor() as cursor:
            cursor.execute("LOCK TABLE customers_contact IN SHARE MODE")  # lets rows be locked, but not written
        wait_until(lambda: task_of(house, task).told == 2_000)
        seen = task_of(house, task)
        assert (seen.state, seen.shown, seen.total, seen.done) == ("RUNNING", 2_000, 2_001, 0)
        worker.kill()
        assert worker.wait() == -9
    assert state() == changed
    child("work", house.pk, task.pk)
    wait_until(lambda: task_of(house, task).state == "DONE")
    assert state() == before
    with system_scope(house.pk, job="test"):
        assert ChangeSet.objects.filter(kind="undo").count() == 1
    assert (task_of(house, task).done, task_of(house, task).told) == (2_001, 0)
