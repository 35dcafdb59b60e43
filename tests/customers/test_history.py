"""The history loses no change, however many there are: neither behind the rows read at once nor at the border of a page."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import datetime

import psycopg
import pytest
from django.db import connection, transaction

from crm.core.access import Scope
from customers import history, services
from customers.history import Change, HistoryReader
from customers.models import Contact, Customer
from organisation.choices import Role
from organisation.models import User
from tests.conftest import make_organisation, make_user
from tests.customers.test_catalogue import define
from tests.customers.test_status import acting, made

People = Callable[..., User]


def walked(reader: HistoryReader, most: int) -> list[Change]:
    """All pages, one after the other."""
    before: datetime | None = None
    changes: list[Change] = []
    for _page in range(1_000):
        page, before = reader.changes(before=before, most=most)
        changes += page
        if before is None:
            return changes
    raise AssertionError("the pages never end")


def contacts_of(scope: Scope, customer: Customer, count: int) -> list[Contact]:
    """New contacts of the customer."""
    return [
        services.add_contact(scope=scope, customer_id=customer.pk, values={"last_name": f"Person {number}"})
        for number in range(count)
    ]


@pytest.mark.django_db
@pytest.mark.parametrize("most", [1, 2, 50])
def test_more_rows_than_are_read_at_once(people: People, monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    """Rows of several records in turn: each change has its value before, and none is missing or doubled."""
    rep = people()
    customer = made(rep)
    with acting(people(Role.MANAGER)) as scope:
        define(scope, "covers")
    with acting(rep) as scope:
        ids = {"scope": scope, "customer_id": customer.pk}
        contacts = contacts_of(scope, customer, 3)
        for turn in range(4):
            for contact in contacts:
                services.change_contact(**ids, contact_id=contact.pk, changes={"first_name": f"Turn {turn}"})
            services.update_customer(**ids, changes={"trading_name": f"Turn {turn}", "legal_form": f"Form {turn}"})
            services.write_fields(**ids, values={"covers": turn + 1})
        services.remove_contact(**ids, contact_id=contacts[0].pk)
        reader = HistoryReader(scope, Customer.objects.get(pk=customer.pk))
        whole, older = reader.changes(most=1_000)
        assert older is None
        assert ("Turn 2", "Turn 3") in {(change.old, change.new) for change in whole}
        monkeypatch.setattr(history, "MOST_ROWS", 3)
        assert walked(reader, most) == whole


@pytest.mark.wall
@pytest.mark.parametrize("most", [1, 50])
def test_rows_of_one_instant_stay_together(
    committed_db: None, database_urls: dict[str, str], monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    """An instant with more rows than are read at once is read whole; one at the border waits for the next page whole."""
    rep = make_user(make_organisation())
    with transaction.atomic():
        customer = made(rep)
        with acting(rep) as scope:
            ids = {"scope": scope, "customer_id": customer.pk}
            contacts = contacts_of(scope, customer, 5)
            for turn, some in enumerate((contacts, contacts[:2], contacts[1:3])):
                for contact in some:
                    services.change_contact(**ids, contact_id=contact.pk, changes={"first_name": f"Turn {turn}"})
    name = connection.settings_dict["NAME"]
    with psycopg.connect(
        os.environ["TEST_ADMIN_URL"], dbname=name
    ) as server:  # rounds the instants of each turn to one
        server.execute(
            "UPDATE customers_historicalcontact SET history_date = date_trunc('second', now()) - interval '1 hour'"
            " + CASE WHEN history_type = '+' THEN 0 ELSE 1 + right(first_name, 1)::integer END * interval '1 minute'"
        )
    with transaction.atomic(), acting(rep) as scope:
        reader = HistoryReader(scope, Customer.objects.get(pk=customer.pk))
        whole, _older = reader.changes(most=1_000)
        assert len([change for change in whole if change.new.startswith("Turn")]) == 9
        monkeypatch.setattr(history, "MOST_ROWS", 3)
        pages = walked(reader, most)
    assert len(pages) == len(whole)
    assert set(pages) == set(whole)
