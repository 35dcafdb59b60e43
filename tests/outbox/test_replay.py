"""Feed and replay: everything once more, in order, with the same bytes."""

from __future__ import annotations

import threading
import time
from datetime import timedelta

import jsonschema_rs
import pytest
from django.db import connection
from django.utils import timezone, translation

from crm.core.access import system_scope
from crm.core.errors import Conflict, Forbidden, Invalid
from customers.events import CustomerStatusChanged, CustomerUpdated
from organisation.choices import Role
from outbox.catalogue import event_type, event_types, is_known
from outbox.choices import ReplayState
from outbox.matching import of_types
from outbox.models import Attempt, Dispatch, Event, Replay, Subscription
from outbox.plan import ATTEMPTS
from outbox.relay import place
from outbox.services import feed, publish, replays, subscriptions
from outbox.services.feed import read_feed
from outbox.services.retention import trim_messages
from tests.conftest import make_user
from tests.outbox.asking import due_now
from tests.outbox.handlers import ProbeBroke, ProbeHappened
from tests.outbox.receiver import Answering

LONG_AGO = timedelta(days=365)


@pytest.fixture
def again(administrator, doing):
    """`again(subscription, …)` replays everything until now."""

    def replay(subscription, **asked):
        now = timezone.now()
        values = {"start": now - LONG_AGO, "end": now + timedelta(seconds=1)} | asked
        return doing(administrator, replays.replay_events, subscription_id=subscription.pk, **values)

    return replay


def test_a_replay_equals_the_first_delivery_byte_for_byte(receiver, subscribed, pumped, written, again, told):
    subscription, secret = subscribed()
    written(*[ProbeHappened(probe_id=1, number=n) for n in range(3)])
    pumped(subscription)
    first = [came for came in receiver.came if came.event["type"] == "probe.happened"]
    time.sleep(1.1)
    assert again(subscription, only="all", dry_run=True).count == 3
    done = again(subscription, only="all")
    assert (done.count, pumped(subscription)) == (3, 3)
    second = [came for came in receiver.came if came.event["type"] == "probe.happened"][3:]
    assert [came.body for came in second] == [came.body for came in first]
    for one, two in zip(first, second, strict=True):
        assert one.headers["webhook-id"] == two.headers["webhook-id"]
        assert one.headers["webhook-timestamp"] != two.headers["webhook-timestamp"]
        assert two.headers["freshplan-replay"] == str(done.replay.pk)
        two.verified_by(secret)
    assert told(Replay)[0].state == ReplayState.DONE


def test_the_dead_are_replayed_before_the_live_of_their_subject(
    house, receiver, subscribed, pumped, written, again, told
):
    subscription, _secret = subscribed()
    receiver.answer = Answering(status=500)
    written(ProbeHappened(probe_id=1, number=1))
    for _n in range(ATTEMPTS):
        pumped(subscription)
        due_now(house)
    assert [one.state for one in told(Dispatch, type="probe.happened")] == ["DEAD"]
    receiver.answer = Answering()
    assert again(subscription, only="dead").count == 1
    written(ProbeHappened(probe_id=1, number=2))
    due_now(house)
    before = len(receiver.events())
    pumped(subscription)
    assert [one["data"]["number"] for one in receiver.events()[before:]] == [1, 2]
    assert [one["crmgap"] for one in receiver.events()[before:]] == [False, False]


def test_a_replay_makes_messages_of_what_was_never_sent(receiver, subscribed, pumped, written, again):
    written(ProbeHappened(probe_id=1, number=1), ProbeBroke(probe_id=2, number=2))
    subscription, _secret = subscribed(types=["probe.happened"])
    pumped(subscription)
    assert receiver.events() == []
    assert again(subscription, only="all").count == 1
    pumped(subscription)
    assert [one["data"]["number"] for one in receiver.events()] == [1]


def test_a_stopped_replay_leaves_what_was_not_sent_as_it_was(
    house, receiver, administrator, doing, subscribed, pumped, written, again, told
):
    written(ProbeHappened(probe_id=9, number=9))
    subscription, _secret = subscribed()
    written(ProbeHappened(probe_id=1, number=1))
    pumped(subscription)
    done = again(subscription, only="all")
    assert done.count == 2
    with translation.override("en"), pytest.raises(Conflict, match="under way"):
        again(subscription, only="all")
    doing(administrator, replays.stop_replay, replay_id=done.replay.pk)
    assert pumped(subscription) == 0
    assert [one.state for one in told(Dispatch, type="probe.happened")] == ["DONE"]
    assert told(Replay)[0].state == ReplayState.STOPPED
    with translation.override("en"), pytest.raises(Conflict, match="ended"):
        doing(administrator, replays.stop_replay, replay_id=done.replay.pk)


