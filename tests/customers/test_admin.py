"""The admin of customers: the catalogue is written by services, customers are read only."""

from __future__ import annotations

from collections.abc import Callable

from django.test import Client
from django.urls import reverse

from customers.models import Customer, FieldDefinition
from organisation.models import User
from tests.customers.test_catalogue import define
from tests.customers.test_status import acting, made

People = Callable[..., User]
SignIn = Callable[[User], Client]
FIELD = {
    "entity": "CUSTOMER",
    "key": "covers",
    "type": "INTEGER",
    "label_de": "Gedecke",
    "label_en": "Covers",
    "group": "kitchen",
    "position": "10",
    "validation": "{}",
    "visible_if": "{}",
    "sensitivity": "INTERNAL",
}


def address(model: str, page: str, *args: object) -> str:
    """A page of the admin."""
    return reverse(f"admin:customers_{model}_{page}", args=args)


def test_a_field_is_added_and_changed(as_user: SignIn, people: People) -> None:
    """New, hot, taken out of the lists, out of use, and back: each by its service."""
    manager = people("MANAGER")
    client = as_user(manager)
    assert client.post(address("fielddefinition", "add"), FIELD | {"is_hot": "on"}).status_code == 302
    with acting(manager):
        field = FieldDefinition.objects.get()
    assert (field.key, field.is_hot, field.hot_slot, field.is_active) == ("covers", True, "hot_number_1", True)
    change = address("fielddefinition", "change", field.pk)
    assert client.get(change).status_code == 200
    assert client.post(change, FIELD | {"label_en": "Guests", "is_active": "on"}).status_code == 302
    with acting(manager):
        field.refresh_from_db()
        assert (field.label_en, field.is_hot, field.hot_slot) == ("Guests", False, "")
    assert (
        client.post(change, FIELD | {"sensitivity": "RESTRICTED", "is_hot": "on", "is_active": "on"}).status_code == 200
    )
    with acting(manager):
        field.refresh_from_db()
        assert (field.sensitivity, field.is_hot) == ("INTERNAL", False)  # refused whole
    assert client.post(change, FIELD).status_code == 302
    with acting(manager):
        field.refresh_from_db()
        assert not field.is_active


def test_who_opens_it(as_user: SignIn, people: People) -> None:
    """Managers and administrators; customers are nobody's to change there."""
    manager = people("MANAGER")
    customer = made(manager)
    with acting(manager) as scope:
        field = define(scope, "covers")
    pages = [address("fielddefinition", "changelist"), address("fielddefinition", "change", field.pk)]
    pages += [
        address("customer", "changelist") + "?q=K-0",
        address("customer", "change", customer.pk),
        address("tag", "changelist"),
    ]
    client = as_user(manager)
    for url in pages:
        assert client.get(url).status_code == 200, url
    assert client.post(address("customer", "change", customer.pk), {"company_name": "X"}).status_code == 403
    with acting(manager):
        assert Customer.objects.get().company_name == "Zum Hügel"
    client = as_user(people())
    for url in pages:
        assert client.get(url).status_code == 403, url
