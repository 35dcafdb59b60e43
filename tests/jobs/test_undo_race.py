"""An undo that meets a change under way: what is committed last is not lost."""

from __future__ import annotations

import threading

from django.db import connection
from django.utils import timezone

from crm.core.access import activate, system_scope
from customers.models import Customer
from jobs.services import open_change_set, undo_change_set
from jobs.undoing import Skipped, SkippedRow
from tests.conftest import make_organisation


def test_a_change_under_way_is_waited_for_and_kept(committed_db):
    house = make_organisation("Haus")
    with system_scope(house.pk, job="test") as scope:
        row = Customer.objects.create(
            organisation=house, company_name="Vorher", customer_number="T-1", status_since=timezone.now()
        )
        batch = open_change_set(scope=scope, kind="bulk", label="x")
        with activate(batch):
            Customer.objects.filter(pk=row.pk).update(company_name="Anders")
    results = []

    def undo():
        try:
            with system_scope(house.pk, job="test") as own:
                results.append(undo_change_set(scope=own, change_set_id=batch.change_set_id))
        finally:
            connection.close()

    with system_scope(house.pk, job="test"):
        Customer.objects.filter(pk=row.pk).update(company_name="Von Hand")
        waiting = threading.Thread(target=undo)
        waiting.start()
        waiting.join(2)
        assert waiting.is_alive(), "the undo must wait for the open change"
    waiting.join(20)
    (result,) = results
    assert result.skipped == [SkippedRow("customers.customer", row.pk, Skipped.CHANGED_SINCE)]
    with system_scope(house.pk, job="test"):
        assert Customer.objects.get(pk=row.pk).company_name == "Von Hand"
