"""Prospects without an order, the manager's word on them, and agreements that end: each stage once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest
from django.utils import translation

from crm.core.access import Scope, activate, system_scope_for
from crm.core.errors import Conflict, Forbidden, Invalid
from customers import nights, services
from customers.choices import CustomerStatus as S
from customers.handlers import tell_prospect, tell_renewal
from customers.history import HistoryReader
from customers.models import Customer, CustomerTag
from messaging.models import Notice
from organisation.models import Organisation, User
from outbox.models import Event
from tests.customers.test_status import acting, made

People = Callable[..., User]
pytestmark = pytest.mark.django_db
SINCE = datetime(2026, 1, 1, 12, tzinfo=UTC)


def at(organisation: Organisation, day: date) -> Scope:
    """A night's scope."""
    return system_scope_for(organisation.pk, job="night", now=datetime(day.year, day.month, day.day, 2, tzinfo=UTC))


def prospect(owner: User, **values: object) -> Customer:
    """A prospect since SINCE."""
    customer = made(owner)
    with acting(owner):
        Customer.objects.filter(pk=customer.pk).update(status_since=SINCE, **values)
    return customer


def night(organisation: Organisation, day: date) -> tuple[int, ...]:
    """How many were warned of, put up for review, told of."""
    with activate(at(organisation, day)) as scope:
        return tuple((nights.prospects(scope) | nights.renewals(scope)).values())


def tags(organisation: Organisation, customer: Customer) -> set[str]:
    """The names of his tags."""
    with activate(system_scope_for(organisation.pk, job="test")):
        return set(CustomerTag.objects.filter(customer=customer).values_list("tag__name", flat=True))


def hear(organisation: Organisation, day: date) -> None:
    """The handlers get what the night wrote."""
    with activate(at(organisation, day)) as scope:
        for event in Event.objects.filter(type__in=("customer.prospect.warned", "customer.review.required")):
            tell_prospect(event, scope)
        for event in Event.objects.filter(type="customer.renewal.due"):
            tell_renewal(event, scope)


def told(organisation: Organisation) -> list[tuple[int, str]]:
    """Who was told what."""
    with activate(system_scope_for(organisation.pk, job="test")):
        return list(Notice.objects.order_by("pk").values_list("user_id", "kind"))


def test_each_stage_is_reached_once(organisation: Organisation, people: People) -> None:
    """60 and 90 plain days; nights run twice, and a tag taken away by hand does not come back."""
    owner, manager = people(), people("MANAGER")
    customer = prospect(owner)
    for day, found in (
        (date(2026, 3, 1), (0, 0, 0)),
        (date(2026, 3, 2), (1, 0, 0)),
        (date(2026, 3, 2), (0, 0, 0)),
        (date(2026, 3, 31), (0, 0, 0)),
        (date(2026, 4, 1), (0, 1, 0)),
        (date(2026, 4, 2), (0, 0, 0)),
    ):
        assert night(organisation, day) == found
    assert tags(organisation, customer) == {"WARNED_60_DAYS", "REVIEW_REQUIRED"}
    hear(organisation, date(2026, 4, 2))
    assert told(organisation) == [
        (owner.pk, "customer.prospect.warned"),
        (manager.pk, "customer.review.required"),
    ]
    with acting(owner) as scope:
        services.set_tags(scope=scope, customer_id=customer.pk, names=[])
    assert night(organisation, date(2026, 5, 1)) == (0, 0, 0)
    with activate(system_scope_for(organisation.pk, job="test")):
        assert Customer.objects.get(pk=customer.pk).status == S.PROSPECT


def test_the_tags_go_with_the_first_order(organisation: Organisation, people: People) -> None:
    """And others stay."""
    owner = people()
    customer = prospect(owner)
    night(organisation, date(2026, 4, 1))
    with acting(owner) as scope:
        services.set_tags(scope=scope, customer_id=customer.pk, names=[*tags(organisation, customer), "Bio"])
        assert services.activate_customer(scope=scope, customer_id=customer.pk)
    assert tags(organisation, customer) == {"Bio"}
    assert night(organisation, date(2026, 4, 2)) == (0, 0, 0)


def test_reopened_counts_from_the_reopening(organisation: Organisation, people: People) -> None:
    """Each period of being a prospect has its stages."""
    customer = prospect(people())
    night(organisation, date(2026, 4, 1))
    with activate(at(organisation, date(2026, 5, 1))) as scope:
        for status in (S.ARCHIVIERT, S.PROSPECT):
            services.change_status(scope=scope, customer_id=customer.pk, status=status, reason="again")
    assert tags(organisation, customer) == set()
    assert night(organisation, date(2026, 6, 29)) == (0, 0, 0)
    assert night(organisation, date(2026, 6, 30)) == (1, 0, 0)
    assert night(organisation, date(2026, 7, 30)) == (0, 1, 0)


