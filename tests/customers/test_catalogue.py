"""The field catalogue: keys, types, slots, rules, and what the worker does after."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from crm.core.access import Scope
from crm.core.errors import Conflict, DomainError, Forbidden, Invalid
from customers import handlers, services
from customers.models import CustomerHot, FieldDefinition
from organisation.models import User
from outbox.models import Event
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


def test_the_worker_fills_and_empties_the_slot(people: People) -> None:
    """A value written before stands in the slot once the event is handled; twice changes nothing."""
    rep, manager = people(), people("MANAGER")
    customer = made(rep)
    with acting(manager) as scope:
        field = define(scope, "covers")
    with acting(rep) as scope:
        services.write_fields(scope=scope, customer_id=customer.pk, values={"covers": 240})
    with acting(manager) as scope:
        slot = services.set_hot(scope=scope, definition_id=field.pk, hot=True).hot_slot
        event = Event.objects.filter(type="field_definition.hot.changed").latest("pk")
        for _again in range(2):
            handlers.project_holders(event, scope)
            assert getattr(CustomerHot.objects.get(pk=customer.pk), slot) == 2_400_000
        services.set_hot(scope=scope, definition_id=field.pk, hot=False)
        handlers.project_holders(Event.objects.filter(type="field_definition.hot.changed").latest("pk"), scope)
        assert getattr(CustomerHot.objects.get(pk=customer.pk), slot) is None
