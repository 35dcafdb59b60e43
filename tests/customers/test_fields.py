"""Catalogue values: each type's canonical form and refusals, restriction, conflicts, all or nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from crm.core.errors import Conflict, Forbidden, Invalid, NotFound
from customers import services
from customers.models import CustomerFieldChoice, CustomerFieldValue
from organisation.models import User
from tests.customers.test_catalogue import define
from tests.customers.test_status import acting, made

People = Callable[..., User]
CHOICES = {"choices": [{"value": v, "label_de": v.upper(), "label_en": v.upper()} for v in ("cold", "frozen", "dry")]}

GOOD = [
    ("TEXT", " Regional ", "Regional", {}),
    ("LONG_TEXT", "a\nb", "a\nb", {}),
    ("INTEGER", "1.240,0", 1240, {}),
    ("DECIMAL", "1,2500", 1.25, {}),
    ("MONEY", "1.234,56 €", 1234.56, {}),
    ("BOOLEAN", "ja", True, {}),
    ("BOOLEAN", "false", False, {}),
    ("DATE", "20.11.2026", "2026-11-20", {}),
    ("DATE", "2028-02-29", "2028-02-29", {}),
    ("CHOICE", "cold", "cold", CHOICES),
    ("MULTI_CHOICE", ["frozen", "cold", "cold"], ["cold", "frozen"], CHOICES),
    ("URL", "https://example.org/a", "https://example.org/a", {}),
    ("EMAIL", "a@example.org", "a@example.org", {}),
    ("PHONE", "030 23125 417", "+493023125417", {}),
    ("INTEGER", "5", 5, {"min": 5, "max": 5}),
]
BAD = [
    ("TEXT", "x" * 201, {}),
    ("TEXT", 5, {}),
    ("TEXT", "AB", {"pattern": "[0-9]+"}),
    ("INTEGER", "1,5", {}),
    ("INTEGER", "many", {}),
    ("INTEGER", "4", {"min": 5}),
    ("INTEGER", "1e999", {}),
    ("DECIMAL", "NaN", {}),
    ("MONEY", "1,234", {}),
    ("BOOLEAN", "maybe", {}),
    ("DATE", "30.02.2026", {}),
    ("DATE", "2025-12-31", {"min": "2026-01-01"}),
    ("CHOICE", "warm", CHOICES),
    ("MULTI_CHOICE", ["cold", "warm"], CHOICES),
    ("MULTI_CHOICE", "cold", CHOICES),
    ("URL", "javascript:alert(1)", {}),
    ("EMAIL", "a@", {}),
    ("PHONE", "call me", {}),
    ("USER", "0", {}),
    ("USER", True, {}),
    ("USER", "²", {}),
    ("USER", "9" * 5000, {}),
    ("TEXT", "", {"required": True}),
]


@pytest.mark.parametrize(("kind", "given", "stored", "rules"), GOOD)
def test_canonical_values(people: People, kind: str, given: Any, stored: Any, rules: dict[str, Any]) -> None:
    """What a person types is stored in the type's one form, and null clears it."""
    rep = people()
    customer = made(rep)
    with acting(people("MANAGER")) as scope:
        define(scope, "thing", kind, validation=rules)
    with acting(rep) as scope:
        written = services.write_fields(scope=scope, customer_id=customer.pk, values={"thing": given})
        assert written == {"thing": stored}
        assert CustomerFieldValue.objects.get(customer=customer).value == stored
        services.write_fields(scope=scope, customer_id=customer.pk, values={"thing": None})
        assert not CustomerFieldValue.objects.filter(customer=customer).exists()


@pytest.mark.parametrize(("kind", "given", "rules"), BAD)
def test_refused_values(people: People, kind: str, given: Any, rules: dict[str, Any]) -> None:
    """A faulty value is refused at its key, and the good one beside it is not written either."""
    rep = people()
    customer = made(rep)
    with acting(people("MANAGER")) as scope:
        define(scope, "thing", kind, validation=rules)
        define(scope, "other", "TEXT")
    with acting(rep) as scope:
        with pytest.raises(Invalid) as refused:
            services.write_fields(scope=scope, customer_id=customer.pk, values={"thing": given, "other": "good"})
        assert list(refused.value.errors) == ["thing"]
        assert not CustomerFieldValue.objects.filter(customer=customer).exists()


def test_restricted_looks_like_unknown(people: People) -> None:
    """A role without the right gets the same error as for a key that does not exist."""
    rep, manager = people(), people("MANAGER")
    customer = made(rep)
    with acting(manager) as scope:
        define(scope, "margin", "DECIMAL", sensitivity="RESTRICTED")
    messages = []
    with acting(rep) as scope:
        for key in ("margin", "nothing"):
            with pytest.raises(Invalid) as refused:
                services.write_fields(scope=scope, customer_id=customer.pk, values={key: 1})
            messages.append(refused.value.errors[key])
    assert messages[0] == messages[1]
    with acting(manager) as scope:
        assert services.write_fields(scope=scope, customer_id=customer.pk, values={"margin": "12,5"}) == {
            "margin": 12.5
        }


def test_a_value_of_somebody_else_is_not_overwritten(people: People) -> None:
    """With what the user saw, a newer value of the same field is a conflict that names both; another field merges."""
    rep, manager = people(), people("MANAGER")
    customer = made(rep)
    with acting(manager) as scope:
        define(scope, "covers")
        define(scope, "seats")
        services.write_fields(scope=scope, customer_id=customer.pk, values={"covers": 9, "seats": 40})
    with acting(rep) as scope:
        write = {"scope": scope, "customer_id": customer.pk}
        with pytest.raises(Conflict) as refused:
            services.write_fields(**write, values={"covers": 6}, seen={"covers": None})
        assert refused.value.extra["conflicts"] == {"covers": (None, 9)}
        assert services.write_fields(**write, values={"covers": 9}, seen={"covers": None}) == {"covers": 9}
        assert services.write_fields(**write, values={"covers": 6}, seen={"covers": 9}) == {"covers": 6}


def test_choices_are_rows(people: People) -> None:
    """Several choices stand one a row beside the value, for filters."""
    rep = people()
    customer = made(rep)
    with acting(people("MANAGER")) as scope:
        define(scope, "storage", "MULTI_CHOICE", validation=CHOICES)
    with acting(rep) as scope:
        for value, rows in ((["cold", "dry"], {"cold", "dry"}), (["frozen"], {"frozen"}), (None, set())):
            services.write_fields(scope=scope, customer_id=customer.pk, values={"storage": value})
            found = CustomerFieldChoice.objects.filter(customer=customer).values_list("choice", flat=True)
            assert set(found) == rows


def test_who_writes(people: People) -> None:
    """Readers are refused, strangers find nothing."""
    rep, reader = people(), people()
    customer = made(rep)
    with acting(people("MANAGER")) as scope:
        define(scope, "covers")
        services.give_grant(scope=scope, customer_id=customer.pk, user_id=reader.pk, level="view")
    for who, refusal in ((reader, Forbidden), (people(), NotFound), (people("AUDITOR"), Forbidden)):
        with acting(who) as scope, pytest.raises(refusal):
            services.write_fields(scope=scope, customer_id=customer.pk, values={"covers": 1})
