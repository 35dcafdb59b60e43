"""The bar and the dialogs of what is done with many customers, and the long task's page."""

from __future__ import annotations

import pytest
from django.urls import reverse

from crm.core.access import activate
from customers.models import Customer
from customers.views.listing import CUSTOMERS
from jobs.models import LongTask
from jobs.working import Outcome, work
from organisation.choices import Role
from tests.conftest import scope_of
from tests.customers.test_list_page import customers, rep  # noqa: F401 - fixtures

pytestmark = pytest.mark.django_db
HX = {"HX-Request": "true"}


def address(action, query):
    return reverse("customers:bulk", args=[action]) + query


def task_of(user):
    with activate(scope_of(user)):
        return LongTask.objects.get()


def test_the_bar_offers_what_the_role_may(as_user, people, customers):  # noqa: F811
    manager = as_user(people(Role.MANAGER)).get(CUSTOMERS.path)
    assert {one["locked"] for one in manager.context["acts"]} == {""}
    assert b'name="ids"' in manager.content


def test_a_rep_reads_why_he_does_not_archive_an_auditor_gets_no_boxes(as_user, people, rep, customers):  # noqa: F811
    own = as_user(rep).get(CUSTOMERS.path)
    assert {one["action"] for one in own.context["acts"] if one["locked"]} == {"archive", "reopen"}
    assert as_user(rep).get(address("archive", "?all=1")).status_code == 403
    auditor = as_user(people(Role.AUDITOR)).get(CUSTOMERS.path)
    assert auditor.context["acts"] == []
    assert b'name="ids"' not in auditor.content


def test_all_of_a_filter_is_told_asked_for_and_done(as_user, rep, customers):  # noqa: F811
    client, query = as_user(rep), "?status=AKTIV&all=1&ids=1"
    dialog = client.get(address("tag", query))
    assert dialog.status_code == 200
    assert dialog.context["form"].initial["promised"] == 3
    assert "3" in dialog.context["title"]
    empty = client.post(address("tag", query), {"tag": " ", "promised": 3}, headers=HX)
    assert empty.status_code == 422
    sent = client.post(address("tag", query), {"tag": "Messe", "promised": 3})
    task = task_of(rep)
    assert (sent.status_code, sent.url) == (302, reverse("jobs:task", args=[task.pk]))
    running = client.get(sent.url)
    assert not running.context["may_undo"]
    assert work(rep.organisation_id, task.pk) is Outcome.OVER
    over = client.get(sent.url)
    assert over.context["may_undo"]
    undo = reverse("jobs:undo", args=[task.change_set_id]).encode()
    assert undo in over.content


def test_more_than_agreed_to_is_asked_again(as_user, rep, customers):  # noqa: F811
    sent = as_user(rep).post(address("tag", "?all=1"), {"tag": "Messe", "promised": 5})
    assert sent.status_code == 422
    with activate(scope_of(rep)):
        assert not LongTask.objects.exists()


@pytest.mark.parametrize(
    "query", ["", "?ids=", "?ids=x", "?all=1&status=NEU", "?all=1&unknown=1", "?" + "ids=1&" * 3 + "all="]
)
def test_a_faulty_address_never_means_more(as_user, rep, customers, query):  # noqa: F811
    """A filter with faults would let more pass: it is refused; so is a selection of nobody."""
    found = as_user(rep).get(address("tag", query))
    assert found.status_code == (200 if "ids=1" in query else 403)


def test_an_unknown_action_is_not_there(as_user, rep, customers):  # noqa: F811
    assert as_user(rep).get(address("erase", "?all=1")).status_code == 404


def test_the_value_s_control_follows_the_field(as_user, rep, customers):  # noqa: F811
    client = as_user(rep)
    kinds = client.get(address("field", "?all=1"), headers=HX)
    assert b'<select name="value"' in kinds.content
    day = client.get(address("field", "?all=1&field=renewal_date"), headers=HX)
    assert b'type="date"' in day.content
    sent = client.post(address("field", "?all=1"), {"field": "renewal_date", "value": "2027-05-31", "promised": 6})
    assert sent.status_code == 302
    assert work(rep.organisation_id, task_of(rep).pk) is Outcome.OVER
    with activate(scope_of(rep)) as scope:
        assert Customer.objects.visible_to(scope).filter(renewal_date="2027-05-31").count() == 6


def test_what_was_left_alone_is_named_with_its_reason(as_user, rep, customers):  # noqa: F811
    client = as_user(rep)
    ids = f"?ids={customers[0].pk}&ids=999999999"
    sent = client.post(address("tag", ids), {"tag": "Messe", "promised": 2})
    assert work(rep.organisation_id, task_of(rep).pk) is Outcome.OVER
    page = client.get(sent.url)
    assert [row["id"] for row in page.context["left"]] == [999999999]
    assert [one["value"] for one in page.context["reasons"]] == ["1"]
    assert b"not there, or not visible" in page.content


def test_every_dialog_opens(as_user, people, customers):  # noqa: F811
    client = as_user(people(Role.MANAGER))
    for action in ("owner", "tag", "untag", "archive", "reopen", "field", "delete"):
        whole = client.get(address(action, f"?ids={customers[0].pk}"))
        part = client.get(address(action, f"?ids={customers[0].pk}"), headers=HX)
        assert (whole.status_code, part.status_code) == (200, 200), action
        assert b"<form" in part.content
        assert b"<html" not in part.content


def test_nobody_is_released_by_default(as_user, people, rep, customers):  # noqa: F811
    """Who may hand over must say whom to, or nobody outright; a rep can only release, and reads so."""
    manager = people(Role.MANAGER)
    client, ids = as_user(manager), f"?ids={customers[0].pk}"
    assert client.post(address("owner", ids), {"owner_id": "", "promised": 1}).status_code == 422
    assert client.post(address("owner", ids), {"owner_id": "nobody", "promised": 1}).status_code == 302
    assert work(rep.organisation_id, task_of(manager).pk) is Outcome.OVER
    with activate(scope_of(manager)):
        assert Customer.objects.get(pk=customers[0].pk).owner_id is None
    own = as_user(rep).get(address("owner", f"?ids={customers[1].pk}"))
    assert [value for value, _label in own.context["form"].fields["owner_id"].choices] == ["nobody"]
