"""The dialog of an export, the page of files, and the download."""

from __future__ import annotations

import pytest
from django.urls import reverse

from crm.core.access import activate
from customers.models import ExchangeFile
from customers.views.listing import CUSTOMERS
from jobs.working import Outcome, work
from organisation.choices import Role
from tests.conftest import scope_of
from tests.customers.test_list_page import customers, rep  # noqa: F401 - fixtures

pytestmark = pytest.mark.django_db
DIALOG, FILES = reverse("customers:export"), reverse("customers:exports")


def file_of(user):
    with activate(scope_of(user)) as scope:
        return ExchangeFile.objects.visible_to(scope).latest("pk")


def test_the_list_leads_to_a_file_of_what_it_shows(as_user, rep, customers):  # noqa: F811
    client = as_user(rep)
    listed = client.get(CUSTOMERS.path + "?status=AKTIV&columns=city,last_contact_at")
    address = listed.context["export_url"]
    dialog = client.get(address)
    assert (dialog.status_code, "3" in dialog.context["title"]) == (200, True)
    sent = client.post(address, {"format": "csv"})
    assert (sent.status_code, sent.url) == (302, FILES)
    file = file_of(rep)
    waiting = client.get(FILES)
    assert (waiting.context["live"], waiting.context["rows"][0]["ready"]) == (True, False)
    assert client.get(reverse("customers:download", args=[file.pk])).status_code == 404
    assert work(rep.organisation_id, file.task_id) is Outcome.OVER
    done = client.get(FILES)
    assert (done.context["live"], done.context["rows"][0]["ready"]) == (False, True)
    answer = client.get(reverse("customers:download", args=[file.pk]))
    text = b"".join(answer.streaming_content).decode("utf-8-sig")
    assert len(text.splitlines()) == 1 + 3
    assert answer["Content-Disposition"].startswith("attachment; filename=")
    assert (answer["X-Content-Type-Options"], answer["Cache-Control"]) == ("nosniff", "no-store")


def test_picked_ones_alone(as_user, rep, customers):  # noqa: F811
    client = as_user(rep)
    client.post(f"{DIALOG}?ids={customers[0].pk}&ids={customers[1].pk}", {"format": "xlsx"})
    file = file_of(rep)
    assert (len(file.asked["ids"]), file.format) == (2, "xlsx")


def test_a_manager_reads_who_exported_but_not_the_file(as_user, people, rep, customers):  # noqa: F811
    as_user(rep).post(DIALOG + "?all=1", {"format": "csv"})
    file = file_of(rep)
    assert work(rep.organisation_id, file.task_id) is Outcome.OVER
    client = as_user(people(Role.MANAGER))
    page = client.get(FILES)
    assert [(row["who"], row["ready"]) for row in page.context["rows"]] == [(rep.name, False)]
    assert client.get(reverse("customers:download", args=[file.pk])).status_code == 404
    assert as_user(people(Role.REP)).get(FILES).context["rows"] == []


def test_without_the_right_there_is_no_button_and_no_page(as_user, people, organisation):
    client = as_user(people(Role.MANAGER, withdrawn_rights=["exports.run"]))
    assert client.get(CUSTOMERS.path).context["export_url"] == ""
    assert client.get(DIALOG + "?all=1").status_code == 403
    assert client.get(FILES).status_code == 403


@pytest.mark.parametrize("query", ["", "?all=1&unknown=1", "?ids=x"])
def test_a_faulty_address_never_means_more(as_user, rep, customers, query):  # noqa: F811
    assert as_user(rep).get(DIALOG + query).status_code == 403


def test_nobody_and_an_unknown_format_are_said_in_the_form(as_user, people, rep, customers):  # noqa: F811
    assert as_user(rep).post(DIALOG + "?all=1", {"format": "pdf"}).status_code == 422
    nobody = as_user(rep).post(DIALOG + "?all=1&name__starts=zzz", {"format": "csv"})
    assert nobody.status_code == 422
