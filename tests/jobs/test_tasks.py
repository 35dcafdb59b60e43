"""Long tasks: batches, cancelling, failing, resuming, who sees and who may."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.utils import timezone

from crm.core.access import activate, system_scope
from crm.core.errors import Conflict, Forbidden, Invalid, NotFound
from jobs import handlers, kinds, tasks, working
from jobs.choices import TaskState
from jobs.kinds import Step, task_kind
from jobs.models import LongTask
from jobs.services import cancel_task, resume_task, start_by_hand, start_task
from jobs.working import STALLS, Outcome, due_tasks, work
from organisation.models import User
from outbox.models import Event
from tests.conftest import scope_of
from tests.outbox.models import Effect

pytestmark = pytest.mark.django_db


@pytest.fixture
def probe(monkeypatch):
    """A task of four batches that calls `probe.before(number)` in each."""
    monkeypatch.setattr(kinds, "_kinds", {})

    class Probe:
        seen = []

        @staticmethod
        def before(number):
            pass

    @task_kind("probe", label="Probe", description="x.", unit="rows", figures={"last": "last"})
    def four(scope, batch):
        number = (batch.cursor or 0) + 1
        Effect.objects.create(
            organisation_id=scope.organisation_id, handler=scope.actor, event_id="0" * 32, subject_id=1, number=number
        )
        Probe.before(number)
        Probe.seen.append(scope)
        return Step(cursor=number, done=10, refused=1, total=44, finished=number == 4, result={"last": number})

    task_kind("by_system", label="x", description="x.", unit="x", as_system=True, right="jobs.manage", by_hand=True)(
        lambda scope, batch: Step(finished=not Probe.seen.append(scope))
    )
    return Probe


@contextmanager
def acting(user):
    with transaction.atomic():
        scope = scope_of(user)
        with activate(scope):
            yield scope


@pytest.fixture
def rep(people):
    """Somebody with an active scope."""
    with acting(people("REP")) as scope:
        yield scope


def numbers():
    return list(Effect.objects.order_by("id").values_list("number", flat=True))


def event(scope, kind):
    """The one event of that type; who started a task does not read the log."""
    with system_scope(scope.organisation_id, job="test"):
        return Event.objects.get(type=kind)


def again(task):
    """The lease is over."""
    LongTask.objects.filter(pk=task.pk).update(locked_until=timezone.now() - timedelta(seconds=1))


def test_a_task_whose_maker_is_gone_is_not_the_products_to_do(organisation, people, probe):
    """Without his row nobody's rights hold; those of the product are wider than his ever were."""
    with acting(people("REP")) as scope:
        task = start_task(scope=scope, kind="probe")
    with system_scope(organisation.pk, job="test"):
        LongTask.objects.update(user=None)
    assert work(organisation.pk, task.pk) is Outcome.OVER
    with system_scope(organisation.pk, job="test"):
        task.refresh_from_db()
        assert (task.state, task.error) == (TaskState.FAILED, "Forbidden")
        assert not Effect.objects.exists()


def test_a_task_is_done_batch_by_batch_in_its_makers_name(rep, probe):
    task = start_task(scope=rep, kind="probe", label="Liste", parameters={"a": 1})
    assert due_tasks(rep.organisation_id) == [task.pk]
    assert work(rep.organisation_id, task.pk) is Outcome.OVER
    task.refresh_from_db()
    assert (task.state, task.done, task.refused, task.total, task.cursor) == (TaskState.DONE, 40, 4, 44, 4)
    assert (task.result, task.error, task.user_id) == ({"last": 4}, "", rep.user_id)
    assert task.finished_at >= task.started_at
    assert task.rate > 0
    assert {(scope.actor, scope.role, scope.source) for scope in probe.seen} == {(rep.actor, rep.role, "job")}
    assert numbers() == [1, 2, 3, 4]
    assert work(rep.organisation_id, task.pk) is Outcome.AWAY, "it is done"
    assert due_tasks(rep.organisation_id) == []
    assert numbers() == [1, 2, 3, 4]
    data = event(rep, "task.ended").data
    assert data == {
        "task_id": task.pk,
        "kind": "probe",
        "user_id": rep.user_id,
        "state": "DONE",
        "done": 40,
        "refused": 4,
    }


