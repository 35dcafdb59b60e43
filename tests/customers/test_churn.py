"""Churn: the count of days in season against a plain one, and what the night does with it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crm.core.access import activate, system_scope_for
from crm.core.options import Level
from customers import nights, services
from customers.choices import CustomerStatus as S
from customers.handlers import tell_churn
from customers.models import Customer
from customers.options import INACTIVE_DAYS, RISK_DAYS
from customers.services import churn
from jobs.schedule import Daily, job_named
from messaging.models import Notice
from organisation.models import Organisation, User
from organisation.services import set_value
from outbox.models import Event

People = Callable[..., User]
pytestmark = pytest.mark.django_db

DAYS = st.dates(date(2023, 1, 1), date(2029, 12, 31))
MONTHS = st.sets(st.integers(1, 12), min_size=1, max_size=12).map(sorted)


def counted(seasonal: bool, months: list[int], after: date, upto: date) -> int:
    """The same day by day: slow, and beyond doubt."""
    days = ((after + timedelta(days=n)) for n in range(1, max(0, (upto - after).days) + 1))
    return sum(1 for day in days if not seasonal or day.month in months)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(seasonal=st.booleans(), months=MONTHS, after=DAYS, upto=DAYS)
def test_the_count_is_that_of_a_plain_one(db: None, seasonal: bool, months: list[int], after: date, upto: date) -> None:
    """SQL counts month by month what the oracle counts day by day."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT customers_days_in_season(%s, %s::smallint[], %s, %s)", [seasonal, months, after, upto])
        assert cursor.fetchone() == (counted(seasonal, months, after, upto),)


def night(organisation: Organisation, day: date) -> dict[str, int]:
    """The night to `day`, at three in Berlin's winter."""
    now = datetime(day.year, day.month, day.day, 2, tzinfo=UTC)
    with activate(system_scope_for(organisation.pk, job="customers.churn", now=now)) as scope:
        return nights.churn(scope)


def house(organisation: Organisation, number: int, status: str, last: date | None, **values: object) -> Customer:
    """A customer in that status whose last order was delivered that day."""
    at = datetime(last.year, last.month, last.day, 12, tzinfo=UTC) if last else None
    with activate(system_scope_for(organisation.pk, job="test")):
        return Customer.objects.create(
            organisation=organisation,
            company_name=f"Haus {number}",
            customer_number=f"K-{number}",
            status=status,
            status_since=datetime(2025, 1, 1, tzinfo=UTC),
            last_order_at=at,
            **values,
        )


def statuses(organisation: Organisation) -> dict[int, str]:
    """The status of each customer."""
    with activate(system_scope_for(organisation.pk, job="test")):
        return dict(Customer.objects.values_list("pk", "status"))


@pytest.mark.parametrize(
    ("status", "days", "becomes"),
    [
        (S.AKTIV, 89, S.AKTIV),
        (S.AKTIV, 90, S.RISIKO),
        (S.RISIKO, 179, S.RISIKO),
        (S.RISIKO, 180, S.INAKTIV),
        (S.RISIKO, 1, S.RISIKO),
        (S.AKTIV, 180, S.INAKTIV),
        *((status, 900, status) for status in (S.PROSPECT, S.INAKTIV, S.ARCHIVIERT)),
    ],
)
def test_the_limits(organisation: Organisation, status: str, days: int, becomes: str) -> None:
    """Never upwards, and the three others never."""
    today = date(2026, 11, 20)
    customer = house(organisation, 1, status, today - timedelta(days=days))
    night(organisation, today)
    assert statuses(organisation) == {customer.pk: becomes}


def test_whoever_is_past_both_limits_goes_through_risk_and_a_second_run_finds_nothing(
    organisation: Organisation,
) -> None:
    """Two steps in history and log, with actor and reason; then none."""
    customer = house(organisation, 1, S.AKTIV, date(2025, 1, 1))
    assert night(organisation, date(2026, 11, 20)) == {"at_risk": 1, "inactive": 1}
    assert night(organisation, date(2026, 11, 20)) == {"at_risk": 0, "inactive": 0}
    with activate(system_scope_for(organisation.pk, job="test")):
        rows = Customer.history.filter(id=customer.pk).order_by("history_id")
        assert [(row.status, row.history_change_reason, row.history_actor) for row in rows][1:] == [
            (S.RISIKO, "90 days in season without a delivered order", "job:customers.churn"),
            (S.INAKTIV, "180 days in season without a delivered order", "job:customers.churn"),
        ]
        events = Event.objects.filter(type="customer.status.changed").order_by("pk")
        assert [event.data for event in events] == [
            {"customer_id": customer.pk, "old": S.AKTIV, "new": S.RISIKO},
            {"customer_id": customer.pk, "old": S.RISIKO, "new": S.INAKTIV},
        ]


