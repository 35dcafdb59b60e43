"""Seasons turn by themselves, the trash ends after its time, and a change set can be undone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from crm.core.access import activate, system_scope_for
from customers import upkeep
from customers.choices import AccountType, SeasonNow
from customers.models import Contact, Customer, CustomerHot
from customers.upkeep import erase_trash, turn_seasons

pytestmark = pytest.mark.django_db


def make(organisation, number, **values):
    return Customer.objects.create(
        organisation=organisation,
        company_name=f"Haus {number}",
        customer_number=f"K-{number}",
        status_since=timezone.now(),
        **values,
    )


def test_a_season_begins_and_ends_in_the_list_without_a_write(organisation):
    def scope(month):
        return system_scope_for(organisation.pk, job="test", now=datetime(2026, month, 3, tzinfo=UTC))

    with activate(scope(3)):
        garden = make(organisation, 1, is_seasonal_business=True, seasonal_months=[4, 5])
        house = make(organisation, 2)
    for month, season in ((3, SeasonNow.PAUSED), (4, SeasonNow.IN_SEASON), (6, SeasonNow.PAUSED)):
        with activate(scope(month)) as now:
            assert turn_seasons(now) == {"customers": 0 if month == 3 else 1}
            assert turn_seasons(now) == {"customers": 0}
            assert CustomerHot.objects.get(pk=garden.pk).season_now == season
            assert CustomerHot.objects.get(pk=house.pk).season_now == SeasonNow.ALL_YEAR


def test_the_trash_ends_for_what_lay_long_enough_and_a_chain_goes_after_its_locations(organisation):
    now = timezone.now()
    long_ago, lately = now - timedelta(days=31), now - timedelta(days=29)
    with activate(system_scope_for(organisation.pk, job="test")) as scope:
        old, fresh, kept = (make(organisation, n, deleted_at=at) for n, at in ((1, long_ago), (2, lately), (3, None)))
        chain = make(organisation, 4, account_type=AccountType.CHAIN, deleted_at=long_ago)
        location = make(organisation, 5, account_type=AccountType.LOCATION, chain=chain, deleted_at=long_ago)
        living = make(organisation, 6, account_type=AccountType.CHAIN, deleted_at=long_ago)
        make(organisation, 7, account_type=AccountType.LOCATION, chain=living)
        Contact.objects.create(organisation=organisation, customer=old, last_name="Probe")
        before = now - timedelta(days=30)
        assert erase_trash(scope, before) == 3
        assert not Customer.objects.filter(pk__in=[old.pk, chain.pk, location.pk]).exists()
        assert Customer.objects.filter(pk__in=[fresh.pk, kept.pk, living.pk]).count() == 3
        assert not Contact.objects.exists()
        assert erase_trash(scope, before) == 0


def test_the_trash_is_emptied_batch_by_batch_within_its_time(organisation, monkeypatch):
    monkeypatch.setattr(upkeep, "BATCH", 2)
    now = timezone.now()
    with activate(system_scope_for(organisation.pk, job="test")) as scope:
        chain = make(organisation, 1, account_type=AccountType.CHAIN, deleted_at=now)
        for n in range(2, 7):
            make(organisation, n, account_type=AccountType.LOCATION, chain=chain, deleted_at=now)
        for n in range(7, 12):
            make(organisation, n, deleted_at=now)
        monkeypatch.setattr(upkeep, "ERASING", 0.0)
        assert erase_trash(scope, now + timedelta(days=1)) == 0
        monkeypatch.setattr(upkeep, "ERASING", 60.0)
        assert erase_trash(scope, now + timedelta(days=1)) == 11
        assert not Customer.objects.exists()
