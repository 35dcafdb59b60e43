"""One organisation subscribes another one's events: sent, signed and delivered by us, received, proven and kept by us."""

from __future__ import annotations

import pytest
from django.core.cache import cache

from crm.core.access import system_scope
from outbox.choices import ConnectionState, SubscriptionState
from outbox.door import webhook_path
from outbox.models import Attempt, Credential, Event
from outbox.services import connections, subscriptions
from tests.conftest import make_organisation
from tests.outbox.asking import state_of
from tests.outbox.handlers import ProbeHappened
from tests.outbox.intake import kept, make_connection, requests, rows, work
from tests.outbox.served import served


@pytest.fixture
def north(committed_db):
    """The receiving side: a connection that is being set up."""
    cache.clear()
    return make_connection(make_organisation("Nord"), state=ConnectionState.DRAFT)


@pytest.fixture
def server(north, database_urls):
    """The port of the receiving side."""
    with served(database_urls) as port:
        yield port


@pytest.fixture
def linked(north, server, settings, administrator, doing, pumped):
    """The sending side subscribed to the address that the connection shows; the secret went over by hand."""
    settings.PRIVATE_HOSTS = frozenset({f"127.0.0.1:{server}"})
    url = f"http://127.0.0.1:{server}{webhook_path('freshplan', north.key)}"
    made = doing(administrator, subscriptions.create_subscription, name="Nord", url=url, types=["probe.*"])
    with system_scope(north.organisation_id, job="test") as scope:
        Credential.objects.filter(connection=north).delete()
        connections.set_credential(scope=scope, connection_id=north.pk, kind="signing_secret", value=made.secret)
        connections.move_connection(scope=scope, connection_id=north.pk, target=ConnectionState.ACTIVE)
    assert pumped(made.subscription) == 1
    return made.subscription


def test_every_event_arrives_once_in_order_and_says_the_same(house, north, linked, written, pumped, told):
    assert state_of(house, linked) == (SubscriptionState.ACTIVE, ""), "the test message was accepted"
    written(*[ProbeHappened(probe_id=n % 3, number=n) for n in range(12)])
    pumped(linked)
    work(north)
    assert [row.state for row in rows(north, type="freshplan.ping")] == ["IGNORED"]
    sent = {str(one.event_id): one for one in told(Event, type="probe.happened")}
    came = {one.event_id: one for one in kept(north)}
    assert sent.keys() == came.keys()
    for key, one in came.items():
        assert (one.position, one.subject, one.type) == (
            sent[key].position,
            f"probe/{sent[key].subject_id}",
            "probe.happened",
        )
        assert one.data["number"] == sent[key].data["number"]
        assert one.occurred_at == sent[key].occurred_at.replace(
            microsecond=sent[key].occurred_at.microsecond // 1000 * 1000
        )
    for subject in ("probe/0", "probe/1", "probe/2"):
        numbers = [one.data["number"] for one in kept(north) if one.subject == subject]
        assert numbers == sorted(numbers)
    assert {one.status for one in told(Attempt)} == {202}


def test_the_secret_is_changed_on_both_sides_without_a_refusal(
    house, north, linked, written, pumped, told, administrator, doing
):
    fresh = doing(administrator, subscriptions.rotate_secret, subscription_id=linked.pk).secret
    written(ProbeHappened(probe_id=1, number=1))
    pumped(linked)
    with system_scope(north.organisation_id, job="test") as scope:
        connections.set_credential(scope=scope, connection_id=north.pk, kind="signing_secret", value=fresh)
    written(ProbeHappened(probe_id=1, number=2))
    pumped(linked)
    doing(administrator, subscriptions.end_old_secret, subscription_id=linked.pk)
    written(ProbeHappened(probe_id=1, number=3))
    pumped(linked)
    work(north)
    assert [one.credential_role for one in requests(north)] == ["CURRENT", "CURRENT", "NEXT", "CURRENT"]
    assert [one.data["number"] for one in kept(north)] == [1, 2, 3]
    assert {one.status for one in told(Attempt)} == {202}
