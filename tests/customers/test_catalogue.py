"""The field catalogue: keys, types, slots, rules, and what the worker does after."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.utils import translation

from crm.core import filters
from crm.core.access import Scope
from crm.core.errors import Conflict, DomainError, Forbidden, Invalid
from customers import projection, services
from customers.list_fields import CUSTOMER_FIELDS
from customers.models import CustomerHot, FieldDefinition
from jobs.models import LongTask
from jobs.services import start_by_hand
from jobs.working import Outcome, due_tasks, work
from organisation.models import User
from tests.customers.test_status import acting, made

People = Callable[..., User]
LABELS = {"label_de": "Gedecke", "label_en": "Covers"}


def define(scope: Scope, key: str, kind: str = "INTEGER", **values: Any) -> FieldDefinition:
    """A field of customers."""
    return services.define_field(scope=scope, entity="CUSTOMER", key=key, type=kind, values={**LABELS, **values})


def test_only_managers_edit_the_catalogue(people: People) -> None:
    """Reps, leads and auditors are refused."""
    for role in ("REP", "TEAM_LEAD", "CHAIN_MANAGER", "DPO", "AUDITOR"):
        with acting(people(role)) as scope, pytest.raises(Forbidden):
            define(scope, "covers")
    with acting(people("ADMINISTRATOR")) as scope:
        assert define(scope, "covers").pk


def test_a_key_is_never_reused(people: People) -> None:
    """Not even after its field went out of use."""
    with acting(people("MANAGER")) as scope:
        first = define(scope, "covers")
        services.deactivate_field(scope=scope, definition_id=first.pk)
        with pytest.raises(Conflict) as refused:
            define(scope, "covers")
        assert refused.value.field == "key"


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"key": "Covers"}, "key"),
        ({"label_en": ""}, "label_en"),
        ({"validation": {"choices": []}, "kind": "CHOICE"}, "validation"),
        ({"validation": {"choices": [{"value": "a"}, {"value": "a"}]}, "kind": "CHOICE"}, "validation"),
        ({"validation": {"pattern": "("}, "kind": "TEXT"}, "validation"),
        ({"validation": {"min": 5, "max": 4}}, "validation"),
        ({"validation": {"min": "5"}}, "validation"),
        ({"validation": {"max": True}}, "validation"),
        ({"validation": {"min": [1]}, "kind": "MONEY"}, "validation"),
        ({"validation": {"min": 5}, "kind": "DATE"}, "validation"),
        ({"validation": {"max": "31.12.2026"}, "kind": "DATE"}, "validation"),
        ({"validation": {"min": "2026-02-31"}, "kind": "DATE"}, "validation"),
        ({"validation": {"min": "2026-12-31", "max": "2026-01-01"}, "kind": "DATE"}, "validation"),
        ({"validation": {"min": 5}, "kind": "TEXT"}, "validation"),
        ({"validation": {"least": 5}}, "validation"),
        ({"visible_if": {"field": "a"}}, "visible_if"),
        ({"kind": "COLOUR"}, "type"),
    ],
)
def test_faulty_definitions_are_refused_at_their_field(people: People, values: dict[str, Any], field: str) -> None:
    """Each fault names its field."""
    given = {"key": "covers", "kind": "INTEGER"} | values
    with acting(people("MANAGER")) as scope, pytest.raises(Invalid) as refused:
        define(scope, given.pop("key"), given.pop("kind"), **given)
    assert field in refused.value.errors


def test_limits_fit_their_type(people: People) -> None:
    """Numbers of both kinds and days are limits; with another type they no longer are."""
    with acting(people("MANAGER")) as scope:
        field = define(scope, "covers", "DECIMAL", validation={"min": 0, "max": 2.5})
        define(scope, "since", "DATE", validation={"min": "2000-01-01", "max": None})
        with pytest.raises(Invalid) as refused:
            services.change_field(scope=scope, definition_id=field.pk, changes={"type": "DATE"})
        assert list(refused.value.errors) == ["validation"]


def test_a_type_changes_only_without_values(people: People) -> None:
    """With the first value the type is fixed."""
    rep = people()
    customer = made(rep)
    manager = people("MANAGER")
    with acting(manager) as scope:
        field = define(scope, "covers")
        services.change_field(scope=scope, definition_id=field.pk, changes={"type": "DECIMAL"})
    with acting(rep) as scope:
        services.write_fields(scope=scope, customer_id=customer.pk, values={"covers": "1,5"})
    with acting(manager) as scope, pytest.raises(Conflict) as refused:
        services.change_field(scope=scope, definition_id=field.pk, changes={"type": "INTEGER"})
    assert refused.value.field == "type"


@pytest.mark.parametrize(("kind", "most"), [("TEXT", 16), ("INTEGER", 10), ("DATE", 6)])
def test_one_slot_more_is_refused(people: People, kind: str, most: int) -> None:
    """Each family has its number of slots; a slot given back is the next one's."""
    with acting(people("MANAGER")) as scope:
        fields = [define(scope, f"field_{n}", kind) for n in range(most + 1)]
        slots = [services.set_hot(scope=scope, definition_id=field.pk, hot=True).hot_slot for field in fields[:most]]
        assert len(set(slots)) == most
        with pytest.raises(Conflict, match=str(most)):
            services.set_hot(scope=scope, definition_id=fields[most].pk, hot=True)
        services.set_hot(scope=scope, definition_id=fields[2].pk, hot=False)
        with pytest.raises(Conflict, match=str(most)):  # it is still being emptied
            services.set_hot(scope=scope, definition_id=fields[most].pk, hot=True)
        with translation.override("en"), pytest.raises(Conflict, match="emptied"):
            services.set_hot(scope=scope, definition_id=fields[2].pk, hot=True)
        work_all(scope)
        assert services.set_hot(scope=scope, definition_id=fields[most].pk, hot=True).hot_slot == slots[2]


