"""Publishing: in the caller's transaction, under the scope, or not at all."""

from __future__ import annotations

import time
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from django.db import ProgrammingError, transaction
from django.utils import timezone

from crm.core.access import activate, system_scope
from outbox import services, wakeup
from outbox.models import Event, Heartbeat
from tests.conftest import scope_of
from tests.outbox.handlers import ProbeHappened

pytestmark = pytest.mark.django_db


def test_an_event_carries_the_scope(organisation):
    now = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
    with system_scope(organisation.pk, job="test", now=now) as scope:
        given = services.publish(ProbeHappened(probe_id=7, number=1))
        event = Event.objects.visible_to(scope).get()

    assert event.event_id == given
    assert (event.type, event.version, event.subject_type, event.subject_id) == ("probe.happened", 1, "probe", 7)
    assert event.data == {"probe_id": 7, "number": 1}
    assert (event.organisation_id, event.actor, event.source) == (organisation.pk, "job:test", "job")
    assert (event.occurred_at, event.position, event.change_set_id) == (now, None, None)


def test_ids_are_of_version_7_one_by_one_and_set_based(organisation):
    now = datetime(2026, 11, 20, 9, 30, 0, 123_000, tzinfo=UTC)
    with system_scope(organisation.pk, job="test", now=now):
        services.publish_many([ProbeHappened(probe_id=1, number=n) for n in range(20)])
        services.publish_for_rows(
            ProbeHappened, "SELECT n, jsonb_build_object('probe_id', n) FROM generate_series(1, 20) AS n"
        )
        ids = list(Event.objects.values_list("event_id", flat=True))
    assert len(set(ids)) == 40
    for one in ids:
        assert (one.version, one.variant) == (7, uuid.RFC_4122)
        assert one.int >> 80 == int(now.timestamp() * 1000)


def test_many_events_keep_their_order(organisation):
    events = [ProbeHappened(probe_id=n % 5, number=n) for n in range(50)]
    with system_scope(organisation.pk, job="test"):
        ids = services.publish_many(events)
        rows = list(Event.objects.order_by("pk").values_list("event_id", "data__number"))

    assert rows == [(given, n) for n, given in enumerate(ids)]


def test_nothing_to_publish_is_nothing(organisation):
    with system_scope(organisation.pk, job="test"):
        assert services.publish_many([]) == []
        assert not Event.objects.exists()


def test_a_batch_of_rows_makes_the_events_that_the_class_would_make(organisation):
    with system_scope(organisation.pk, job="test") as scope, activate(scope.with_change_set(12)):
        made = services.publish_for_rows(
            ProbeHappened,
            "SELECT n, jsonb_build_object('probe_id', n) FROM generate_series(1, %(last)s) AS n ORDER BY n",
            {"last": 3},
            data={"number": 9},
        )
        rows = list(
            Event.objects.order_by("pk").values_list("type", "subject_type", "subject_id", "data", "change_set_id")
        )

    assert made == 3
    assert rows == [("probe.happened", "probe", n, ProbeHappened(probe_id=n, number=9).data(), 12) for n in range(1, 4)]


def test_a_batch_may_not_take_the_envelopes_names(organisation):
    with system_scope(organisation.pk, job="test"), pytest.raises(ValueError, match="actor"):
        services.publish_for_rows(ProbeHappened, "SELECT 1, '{}'::jsonb", {"actor": "user:1"})


def test_no_event_without_a_scope(organisation):
    with pytest.raises(RuntimeError, match="No scope"):
        services.publish(ProbeHappened(probe_id=1, number=1))


def test_no_event_that_is_not_thin(organisation):
    class Fat(ProbeHappened):
        def data(self):
            return {"text": "x" * 9_000}

    with system_scope(organisation.pk, job="test"), pytest.raises(ValueError, match="thin"):
        services.publish(Fat(probe_id=1, number=1))


def test_who_does_not_see_the_log_still_writes_to_it(organisation, people):
    with transaction.atomic(), activate(scope_of(people("REP"))):
        services.publish(ProbeHappened(probe_id=1, number=1))
        assert not Event.objects.exists()
    with system_scope(organisation.pk, job="test"):
        assert Event.objects.count() == 1


def test_nobody_writes_into_another_organisation(organisation, other_organisation):
    with system_scope(organisation.pk, job="test"), pytest.raises(ProgrammingError, match="row-level security"):
        Event.objects.bulk_create(
            [Event(organisation=other_organisation, subject_id=1, occurred_at=timezone.now())], ignore_conflicts=True
        )


@pytest.mark.parametrize("change", [{"type": "x"}, {"position": 1}, {"data": {}}])
def test_the_log_is_append_only(organisation, change):
    with system_scope(organisation.pk, job="test"):
        services.publish(ProbeHappened(probe_id=1, number=1))
        with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
            Event.objects.update(**change)
        with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
            Event.objects.all()._raw_delete("default")
        assert Event.objects.count() == 1


def test_the_relay_may_only_place_events(organisation, owner_db):
    (database,) = owner_db.execute("SELECT current_database()").fetchone()
    role = f"{database}_relay"
    columns = owner_db.execute(
        "SELECT attname FROM pg_attribute WHERE attrelid = 'outbox_event'::regclass AND attnum > 0"
        " AND has_column_privilege(%s, attrelid, attnum, 'UPDATE')",
        [role],
    ).fetchall()
    tables = owner_db.execute(
        "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
        " AND has_table_privilege(%s, oid, 'INSERT, UPDATE, DELETE') ORDER BY 1",
        [role],
    ).fetchall()
    assert columns == [("position",)]
    assert tables == [("outbox_delivery",), ("outbox_dispatch",), ("outbox_heartbeat",)]


def test_one_wake_up_per_transaction_and_none_after_a_rollback(organisation, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks() as rung, system_scope(organisation.pk, job="test"):
        for n in range(5):
            services.publish(ProbeHappened(probe_id=1, number=n))
        with transaction.atomic():
            services.publish(ProbeHappened(probe_id=1, number=9))
            transaction.set_rollback(True)
    assert rung == [wakeup.wake_relay]


def test_the_bell_gives_up_within_100_ms_and_then_is_quiet(settings):
    settings.REDIS_URL = "redis://10.255.255.1:6379/0"  # nobody answers there
    bell = wakeup._Bell()
    started = time.monotonic()
    bell.ring(wakeup.wake_key())
    assert time.monotonic() - started < 0.1
    started = time.monotonic()
    bell.ring(wakeup.wake_key())
    assert time.monotonic() - started < 0.005


def test_lag_and_silence_of_the_relay():
    assert services.relay_check() == (False, {"relay": "silent", "relay_lag_seconds": 0})
    services.beat("relay")
    assert services.relay_check() == (True, {"relay": "ok", "relay_lag_seconds": 0})
    Heartbeat.objects.update(beat_at=timezone.now() - timedelta(seconds=121), lag_seconds=30)
    alive, told = services.relay_check()
    assert (alive, told["relay"]) == (False, "silent")
    assert told["relay_lag_seconds"] in {150, 151, 152}
