"""The review page: who waits, who decides, what the form says."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from crm.core.access import activate, system_scope_for
from customers import nights
from customers.choices import CustomerStatus as S
from customers.models import Customer
from organisation.models import Organisation, User
from tests.customers.test_record_pages import page, send
from tests.customers.test_status import acting, made

People = Callable[..., User]
SignIn = Callable[[User], Client]
pytestmark = pytest.mark.django_db


@pytest.fixture
def waiting(organisation: Organisation, people: People) -> Customer:
    """A prospect whom the night has put up for review, beside a fresh one."""
    owner = people()
    customer = made(owner)
    with acting(owner):
        made(owner, company_name="Frisch angelegt")
        Customer.objects.filter(pk=customer.pk).update(status_since=timezone.now() - timedelta(days=100))
    with activate(system_scope_for(organisation.pk, job="night")) as scope:
        nights.prospects(scope)
    return customer


def test_a_manager_sees_who_waits_and_keeps_one(as_user: SignIn, people: People, waiting: Customer) -> None:
    """The list, the dialog, the refusal at its field, and the empty list behind it."""
    client = as_user(people("MANAGER"))
    text = page(client, "reviews").content.decode()
    assert "Zum Hügel" in text
    assert "Frisch angelegt" not in text
    assert page(client, "review", waiting.pk).status_code == 200
    refused = send(client, "review", waiting.pk, data={"decision": "keep", "reason": "opens in May"})
    assert refused.status_code == 422
    assert "Keeping needs a day to come" in refused.content.decode()
    until = (timezone.now() + timedelta(days=60)).date().isoformat()
    kept = send(client, "review", waiting.pk, data={"decision": "keep", "until": until, "reason": "opens in May"})
    assert (kept.status_code, kept["Location"]) == (302, "/customer-management/customers/reviews/")
    assert "Nothing to review" in page(client, "reviews").content.decode()


def test_a_manager_archives_one(as_user: SignIn, people: People, waiting: Customer) -> None:
    """From the alert of the account's page."""
    manager = people("MANAGER")
    client = as_user(manager)
    address = f"/customer-management/customers/{waiting.pk}/review/"
    assert address in page(client, "detail", waiting.pk).content.decode()
    assert send(client, "review", waiting.pk, data={"decision": "archive", "reason": "closed"}).status_code == 302
    with acting(manager):
        assert Customer.objects.get(pk=waiting.pk).status == S.ARCHIVIERT
    assert address not in page(client, "detail", waiting.pk).content.decode()


def test_the_owner_neither_sees_the_page_nor_decides(as_user: SignIn, people: People, waiting: Customer) -> None:
    """It is a manager's; nothing is offered and nothing taken."""
    with activate(system_scope_for(waiting.organisation_id, job="test")):
        owner = User.objects.get(pk=waiting.owner_id)
    client = as_user(owner)
    assert page(client, "reviews").status_code == 403
    assert "/review" not in page(client, "detail", waiting.pk).content.decode()
    assert send(client, "review", waiting.pk, data={"decision": "archive", "reason": "x"}).status_code == 403
    with acting(owner):
        assert Customer.objects.get(pk=waiting.pk).status == S.PROSPECT
