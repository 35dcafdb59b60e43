"""Many customers in one go: every change by role, refusals by row, the walk, and the way back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from crm.core.errors import Conflict, Forbidden, Invalid
from customers import services
from customers.choices import AccountType, Refused
from customers.models import Customer, CustomerFieldValue, CustomerTag, FieldDefinition, Tag
from customers.services.bulk import Selection, batches
from jobs.models import ChangeSet, LongTask
from jobs.services import ask_undo, cancel_task, resume_task
from jobs.working import Outcome, work
from messaging.models import Notice
from organisation.models import User
from outbox.models import Event
from tests.conftest import make_team
from tests.customers.test_status import acting, made

People = Callable[..., User]
EVERYTHING: dict[str, Any] = {}


def ask(user: User, action: str, values: dict[str, Any], tree: dict[str, Any] | None = None, **more: Any) -> LongTask:
    """What the page does: everything that the filter finds, or `ids`."""
    with acting(user) as scope:
        if ids := more.pop("ids", None):
            selection = Selection.of_ids(ids)
        else:
            selection = Selection.of_filter(scope, tree or {}, more.pop("words", ""))
        return services.start_bulk(scope=scope, action=action, values=values, selection=selection, **more)


def run(user: User, task: LongTask) -> LongTask:
    """What the worker does; the task as it is then."""
    assert work(user.organisation_id, task.pk) is Outcome.OVER
    with acting(user):
        return LongTask.objects.get(pk=task.pk)


def done(user: User, action: str, values: dict[str, Any], tree: dict[str, Any] | None = None, **more: Any) -> LongTask:
    """Asked for and done."""
    return run(user, ask(user, action, values, tree, **more))


def tagged(user: User, name: str) -> set[int]:
    """Who has the tag, as this user sees it."""
    with acting(user):
        return set(CustomerTag.objects.filter(tag__name=name).values_list("customer_id", flat=True))


def test_a_tag_on_all_that_match_and_back(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    """More than a batch; who has it already is counted apart; one event each; the undo takes away what was added."""
    monkeypatch.setattr(batches, "SIZE", 3)
    manager, rep = people("MANAGER"), people()
    rows = [made(rep, business_type="HOTEL") for _n in range(8)]
    other = made(rep, business_type="RESTAURANT")
    with acting(rep) as scope:
        services.set_tags(scope=scope, customer_id=rows[2].pk, names=["Messe"])
    task = done(manager, "tag", {"tag": " Messe "}, {"field": "business_type", "op": "eq", "value": "HOTEL"})
    assert (task.state, task.total, task.done, task.refused) == ("DONE", 8, 8, 0)
    assert {key: task.result[key] for key in ("changed", "unchanged", "skipped")} == {
        "changed": 7,
        "unchanged": 1,
        "skipped": 0,
    }
    assert tagged(manager, "Messe") == {row.pk for row in rows}
    assert other.pk not in tagged(manager, "Messe")
    with acting(manager) as scope:
        told = Event.objects.filter(type="customer.updated", change_set_id=task.change_set_id)
        assert set(told.values_list("subject_id", flat=True)) == {row.pk for row in rows} - {rows[2].pk}
        change_set = ChangeSet.objects.get(pk=task.change_set_id)
        assert (change_set.kind, change_set.rows, change_set.actor) == ("bulk", 7, f"user:{manager.pk}")
        undo = ask_undo(scope=scope, change_set_id=change_set.pk)
    run(manager, undo)
    assert tagged(manager, "Messe") == {rows[2].pk}
