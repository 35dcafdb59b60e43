"""The cases of the engine room: events on their way to a subscriber, another system's messages through the door.

Both run the product's own processes on the bench database; what is counted is read from its tables, or was written down by
the other side.
"""

from __future__ import annotations

import http.client
import json
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from bench.base import Asker, Figure, percentile
from bench.run import Run
from bench.simulated import Simulator, simulated
from bench.world import HOST, LARGE, running

# How many, how many a second, milliseconds: from commit to arrival, and of one answer of the door.
EVENTS, EVENTS_PER_SECOND, DELIVERY_P95 = 100_000, 200, 2_000
MESSAGES, MESSAGES_PER_SECOND, DOOR_P95 = 10_000, 50, 100
RECORDS = 500  # customers that the events and messages are about
PATIENCE = 120.0  # seconds that the last ones may take
SENDERS = 16  # connections to the door
NAME = "Messung"


@dataclass(slots=True)
class _Sent:
    """What was published, and at which time its transaction was committed (Unix seconds)."""

    committed: dict[str, float]
    late: float = 0.0  # seconds that the publisher was behind its own pace at most


def deliveries_(run: Run) -> Iterator[Figure]:
    """Events of a rep's customers at 200 a second, to four subscribers that act as this rep: a hundred a second is what one
    subscriber may ask for at most. Each transaction has four events of one customer, as an activation has."""
    if "rep" not in run.asking:
        return
    from outbox.signing import new_secret

    count, secret = max(EVENTS // run.one_in, 400) // 4 * 4, new_secret()
    with simulated("subscriber", "--secret", secret) as subscriber:
        with running(run.world, "relay", "sender"), _subscriptions(run, subscriber.address, secret):
            sent = _publish(run, count)
            _until(lambda: _is_settled(run))
        yield from _delivered(count, sent, subscriber)


def _delivered(count: int, sent: _Sent, subscriber: Simulator) -> Iterator[Figure]:
    arrived: dict[str, float] = {}
    for one in subscriber.log():
        if one["headers"]["webhook-id"] in sent.committed:  # no test message
            arrived.setdefault(one["headers"]["webhook-id"], one["at"])
    times = [(at - sent.committed[key]) * 1000 for key, at in arrived.items()]
    per_second = count / (max(arrived.values()) - min(sent.committed.values())) if arrived else 0
    yield Figure(
        "delivery", "rep", f"commit to arrival at {EVENTS_PER_SECOND} events a second", f"p95 ≤ {DELIVERY_P95} ms",
        not times or percentile(times, 95) > DELIVERY_P95, times,
    )  # fmt: skip
    lost, state = count - len(arrived), subscriber.state()
    yield Figure(
        "delivery", "rep", "lost, out of order, wrongly signed", "none", bool(lost or state["disorder"] or state["refused"]),
        value=f"{lost} of {count:,} lost, {state['disorder']} out of order, {sum(state['refused'].values())} refused,"
        f" {state['repeats']} sent again; {per_second:.0f}/s, publisher at most {sent.late * 1000:.0f} ms late",
    )  # fmt: skip


@contextmanager
def _subscriptions(run: Run, address: str, secret: str) -> Iterator[None]:
    """One subscription for each kind of event, set going by its test message; gone afterwards."""
    from crm.core.access import system_scope
    from outbox.choices import SubscriptionState
    from outbox.models import Subscription
    from outbox.services.subscriptions import create_subscription, delete_subscription

    administrator, rep = run.askers["administrator"], run.askers["rep"]

    def remove() -> None:
        with _scope_of(administrator) as scope:
            for pk in Subscription.objects.filter(name__startswith=NAME).values_list("pk", flat=True):
                delete_subscription(scope=scope, subscription_id=pk)

    def are_active() -> bool:
        with system_scope(LARGE, job="bench"):
            states = Subscription.objects.filter(name__startswith=NAME).values_list("state", flat=True)
            return all(state == SubscriptionState.ACTIVE for state in states)

    remove()  # of a run that was ended in between
    with _scope_of(administrator) as scope:
        for kind in [event.type for event in _events(0, 0)]:
            create_subscription(
                scope=scope, name=f"{NAME} {kind}", url=f"{address}/{kind}", types=[kind],
                acts_as_id=rep.user_id, max_per_second=100, secret=secret,
            )  # fmt: skip
    try:
        _until(are_active)
        yield
    finally:
        remove()


def _is_settled(run: Run) -> bool:
    """Whether every event has its place and no message waits."""
    row = run.owner.execute(
        "SELECT EXISTS (SELECT FROM outbox_event WHERE position IS NULL)"
        " OR EXISTS (SELECT FROM outbox_dispatch WHERE state = 'WAITING')"
    ).fetchone()
    return row == (False,)


def _events(customer: int, number: int) -> list[Any]:
    """What an activation says of a customer."""
    from customers.events import CustomerActivated, CustomerFieldsChanged, CustomerStatusChanged, CustomerUpdated

    return [
        CustomerUpdated(customer_id=customer, fields=("status",)),
        CustomerFieldsChanged(customer_id=customer, keys=("seats",)),
        CustomerStatusChanged(customer_id=customer, old="PROSPECT", new="ACTIVE"),
        CustomerActivated(customer_id=customer, order_number=f"B-{number}"),
    ]


def _publish(run: Run, count: int) -> _Sent:
    """Publish them at the pace of the case, whatever the other side does."""
    from django.db import transaction
    from django.utils import timezone

    from crm.core.access import activate
    from outbox.services.events import publish_many

    records = run.some(run.askers["rep"], RECORDS)
    with _scope_of(run.askers["rep"]) as signed_in:
        scope = signed_in  # used for all of them, as a worker does for a batch
    sent = _Sent({})
    begin = time.monotonic()
    for number in range(count // 4):
        due = begin + number * 4 / EVENTS_PER_SECOND
        time.sleep(max(due - time.monotonic(), 0))
        sent.late = max(sent.late, time.monotonic() - due)
        with transaction.atomic(), activate(replace(scope, now=timezone.now())):
            ids = publish_many(_events(records[number % len(records)], number))
        sent.committed.update(dict.fromkeys(map(str, ids), time.time()))
    return sent


def door_(run: Run) -> Iterator[Figure]:
    """Another installation's signed messages at 50 a second, over HTTP; the worker takes them in meanwhile."""
    count = max(MESSAGES // run.one_in, 100)
    with running(run.world, "relay", "worker"), _connection(run) as (path, secret, kept):
        times, late, statuses = _knock(run, count, path, secret)
        _until(lambda: kept()[0] >= count)
        effects, distinct = kept()
    answers = ", ".join(f"{number} × {status}" for status, number in sorted(statuses.items()))
    yield Figure(
        "door", "provider", f"one message at {MESSAGES_PER_SECOND} a second", f"p95 ≤ {DOOR_P95} ms",
        percentile(times, 95) > DOOR_P95, times,
    )  # fmt: skip
    yield Figure(
        "door", "provider", "each taken in once", "none lost", not effects == distinct == count == statuses[202],
        value=f"{answers}; {effects} effects of {distinct} messages; p95 from the moment it was due"
        f" {percentile(late, 95):.0f} ms",
    )  # fmt: skip


def _knock(run: Run, count: int, path: str, secret: str) -> tuple[list[float], list[float], Counter[int]]:
    """Send them at their pace: milliseconds of each, milliseconds since it was due, and the answers."""
    from outbox.signing import signatures

    local = threading.local()
    begin = time.monotonic() + 0.5

    def send(number: int) -> tuple[float, float, int]:
        body, message_id = _message(number)
        due = begin + number / MESSAGES_PER_SECOND
        time.sleep(max(due - time.monotonic(), 0))
        now = int(time.time())
        headers = {
            "Content-Type": "application/cloudevents+json",
            "webhook-id": message_id,
            "webhook-timestamp": str(now),
            "webhook-signature": signatures(body, message_id=message_id, timestamp=now, secrets=[secret]),
        }
        if not hasattr(local, "line"):
            local.line = http.client.HTTPConnection(HOST, run.port, timeout=30)
        start = time.monotonic()
        local.line.request("POST", path, body, headers)
        answer = local.line.getresponse()
        answer.read()
        end = time.monotonic()
        return (end - start) * 1000, (end - due) * 1000, answer.status

    with ThreadPoolExecutor(SENDERS) as pool:
        found = list(pool.map(send, range(count)))
    return [one[0] for one in found], [one[1] for one in found], Counter(one[2] for one in found)


def _message(number: int) -> tuple[bytes, str]:
    message_id = str(uuid.uuid4())
    envelope = {
        "specversion": "1.0",
        "id": message_id,
        "source": "/organisations/nord",
        "type": "customer.updated",
        "subject": f"customer/{number % RECORDS + 1}",
        "time": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "datacontenttype": "application/json",
        "dataschema": "/api/events/schemas/customer.updated/1/",
        "crmversion": 1,
        "crmposition": number + 1,
        "crmgap": False,
        "data": {"customer_id": number % RECORDS + 1, "fields": ["status"]},
    }
    return json.dumps(envelope, separators=(",", ":")).encode(), message_id


@contextmanager
def _connection(run: Run) -> Iterator[tuple[str, str, Callable[[], tuple[int, int]]]]:
    """A connection that is set going: the path of its door, its secret, and what was taken in, as (rows, messages)."""
    from django.db.models import Count

    from crm.core.access import system_scope
    from outbox.choices import ConnectionState
    from outbox.door import webhook_path
    from outbox.models import RemoteEvent
    from outbox.services import connections
    from outbox.signing import new_secret

    secret = new_secret()
    with _scope_of(run.askers["administrator"]) as scope:
        made = connections.create_connection(scope=scope, provider="freshplan", label=NAME)
        connections.set_credential(scope=scope, connection_id=made.pk, kind="signing_secret", value=secret)
        made = connections.move_connection(scope=scope, connection_id=made.pk, target=ConnectionState.ACTIVE)

    def kept() -> tuple[int, int]:
        with system_scope(LARGE, job="bench"):
            rows = RemoteEvent.objects.filter(connection_id=made.pk)
            found = rows.aggregate(rows=Count("pk"), messages=Count("event_id", distinct=True))
            return found["rows"], found["messages"]

    try:
        yield webhook_path("freshplan", made.key), secret, kept
    finally:
        with _scope_of(run.askers["administrator"]) as scope:
            connections.move_connection(
                scope=scope, connection_id=made.pk, target=ConnectionState.PAUSED, reason="bench is over"
            )
            connections.delete_connection(scope=scope, connection_id=made.pk)


@contextmanager
def _scope_of(asker: Asker) -> Iterator[Any]:
    """A transaction in the name of this person."""
    from django.db import transaction

    from crm.core.access import activate
    from organisation.access import enter_sign_in, scope_for
    from organisation.models import User

    with transaction.atomic():
        enter_sign_in(str(asker.user_id))
        scope = scope_for(User.objects.select_related("organisation").get(pk=asker.user_id))
        with activate(scope):
            yield scope


def _until(holds: Callable[[], bool]) -> None:
    """Wait for it as long as patience lasts; what is missing then is counted by the caller."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and not holds():
        time.sleep(0.25)
