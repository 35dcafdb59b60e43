"""What a sender's transaction holds and keeps: much that is hidden, a claim that fails, a pause that it waited for, a test that failed."""

from __future__ import annotations

import threading

import pytest
from django.db import connection, transaction
from django.utils import timezone

from crm.core.access import activate, system_scope
from customers.events import CustomerUpdated
from customers.models import Customer
from organisation.choices import Role
from outbox import sending
from outbox.events import SubscriptionFailing
from outbox.models import Attempt, Dispatch
from outbox.relay import place
from outbox.sender import FAILED_REST, Sender
from outbox.services import subscriptions
from tests.conftest import make_user, scope_of
from tests.outbox.handlers import ProbeHappened
from tests.outbox.receiver import Answering


@pytest.fixture
def rep(house):
    """Whom the subscription acts as; he owns one customer, the last."""
    rep = make_user(house, Role.REP)
    with system_scope(house.pk, job="test"):
        for number in range(41):
            Customer.objects.create(
                organisation=house, company_name=f"Haus {number}", customer_number=f"K-{number}",
                status_since=timezone.now(), owner=rep if number == 40 else None,
            )  # fmt: skip
    return rep


def test_many_hidden_messages_are_left_out_in_few_transactions_and_the_visible_one_behind_them_is_sent(
    house, receiver, rep, subscribed, pumped, written, told, monkeypatch
):
    subscription, _secret = subscribed(types=["customer.*"], acts_as_id=rep.pk)
    with system_scope(house.pk, job="test"):
        ids = list(Customer.objects.order_by("pk").values_list("pk", flat=True))
    written(*[CustomerUpdated(customer_id=pk, fields=("owner",)) for pk in ids])
    monkeypatch.setattr(sending, "WIDE", 8)
    steps = []
    step = sending._Line.step
    monkeypatch.setattr(
        sending._Line, "step", lambda line, *given, **named: steps.append(1) or step(line, *given, **named)
    )
    assert pumped(subscription) == 1
    assert [one["data"]["customer_id"] for one in receiver.events("customer.updated")] == [ids[-1]]
    assert [one.state for one in told(Dispatch, type="customer.updated")] == ["HIDDEN"] * 40 + ["DONE"]
    # 4 + 4 × 8 in the first, the rest with the claim in the second, its note, and the look that finds nothing.
    assert len(steps) <= 4


def test_what_was_delivered_is_noted_even_where_the_next_claim_fails(
    house, receiver, subscribed, pumped, written, told, monkeypatch
):
    subscription, _secret = subscribed()
    written(*[ProbeHappened(probe_id=number, number=number) for number in range(6)])
    live, calls = sending.live_secrets, []

    def broken(*given):
        calls.append(1)
        if len(calls) > 1:
            raise RuntimeError("the key is gone")
        return live(*given)

    monkeypatch.setattr(sending, "live_secrets", broken)
    with pytest.raises(RuntimeError):
        pumped(subscription)
    states = [one.state for one in told(Dispatch, type="probe.happened")]
    assert states.count("DONE") == len(receiver.events("probe.happened")) > 0
    assert len(told(Attempt)) == 1 + states.count("DONE")  # and the test message


def test_a_subscriber_whose_sending_fails_is_left_alone_for_a_while(house, subscribed, written, as_relay, monkeypatch):
    subscription, _secret = subscribed()
    sender = Sender()
    monkeypatch.setattr("outbox.sender.serve", lambda *_given, **_named: 1 / 0)
    assert sender._take(subscription.pk)
    sender.work(house.pk, subscription.pk)
    assert not sender._take(subscription.pk)
    assert sender.resting[subscription.pk][1] == FAILED_REST


def test_a_failed_test_message_is_no_gap(house, receiver, administrator, doing, subscribed, pumped, written, told):
    subscription, _secret = subscribed(types=["subscription.*"])
    receiver.answer = Answering(500)
    doing(administrator, subscriptions.send_test, subscription_id=subscription.pk)
    pumped(subscription)
    receiver.answer = Answering()
    assert [one.state for one in told(Dispatch)] == ["DONE", "DEAD"]
    written(SubscriptionFailing(subscription_id=subscription.pk, owner_id=administrator.pk, hours=1))
    pumped(subscription)
    assert [one["crmgap"] for one in receiver.events("subscription.failing")] == [False]


def test_who_waited_for_a_pause_sends_nothing_more(
    house, receiver, administrator, doing, subscribed, written, as_relay, committed_db
):
    subscription, _secret = subscribed()
    written(ProbeHappened(probe_id=1, number=1))
    with as_relay():
        place()
    paused, go = threading.Event(), threading.Event()

    def pause():
        with transaction.atomic(), activate(scope_of(administrator)) as scope:
            subscriptions.pause_subscription(scope=scope, subscription_id=subscription.pk)
            paused.set()
            go.wait(10)
        connection.close()

    page = threading.Thread(target=pause)
    page.start()
    assert paused.wait(10)
    sent = []
    sender = threading.Thread(
        target=lambda: (sent.append(sending.serve(house.pk, subscription.pk)), connection.close())
    )
    sender.start()
    sender.join(0.5)
    assert sender.is_alive()  # it waits for the pace
    go.set()
    page.join(10)
    sender.join(10)
    assert sent == [0]
    assert receiver.events("probe.happened") == []