def test_what_is_under_way_when_a_replay_is_stopped_is_not_tried_again(
    house, receiver, administrator, doing, subscribed, pumped, written, again, told
):
    subscription, _secret = subscribed()
    written(ProbeHappened(probe_id=1, number=1))
    pumped(subscription)
    done = again(subscription, only="all")

    def stop(_came):
        try:
            doing(administrator, replays.stop_replay, replay_id=done.replay.pk)
        finally:
            connection.close()
        return Answering(status=500)

    receiver.answer = stop
    assert pumped(subscription) == 1
    (message,) = told(Dispatch, type="probe.happened")
    assert (message.state, message.error) == ("DONE", "")
    assert [one.status for one in told(Attempt, dispatch=message)] == [200, 500]
    due_now(house)
    assert pumped(subscription) == 0


def test_a_stopped_replay_leaves_the_dead_as_dead_as_they_were(
    house, receiver, administrator, doing, subscribed, pumped, written, again, told
):
    subscription, _secret = subscribed()
    receiver.answer = Answering(status=500)
    written(ProbeHappened(probe_id=1, number=1))
    for _n in range(ATTEMPTS):
        pumped(subscription)
        due_now(house)
    (before,) = told(Dispatch, type="probe.happened")
    done = again(subscription, only="dead")
    doing(administrator, replays.stop_replay, replay_id=done.replay.pk)
    (after,) = told(Dispatch, type="probe.happened")
    assert (after.state, after.attempts, after.error) == (before.state, before.attempts, before.error)
    assert (before.state, before.attempts, before.error) == ("DEAD", ATTEMPTS, "STATUS")


def test_going_on_from_now_ends_a_replay_and_another_one_may_begin(
    receiver, administrator, doing, subscribed, pumped, written, again, told
):
    subscription, _secret = subscribed()
    written(ProbeHappened(probe_id=1, number=1))
    pumped(subscription)
    doing(administrator, subscriptions.pause_subscription, subscription_id=subscription.pk)
    again(subscription, only="all")
    doing(administrator, subscriptions.resume_subscription, subscription_id=subscription.pk, start="now")
    assert [one.state for one in told(Replay)] == [ReplayState.STOPPED]
    assert [one.state for one in told(Dispatch, type="probe.happened")] == ["DONE"]
    assert again(subscription, only="all").count == 1


def test_a_replay_behind_a_long_pause_loses_nothing_that_was_delivered(
    house, administrator, doing, subscribed, pumped, again, told
):
    subscription, _secret = subscribed()
    with system_scope(house.pk, job="test", now=timezone.now() - timedelta(days=40)):
        publish(ProbeHappened(probe_id=1, number=1))
    pumped(subscription)
    doing(administrator, subscriptions.pause_subscription, subscription_id=subscription.pk)
    again(subscription, only="all")
    with system_scope(house.pk, job="test") as scope:
        trim_messages(scope=scope)
    assert [one.state for one in told(Dispatch, type="probe.happened")] == ["WAITING"], (
        "the replay waits for a moment only"
    )
    with system_scope(house.pk, job="test", now=timezone.now() + timedelta(days=31)) as scope:
        trim_messages(scope=scope)
    assert [(one.state, one.error) for one in told(Dispatch, type="probe.happened")] == [("DONE", "")]
    assert [one.state for one in told(Replay)] == [ReplayState.STOPPED]


def test_a_replay_is_chosen_by_time_types_and_subject(subscribed, pumped, written, again):
    subscription, _secret = subscribed()
    written(ProbeHappened(probe_id=1, number=1), ProbeHappened(probe_id=2, number=2), ProbeBroke(probe_id=1, number=3))
    pumped(subscription)
    now = timezone.now()

    def count(**asked):
        return again(subscription, only="all", dry_run=True, **asked).count

    assert count() == 3
    assert count(types=["probe.broke"]) == 1
    assert count(types=["probe.*"], subject="probe/1") == 2
    assert count(start=now) == 0
    assert count(end=now - timedelta(hours=1)) == 0
    with pytest.raises(Invalid):
        count(subject="nothing")
    with pytest.raises(Invalid):
        count(start=now, end=now - timedelta(hours=1))


def test_who_may_replay(house, subscribed, again, administrator, doing):
    subscription, _secret = subscribed()
    with pytest.raises(Forbidden):
        doing(
            make_user(house, Role.MANAGER),
            replays.replay_events,
            subscription_id=subscription.pk,
            start=timezone.now() - LONG_AGO,
            end=timezone.now(),
        )
    with system_scope(house.pk, job="test"):
        Subscription.objects.update(state="DISABLED", reason="GONE")
    with translation.override("en"), pytest.raises(Conflict, match="switched off"):
        again(subscription, only="all")


def test_the_feed_goes_by_position_and_is_filtered(house, administrator, doing, written, as_relay):
    written(*[ProbeHappened(probe_id=n % 2, number=n) for n in range(4)], ProbeBroke(probe_id=1, number=9))
    with as_relay():
        place()

    def numbers(**asked):
        page = doing(administrator, read_feed, **asked)
        return [one["data"]["number"] for one in page.items], page.next, page.more

    assert numbers() == ([0, 1, 2, 3, 9], 5, False)
    assert numbers(limit=2) == ([0, 1], 2, True)
    assert numbers(after=2, limit=2) == ([2, 3], 4, True)
    assert numbers(types=["probe.broke"]) == ([9], 5, False)
    assert numbers(types=["probe.*"], subject="probe/0") == ([0, 2], 3, False)
    assert numbers(after=5) == ([], 5, False)
    for wrong in ({"limit": 0}, {"limit": 1_001}, {"wait": 26}, {"after": -1}, {"subject": "x"}):
        with pytest.raises(Invalid):
            numbers(**wrong)