def test_out_of_season_nothing_moves_and_in_season_only_its_days_count(organisation: Organisation) -> None:
    """A summer house: 15 days of September, then 75 from April on."""
    summer = {"is_seasonal_business": True, "seasonal_months": [4, 5, 6, 7, 8, 9]}
    customer = house(organisation, 1, S.AKTIV, date(2025, 9, 15), **summer)
    for day, status in ((date(2026, 3, 31), S.AKTIV), (date(2026, 6, 13), S.AKTIV), (date(2026, 6, 14), S.RISIKO)):
        night(organisation, day)
        assert statuses(organisation) == {customer.pk: status}
    late = house(organisation, 2, S.AKTIV, date(2024, 4, 1), **summer)
    night(organisation, date(2026, 10, 1))
    assert statuses(organisation)[late.pk] == S.AKTIV
    night(organisation, date(2027, 4, 1))
    assert statuses(organisation)[late.pk] == S.INAKTIV


def test_a_missed_night_is_made_up_by_the_next(organisation: Organisation) -> None:
    """The count does not ask for the very day."""
    customer = house(organisation, 1, S.AKTIV, date(2026, 1, 1))
    night(organisation, date(2026, 4, 9))
    assert statuses(organisation) == {customer.pk: S.RISIKO}
    job = job_named("customers.churn")
    assert job is not None
    assert isinstance(job.plan, Daily)
    assert (job.plan.at.hour, job.plan.at.minute) == (3, 0)


def test_settings_are_the_organisations(organisation: Organisation, other_organisation: Organisation) -> None:
    """30 days here, 90 there; and one organisation's night leaves the other alone."""
    with activate(system_scope_for(organisation.pk, job="test")) as scope:
        for option, days in ((RISK_DAYS, 30), (INACTIVE_DAYS, 40)):
            set_value(scope=scope, key=option.key, level=Level.ORGANISATION, value=days, reason="Probe")
    own, other = (house(one, 1, S.AKTIV, date(2026, 10, 15)) for one in (organisation, other_organisation))
    assert night(organisation, date(2026, 11, 20)) == {"at_risk": 1, "inactive": 0}
    assert night(other_organisation, date(2026, 11, 20)) == {"at_risk": 0, "inactive": 0}
    assert statuses(organisation) == {own.pk: S.RISIKO}
    assert statuses(other_organisation) == {other.pk: S.AKTIV}


def test_a_million_goes_in_batches_without_a_query_for_each(
    organisation: Organisation, monkeypatch: pytest.MonkeyPatch, django_assert_max_num_queries: Callable[[int], object]
) -> None:
    """25 customers in batches of 10, one in the trash: three rounds with hits, and one that finds no more."""
    monkeypatch.setattr(churn, "BATCH", 10)
    for number in range(25):
        house(organisation, number, S.AKTIV, date(2026, 1, 1))
    gone = house(organisation, 99, S.AKTIV, date(2026, 1, 1), deleted_at=datetime(2026, 1, 2, tzinfo=UTC))
    with django_assert_max_num_queries(20):  # type: ignore[attr-defined]
        assert night(organisation, date(2026, 4, 2)) == {"at_risk": 25, "inactive": 0}
    assert statuses(organisation)[gone.pk] == S.AKTIV


def test_the_owner_is_told_once_and_nobody_when_it_is_over(organisation: Organisation, people: People) -> None:
    """By the event of the night; an order since then makes it stale."""
    owner = people()
    customer = house(organisation, 1, S.AKTIV, date(2026, 1, 1), owner=owner)
    back = house(organisation, 2, S.AKTIV, date(2026, 1, 1), owner=owner)
    night(organisation, date(2026, 4, 2))
    with activate(system_scope_for(organisation.pk, job="test")) as scope:
        services.record_delivered_order(
            scope=scope, customer_id=back.pk, order_number="1", delivered_at=scope.now - timedelta(days=1)
        )
        for event in Event.objects.filter(type="customer.status.changed"):
            tell_churn(event, scope)
    with activate(system_scope_for(organisation.pk, job="test")):
        rows = Notice.objects.filter(user=owner).values_list("kind", "subject_id", "times")
        assert list(rows) == [("customer.at_risk", customer.pk, 1)]
        assert Notice.objects.get().parameters["since"] == "01.01.2026"
