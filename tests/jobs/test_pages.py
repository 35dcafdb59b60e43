"""Pages and API of jobs: what they show, what their buttons do."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.db import transaction
from django.urls import reverse
from django.utils import timezone, translation

from crm.core.access import activate, system_scope
from customers.models import Contact, Customer
from jobs import overview, schedule
from jobs.models import JobRun, LongTask
from jobs.services import open_change_set, start_by_hand, start_task
from jobs.working import Outcome, due_tasks, work
from outbox.models import Heartbeat
from outbox.services import beat
from tests.conftest import scope_of
from tests.jobs import test_undo

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


def page(client, name, *arguments, query="", htmx=False):
    headers = {"HX-Request": "true"} if htmx else {}
    response = client.get(reverse(name, args=arguments) + query, headers=headers)
    assert response.status_code == 200
    return response


def text(response):
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


@pytest.fixture
def manager(people):
    return people("MANAGER")


@pytest.fixture
def client_of_manager(as_user, manager):
    return as_user(manager)


@pytest.fixture
def imported(organisation, manager):
    """Two customers of an import, one with a contact."""
    with transaction.atomic():
        scope = scope_of(manager)
        with activate(scope):
            batch = open_change_set(scope=scope, kind="import", label="liste.csv")
            with activate(batch):
                rows = [test_undo.customer(organisation, f"Haus {n}") for n in range(2)]
                Contact.objects.create(organisation=organisation, customer=rows[0], last_name="Probe")
    return batch.change_set_id, rows


def run_of(organisation, job, **values):
    with system_scope(organisation.pk, job="test"):
        now = timezone.now()
        return JobRun.objects.create(
            job=job,
            organisation=organisation,
            **({"period": now, "locked_until": now, "started_at": now - timedelta(seconds=12)} | values),
        )


def test_the_schedule_shows_each_job_with_its_last_run_and_its_next(client_of_manager, organisation):
    run_of(organisation, "customers.turn_seasons", state="DONE", finished_at=timezone.now(), counts={"customers": 7})
    run_of(organisation, "jobs.erase_trash", state="FAILED", error="TimeLimit", finished_at=timezone.now())
    response = page(client_of_manager, "jobs:schedule")
    shown = text(response)
    with translation.override("en"):
        for job in schedule.all_jobs():
            assert str(job.label) in shown, job.name
    for words in ("every hour", "daily at 03:00", "7 customers", "12 s", "Ended at its time limit.", "never ran"):
        assert words in shown
    assert "hx-trigger" not in response.content.decode(), "nothing runs"
    run_of(organisation, "jobs.trim_deliveries", state="RUNNING")
    assert 'hx-trigger="every 3s"' in page(client_of_manager, "jobs:schedule").content.decode()
    part = page(client_of_manager, "jobs:schedule", htmx=True).content.decode()
    assert part.strip().startswith("<div")
    assert "<html" not in part


def test_what_was_missed_shows_until_it_is_made_up(client_of_manager, organisation):
    now = timezone.now()
    job = schedule.job_named("customers.turn_seasons")
    run_of(organisation, job.name, state="DONE", finished_at=now, period=job.period(now) - 3 * HOUR)
    shown = text(page(client_of_manager, "jobs:job", job.name))
    assert re.search(r"[23] starts have passed without a run", shown)
    assert "missed" in text(page(client_of_manager, "jobs:schedule"))
    run_of(organisation, job.name, state="DONE", finished_at=now, period=job.period(now), missed=3)
    shown = text(page(client_of_manager, "jobs:job", job.name))
    assert "passed without a run" not in shown
    assert "late: 3 starts missed" in shown


def test_a_silent_scheduler_is_said(client_of_manager):
    beat("worker")
    assert "No sign of life" not in text(page(client_of_manager, "jobs:schedule"))
    Heartbeat.objects.filter(name="worker").update(beat_at=timezone.now() - timedelta(seconds=121))
    assert "No sign of life" in text(page(client_of_manager, "jobs:schedule"))


def test_run_now_queues_one_run_and_says_so(client_of_manager, organisation):
    address = reverse("jobs:run_now", args=["jobs.erase_trash"])
    first = client_of_manager.post(address, follow=True)
    assert "The run begins in a moment." in text(first)
    assert "by hand, User" in text(first)
    assert "waiting already" in text(client_of_manager.post(address, follow=True))
    with system_scope(organisation.pk, job="test"):
        assert JobRun.objects.filter(by_hand=True, state="QUEUED").count() == 1
    assert client_of_manager.get(reverse("jobs:job", args=["no.job"])).status_code == 404


def test_a_task_shows_its_progress_until_it_is_over(client_of_manager, organisation, manager):
    with transaction.atomic():
        scope = scope_of(manager)
        with activate(scope):
            task = start_by_hand(scope=scope, kind="customers.rebuild")
    with system_scope(organisation.pk, job="test"):
        LongTask.objects.filter(pk=task.pk).update(
            state="RUNNING", done=250, told=50, total=1_000, spent_ms=500, started_at=timezone.now()
        )
    response = page(client_of_manager, "jobs:task", task.pk)
    assert "300 of 1,000" in text(response)
    assert '<progress class="fp-progress" max="1000" value="300"' in response.content.decode()
    assert 'hx-trigger="every 2s"' in response.content.decode()
    assert "Rebuild lists and search" in text(page(client_of_manager, "jobs:tasks"))
    answer = client_of_manager.post(reverse("jobs:cancel_task", args=[task.pk]), follow=True)
    assert "The task ends behind the present batch." in text(answer)
    with system_scope(organisation.pk, job="test"):
        assert LongTask.objects.get().cancel_asked_at is not None
    assert work(organisation.pk, task.pk) is Outcome.OVER
    over = page(client_of_manager, "jobs:task", task.pk)
    assert "Cancelled" in text(over)
    assert "hx-trigger" not in over.content.decode()
    assert "The task goes on." in text(client_of_manager.post(reverse("jobs:resume_task", args=[task.pk]), follow=True))


def test_tasks_of_others_are_shown_to_who_sees_all(as_user, people, organisation, manager):
    rep = people("REP")
    with transaction.atomic():
        scope = scope_of(rep)
        with activate(scope):
            task = start_task(
                scope=scope, kind="customers.project_field", label="covers", parameters={"definition_id": 1}
            )
    assert "covers" in text(page(as_user(rep), "jobs:tasks"))
    assert "covers" not in text(page(as_user(people("REP")), "jobs:tasks"))
    assert as_user(people("REP")).get(reverse("jobs:task", args=[task.pk])).status_code == 404
    client = as_user(manager)
    assert "covers" in text(page(client, "jobs:tasks"))
    assert "covers" not in text(page(client, "jobs:tasks", query="?show=own"))


def test_a_change_set_says_what_it_did_and_is_undone_with_a_list_of_what_stayed(
    client_of_manager, organisation, imported
):
    pk, rows = imported
    assert "liste.csv" in text(page(client_of_manager, "jobs:change_sets"))
    response = page(client_of_manager, "jobs:change_set", pk)
    assert re.search(r"customers 2 0 0", text(response), re.IGNORECASE)
    assert re.search(r"contacts 1 0 0", text(response), re.IGNORECASE)
    for row in rows:
        assert reverse("customers:detail", args=[row.pk]) in response.content.decode()
    with system_scope(organisation.pk, job="test"):
        Customer.objects.filter(pk=rows[1].pk).update(phone="+49302")
    answer = client_of_manager.post(reverse("jobs:undo", args=[pk]), follow=True)
    assert "The undo begins in a moment." in text(answer)
    assert "This is going on already." in text(page(client_of_manager, "jobs:change_set", pk))
    (task_id,) = due_tasks(organisation.pk)
    assert work(organisation.pk, task_id) is Outcome.OVER
    shown = text(page(client_of_manager, "jobs:task", task_id))
    assert "Haus 1" in shown
    assert "changed since" in shown
    assert "This batch has been undone already." in text(page(client_of_manager, "jobs:change_set", pk))
    refused = client_of_manager.post(reverse("jobs:undo", args=[pk]), follow=True)
    assert "has been undone already" in text(refused)


def test_a_large_change_set_is_counted_no_further_than_ten_thousand(
    client_of_manager, organisation, imported, monkeypatch
):
    monkeypatch.setattr(overview, "COUNT_CAP", 1)
    shown = text(page(client_of_manager, "jobs:change_set", imported[0]))
    assert re.search(r"customers the first ten thousand 1 0 0", shown, re.IGNORECASE)
    assert re.search(r"contacts 1 0 0", shown, re.IGNORECASE)


def test_the_api_tells_and_does_the_same(client_of_manager, organisation, manager, imported):
    client, pk = client_of_manager, imported[0]
    jobs = {job["name"]: job for job in client.get("/api/jobs/").json()["results"]}
    assert jobs["jobs.erase_trash"]["plan"] == "daily at 03:00"
    assert jobs["jobs.erase_trash"]["last_run"] is None
    asked = client.post("/api/jobs/runs/", {"job": "jobs.erase_trash"}, content_type="application/json")
    assert (asked.status_code, asked.json()["state"], asked.json()["by_hand"]) == (201, "QUEUED", True)
    assert (
        client.post("/api/jobs/runs/", {"job": "jobs.erase_trash"}, content_type="application/json").status_code == 409
    )
    assert (
        client.post("/api/jobs/runs/", {"job": "jobs.clear_sessions"}, content_type="application/json").status_code
        == 400
    )
    assert [run["id"] for run in client.get("/api/jobs/runs/?job=jobs.erase_trash").json()["results"]] == [
        asked.json()["id"]
    ]
    assert client.get("/api/jobs/runs/?job=no").status_code == 400
    assert client.get("/api/jobs/?x=1").status_code == 400

    whole = client.get(f"/api/change-sets/{pk}/").json()
    assert {(table["made"], table["changed"]) for table in whole["tables"]} == {(2, 0), (1, 0)}
    undo = client.generic("POST", f"/api/change-sets/{pk}/undo/")
    assert (undo.status_code, undo.json()["state"], undo.json()["change_set_id"]) == (202, "QUEUED", pk)
    assert client.generic("POST", f"/api/change-sets/{pk}/undo/").status_code == 409
    task_id = undo.json()["id"]
    assert client.generic("POST", f"/api/tasks/{task_id}/cancel/").json()["state"] == "CANCELLED"
    assert client.generic("POST", f"/api/tasks/{task_id}/cancel/").status_code == 409
    assert client.generic("POST", f"/api/tasks/{task_id}/resume/").json()["state"] == "QUEUED"
    assert work(organisation.pk, task_id) is Outcome.OVER
    done = client.get(f"/api/tasks/{task_id}/").json()
    assert (done["state"], done["done"], done["result"]["removed"]) == ("DONE", 2, 2)
    assert client.get("/api/change-sets/").json()["results"][0]["undoes_id"] == pk
    assert client.post("/api/tasks/", {"kind": "jobs.undo"}, content_type="application/json").status_code == 400
    assert client.post("/api/tasks/", {"kind": "customers.rebuild"}, content_type="application/json").status_code == 201
