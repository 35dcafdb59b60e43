"""A change of many customers by real processes: killed in the middle, two at once on the same rows, and undone."""

from __future__ import annotations

import json
import time

import pytest
from django.db import transaction
from django.utils import timezone

from crm.core.access import activate, system_scope
from customers.models import Customer, CustomerTag, Tag
from customers.services import start_bulk
from customers.services.bulk import Selection
from jobs.models import LongTask
from jobs.registry import undoables
from jobs.services import ask_undo
from organisation.choices import Role
from outbox.models import Event
from tests.conftest import make_organisation, make_user, scope_of
from tests.jobs.test_processes import task_of, wait_until
from tests.jobs.test_undo_everything import LOGS, differing, rows_by_table

HOW_MANY = 3_000


@pytest.fixture
def house(committed_db):
    """Prospects of one rep; every third has the tag already."""
    organisation = make_organisation("Haus")
    manager, rep = make_user(organisation, Role.MANAGER), make_user(organisation, Role.REP)
    with system_scope(organisation.pk, job="test"):
        rows = Customer.objects.bulk_create(
            Customer(
                organisation=organisation,
                company_name=f"Haus {n}",
                customer_number=f"T-{n:05d}",
                owner=rep,
                status_since=timezone.now(),
            )
            for n in range(HOW_MANY)
        )
        tag = Tag.objects.create(organisation=organisation, name="Messe")
        CustomerTag.objects.bulk_create(
            CustomerTag(organisation=organisation, customer=row, tag=tag) for row in rows[::3]
        )
    return organisation, manager, rep


def asked(manager, action, values, tree=None):
    with transaction.atomic(), activate(scope_of(manager)) as scope:
        selection = Selection.of_filter(scope, tree or {})
        return start_bulk(scope=scope, action=action, values=values, selection=selection)


def undo_asked(manager, task):
    with transaction.atomic(), activate(scope_of(manager)) as scope:
        return ask_undo(scope=scope, change_set_id=task.change_set_id)


def is_done(organisation, task):
    return lambda: task_of(organisation, task).state == "DONE"


def but_the_logs(before, after):
    histories = {entry.model.history.model._meta.db_table for entry in undoables()}
    return differing(before, after) - histories - LOGS


@pytest.mark.parametrize(
    ("action", "values", "expected"),
    [
        ("archive", {"reason": "zu"}, HOW_MANY),
        ("tag", {"tag": "Messe"}, HOW_MANY - HOW_MANY // 3),
        ("delete", {}, HOW_MANY),
    ],
)
def test_killed_in_the_middle_it_goes_on_and_is_undone_to_the_last_row(
    house, child, owner_db, action, values, expected
):
    """The filter empties itself row by row; no row is missed, none done or told twice; undone, each table is as before."""
    organisation, manager, _rep = house
    before = rows_by_table(owner_db)
    task = asked(manager, action, values, {"field": "status", "op": "eq", "value": "PROSPECT"})
    worker = child("work", organisation.pk, task.pk)
    wait_until(lambda: task_of(organisation, task).done)
    time.sleep(0.1)  # into the next batch
    worker.kill()
    assert worker.wait() == -9
    assert task_of(organisation, task).done < HOW_MANY, "killed too late to prove anything"
    child("work", organisation.pk, task.pk)
    wait_until(is_done(organisation, task), 120)
    ended = task_of(organisation, task)
    assert (ended.done, ended.refused, ended.result["changed"]) == (HOW_MANY, 0, expected)
    with system_scope(organisation.pk, job="test"):
        told = Event.objects.filter(change_set_id=task.change_set_id, subject_type="customer")
        assert told.count() == told.values("subject_id").distinct().count() == expected
    changed = rows_by_table(owner_db)
    assert but_the_logs(before, changed) >= {"customers_customertag" if action == "tag" else "customers_customerhot"}

    undo = undo_asked(manager, task)
    child("work", organisation.pk, undo.pk)
    wait_until(is_done(organisation, undo), 120)
    assert task_of(organisation, undo).refused == 0
    assert but_the_logs(before, rows_by_table(owner_db)) == set()


def test_two_at_once_on_the_same_rows(house, child, owner_db):
    """Both end; each row holds the last one's word, no tag is there twice, and both batches can be told apart."""
    organisation, manager, rep = house
    other = make_user(organisation, Role.REP)
    tasks = [
        asked(manager, "owner", {"owner_id": other.pk}),
        asked(manager, "tag", {"tag": "Messe"}),
        asked(rep, "tag", {"tag": "Messe"}),
    ]
    for task in tasks:
        child("work", organisation.pk, task.pk)
    for task in tasks:
        wait_until(is_done(organisation, task), 180)
    ended = [task_of(organisation, task) for task in tasks]
    assert ended[0].result["changed"] == HOW_MANY
    tags = [one.result["changed"] for one in ended[1:]]
    assert sum(tags) == HOW_MANY - HOW_MANY // 3, "each row was given the tag by one of the two"
    with system_scope(organisation.pk, job="test"):
        assert Customer.objects.filter(owner=other).count() == HOW_MANY
        assert CustomerTag.objects.count() == HOW_MANY
        assert {one.error for one in LongTask.objects.all()} == {""}
    for row in rows_by_table(owner_db)["jobs_longtask"]:
        assert json.loads(row)["state"] == "DONE"