def test_what_is_never_hot(people: People) -> None:
    """Restricted fields, long texts, several choices, other records' fields, and fields out of use."""
    choices = {"choices": [{"value": "a", "label_de": "A", "label_en": "A"}]}
    with acting(people("MANAGER")) as scope:
        fields = [
            define(scope, "margin", "DECIMAL", sensitivity="RESTRICTED"),
            define(scope, "notes", "LONG_TEXT"),
            define(scope, "days", "MULTI_CHOICE", validation=choices),
            services.define_field(scope=scope, entity="LEAD", key="size", type="INTEGER", values=LABELS),
            services.deactivate_field(scope=scope, definition_id=define(scope, "old").pk),
        ]
        for field in fields:
            with pytest.raises(Conflict):
                services.set_hot(scope=scope, definition_id=field.pk, hot=True)
        hot = define(scope, "covers")
        services.set_hot(scope=scope, definition_id=hot.pk, hot=True)
        with pytest.raises(DomainError):
            services.change_field(scope=scope, definition_id=hot.pk, changes={"sensitivity": "RESTRICTED"})


def work_all(scope: Scope) -> None:
    """What a worker does."""
    for task_id in due_tasks(scope.organisation_id):
        assert work(scope.organisation_id, task_id) is Outcome.OVER


def found(scope: Scope, text: str) -> list[int]:
    """The customers that the filter `fields.covers` finds, and the column that sorts by it."""
    fields = CUSTOMER_FIELDS.fields_for(scope)
    node = filters.parse({"field": "fields.covers", "op": "eq", "value": int(text)}, fields, scope)
    rows = CustomerHot.objects.visible_to(scope).filter(filters.compile(node, scope))
    return list(rows.values_list("pk", flat=True))


def slot_read(scope: Scope) -> str:
    """The slot that lists sort and filter by."""
    return str(CUSTOMER_FIELDS.fields_for(scope)["fields.covers"].extra["slot"])


def test_a_worker_fills_the_slot_and_lists_read_it_only_then(people: People) -> None:
    """Before, during and after the filling a filter finds the same; sorting is offered when all is there."""
    rep, manager = people(), people("MANAGER")
    customers = [made(rep) for _ in range(3)]
    with acting(manager) as scope:
        define(scope, "covers")
    with acting(rep) as scope:
        for customer in customers[:2]:
            services.write_fields(scope=scope, customer_id=customer.pk, values={"covers": 240})
    with acting(manager) as scope:
        field = FieldDefinition.objects.get(key="covers")
        slot = services.set_hot(scope=scope, definition_id=field.pk, hot=True).hot_slot
        assert getattr(CustomerHot.objects.get(pk=customers[0].pk), slot) is None
        assert (slot_read(scope), len(found(scope, "240"))) == ("", 2)
        (task,) = LongTask.objects.filter(kind="customers.project_field")
        assert (task.user_id, task.label) == (manager.pk, "covers")
        work_all(scope)
        assert (slot_read(scope), len(found(scope, "240"))) == (slot, 2)
        assert getattr(CustomerHot.objects.get(pk=customers[0].pk), slot) == 2_400_000
        task.refresh_from_db()
        assert (task.state, task.done, task.total) == ("DONE", 2, 2)

        services.set_hot(scope=scope, definition_id=field.pk, hot=False)
        assert (slot_read(scope), len(found(scope, "240"))) == ("", 2)
        work_all(scope)
        assert getattr(CustomerHot.objects.get(pk=customers[0].pk), slot) is None
        assert FieldDefinition.objects.get(pk=field.pk).freed_slot == ""


