"""The whole way with real relay and worker: asked on a page, begun at once, killed with -9 in the middle, ended all the same."""

from __future__ import annotations

import os
import signal
import sys
import time

import pytest
import redis
from celery import Celery
from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from crm.core.access import activate, system_scope
from customers.models import Contact, Customer
from jobs.models import ChangeSet
from jobs.services import ask_undo, open_change_set
from organisation.choices import Role
from tests.conftest import make_organisation, make_user, scope_of
from tests.jobs.test_processes import task_of, wait_until
from tests.outbox.test_faults import ROOT, Process

BEGIN_WITHIN = 60  # seconds, most of them for the processes to start
END_WITHIN = 120  # seconds after the kill (reliability.md §10, row 11)


@pytest.mark.fault
def test_an_undo_whose_worker_is_killed_is_begun_anew_by_the_next_tick(committed_db, database_urls, tmp_path):
    house = make_organisation("Haus")
    manager = make_user(house, Role.MANAGER)
    with system_scope(house.pk, job="test"):
        Customer.objects.bulk_create(
            Customer(organisation=house, company_name="Vorher", customer_number=f"T-{n}", status_since=timezone.now())
            for n in range(500)
        )
        Contact.objects.create(organisation=house, customer=Customer.objects.first(), last_name="Vorher")
    with transaction.atomic(), activate(scope_of(manager)) as scope:
        batch = open_change_set(scope=scope, kind="bulk", label="Anders")
        with activate(batch):
            Customer.objects.update(company_name="Anders")
            Contact.objects.update(last_name="Anders")
        task = ask_undo(scope=scope, change_set_id=batch.change_set_id)

    beat = Celery("test", set_as_current=False)
    beat.config_from_object("django.conf:settings", namespace="CELERY")
    env = os.environ | {"DATABASE_URL": database_urls["app"], "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])}
    env.pop("CRM_SUPERVISED", None)
    queue = f"crm:{connection.settings_dict['NAME']}"
    redis.Redis.from_url(settings.REDIS_URL).delete(queue)  # of an earlier test run
    quiet = ["--without-mingle", "--without-gossip", "--without-heartbeat", "--loglevel", "WARNING"]
    with (tmp_path / "processes.log").open("wb") as log:
        relay = Process(
            "relay", [sys.executable, "manage.py", "relay"], env | {"DATABASE_URL": database_urls["relay"]}, log
        )
        worker = Process("worker", [sys.executable, "-m", "celery", "-A", "crm", "worker", "-c", "2", *quiet], env, log)
        try:
            with system_scope(house.pk, job="test"):
                with connection.cursor() as cursor:
                    cursor.execute("LOCK TABLE customers_contact IN SHARE MODE")  # holds the undo up in its middle
                wait_until(lambda: task_of(house, task).told == 500, BEGIN_WITHIN)
                for pid in worker.pool_children():
                    os.kill(pid, signal.SIGKILL)
            killed = time.monotonic()

            def is_done():
                beat.send_task("jobs.tasks.tick", queue=queue)
                time.sleep(1)
                return task_of(house, task).state == "DONE"

            wait_until(is_done, END_WITHIN)
            assert time.monotonic() - killed < END_WITHIN
        finally:
            relay.kill()
            worker.kill()
    with system_scope(house.pk, job="test"):
        assert set(Customer.objects.values_list("company_name", flat=True)) == {"Vorher"}
        assert Contact.objects.get().last_name == "Vorher"
        assert ChangeSet.objects.filter(kind="undo").count() == 1