def test_keep_silences_until_the_day_and_then_it_is_reviewed_again(organisation: Organisation, people: People) -> None:
    """The review's tag goes, the decision stands in the history; on the day it is asked for anew, once."""
    manager, customer = people("MANAGER"), prospect(people())
    night(organisation, date(2026, 4, 1))
    day = datetime(2026, 4, 3, 9, tzinfo=UTC)
    with acting(manager) as scope, translation.override("en"):
        with activate(system_scope_for(organisation.pk, job="test", now=day)) as then:
            services.decide_review(
                scope=then, customer_id=customer.pk, decision="keep", until=date(2026, 6, 1), reason="opens in June"
            )
        changes, _more = HistoryReader(scope, Customer.objects.get(pk=customer.pk)).changes()
    assert ("Kept until", "opens in June") in [(one.field, one.reason) for one in changes]
    assert tags(organisation, customer) == {"WARNED_60_DAYS"}
    for night_of, found in (
        (date(2026, 5, 31), (0, 0, 0)),
        (date(2026, 6, 1), (0, 1, 0)),
        (date(2026, 6, 2), (0, 0, 0)),
    ):
        assert night(organisation, night_of) == found


def test_kept_early_he_is_not_warned_of_before_the_day(organisation: Organisation, people: People) -> None:
    """Silence holds for both stages."""
    customer = prospect(people())
    with activate(at(organisation, date(2026, 2, 1))) as scope:
        for until in (date(2026, 12, 1), date(2026, 5, 1)):
            services.decide_review(
                scope=scope, customer_id=customer.pk, decision="keep", until=until, reason="is building"
            )
    assert night(organisation, date(2026, 4, 30)) == (0, 0, 0)
    assert night(organisation, date(2026, 5, 1)) == (1, 1, 0)


def test_archive_is_a_step_with_its_reason(people: People) -> None:
    """As any other archiving."""
    manager, customer = people("MANAGER"), prospect(people())
    with acting(manager) as scope:
        services.decide_review(scope=scope, customer_id=customer.pk, decision="archive", reason="closed")
        row = Customer.history.filter(id=customer.pk).latest("history_id")
        assert (row.status, row.history_change_reason, row.history_user_id) == (S.ARCHIVIERT, "closed", manager.pk)


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"decision": "keep", "reason": "x"}, "until"),
        ({"decision": "keep", "reason": "x", "until": date(2020, 1, 1)}, "until"),
        ({"decision": "keep", "reason": " ", "until": date(2999, 1, 1)}, "reason"),
        ({"decision": "archive", "reason": ""}, "reason"),
        ({"decision": "forget", "reason": "x"}, "decision"),
    ],
)
def test_what_is_no_decision_is_refused(people: People, values: dict[str, object], field: str) -> None:
    """A reason, and for keeping a day to come."""
    customer = prospect(people())
    with acting(people("MANAGER")) as scope, pytest.raises(Invalid) as refused:
        services.decide_review(scope=scope, customer_id=customer.pk, **values)  # type: ignore[arg-type]
    assert set(refused.value.errors) == {field}


def test_only_managers_decide_and_only_about_prospects(people: People) -> None:
    """Neither owner nor team lead; nobody about a customer."""
    owner = people()
    customer, active = prospect(owner), made(owner, status=S.AKTIV)
    with acting(owner) as scope, pytest.raises(Forbidden):
        services.decide_review(scope=scope, customer_id=customer.pk, decision="archive", reason="x")
    for decision in ("archive", "keep"):
        with acting(people("MANAGER")) as scope, pytest.raises(Conflict):
            services.decide_review(
                scope=scope,
                customer_id=active.pk,
                decision=decision,
                until=scope.today + timedelta(days=9),
                reason="x",
            )


def test_the_notice_names_the_begin_of_the_season(organisation: Organisation, people: People) -> None:
    """A beer garden warned of in March opens in April."""
    owner = people()
    prospect(owner, is_seasonal_business=True, seasonal_months=[4, 5])
    night(organisation, date(2026, 3, 2))
    hear(organisation, date(2026, 3, 2))
    with acting(owner):
        assert Notice.objects.get().parameters["season"] == "01.04.2026"


def test_renewals_are_told_at_90_and_30_days_once_per_date(organisation: Organisation, people: People) -> None:
    """A missed night is made up; a new date begins anew; archived ones and dates gone by are silent."""
    owner = people()
    ends = date(2026, 12, 31)
    customer = prospect(owner, status=S.AKTIV, renewal_date=ends)
    prospect(owner, status=S.ARCHIVIERT, renewal_date=ends)
    for days, found in ((91, 0), (90, 1), (90, 0), (31, 0), (29, 1), (28, 0), (-1, 0)):
        assert night(organisation, ends - timedelta(days=days)) == (0, 0, found)
    with activate(system_scope_for(organisation.pk, job="test")):
        data = [event.data for event in Event.objects.filter(type="customer.renewal.due").order_by("pk")]
    assert data == [{"customer_id": customer.pk, "renewal_date": "2026-12-31", "days": days} for days in (90, 30)]
    hear(organisation, ends - timedelta(days=28))
    assert set(told(organisation)) == {(owner.pk, "customer.renewal.due")}
    with activate(system_scope_for(organisation.pk, job="test")):
        Customer.objects.filter(pk=customer.pk).update(renewal_date=ends + timedelta(days=365))
    assert night(organisation, ends + timedelta(days=365 - 20)) == (0, 0, 1)
