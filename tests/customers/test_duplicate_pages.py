"""The list of possible duplicates: who sees a pair, who decides, and that a decision is remembered."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client

from crm.core.errors import Forbidden, NotFound
from customers import services
from customers.models import Customer, DuplicatePair
from organisation.choices import Role
from organisation.models import User
from tests.customers.test_merging import merge
from tests.customers.test_record_pages import page, send
from tests.customers.test_status import acting, made
from tests.customers.test_stock_scan import scan

People = Callable[..., User]
SignIn = Callable[[User], Client]
pytestmark = pytest.mark.django_db


def twins(one: User, other: User) -> tuple[Customer, Customer]:
    """Two accounts of one phone, and what the look through the stock makes of them."""
    rows = made(one, company_name="Gasthof Adler", phone="030 23125417"), made(other, company_name="Adler")
    with acting(other) as scope:
        services.update_customer(scope=scope, customer_id=rows[1].pk, changes={"phone": "030 23125417"})
    scan(one)
    return rows


def the_pair(of: User) -> DuplicatePair:
    """The only one."""
    with acting(of):
        return DuplicatePair.objects.get()


def test_not_the_same_is_remembered_until_it_is_asked_again(as_user: SignIn, people: People) -> None:
    """It leaves the list, no later scan brings it back; from the list of those told apart it is asked again."""
    rep = people()
    twins(rep, rep)
    client, pair = as_user(rep), the_pair(rep)
    first = page(client, "duplicates").content.decode()
    assert "Gasthof Adler" in first
    assert "Same phone" in first
    assert send(client, "part", pair.pk).status_code == 302
    scan(rep)
    assert "Gasthof Adler" not in page(client, "duplicates").content.decode()
    parted = page(client, "duplicates", query="?show=parted").content.decode()
    assert rep.name in parted
    send(client, "part", pair.pk, data={"again": "1"})
    assert "Gasthof Adler" in page(client, "duplicates").content.decode()


def test_a_pair_leads_to_its_merge_and_is_gone_then(as_user: SignIn, people: People) -> None:
    """And is there again once the merge is undone."""
    rep = people()
    winner, loser = twins(rep, rep)
    client = as_user(rep)
    address = f"/customer-management/customers/{winner.pk}/merge/?with={loser.pk}"
    assert address in page(client, "duplicates").content.decode()
    merged = merge(rep, winner, loser)
    assert address not in page(client, "duplicates").content.decode()
    with acting(rep) as scope:
        services.undo_merge(scope=scope, merge_id=merged.change_set_id)
    assert address in page(client, "duplicates").content.decode()


def test_a_pair_with_a_hidden_side_is_unknown(as_user: SignIn, people: People) -> None:
    """Neither listed nor to be decided; shared for reading it is seen by nobody who could not decide; a manager does."""
    rep, colleague, manager = people(), people(), people(Role.MANAGER)
    _own, hidden = twins(rep, colleague)
    pair = the_pair(manager)
    client = as_user(rep)
    assert "Adler" not in page(client, "duplicates").content.decode()
    assert send(client, "part", pair.pk).status_code == 404
    with acting(rep) as scope, pytest.raises(NotFound):
        services.part_pair(scope=scope, pair_id=pair.pk)
    with acting(manager) as scope:
        services.give_grant(scope=scope, customer_id=hidden.pk, user_id=rep.pk, level="view")
    with acting(rep) as scope, pytest.raises(Forbidden):
        services.part_pair(scope=scope, pair_id=pair.pk)
    with acting(manager) as scope:
        services.give_grant(scope=scope, customer_id=hidden.pk, user_id=rep.pk, level="change")
    with acting(rep) as scope:
        assert services.part_pair(scope=scope, pair_id=pair.pk).parted_by_id == rep.pk
    with acting(manager) as scope:
        assert services.part_pair(scope=scope, pair_id=pair.pk, are_two=False).parted_at is None


def test_who_may_change_nothing_has_no_list(as_user: SignIn, people: People) -> None:
    """An auditor is refused; a manager starts the look through the stock from there."""
    assert page(as_user(people(Role.AUDITOR)), "duplicates").status_code == 403
    shown = page(as_user(people(Role.MANAGER)), "duplicates")
    assert "customers.find_duplicates" in shown.content.decode()
