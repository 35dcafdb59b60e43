"""Who is told when a webhook fails, something that came in is given up, a job fails, long work ends; and about customers."""

from __future__ import annotations

import pytest
from django.urls import reverse

from crm.core.access import activate, system_scope
from customers import services
from customers.models import Customer
from jobs.events import ChangeSetUndone, JobFailed, TaskEnded
from jobs.services import open_change_set
from messaging import handlers, registry
from messaging.registry import address_of
from outbox.events import (
    ConnectionSecretOld,
    CredentialsRefused,
    InboxDead,
    SubscriptionDisabled,
    SubscriptionFailing,
    SubscriptionSecretOld,
)
from outbox.models import Event
from tests.conftest import scope_of
from tests.messaging.conftest import customer_of, messages_of, notices_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def staff(people):
    return {role: people(role) for role in ("REP", "MANAGER", "ADMINISTRATOR", "AUDITOR")}


def happen(organisation, event, call, actor="job:test"):
    """The handler gets the event as the log keeps it."""
    with system_scope(organisation.pk, job="test") as scope:
        row = Event(
            type=event.type,
            subject_type=event.subject_type,
            subject_id=event.subject_id,
            data=event.data(),
            actor=actor,
        )
        call(row, scope)


def told(staff) -> dict[str, list[str]]:
    return {role: [one.kind for one in notices_of(user)] for role, user in staff.items() if notices_of(user)}


@pytest.mark.parametrize(
    "event",
    [
        lambda owner: SubscriptionFailing(subscription_id=7, owner_id=owner, hours=24),
        lambda owner: SubscriptionDisabled(subscription_id=7, owner_id=owner, reason="GONE"),
        lambda owner: SubscriptionSecretOld(subscription_id=7, owner_id=owner, secret_id=3),
    ],
)
def test_a_failing_webhook_is_told_to_its_owner_and_the_administrators(organisation, staff, event):
    happened = event(staff["MANAGER"].pk)
    happen(organisation, happened, handlers.tell_subscription)
    assert told(staff) == {"MANAGER": [happened.type], "ADMINISTRATOR": [happened.type]}
    # What is no hurry comes with the digest.
    assert len(messages_of(organisation)) == (0 if isinstance(happened, SubscriptionSecretOld) else 2)


def test_an_owner_who_may_not_see_webhooks_any_more_is_left_out(organisation, staff):
    happen(
        organisation,
        SubscriptionFailing(subscription_id=7, owner_id=staff["REP"].pk, hours=1),
        handlers.tell_subscription,
    )
    assert set(told(staff)) == {"ADMINISTRATOR"}


@pytest.mark.parametrize(("owner", "hears"), [("MANAGER", {"MANAGER", "ADMINISTRATOR"}), (None, {"ADMINISTRATOR"})])
def test_a_refused_connection_is_told_to_its_owner_and_the_administrators(organisation, staff, owner, hears):
    owner_id = staff[owner].pk if owner else None
    refused = CredentialsRefused(connection_id=4, status=401, owner_id=owner_id)
    old = ConnectionSecretOld(connection_id=4, owner_id=owner_id, secret_id=3, kind="signing_secret")
    for happened in (refused, old):
        happen(organisation, happened, handlers.tell_credentials_refused)
    assert {role: set(kinds) for role, kinds in told(staff).items()} == {
        role: {refused.type, old.type} for role in hears
    }


def test_what_came_in_and_died_folds_per_connection(organisation, staff):
    for number in range(3):
        dead = InboxDead(connection_id=4, inbox_event_id=number, reason="UNKNOWN_OBJECT", event_type="order.created")
        happen(organisation, dead, handlers.tell_inbox_dead)
    assert told(staff) == {"MANAGER": ["inbox.dead"], "ADMINISTRATOR": ["inbox.dead"]}
    (notice,) = notices_of(staff["MANAGER"])
    assert (notice.times, notice.digest_at is not None) == (3, True)