def test_a_worker_is_told_at_once(rep, probe, monkeypatch, django_capture_on_commit_callbacks):
    sent = []

    def send(args):
        sent.append(args)

    monkeypatch.setattr(tasks.work_on, "apply_async", send)
    task = start_task(scope=rep, kind="probe")
    with django_capture_on_commit_callbacks(execute=True):
        handlers.start_task(event(rep, "task.queued"), rep)
    assert sent == [(rep.organisation_id, task.pk)]
    monkeypatch.setattr(working, "TURN", 0)
    tasks.work_on(*sent[0])
    assert (numbers(), len(sent)) == ([1], 2), "others get their turn, then it goes on"
    monkeypatch.setattr(working, "TURN", 60)
    tasks.work_on(*sent[1])
    assert numbers() == [1, 2, 3, 4]


def test_cancelling_ends_it_behind_the_batch_that_goes_on_and_resuming_goes_on(rep, probe):
    task = start_task(scope=rep, kind="probe")

    def cancel(number):
        if number == 2:
            cancel_task(scope=rep, task_id=task.pk)

    probe.before = staticmethod(cancel)
    assert work(rep.organisation_id, task.pk) is Outcome.OVER
    task.refresh_from_db()
    assert (task.state, task.done, numbers()) == (TaskState.CANCELLED, 20, [1, 2])
    assert event(rep, "task.ended").data["state"] == "CANCELLED"
    with pytest.raises(Conflict):
        cancel_task(scope=rep, task_id=task.pk)

    resume_task(scope=rep, task_id=task.pk)
    probe.before = staticmethod(lambda number: None)
    assert work(rep.organisation_id, task.pk) is Outcome.OVER
    task.refresh_from_db()
    assert (task.state, task.done, numbers()) == (TaskState.DONE, 40, [1, 2, 3, 4])
    with pytest.raises(Conflict):
        resume_task(scope=rep, task_id=task.pk)


def test_what_waits_is_cancelled_at_once(rep, probe):
    task = start_task(scope=rep, kind="probe")
    assert cancel_task(scope=rep, task_id=task.pk).state == TaskState.CANCELLED
    assert work(rep.organisation_id, task.pk) is Outcome.AWAY
    assert numbers() == []


def test_a_step_that_takes_long_is_told_to_end_and_leaves_nothing(rep, probe):
    @task_kind("long", label="x", description="x.", unit="x")
    def long(scope, batch):
        Effect.objects.create(
            organisation_id=scope.organisation_id, handler="x", event_id="0" * 32, subject_id=1, number=9
        )
        batch.tell(1, 10)
        cancel_task(scope=rep, task_id=task.pk)
        batch.tell(2, 10)
        raise AssertionError

    task = start_task(scope=rep, kind="long")
    # The mark of who cancels lies within the batch here, so it is rolled back with it: the outcome is what counts.
    assert work(rep.organisation_id, task.pk) is Outcome.OVER
    task.refresh_from_db()
    assert (task.state, numbers()) == (TaskState.CANCELLED, [])


def test_what_breaks_is_tried_again_from_the_last_batch_and_given_up_without_progress(rep, probe):
    task = start_task(scope=rep, kind="probe")

    def broken(number):
        if number == 3:
            raise LookupError("Herr Meier")

    probe.before = staticmethod(broken)
    for attempt in range(1, STALLS + 2):
        outcome = work(rep.organisation_id, task.pk)
        task.refresh_from_db()
        assert (task.done, task.error, numbers()) == (20, "LookupError", [1, 2])
        if attempt <= STALLS:
            assert (outcome, task.state) == (Outcome.AWAY, TaskState.RUNNING)
            assert work(rep.organisation_id, task.pk) is Outcome.AWAY, "not before the pause is over"
            again(task)
    assert (outcome, task.state) == (Outcome.OVER, TaskState.FAILED)
    probe.before = staticmethod(lambda number: None)
    resume_task(scope=rep, task_id=task.pk)
    assert work(rep.organisation_id, task.pk) is Outcome.OVER
    task.refresh_from_db()
    assert (task.state, task.error, numbers()) == (TaskState.DONE, "", [1, 2, 3, 4])


def test_an_error_of_the_database_is_no_end(rep, probe):
    task = start_task(scope=rep, kind="probe")

    def broken(number):
        if number == 2:
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1/0")

    probe.before = staticmethod(broken)
    assert work(rep.organisation_id, task.pk) is Outcome.AWAY
    task.refresh_from_db()
    assert (task.state, task.error, numbers()) == (TaskState.RUNNING, "DataError", [1])


