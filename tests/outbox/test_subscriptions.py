"""Subscribers: what they get, in which order, how often; and what becomes of those that fail."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone, translation
from standardwebhooks.webhooks import WebhookVerificationError

from crm.core.access import activate, system_scope
from crm.core.errors import Conflict, Forbidden, Invalid, NotFound
from organisation.choices import Role
from outbox import metrics, sending, signing
from outbox.choices import AttemptError, DispatchState, SubscriptionReason, SubscriptionState
from outbox.matching import PLACING_LOCK
from outbox.models import Attempt, Dispatch, Event, Subscription, SubscriptionPace, SubscriptionSecret
from outbox.plan import AFTER, ATTEMPTS
from outbox.relay import place
from outbox.services import subscriptions
from outbox.subscription_figures import figures_of
from tests.conftest import make_user, scope_of
from tests.outbox.asking import due_now, state_of
from tests.outbox.handlers import ProbeHappened
from tests.outbox.receiver import Answering


def test_a_new_subscription_starts_paused_until_a_test_message_was_accepted(
    house, receiver, administrator, doing, pumped, written
):
    receiver.answer = Answering(status=500)
    made = doing(
        administrator, subscriptions.create_subscription, name="Shop", url=receiver.url, types=["probe.happened"]
    )
    written(ProbeHappened(probe_id=1, number=1))
    assert pumped(made.subscription) == 1
    assert state_of(house, made.subscription) == (SubscriptionState.PAUSED, SubscriptionReason.UNPROVEN)
    with translation.override("en"), pytest.raises(Conflict, match="test message"):
        doing(administrator, subscriptions.resume_subscription, subscription_id=made.subscription.pk)

    receiver.answer = Answering()
    doing(administrator, subscriptions.send_test, subscription_id=made.subscription.pk)
    pumped(made.subscription)
    assert state_of(house, made.subscription) == (SubscriptionState.ACTIVE, "")
    assert [came.event["type"] for came in receiver.came] == ["freshplan.ping"] * 2
    assert receiver.came[0].event["data"] == {}


def test_what_arrives_is_the_contract(house, receiver, subscribed, pumped, written):
    subscription, secret = subscribed()
    written(ProbeHappened(probe_id=7, number=3))
    pumped(subscription)

    came = receiver.came[-1]
    with system_scope(house.pk, job="test"):
        event = Event.objects.get(type="probe.happened")
    assert came.verified_by(secret) == {
        "specversion": "1.0",
        "id": str(event.event_id),
        "source": f"/organisations/{house.pk}",
        "type": "probe.happened",
        "subject": "probe/7",
        "time": event.occurred_at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "datacontenttype": "application/json",
        "dataschema": "/api/events/schemas/probe.happened/1/",
        "crmversion": 1,
        "crmposition": event.position,
        "crmgap": False,
        "data": {
            "probe_id": 7,
            "number": 3,
            "actor": {"kind": "job", "id": "test"},
            "source": "job",
            "request_id": None,
            "cause": None,
            "change_set": None,
        },
    }
    assert b'": ' not in came.body
    assert b", " not in came.body
    assert came.headers["content-type"] == "application/cloudevents+json; charset=utf-8"
    assert came.headers["webhook-id"] == str(event.event_id)
    assert came.headers["user-agent"].startswith("FreshPlan-CRM/")
    assert came.headers["freshplan-attempt"] == "1"
    assert came.headers["host"] == f"127.0.0.1:{receiver.port}"
    assert "freshplan-replay" not in came.headers
    assert abs(int(came.headers["webhook-timestamp"]) - came.at) < 3


def test_a_changed_byte_and_a_foreign_secret_are_refused_by_the_receiver(receiver, subscribed, pumped, written):
    subscription, secret = subscribed()
    written(ProbeHappened(probe_id=7, number=3))
    pumped(subscription)
    came = receiver.came[-1]
    with pytest.raises(WebhookVerificationError):
        came.verified_by(signing.new_secret())
    came.body = came.body.replace(b'"number":3', b'"number":4')
    with pytest.raises(WebhookVerificationError):
        came.verified_by(secret)


def test_only_what_it_hears_is_sent(receiver, subscribed, pumped, written, told):
    subscription, _secret = subscribed(types=["customer.*"])
    written(ProbeHappened(probe_id=1, number=1))
    assert pumped(subscription) == 0
    assert receiver.events() == []
    assert told(Dispatch, type="probe.happened") == []


def test_a_failure_is_tried_again_with_the_same_bytes_and_a_new_time(
    house, receiver, subscribed, pumped, written, told
):
    subscription, secret = subscribed()
    receiver.answer = Answering(status=500, body=b"x" * 5_000)
    written(ProbeHappened(probe_id=1, number=1))
    before = timezone.now()
    assert pumped(subscription) == 1
    (dispatch,) = told(Dispatch, type="probe.happened")
    assert (dispatch.state, dispatch.attempts, dispatch.error) == (DispatchState.WAITING, 1, AttemptError.STATUS)
    assert timedelta(seconds=4.5) <= dispatch.run_at - before <= timedelta(seconds=8)

    receiver.answer = Answering()
    time.sleep(1.1)
    due_now(house)
    assert pumped(subscription) == 1
    first, second = receiver.came[-2:]
    assert first.body == second.body
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.headers["webhook-timestamp"] != second.headers["webhook-timestamp"]
    assert (first.headers["freshplan-attempt"], second.headers["freshplan-attempt"]) == ("1", "2")
    second.verified_by(secret)
    one, two = told(Attempt, dispatch=dispatch)
    assert (one.status, bytes(one.answer), two.status, bytes(two.answer)) == (500, b"x" * 1_024, 200, b"ok")


def test_after_the_last_attempt_it_is_dead_and_the_next_of_its_subject_tells_the_gap_once(
    house, receiver, subscribed, pumped, written, told
):
    subscription, _secret = subscribed()
    receiver.answer = lambda came: Answering(status=500 if came.event["data"].get("number") == 1 else 200)
    written(*[ProbeHappened(probe_id=1, number=n) for n in (1, 2, 3)])
    for _n in range(ATTEMPTS):
        pumped(subscription)
        due_now(house)
    pumped(subscription)
    first, second, third = told(Dispatch, type="probe.happened")
    assert [one.state for one in (first, second, third)] == ["DEAD", "DONE", "DONE"]
    assert first.attempts == ATTEMPTS
    assert [one["crmgap"] for one in receiver.events()] == [False] * ATTEMPTS + [True, False]


@pytest.mark.parametrize(
    ("answer", "error", "status"),
    [
        (Answering(status=302, headers={"location": "http://127.0.0.1/inner"}), AttemptError.REDIRECT, 302),
        (Answering(status=404), AttemptError.STATUS, 404),
        (Answering(cut=True), AttemptError.BROKEN, None),
        (Answering(seconds=1.0), AttemptError.TIMEOUT, None),
    ],
    ids=["redirect", "refusal", "cut off", "hang"],
)
def test_everything_but_2xx_is_a_failure(
    receiver, subscribed, pumped, written, told, monkeypatch, answer, error, status
):
    monkeypatch.setattr(sending, "TOTAL", 0.4)
    subscription, _secret = subscribed()
    receiver.answer = answer
    written(ProbeHappened(probe_id=1, number=1))
    started = time.monotonic()
    assert pumped(subscription) == 1
    assert time.monotonic() - started < 0.9
    assert len(receiver.events()) == 1, "a redirect is never followed"
    (attempt,) = told(Attempt, error=error)
    assert attempt.status == status


def test_a_dripping_answer_ends_with_the_time_and_a_huge_one_is_accepted_but_not_read(
    receiver, subscribed, pumped, written, told
):
    subscription, _secret = subscribed()
    receiver.answer = Answering(body=b"y" * 50_000_000)
    written(ProbeHappened(probe_id=1, number=1))
    started = time.monotonic()
    assert pumped(subscription) == 1
    assert time.monotonic() - started < 2
    (dispatch,) = told(Dispatch, type="probe.happened")
    assert dispatch.state == DispatchState.DONE
    assert len(told(Attempt, dispatch=dispatch)[0].answer) == 1_024


def test_410_switches_it_off_at_once_and_resuming_from_the_stop_loses_nothing(
    house, receiver, administrator, doing, subscribed, pumped, written, told
):
    subscription, _secret = subscribed()
    receiver.answer = Answering(status=410)
    written(ProbeHappened(probe_id=1, number=1), ProbeHappened(probe_id=1, number=2))
    assert pumped(subscription) == 1
    assert state_of(house, subscription) == (SubscriptionState.DISABLED, SubscriptionReason.GONE)
    (event,) = told(Event, type="subscription.disabled")
    assert event.data == {"subscription_id": subscription.pk, "owner_id": administrator.pk, "reason": "GONE"}

    written(ProbeHappened(probe_id=3, number=3))
    assert pumped(subscription) == 0
    receiver.answer = Answering()
    doing(administrator, subscriptions.resume_subscription, subscription_id=subscription.pk, start="stop")
    assert pumped(subscription) == 3
    assert sorted(one["data"]["number"] for one in receiver.events()) == [1, 1, 2, 3]


def test_paused_events_wait_and_resuming_from_now_leaves_them_out(
    house, receiver, administrator, doing, subscribed, pumped, written, told
):
    subscription, _secret = subscribed()
    doing(administrator, subscriptions.pause_subscription, subscription_id=subscription.pk)
    written(ProbeHappened(probe_id=1, number=1))
    assert pumped(subscription) == 0
    doing(administrator, subscriptions.resume_subscription, subscription_id=subscription.pk, start="now")
    written(ProbeHappened(probe_id=1, number=2))
    assert pumped(subscription) == 1
    assert [one["data"]["number"] for one in receiver.events()] == [2]
    assert [one.state for one in told(Dispatch, type="probe.happened")] == ["SKIPPED", "DONE"]


def test_resuming_from_an_instant_sends_what_happened_since(
    house, receiver, administrator, doing, subscribed, pumped, written
):
    written(ProbeHappened(probe_id=1, number=1))  # before anybody subscribed
    time.sleep(0.01)
    since = timezone.now()
    written(ProbeHappened(probe_id=1, number=2))
    subscription, _secret = subscribed()
    doing(administrator, subscriptions.pause_subscription, subscription_id=subscription.pk)
    written(ProbeHappened(probe_id=1, number=3))
    pumped(subscription)
    doing(administrator, subscriptions.resume_subscription, subscription_id=subscription.pk, start=since)
    pumped(subscription)
    assert [one["data"]["number"] for one in receiver.events()] == [2, 3]


def test_order_is_kept_per_subject_and_others_go_on(house, receiver, subscribed, pumped, written):
    subscription, _secret = subscribed()
    failed = set()

    def once(came):
        number = came.event["data"].get("number")
        if number == 0 and number not in failed:
            failed.add(number)
            return Answering(status=500)
        return Answering()

    receiver.answer = once
    written(*[ProbeHappened(probe_id=n % 2, number=n) for n in range(6)])
    pumped(subscription)
    numbers = [one["data"]["number"] for one in receiver.events()]
    assert sorted(numbers) == [0, 1, 3, 5]
    assert [n for n in numbers if n % 2] == [1, 3, 5]
    due_now(house)
    pumped(subscription)
    assert [one["data"]["number"] for one in receiver.events()][4:] == [0, 2, 4]


def test_four_at_once_at_most_and_in_order_with_ten_senders(house, receiver, subscribed, pumped, written, as_relay):
    subscription, _secret = subscribed(max_per_second=100)
    receiver.answer = Answering(seconds=0.02)
    written(*[ProbeHappened(probe_id=n % 12, number=n) for n in range(60)])
    with as_relay():
        place()
    end = time.monotonic() + 20

    def work():
        try:
            while len(receiver.events()) < 60 and time.monotonic() < end:
                sending.serve(house.pk, subscription.pk)
                time.sleep(0.01)
        finally:
            connection.close()

    with ThreadPoolExecutor(10) as pool:
        for future in [pool.submit(work) for _n in range(10)]:
            future.result()
    numbers = [one["data"]["number"] for one in receiver.events()]
    assert sorted(numbers) == list(range(60))
    for subject in range(12):
        assert [n for n in numbers if n % 12 == subject] == list(range(subject, 60, 12))
    assert 1 < receiver.most_at_once <= 4


def test_its_rate_is_kept(house, receiver, subscribed, pumped, written):
    subscription, _secret = subscribed(max_per_second=5)
    written(*[ProbeHappened(probe_id=n, number=n) for n in range(20)])
    begun = time.monotonic()
    sent = pumped(subscription)
    took = time.monotonic() - begun
    assert 4 <= sent <= 5 * (took + 1) + 2, "a second's worth at once, then five a second"


def test_a_killed_sender_leaves_its_message_to_the_next_with_the_same_bytes(
    house, receiver, subscribed, pumped, written, told, monkeypatch
):
    subscription, _secret = subscribed()
    written(ProbeHappened(probe_id=1, number=1))

    class Killed(BaseException):
        pass

    def die(claim):
        raise Killed

    real = sending.attempt
    monkeypatch.setattr(sending, "attempt", die)
    with pytest.raises(Killed):
        pumped(subscription)
    monkeypatch.setattr(sending, "attempt", real)
    (claimed,) = told(Dispatch, type="probe.happened")
    assert (claimed.state, claimed.attempts) == (DispatchState.WAITING, 1)
    assert pumped(subscription) == 0, "its lease still stands"
    due_now(house)
    assert pumped(subscription) == 1
    assert receiver.came[-1].body == bytes(claimed.body)
    assert receiver.came[-1].headers["freshplan-attempt"] == "2"


def test_a_subscriber_that_fails_is_slowed_to_one_probe_and_its_first_success_opens_all(
    house, receiver, subscribed, pumped, written, told
):
    subscription, _secret = subscribed(max_per_second=100)
    receiver.answer = Answering(status=503)
    written(*[ProbeHappened(probe_id=n, number=n) for n in range(25)])
    assert sending.PROBE_AFTER <= pumped(subscription) < sending.PROBE_AFTER + sending.AT_ONCE
    assert state_of(house, subscription) == (SubscriptionState.FAILING, "")
    due_now(house)
    before = len(receiver.events())
    assert pumped(subscription) == 1
    assert [one["data"]["number"] for one in receiver.events()[before:]] == [0], "the oldest is the probe"

    receiver.answer = Answering()
    due_now(house, position__lte=min(one.position for one in told(Dispatch, state="WAITING")))
    assert pumped(subscription) == 25
    assert state_of(house, subscription) == (SubscriptionState.ACTIVE, "")
    numbers = [one["data"]["number"] for one in receiver.events()[-25:]]
    assert sorted(numbers) == list(range(25))
    assert numbers[0] == 0
    assert all(abs(place - n) <= sending.AT_ONCE for place, n in enumerate(numbers)), "oldest first"


def test_its_owner_is_told_after_an_hour_and_a_day_and_after_five_days_it_ends(
    house, receiver, administrator, subscribed, pumped, written, told
):
    subscription, _secret = subscribed()
    receiver.answer = Answering(status=500)
    written(ProbeHappened(probe_id=1, number=1))

    def failing_for(**ago):
        with system_scope(house.pk, job="test"):
            SubscriptionPace.objects.update(failing_since=timezone.now() - timedelta(**ago))
        due_now(house)
        pumped(subscription)
        return [one.data["hours"] for one in told(Event, type="subscription.failing")]

    assert failing_for(minutes=59) == []
    assert failing_for(hours=1) == [1]
    assert failing_for(hours=2) == [1]
    assert failing_for(hours=24) == [1, 24]
    assert state_of(house, subscription) == (SubscriptionState.FAILING, "")
    failing_for(days=5)
    assert state_of(house, subscription)[0] == SubscriptionState.FAILING, "not before ten attempts"
    with system_scope(house.pk, job="test"):
        SubscriptionPace.objects.update(failures=ATTEMPTS)
    failing_for(days=5)
    assert state_of(house, subscription) == (SubscriptionState.DISABLED, SubscriptionReason.TOO_LONG)


def test_a_pause_made_while_a_success_is_noted_stays(house, receiver, administrator, subscribed, pumped, written):
    subscription, _secret = subscribed()
    with system_scope(house.pk, job="test"):
        Subscription.objects.update(state=SubscriptionState.FAILING)
    made = threading.Event()

    def pause():
        try:
            with transaction.atomic(), activate(scope_of(administrator)) as scope:
                subscriptions.pause_subscription(scope=scope, subscription_id=subscription.pk)
                made.set()
                time.sleep(1)  # the sender comes to its note meanwhile
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:

        def answer(_came):
            pool.submit(pause)
            assert made.wait(5)
            return Answering()

        receiver.answer = answer
        written(ProbeHappened(probe_id=1, number=1))
        assert pumped(subscription) == 1
    assert state_of(house, subscription) == (SubscriptionState.PAUSED, SubscriptionReason.BY_HAND)


def test_retry_after_is_kept(receiver, subscribed, pumped, written, told):
    subscription, _secret = subscribed()
    receiver.answer = Answering(status=503, headers={"retry-after": "600"})
    written(ProbeHappened(probe_id=1, number=1))
    before = timezone.now()
    pumped(subscription)
    (dispatch,) = told(Dispatch, type="probe.happened")
    assert timedelta(seconds=600) <= dispatch.run_at - before < timedelta(seconds=605)


def test_while_rotating_old_and_new_sign_and_then_the_new_alone(
    house, receiver, administrator, doing, subscribed, pumped, written
):
    subscription, old = subscribed()
    made = doing(administrator, subscriptions.rotate_secret, subscription_id=subscription.pk)
    written(ProbeHappened(probe_id=1, number=1))
    pumped(subscription)
    came = receiver.came[-1]
    assert came.verified_by(old) == came.verified_by(made.secret)
    assert len(came.headers["webhook-signature"].split(" ")) == 2
    with pytest.raises(Conflict):
        doing(administrator, subscriptions.rotate_secret, subscription_id=subscription.pk)

    doing(administrator, subscriptions.end_old_secret, subscription_id=subscription.pk)
    written(ProbeHappened(probe_id=1, number=2))
    pumped(subscription)
    receiver.came[-1].verified_by(made.secret)
    with pytest.raises(WebhookVerificationError):
        receiver.came[-1].verified_by(old)


def test_rotation_under_load_each_delivery_verifies_with_old_and_with_new(
    house, receiver, administrator, doing, subscribed, written, as_relay
):
    subscription, old = subscribed(max_per_second=100)
    written(*[ProbeHappened(probe_id=n, number=n) for n in range(40)])
    with as_relay():
        place()
    stop = threading.Event()

    def work():
        try:
            while not stop.is_set():
                sending.serve(house.pk, subscription.pk)
                time.sleep(0.01)
        finally:
            connection.close()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        while len(receiver.events()) < 5:
            time.sleep(0.01)
        new = doing(administrator, subscriptions.rotate_secret, subscription_id=subscription.pk).secret
        end = time.monotonic() + 20
        while len(receiver.events()) < 40 and time.monotonic() < end:
            time.sleep(0.02)
    finally:
        stop.set()
        thread.join()
    came = [one for one in receiver.came if one.event["type"] == "probe.happened"]
    assert len(came) == 40
    for one in came:
        one.verified_by(old)
        if " " in one.headers["webhook-signature"]:
            one.verified_by(new)
    assert " " in came[-1].headers["webhook-signature"]


def test_secrets_lie_sealed_and_are_bound_to_their_row(house, subscribed, told):
    subscription, secret = subscribed()
    (row,) = told(SubscriptionSecret)
    assert secret.encode() not in bytes(row.sealed)
    assert (row.tail, secret[:6], len(secret)) == (secret[-4:], "whsec_", 50)
    with system_scope(house.pk, job="test"):
        assert signing.live_secrets(subscription.pk, timezone.now()) == (secret,)


def test_who_may_subscribe(house, receiver, administrator, doing):
    values = {"name": "Shop", "url": receiver.url, "types": ["probe.*"]}
    for role in (Role.REP, Role.MANAGER, Role.AUDITOR):
        with pytest.raises(Forbidden):
            doing(make_user(house, role), subscriptions.create_subscription, **values)
    made = doing(administrator, subscriptions.create_subscription, **values)
    with pytest.raises(NotFound):
        doing(make_user(house, Role.REP), subscriptions.pause_subscription, subscription_id=made.subscription.pk)
    with pytest.raises(Forbidden):
        doing(make_user(house, Role.MANAGER), subscriptions.send_test, subscription_id=made.subscription.pk)


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"types": []}, "types"),
        ({"types": ["no.such"]}, "types"),
        ({"types": ["nothing.*"]}, "types"),
        ({"types": ["customer.status.*"]}, "types"),
        ({"name": "x"}, "name"),
        ({"max_per_second": 101}, "max_per_second"),
        ({"secret": "whsec_AAAA"}, "secret"),
        ({"subject_kinds": ["nothing"]}, "subject_kinds"),
        ({"acts_as_id": 999_999}, "acts_as_id"),
        ({"url": "https://127.0.0.1/hook"}, "url"),
        ({"url": "https://localhost/hook"}, "url"),
        ({"url": "https://10.1.2.3/hook"}, "url"),
        ({"url": "https://[::ffff:127.0.0.1]/hook"}, "url"),
        ({"url": "https://169.254.169.254/latest/meta-data"}, "url"),
        ({"url": "https://2130706433/"}, "url"),
        ({"url": "http://8.8.8.8/"}, "url"),
        ({"url": "https://8.8.8.8:22/"}, "url"),
        ({"url": "https://user:secret@8.8.8.8/"}, "url"),
        ({"url": "ftp://8.8.8.8/"}, "url"),
    ],
)
def test_what_is_refused_at_making(house, administrator, doing, receiver, values, field):
    with pytest.raises(Invalid) as refused:
        doing(
            administrator,
            subscriptions.create_subscription,
            **{"name": "Shop", "url": receiver.url, "types": ["probe.*"]} | values,
        )
    assert set(refused.value.errors) == {field}


def test_a_new_address_has_to_accept_a_test_message_while_events_wait(
    house, receiver, administrator, doing, subscribed, pumped, written
):
    subscription, _secret = subscribed()
    with system_scope(house.pk, job="test"):
        version = Subscription.objects.get(pk=subscription.pk).version
    changed = doing(
        administrator,
        subscriptions.change_subscription,
        subscription_id=subscription.pk,
        version=version,
        name="Shop",
        url=f"{receiver.url}/neu",
        types=["probe.*"],
    )
    assert (changed.state, changed.reason) == (SubscriptionState.PAUSED, SubscriptionReason.UNPROVEN)
    written(ProbeHappened(probe_id=1, number=1))
    pumped(subscription)
    assert state_of(house, subscription)[0] == SubscriptionState.ACTIVE
    assert [one["data"]["number"] for one in receiver.events()] == [1]


def test_paused_by_hand_it_stays_so_at_a_new_address_and_misses_nothing(
    house, receiver, administrator, doing, subscribed, pumped, written
):
    subscription, _secret = subscribed()
    doing(administrator, subscriptions.pause_subscription, subscription_id=subscription.pk)
    written(ProbeHappened(probe_id=1, number=1))
    pumped(subscription)
    with system_scope(house.pk, job="test"):
        version = Subscription.objects.get(pk=subscription.pk).version
    values = {"name": "Shop", "url": f"{receiver.url}/neu", "types": ["probe.*"], "version": version}
    receiver.answer = Answering(status=500)
    doing(administrator, subscriptions.change_subscription, subscription_id=subscription.pk, **values)
    pumped(subscription)
    written(ProbeHappened(probe_id=1, number=2))
    pumped(subscription)
    with translation.override("en"), pytest.raises(Conflict, match="test message"):
        doing(administrator, subscriptions.resume_subscription, subscription_id=subscription.pk)

    receiver.answer = Answering()
    doing(administrator, subscriptions.send_test, subscription_id=subscription.pk)
    pumped(subscription)
    assert state_of(house, subscription) == (SubscriptionState.PAUSED, SubscriptionReason.BY_HAND)
    assert receiver.events() == []
    doing(administrator, subscriptions.resume_subscription, subscription_id=subscription.pk)
    pumped(subscription)
    assert [one["data"]["number"] for one in receiver.events()] == [1, 2]


def test_the_plan_is_ten_attempts_over_75_hours_35_minutes():
    assert len(AFTER) + 1 == ATTEMPTS == 10
    assert timedelta(seconds=sum(AFTER) - AFTER[0]) == timedelta(hours=75, minutes=35)


def test_a_deleted_subscription_leaves_nothing(
    house, receiver, administrator, doing, subscribed, pumped, written, told
):
    subscription, _secret = subscribed()
    written(ProbeHappened(probe_id=1, number=1))
    pumped(subscription)
    doing(administrator, subscriptions.delete_subscription, subscription_id=subscription.pk)
    for model in (Subscription, SubscriptionSecret, SubscriptionPace, Dispatch, Attempt):
        assert told(model) == []
    written(ProbeHappened(probe_id=1, number=2))
    assert pumped(subscription) == 0


def test_deleting_waits_for_the_relay_that_makes_messages_of_it(house, administrator, doing, subscribed, written, told):
    subscription, _secret = subscribed()
    written(ProbeHappened(probe_id=1, number=1))
    making = threading.Event()

    def relay():
        try:
            with system_scope(house.pk, job="test"), connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_xact_lock(%s)", [PLACING_LOCK])
                event = Event.objects.get(type="probe.happened")
                Dispatch.objects.create(
                    organisation=house,
                    subscription=subscription,
                    event=event,
                    type=event.type,
                    subject_type=event.subject_type,
                    subject_id=event.subject_id,
                    position=99,
                )
                making.set()
                time.sleep(0.4)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        made = pool.submit(relay)
        assert making.wait(5)
        doing(administrator, subscriptions.delete_subscription, subscription_id=subscription.pk)
        made.result()
    assert told(Subscription) == []
    assert told(Dispatch) == []


def test_who_may_not_resume_holds_no_feed(house, subscribed, doing):
    subscription, _secret = subscribed()
    holding, enough = threading.Event(), threading.Event()

    def hold():
        try:
            with system_scope(house.pk, job="test"), connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_xact_lock(%s)", [PLACING_LOCK])
                holding.set()
                enough.wait(5)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        held = pool.submit(hold)
        assert holding.wait(5)
        started = time.monotonic()
        try:
            with pytest.raises(Forbidden):
                doing(
                    make_user(house, Role.MANAGER),
                    subscriptions.resume_subscription,
                    subscription_id=subscription.pk,
                )
            assert time.monotonic() - started < 3
        finally:
            enough.set()
        held.result()


def test_a_failed_test_message_is_no_dead_letter_and_states_are_counted(
    house, receiver, administrator, doing, subscribed, pumped, told
):
    receiver.answer = Answering(status=500)
    subscription, _secret = subscribed()
    assert [one.state for one in told(Dispatch)] == ["DEAD"]
    with system_scope(house.pk, job="test") as scope:
        assert figures_of(scope, [subscription.pk])[subscription.pk].dead == 0
    told_of = {(one.name, one.labels.get("state")): one.value for one in metrics.figures()}
    assert told_of["freshplan_webhook_dead", None] == 0
    assert [told_of["freshplan_webhook_subscriptions", state] for state in ("active", "paused", "disabled")] == [
        0,
        1,
        0,
    ]
