"""What the person a subscription acts as may not see is not sent; asked at sending, for rights change."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Permission
from django.utils import timezone

from crm.core.access import system_scope
from crm.core.errors import Invalid
from customers.events import CustomerUpdated
from customers.models import Customer, CustomerUserPermission
from organisation.choices import Role
from organisation.models import Team, User
from outbox.choices import SubscriptionReason, SubscriptionState
from outbox.models import Dispatch, Event
from outbox.services import subscriptions
from outbox.services.feed import read_feed
from tests.conftest import make_user
from tests.outbox.asking import state_of
from tests.outbox.handlers import ProbeHappened


@pytest.fixture
def rep(house):
    """Whom the subscription acts as."""
    return make_user(house, Role.REP)


@pytest.fixture
def customers(house, rep):
    """One of his own, and its twin that is somebody else's."""
    with system_scope(house.pk, job="test"):
        row = {"organisation": house, "status_since": timezone.now()}
        return [
            Customer.objects.create(company_name="Eigen", customer_number="K-1", owner=rep, **row),
            Customer.objects.create(
                company_name="Fremd", customer_number="K-2", owner=make_user(house, Role.REP), **row
            ),
        ]


def heard(receiver):
    return [one["data"]["customer_id"] for one in receiver.events("customer.updated")]


def test_an_event_about_a_hidden_row_is_not_sent_and_its_visible_twin_is(
    house, receiver, rep, customers, subscribed, pumped, written, told
):
    subscription, _secret = subscribed(types=["customer.*"], acts_as_id=rep.pk)
    own, foreign = customers
    written(*[CustomerUpdated(customer_id=one.pk, fields=("owner",)) for one in (foreign, own)])
    assert pumped(subscription) == 1
    assert heard(receiver) == [own.pk]
    assert [(one.subject_id, one.state) for one in told(Dispatch, type="customer.updated")] == [
        (foreign.pk, "HIDDEN"),
        (own.pk, "DONE"),
    ]


def test_rights_are_those_of_the_moment_of_sending(house, receiver, rep, customers, subscribed, pumped, written):
    subscription, _secret = subscribed(types=["customer.*"], acts_as_id=rep.pk)
    _own, foreign = customers
    written(CustomerUpdated(customer_id=foreign.pk, fields=("owner",)))
    with system_scope(house.pk, job="test"):
        CustomerUserPermission.objects.create(
            user=rep,
            content_object=foreign,
            permission=Permission.objects.get(codename="view_customer", content_type__app_label="customers"),
        )
    assert pumped(subscription) == 1
    assert heard(receiver) == [foreign.pk]


def test_who_saw_a_customer_hears_that_he_is_deleted(house, receiver, rep, customers, subscribed, pumped, written):
    subscription, _secret = subscribed(types=["customer.*"], acts_as_id=rep.pk)
    own, foreign = customers
    with system_scope(house.pk, job="test"):
        Customer.objects.filter(pk__in=[own.pk, foreign.pk]).update(deleted_at=timezone.now())
    written(*[CustomerUpdated(customer_id=one.pk, fields=("deleted_at",)) for one in customers])
    pumped(subscription)
    assert heard(receiver) == [own.pk]


def test_a_subject_that_nobody_speaks_for_is_hidden_from_who_does_not_see_all(
    house, receiver, rep, customers, subscribed, pumped, written
):
    subscription, _secret = subscribed(types=["probe.*"], acts_as_id=rep.pk)
    written(ProbeHappened(probe_id=1, number=1))
    assert pumped(subscription) == 0
    assert receiver.events() == []


def test_a_deactivated_person_ends_the_subscription(house, receiver, rep, customers, subscribed, pumped, written, told):
    subscription, _secret = subscribed(types=["customer.*"], acts_as_id=rep.pk)
    with system_scope(house.pk, job="test"):
        User.objects.filter(pk=rep.pk).update(is_active=False)
    written(CustomerUpdated(customer_id=customers[0].pk, fields=("owner",)))
    assert pumped(subscription) == 0
    assert state_of(house, subscription) == (SubscriptionState.DISABLED, SubscriptionReason.ACTS_AS)
    assert heard(receiver) == []
    assert [one.data["reason"] for one in told(Event, type="subscription.disabled")] == ["ACTS_AS"]


def test_the_feed_shows_each_reader_what_he_may_know_of(house, rep, customers, administrator, doing, written, as_relay):
    from outbox.relay import place

    own, foreign = customers
    written(*[CustomerUpdated(customer_id=one.pk, fields=("owner",)) for one in (foreign, own)])
    with as_relay():
        place()

    def subjects(user, **asked):
        page = doing(user, read_feed, **asked)
        return [one["subject"] for one in page.items], page.next, page.more

    both = [f"customer/{foreign.pk}", f"customer/{own.pk}"]
    assert subjects(administrator) == (both, 2, False)
    assert subjects(rep) == (both[1:], 2, False)
    assert subjects(rep, subject=both[0]) == ([], 1, False)


def test_others_may_not_be_acted_as_but_by_administrators(house, administrator, rep, receiver, doing):
    from crm.core.errors import Forbidden

    with pytest.raises(Forbidden):
        doing(
            rep,
            subscriptions.create_subscription,
            name="Shop",
            url=receiver.url,
            types=["customer.*"],
            acts_as_id=administrator.pk,
        )


def test_only_accounts_that_meet_its_condition_are_told_of(
    house, receiver, rep, customers, subscribed, pumped, written, told
):
    own, foreign = customers
    with system_scope(house.pk, job="test"):
        team = Team.objects.create(organisation=house, name="Nord")
        User.objects.filter(pk=rep.pk).update(team=team)
    by_owner, _secret = subscribed(types=["*"], where={"field": "owner", "op": "eq", "value": rep.pk})
    by_team, _secret = subscribed(types=["*"], where={"not": {"field": "team", "op": "in", "value": [team.pk]}})
    written(*[CustomerUpdated(customer_id=one.pk, fields=("owner",)) for one in customers])
    written(ProbeHappened(probe_id=1, number=1))
    for subscription, hears in ((by_owner, own), (by_team, foreign)):
        pumped(subscription)
        sent = told(Dispatch, subscription=subscription, state="DONE", subject_type="customer")
        assert [one.subject_id for one in sent] == [hears.pk]
    assert receiver.events() == [], "what belongs to no account meets no condition"
    with system_scope(house.pk, job="test"):
        Customer.objects.filter(pk=own.pk).update(owner=foreign.owner_id)
    written(CustomerUpdated(customer_id=own.pk, fields=("owner",)))
    assert (pumped(by_owner), pumped(by_team)) == (0, 1), "the owner of the moment of sending"


@pytest.mark.parametrize(
    "where",
    [
        {"field": "status", "op": "eq", "value": "AKTIV"},
        {"field": "owner", "op": "starts", "value": "x"},
        {"field": "team", "op": "in", "value": []},
        {"and": 3},
    ],
)
def test_a_condition_speaks_the_filter_language_over_owner_and_team(house, administrator, receiver, doing, where):
    values = {"name": "Shop", "url": receiver.url, "types": ["customer.*"], "where": where}
    with pytest.raises(Invalid) as refused:
        doing(administrator, subscriptions.create_subscription, **values)
    assert set(refused.value.errors) == {"where"}
