"""An import by real processes, killed in the middle: no row twice, none missing, and all of it undone."""

from __future__ import annotations

import io
import time

from django.db import transaction

from crm.core.access import activate, system_scope
from customers import services
from customers.models import Customer
from jobs.services import ask_undo
from organisation.choices import Role
from tests.conftest import make_organisation, make_user, scope_of
from tests.jobs.test_bulk_processes import is_done
from tests.jobs.test_processes import task_of, wait_until

HOW_MANY = 9_000


def test_killed_in_the_middle_it_goes_on_and_is_undone(committed_db, child):
    organisation = make_organisation("Haus")
    manager = make_user(organisation, Role.MANAGER)
    rows = (f"Haus {n},Gasse {n},10115,Berlin" for n in range(HOW_MANY))
    data = "\n".join(["Firma,Straße,PLZ,Ort", *rows]).encode()
    with transaction.atomic(), activate(scope_of(manager)) as scope:
        file = services.keep_upload(scope=scope, name="liste.csv", upload=io.BytesIO(data), size=len(data))
        columns = services.suggested(scope, file.columns)
        task = services.start_import(
            scope=scope, file_id=file.pk, columns=columns, on_duplicate="create", dry_run=False
        )
    worker = child("work", organisation.pk, task.pk)
    wait_until(lambda: task_of(organisation, task).done, 60)
    time.sleep(0.1)  # into the next batch
    worker.kill()
    assert worker.wait() == -9
    assert task_of(organisation, task).done < HOW_MANY, "killed too late to prove anything"
    child("work", organisation.pk, task.pk)
    wait_until(is_done(organisation, task), 120)
    assert task_of(organisation, task).result["created"] == HOW_MANY
    with system_scope(organisation.pk, job="test"):
        names = list(Customer.objects.values_list("company_name", flat=True))
    assert sorted(names) == sorted(f"Haus {n}" for n in range(HOW_MANY))
    with transaction.atomic(), activate(scope_of(manager)) as scope:
        undo = ask_undo(scope=scope, change_set_id=task.change_set_id)
    child("work", organisation.pk, undo.pk)
    wait_until(is_done(organisation, undo), 120)
    with system_scope(organisation.pk, job="test") as scope:
        assert not Customer.objects.visible_to(scope).exists()