def test_a_search_for_rare_types_walks_a_stretch_of_the_feed_at_a_time(
    administrator, doing, written, as_relay, monkeypatch
):
    monkeypatch.setattr(feed, "WALKED", 2)
    written(*[ProbeHappened(probe_id=1, number=n) for n in range(4)], ProbeBroke(probe_id=1, number=9))
    with as_relay():
        place()

    def asked(after):
        page = doing(administrator, read_feed, after=after, types=["probe.broke"])
        return [one["data"]["number"] for one in page.items], page.next, page.more

    assert asked(0) == ([], 2, True)
    assert asked(2) == ([], 4, True)
    assert asked(4) == ([9], 5, False)
    assert doing(administrator, read_feed, types=["probe.happened"], limit=1).next == 1


@pytest.mark.parametrize("pattern", ["*", "customer.*", "customer.status.*", "customer.status.changed", "probe.*"])
def test_python_and_sql_hear_the_same(house, written, pattern):
    written(
        CustomerStatusChanged(customer_id=1, old="A", new="B"),
        CustomerUpdated(customer_id=1, fields=("city",)),
        ProbeHappened(probe_id=1, number=1),
    )
    with system_scope(house.pk, job="test"), connection.cursor() as cursor:
        cursor.execute(
            "SELECT type FROM outbox_event WHERE outbox_hears(ARRAY[%s]::varchar[], '{}', type, subject_type)",
            [pattern],
        )
        heard = {row[0] for row in cursor.fetchall()}
        assert set(Event.objects.filter(of_types([pattern])).values_list("type", flat=True)) == heard
    assert is_known(pattern) == (bool(heard) and pattern != "*")


def test_the_feed_waits_until_something_comes(house, administrator, doing, written, as_relay):
    def later():
        try:
            time.sleep(0.4)
            written(ProbeHappened(probe_id=1, number=1))
            with as_relay():
                place()
        finally:
            connection.close()

    thread = threading.Thread(target=later)
    thread.start()
    started = time.monotonic()
    page = doing(administrator, read_feed, wait=5)
    assert [one["data"]["number"] for one in page.items] == [1]
    assert 0.3 < time.monotonic() - started < 3
    thread.join()
    started = time.monotonic()
    assert doing(administrator, read_feed, after=page.next, wait=0.5).items == []
    assert time.monotonic() - started >= 0.5


def test_another_organisations_events_are_in_no_feed(house, administrator, written, as_relay, doing):
    from tests.conftest import make_organisation

    written(ProbeHappened(probe_id=1, number=1))
    with as_relay():
        place()
    stranger = make_user(make_organisation("Fremd"), Role.ADMINISTRATOR)
    assert doing(stranger, read_feed).items == []
    assert len(doing(administrator, read_feed).items) == 1


def test_every_type_has_words_a_schema_and_a_sample_that_fits_it():
    types = event_types()
    names = [one.type for one in types]
    assert {"customer.created", "user.updated", "freshplan.ping", "subscription.disabled", "probe.happened"} <= set(
        names
    )
    assert len(set(names)) == len(names)
    for one in types:
        assert one.description
        jsonschema_rs.meta.validate(one.schema)
        jsonschema_rs.Draft202012Validator(one.schema).validate(one.sample["data"])
    assert event_type("customer.updated", 1).schema["properties"]["fields"] == {
        "type": "array",
        "items": {"type": "string"},
    }
    assert event_type("customer.updated", 2) is None


def test_messages_and_attempts_are_forgotten_after_90_days_and_waiting_ends_after_30(
    house, receiver, administrator, doing, subscribed, pumped, written, told
):
    subscription, _secret = subscribed()
    written(ProbeHappened(probe_id=1, number=1))
    pumped(subscription)
    doing(administrator, subscriptions.pause_subscription, subscription_id=subscription.pk)
    written(ProbeHappened(probe_id=1, number=2))
    pumped(subscription)
    with system_scope(house.pk, job="test", now=timezone.now() + timedelta(days=29)) as scope:
        assert trim_messages(scope=scope) == 0
    with system_scope(house.pk, job="test", now=timezone.now() + timedelta(days=31)) as scope:
        trim_messages(scope=scope)
    assert [(one.state, one.error) for one in told(Dispatch, type="probe.happened")] == [
        ("DONE", ""),
        ("DEAD", "EXPIRED"),
    ]
    with system_scope(house.pk, job="test", now=timezone.now() + timedelta(days=91)) as scope:
        trim_messages(scope=scope)
    assert [one.error for one in told(Dispatch)] == ["EXPIRED"]
    assert told(Attempt) == []
