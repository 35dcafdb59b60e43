"""The relay's role and a writer of events, for tests whose transactions really commit."""

from __future__ import annotations

import contextlib

import pytest
from django.core.cache import cache
from django.db import connection, transaction
from django.utils import translation
from environ import Env

from crm.core.access import activate, system_scope
from organisation.choices import Role
from outbox import calling, guards, sending, services
from outbox.relay import place
from outbox.services import subscriptions
from tests.conftest import make_organisation, make_user, scope_of
from tests.outbox.intake import make_connection
from tests.outbox.other_side import Other
from tests.outbox.receiver import Receiver


@pytest.fixture
def as_relay(database_urls):
    """`with as_relay():` connects this thread as the relay's role."""

    @contextlib.contextmanager
    def connected():
        served = connection.settings_dict
        relay = Env.db_url_config(database_urls["relay"])
        connection.close()
        connection.settings_dict = {**served, "USER": relay["USER"], "PASSWORD": relay["PASSWORD"]}
        try:
            yield
        finally:
            connection.close()
            connection.settings_dict = served

    return connected


@pytest.fixture
def open_door():
    """No test finds the door shut by another one."""
    cache.clear()


@pytest.fixture
def in_english():
    """Pages and names of fields are English."""
    with translation.override("en"):
        yield


@pytest.fixture
def admin(people, as_user):
    """An administrator's browser."""
    return as_user(people("ADMINISTRATOR"))


@pytest.fixture
def house(committed_db):
    """An organisation that is really there."""
    return make_organisation("Haus")


@pytest.fixture
def written(house):
    """`written(event, …)` publishes in one committed transaction."""

    def write(*events, change_set_id=None):
        with (
            system_scope(house.pk, job="test") as scope,
            activate(scope.with_change_set(change_set_id) if change_set_id else scope),
        ):
            services.publish_many(events)

    return write


@pytest.fixture
def receiver(settings):
    """A subscriber's server, allowed by the operator's list."""
    made = Receiver()
    settings.PRIVATE_HOSTS = frozenset({f"127.0.0.1:{made.port}"})
    yield made
    made.close()


@pytest.fixture
def administrator(house):
    """Who manages subscriptions."""
    return make_user(house, Role.ADMINISTRATOR)


@pytest.fixture
def doing(house):
    """`doing(user, service, **arguments)` in a committed transaction of his own."""

    def do(user, service, **arguments):
        with transaction.atomic(), activate(scope_of(user)) as scope:
            return service(scope=scope, **arguments)

    return do


@pytest.fixture
def subscribed(receiver, administrator, doing, pumped):
    """`subscribed(types=…)` makes a subscription and lets it accept its test message: (subscription, secret)."""

    def make(types=("probe.*",), **values):
        values = {"name": f"Shop {len(receiver.came)}", "url": receiver.url, "types": list(types)} | values
        made = doing(administrator, subscriptions.create_subscription, **values)
        pumped(made.subscription)
        return made.subscription, made.secret

    return make


@pytest.fixture
def pumped(house, as_relay):
    """`pumped(subscription)` places what was published and serves the subscriber; how many attempts."""

    def pump(subscription):
        with as_relay():
            place()
        return sending.serve(house.pk, subscription.pk)

    return pump


@pytest.fixture
def told(house):
    """`told(model, **filters)` reads as the system."""

    def read(model, **filters):
        with system_scope(house.pk, job="test"):
            return list(model.objects.filter(**filters).order_by("pk"))

    return read


@pytest.fixture
def other(settings):
    """The other side of a connection, allowed by the operator's list."""
    one = Other()
    settings.PRIVATE_HOSTS = frozenset({one.host})
    yield one
    one.close()


@pytest.fixture
def calling_out(house, other, monkeypatch):
    """A connection to it, with guards that know nothing yet; attempts follow each other at once."""
    guards.store.cache_clear()
    monkeypatch.setattr(calling, "BACK_OFF_LONGEST", 0.01)
    made = make_connection(house, base_url=f"http://{other.host}")
    keys = f"call:{connection.settings_dict['NAME']}:*"
    guards.store().ask(lambda client: client.delete(*client.keys(keys), "none"))
    yield made
    guards.store.cache_clear()