def test_what_a_rule_refuses_is_not_tried_again(rep, probe):
    def refuse(number):
        raise Invalid("no")

    probe.before = staticmethod(refuse)
    task = start_task(scope=rep, kind="probe")
    assert work(rep.organisation_id, task.pk) is Outcome.OVER
    task.refresh_from_db()
    assert (task.state, task.error, numbers()) == (TaskState.FAILED, "Invalid", [])


def test_a_batch_that_kills_its_workers_is_given_up(rep, probe):
    task = start_task(scope=rep, kind="probe")
    for _claim in range(STALLS):
        assert working._claim(rep.organisation_id, task.pk) is not None
        again(task)
    assert work(rep.organisation_id, task.pk) is Outcome.AWAY
    task.refresh_from_db()
    assert (task.state, task.error) == (TaskState.FAILED, "WorkerLost")


def test_a_worker_that_was_replaced_writes_nothing_more(rep, probe):
    """Its lease was over, another has the task: the batch that it comes back with is not its own any more."""
    task = start_task(scope=rep, kind="probe")
    first = working._claim(rep.organisation_id, task.pk)
    assert working._claim(rep.organisation_id, task.pk) is None
    again(task)
    assert working._claim(rep.organisation_id, task.pk) == first + 1
    assert working._batch(rep.organisation_id, working.Teller(rep.organisation_id, task.pk, first)) is None
    assert numbers() == []


def test_who_was_deactivated_or_lost_the_right_does_no_more(people, probe, organisation):
    manager = people("MANAGER")
    with acting(manager) as scope:
        task = start_task(scope=scope, kind="probe")
    with system_scope(organisation.pk, job="test"):
        User.objects.filter(pk=manager.pk).update(is_active=False)
    assert work(organisation.pk, task.pk) is Outcome.OVER
    with system_scope(organisation.pk, job="test"):
        task.refresh_from_db()
    assert (task.state, task.error) == (TaskState.FAILED, "Forbidden")


def test_a_task_of_the_product_itself_runs_as_such(people, probe):
    with acting(people("REP")) as scope, pytest.raises(Forbidden):
        start_by_hand(scope=scope, kind="by_system")
    with acting(people("MANAGER")) as scope:
        with pytest.raises(NotFound):
            start_by_hand(scope=scope, kind="probe")
        task = start_by_hand(scope=scope, kind="by_system")
        with pytest.raises(Conflict):
            start_by_hand(scope=scope, kind="by_system")
        assert work(scope.organisation_id, task.pk) is Outcome.OVER
        assert [(one.actor, one.sees_all) for one in probe.seen] == [("job:task:by_system", True)]


def test_an_unknown_kind_is_not_there(rep, probe):
    with pytest.raises(NotFound):
        start_task(scope=rep, kind="nothing")


def test_others_tasks_are_hidden_and_only_managers_end_them(people, other_organisation, probe):
    owner, colleague = people("REP"), people("REP")
    with acting(owner) as scope:
        task = start_task(scope=scope, kind="probe")
    for role, error in [("REP", NotFound), ("TEAM_LEAD", NotFound), ("AUDITOR", Forbidden), ("DPO", Forbidden)]:
        with acting(people(role)) as scope:
            assert LongTask.objects.filter(pk=task.pk).exists() is (error is Forbidden)
            assert LongTask.objects.visible_to(scope).filter(pk=task.pk).exists() is (error is Forbidden)
            for service in (cancel_task, resume_task):
                with pytest.raises(error):
                    service(scope=scope, task_id=task.pk)
    with system_scope(other_organisation.pk, job="test") as foreign:
        assert not LongTask.objects.exists()
        with pytest.raises(NotFound):
            cancel_task(scope=foreign, task_id=task.pk)
        assert due_tasks(other_organisation.pk) == []
    with acting(colleague) as scope, pytest.raises(DatabaseError), transaction.atomic():
        LongTask.objects.create(
            organisation_id=scope.organisation_id, kind="probe", actor=f"user:{owner.pk}", created_at=scope.now
        )
    with acting(people("MANAGER")) as scope:
        assert cancel_task(scope=scope, task_id=task.pk).state == TaskState.CANCELLED


def test_the_database_knows_the_states(rep, probe):
    task = start_task(scope=rep, kind="probe")
    with pytest.raises(IntegrityError), transaction.atomic():
        LongTask.objects.filter(pk=task.pk).update(state="SLEEPING")


def test_kinds_are_taken_once(probe):
    with pytest.raises(ValueError, match="taken"):
        task_kind("probe", label="x", description="x.", unit="x")(print)