def test_a_job_is_told_from_its_second_failure_on(organisation, staff):
    for attempt in (1, 2, 3):
        failed = JobFailed(run_id=9, job="jobs.erase_trash", attempt=attempt, error="LookupError", given_up=False)
        happen(organisation, failed, handlers.tell_job_failed)
    assert told(staff) == {"ADMINISTRATOR": ["job.failed"]}
    (notice,) = notices_of(staff["ADMINISTRATOR"])
    assert notice.times == 2
    assert "3" in notice.text


@pytest.mark.parametrize(("state", "kinds"), [("DONE", ["task.done"]), ("FAILED", ["task.failed"]), ("CANCELLED", [])])
def test_long_work_is_told_to_who_started_it(organisation, staff, state, kinds):
    for user_id in (staff["REP"].pk, None):
        ended = TaskEnded(task_id=5, kind="jobs.undo", user_id=user_id, state=state, done=10, refused=1)
        happen(organisation, ended, handlers.tell_task_ended)
    assert told(staff) == ({"REP": kinds} if kinds else {})


@pytest.mark.parametrize(("undone_by", "kinds"), [("MANAGER", ["change_set.undone"]), ("REP", [])])
def test_a_batch_undone_by_somebody_else_is_told_to_its_maker(organisation, staff, undone_by, kinds):
    maker = staff["REP"]
    for made_by in (maker.pk, None):
        undone = ChangeSetUndone(change_set_id=3, made_by=made_by, restored=4, removed=0, recreated=0, skipped=1)
        happen(organisation, undone, handlers.tell_batch_undone, actor=f"user:{staff[undone_by].pk}")
    assert told(staff) == ({"REP": kinds} if kinds else {})


def test_every_subject_has_a_page():
    for subject in registry._subjects.values():
        assert address_of(subject.type, 1) == reverse(subject.url_name, args=[1] if subject.has_page_each else [])


# Customers


@pytest.fixture
def owned(organisation, people):
    owner = people()
    return owner, customer_of(organisation, owner)


def test_a_shared_customer_is_told(owned, people):
    owner, customer = owned
    colleague, manager = people(), people("MANAGER")
    with activate(scope_of(manager)) as scope:
        for _n in range(2):
            services.give_grant(scope=scope, customer_id=customer.pk, user_id=colleague.pk, level="view")
    (notice,) = notices_of(colleague)
    assert (notice.kind, notice.times) == ("customer.shared", 1)
    assert customer.company_name in notice.text
    assert notice.address == reverse("customers:detail", args=[customer.pk])
    assert notices_of(owner) == []


def test_a_customer_handed_over_is_told_to_the_new_owner(owned, people):
    owner, customer = owned
    heir, manager = people(), people("MANAGER")
    with activate(scope_of(manager)) as scope:
        services.assign_owner(scope=scope, customer_id=customer.pk, owner_id=heir.pk)
    assert [one.kind for one in notices_of(heir)] == ["customer.assigned"]
    assert notices_of(owner) == []


def test_what_one_takes_oneself_and_batches_are_silent(owned, people):
    _owner, customer = owned
    manager, heir = people("MANAGER"), people()
    with activate(scope_of(manager)) as scope:
        services.assign_owner(scope=scope, customer_id=customer.pk, owner_id=manager.pk)
        batch = open_change_set(scope=scope, kind="test", label="Batch")
        with activate(batch):
            services.assign_owner(scope=batch, customer_id=customer.pk, owner_id=heir.pk)
    assert notices_of(manager) == notices_of(heir) == []


def test_the_check_of_who_sees_a_customer_is_the_walls(db):
    """Set-based for notices, by the scope for pages: the same answer for everybody."""
    from customers.notices import seers_of
    from tests.matrix.world import build_world

    world = build_world()
    users = [one for one in world.people.values() if one.organisation_id == world.organisation.pk]
    for customer in (world.chain, world.location):
        by_page = set()
        for user in users:
            with activate(scope_of(user)) as scope:
                if Customer.objects.visible_to(scope).filter(pk=customer.pk).exists():
                    by_page.add(user.pk)
        with system_scope(world.organisation.pk, job="test") as scope:
            assert seers_of(scope, customer.pk, [user.pk for user in users]) == by_page
    with system_scope(world.organisation.pk, job="test") as scope:
        assert seers_of(scope, world.deleted.pk, [user.pk for user in users]) == set()