def test_a_freed_slot_shows_nothing_of_the_field_before(people: People) -> None:
    """The next field gets it empty, also where its own customers are others."""
    manager = people("MANAGER")
    with acting(manager) as scope:
        fields = [define(scope, name) for name in ("covers", "seats")]
        other, customer = made(manager), made(manager)
    with acting(manager) as scope:
        services.write_fields(scope=scope, customer_id=other.pk, values={"seats": 7})
        services.write_fields(scope=scope, customer_id=customer.pk, values={"covers": 7})
        first = services.set_hot(scope=scope, definition_id=fields[1].pk, hot=True).hot_slot
        work_all(scope)
        services.set_hot(scope=scope, definition_id=fields[1].pk, hot=False)
        assert services.set_hot(scope=scope, definition_id=fields[0].pk, hot=True).hot_slot != first
        work_all(scope)
        services.set_hot(scope=scope, definition_id=fields[0].pk, hot=False)
        work_all(scope)
        assert services.set_hot(scope=scope, definition_id=fields[0].pk, hot=True).hot_slot == first
        work_all(scope)
        assert (slot_read(scope), found(scope, "7")) == (first, [customer.pk])


def test_a_field_switched_off_while_its_slot_is_filled_keeps_it_until_it_is_empty(
    people: People, monkeypatch: Any
) -> None:
    """The task that was filling does not say that the emptying is done."""
    manager = people("MANAGER")
    customers = [made(manager) for _ in range(2)]
    with acting(manager) as scope:
        field = define(scope, "covers")
        for customer in customers:
            services.write_fields(scope=scope, customer_id=customer.pk, values={"covers": 7})
    monkeypatch.setattr("customers.long_work.BATCH", 1)
    with acting(manager) as scope:
        slot = services.set_hot(scope=scope, definition_id=field.pk, hot=True).hot_slot
        (filling,) = due_tasks(scope.organisation_id)
        monkeypatch.setattr("jobs.working.TURN", 0)
        for _turn in range(2):
            assert work(scope.organisation_id, filling) is Outcome.MORE
        assert getattr(CustomerHot.objects.get(pk=customers[0].pk), slot) == 70_000
        services.set_hot(scope=scope, definition_id=field.pk, hot=False)
        monkeypatch.setattr("jobs.working.TURN", 60)
        assert work(scope.organisation_id, filling) is Outcome.OVER
        field.refresh_from_db()
        assert (field.ready_slot, field.freed_slot) == ("", slot)
        work_all(scope)
        field.refresh_from_db()
        assert field.freed_slot == ""
        assert set(CustomerHot.objects.values_list(slot, flat=True)) == {None}


def test_a_field_made_and_switched_on_at_once_is_ready(people: People) -> None:
    """It has no values that anybody could be writing; one that is older waits for the worker."""
    with acting(people("MANAGER")) as scope:
        field = define(scope, "covers")
        assert services.set_hot(scope=scope, definition_id=field.pk, hot=True).ready_slot == "hot_number_1"
        assert not LongTask.objects.exists()
        older = define(scope, "seats")
    with acting(people("MANAGER")) as scope:
        assert services.set_hot(scope=scope, definition_id=older.pk, hot=True).ready_slot == ""
        work_all(scope)
        assert FieldDefinition.objects.get(pk=older.pk).ready_slot == "hot_number_2"


def test_the_page_of_tasks_rebuilds_lists_and_search(people: People, owner_db: Any) -> None:
    """Whatever was wrong is right afterwards, in the own organisation alone; only who manages jobs may."""
    rep, manager = people(), people("MANAGER")
    with acting(rep) as scope, pytest.raises(Forbidden):
        start_by_hand(scope=scope, kind="customers.rebuild")
    customers = [made(rep) for _ in range(3)]
    with acting(manager) as scope:
        CustomerHot.objects.filter(pk=customers[0].pk).update(city="Falsch")
        CustomerHot.objects.filter(pk=customers[1].pk).delete()
        start_by_hand(scope=scope, kind="customers.rebuild")
        with pytest.raises(Conflict):
            start_by_hand(scope=scope, kind="customers.rebuild")
        work_all(scope)
        assert CustomerHot.objects.count() == 3
        assert projection.find_differences(scope.organisation_id) == []
        assert LongTask.objects.values_list("state", "done", "total").get() == ("DONE", 3, 3)


def test_a_limit_may_be_larger_than_any_float(people: People) -> None:
    """JSON has such numbers; what is no number at all is still refused."""
    with acting(people("MANAGER")) as scope:
        assert define(scope, "covers", validation={"max": 10**400}).validation["max"] == 10**400
        with pytest.raises(Invalid):
            define(scope, "seats", validation={"max": float("inf")})
