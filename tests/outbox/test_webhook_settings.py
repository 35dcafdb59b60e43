"""How long both secrets of a subscription sign is the organisation's setting."""

from __future__ import annotations

from datetime import timedelta

from crm.core.access import system_scope
from organisation.services import set_value
from outbox.choices import SecretRole
from outbox.models import SubscriptionSecret
from outbox.options import ROTATION_HOURS
from outbox.services import subscriptions


def test_the_organisation_says_how_long_both_secrets_sign(house, administrator, doing, subscribed):
    rule = {"key": ROTATION_HOURS.key, "level": "ORGANISATION", "reason": "Probe"}
    for hours in (None, 72):
        if hours:
            doing(administrator, set_value, value=hours, **rule)
        subscription, _secret = subscribed()
        doing(administrator, subscriptions.rotate_secret, subscription_id=subscription.pk)
        with system_scope(house.pk, job="test") as scope:
            old = SubscriptionSecret.objects.get(subscription=subscription, role=SecretRole.PREVIOUS)
            left = old.ends_at - scope.now
        assert timedelta(minutes=-1) < left - timedelta(hours=hours or 24) <= timedelta(0)
