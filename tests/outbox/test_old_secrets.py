"""A secret that is older than a year is told of, once."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from crm.core.access import system_scope
from outbox.choices import SubscriptionState
from outbox.models import Credential, Event, Subscription, SubscriptionSecret
from outbox.services.secrets import tell_old_secrets
from tests.outbox.intake import make_connection


@pytest.fixture
def tell(house):
    """`tell(days)` runs the job so many days from now: types and secrets of what it has published until then."""

    def run(days):
        with system_scope(house.pk, job="test", now=timezone.now() + timedelta(days=days)) as scope:
            tell_old_secrets(scope=scope)
            rows = Event.objects.filter(type__endswith=".secret.old").order_by("pk")
            return [(row.type, row.data["secret_id"]) for row in rows]

    return run


def test_each_old_secret_is_told_of_once(house, administrator, subscribed, tell, told):
    subscription, _secret = subscribed()
    connection = make_connection(house)
    (signing,), (credential,) = told(SubscriptionSecret), told(Credential)
    both = [("subscription.secret.old", signing.pk), ("integration.secret.old", credential.pk)]
    assert tell(364) == []
    assert tell(366) == both
    assert tell(367) == both
    first, second = told(Event, type__endswith=".secret.old")
    assert (first.subject_id, first.data["owner_id"]) == (subscription.pk, administrator.pk)
    assert (second.subject_id, second.data["kind"]) == (connection.pk, "signing_secret")


def test_what_is_switched_off_needs_no_new_secret(house, subscribed, tell):
    subscribed()
    with system_scope(house.pk, job="test"):
        Subscription.objects.update(state=SubscriptionState.DISABLED, reason="GONE")
    assert tell(366) == []
