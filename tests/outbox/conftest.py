"""The relay's role and a writer of events, for tests whose transactions really commit."""

from __future__ import annotations

import contextlib

import pytest
from django.db import connection
from environ import Env

from crm.core.access import activate, system_scope
from outbox import services
from tests.conftest import make_organisation


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
