"""The wizard: upload, mapping, trial, import, and what each refuses."""

from __future__ import annotations

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from crm.core.access import activate
from customers.models import Customer, ExchangeFile
from customers.views.listing import CUSTOMERS
from jobs.models import LongTask
from jobs.working import Outcome, work
from organisation.choices import Role
from tests.conftest import scope_of

pytestmark = pytest.mark.django_db
PAGE = reverse("customers:import")
DATA = b"Firma;Ort;Farbe\nHaus 1;Berlin;rot\n=Haus 2;Bonn;\n"


def uploaded(client, data=DATA, name="liste.csv"):
    return client.post(PAGE, {"file": SimpleUploadedFile(name, data)})


def ended(user):
    with activate(scope_of(user)):
        task = LongTask.objects.latest("pk")
    assert work(user.organisation_id, task.pk) is Outcome.OVER
    with activate(scope_of(user)):
        return LongTask.objects.get(pk=task.pk)


def test_from_the_list_to_the_imported_customers(as_user, people):
    manager = people(Role.MANAGER)
    client = as_user(manager)
    assert PAGE in client.get(CUSTOMERS.path).content.decode()
    sent = uploaded(client)
    with activate(scope_of(manager)):
        file = ExchangeFile.objects.get()
    mapping = reverse("customers:mapping", args=[file.pk])
    assert (sent.status_code, sent.url) == (302, mapping)
    page = client.get(mapping)
    assert [line["control"].value() for line in page.context["lines"]] == ["company_name", "address.city", ""]
    assert page.context["lines"][0]["texts"] == ["Haus 1", "=Haus 2"]
    chosen = {"column_0": "company_name", "column_1": "address.city", "on_duplicate": "skip"}
    trial = client.post(mapping, chosen | {"dry_run": "on"})
    task = ended(manager)
    assert (trial.url, task.change_set_id) == (reverse("jobs:task", args=[task.pk]), None)
    with activate(scope_of(manager)):
        assert not Customer.objects.exists()
    client.post(mapping, chosen)
    task = ended(manager)
    assert (task.state, task.result["created"]) == ("DONE", 2)
    over = client.get(reverse("jobs:task", args=[task.pk]))
    assert over.context["may_undo"]
    (row,) = client.get(PAGE).context["rows"]
    assert (row["file"].rows, row["is_trial"]) == (2, False)


def test_what_is_wrong_is_said_in_the_form(as_user, people):
    client = as_user(people(Role.MANAGER))
    for data in (b"", b"PK\x03\x04", b"Firma\n"):
        assert uploaded(client, data).status_code == 422
    assert client.post(PAGE, {}).status_code == 422
    address = uploaded(client).url
    without_name = client.post(address, {"column_1": "address.city", "on_duplicate": "skip"})
    assert without_name.status_code == 422
    unknown = client.post(address, {"column_0": "password", "on_duplicate": "skip"})
    assert unknown.status_code == 422


def test_who_may_not_import_finds_no_button_and_no_page(as_user, people):
    rep, manager = people(), people(Role.MANAGER)
    address = uploaded(as_user(manager)).url
    client = as_user(rep)
    assert PAGE not in client.get(CUSTOMERS.path).content.decode()
    assert client.get(PAGE).status_code == uploaded(client).status_code == 403
    assert client.get(address).status_code == 403
    assert as_user(people(Role.MANAGER)).get(address).status_code == 404
