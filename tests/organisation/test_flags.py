"""Feature flags: one step a day while the error budget lasts, off at once; and the counts that the budget is made of."""

from __future__ import annotations

import contextlib
from datetime import date, timedelta

import pytest
from django.db import ProgrammingError, connection, transaction
from django.urls import reverse
from django.utils import translation

from crm.core.access import activate, system_scope
from crm.core.errors import Conflict, Forbidden, Invalid, NotFound
from crm.core.flags import Step, flag, flag_is_on, forget_flag, in_quarter
from crm.core.operations import Operation
from organisation import services
from organisation.choices import FlagStep, Role
from organisation.models import FeatureFlag, OperationCount, Team
from organisation.operations import error_budget
from outbox.models import Event
from tests.conftest import make_organisation, make_team, make_user, scope_of

PAGE = "/settings/flags/"
ENDS = date(2030, 1, 1)


@pytest.fixture(autouse=True)
def in_english():
    """Reasons are compared by their source."""
    with translation.override("en"):
        yield


@pytest.fixture
def probe():
    """A flag on which nothing stands."""
    yield flag("probe", label="Probe", owner="sales", ends_on=ENDS)
    forget_flag("probe")


@pytest.fixture
def second(probe):
    """A flag that needs the first."""
    yield flag("probe.second", label="Second probe", owner="sales", ends_on=ENDS, needs=("probe",))
    forget_flag("probe.second")


def count(organisation, *, done: int = 0, failed: int = 0, operation: str = "customers.status") -> None:
    """Count operations as they are counted after their transaction."""
    with connection.cursor() as cursor:
        for is_failure, times in ((False, done), (True, failed)):
            for _time in range(times):
                cursor.execute(
                    "SELECT organisation_count_operation(%s, %s, %s)", [organisation.pk, operation, is_failure]
                )


def put(organisation, key: str, step: Step, **values) -> None:
    """A flag at a step since two days."""
    with system_scope(organisation.pk, job="test") as scope:
        FeatureFlag.objects.update_or_create(
            organisation_id=organisation.pk,
            key=key,
            defaults={"step": step.value, "step_since": scope.now - timedelta(days=2), **values},
        )


def is_on(user, made) -> bool:
    with transaction.atomic(), activate(scope_of(user)) as scope:
        return flag_is_on(made, scope)


@contextlib.contextmanager
def acting(user):
    with transaction.atomic(), activate(scope_of(user)) as scope:
        yield scope


@pytest.mark.parametrize(
    ("key", "needs"), [("Probe", ()), ("probe", ()), ("probe.third", ("no.such",)), ("with space", ())]
)
def test_a_declaration_that_does_not_hold_stops_the_start(probe, key, needs):
    with pytest.raises(ValueError, match=key):
        flag(key, label="X", owner="sales", ends_on=ENDS, needs=needs)


def test_the_states_of_the_table_are_the_steps_of_the_kernel():
    assert FlagStep.values == [step.value for step in Step]


def test_each_step_reaches_more(db, organisation, people, probe):
    pilot, other = make_team(organisation), make_team(organisation)
    inside = next(user for user in iter(lambda: people(team=other), None) if in_quarter("probe", user.pk))
    outside = next(user for user in iter(lambda: people(team=other), None) if not in_quarter("probe", user.pk))
    asked = {
        "administrator": people(Role.ADMINISTRATOR),
        "named": next(user for user in iter(people, None) if not in_quarter("probe", user.pk)),
        "pilot": next(user for user in iter(lambda: people(team=pilot), None) if not in_quarter("probe", user.pk)),
        "inside": inside,
        "outside": outside,
    }
    reached = {}
    for step in Step:
        put(organisation, "probe", step, team_ids=[pilot.pk], user_ids=[asked["named"].pk])
        reached[step] = {name for name, user in asked.items() if is_on(user, probe)}
    assert reached == {
        Step.OFF: set(),
        Step.ADMINISTRATORS: {"administrator", "named"},
        Step.PILOT: {"administrator", "named", "pilot"},
        Step.QUARTER: {"administrator", "named", "pilot", "inside"},
        Step.ALL: set(asked),
    }
    elsewhere = make_user(make_organisation(), Role.ADMINISTRATOR)
    assert not is_on(elsewhere, probe)
    for step, on in ((Step.QUARTER, False), (Step.ALL, True)):
        put(organisation, "probe", step)
        with system_scope(organisation.pk, job="test") as job:
            assert flag_is_on(probe, job) is on


def test_a_quarter_is_a_quarter_and_stays_the_same():
    chosen = {user for user in range(4_000) if in_quarter("probe", user)}
    assert 850 < len(chosen) < 1_150
    assert chosen == {user for user in range(4_000) if in_quarter("probe", user)}
    assert chosen != {user for user in range(4_000) if in_quarter("another", user)}


def test_a_flag_is_on_only_with_what_it_needs(db, organisation, people, probe, second):
    user = people(Role.ADMINISTRATOR)
    put(organisation, "probe.second", Step.ALL)
    assert not is_on(user, second)
    put(organisation, "probe", Step.ALL)
    assert is_on(user, second)
    put(organisation, "probe", Step.OFF)
    assert not is_on(user, second)


def test_one_step_a_day_in_order(db, organisation, people, probe):
    administrator, team = people(Role.ADMINISTRATOR), make_team(organisation)

    def pass_days(days: float) -> None:
        with system_scope(organisation.pk, job="test"):
            row = FeatureFlag.objects.get(key="probe")
            FeatureFlag.objects.filter(pk=row.pk).update(step_since=row.step_since - timedelta(days=days))

    def advance() -> str:
        with acting(administrator) as scope:
            row = FeatureFlag.objects.filter(key="probe").first()
            return services.advance_flag(scope=scope, key="probe", version=row.version if row else 0).step

    assert advance() == "ADMINISTRATORS"
    with pytest.raises(Conflict, match="one day"):
        advance()
    pass_days(0.9)
    with pytest.raises(Conflict, match="one day"):
        advance()
    pass_days(0.2)
    with pytest.raises(Conflict, match="pilot team"):
        advance()
    with acting(administrator) as scope:
        row = FeatureFlag.objects.get(key="probe")
        services.choose_first(scope=scope, key="probe", version=row.version, teams=[team])
    assert advance() == "PILOT"
    for step in ("QUARTER", "ALL"):
        pass_days(1.1)
        assert advance() == step
    pass_days(1.1)
    with pytest.raises(Conflict, match="everybody"):
        advance()
    with acting(administrator) as scope:
        assert flag_is_on(probe, scope)
        services.switch_off_flag(scope=scope, key="probe", reason="calls hang")
        assert not flag_is_on(probe, scope)
    with system_scope(organisation.pk, job="test"):
        history = FeatureFlag.history.order_by("-history_id").values_list("step", "history_change_reason").first()
        assert history == ("OFF", "calls hang")
        steps = [
            data["step"]
            for data in Event.objects.filter(type="flag.changed").order_by("id").values_list("data", flat=True)
        ]
        assert steps == ["ADMINISTRATORS", "ADMINISTRATORS", "PILOT", "QUARTER", "ALL", "OFF"]


def test_a_spent_budget_stops_the_steps_and_not_the_switching_off(db, organisation, people, probe):
    administrator = people(Role.ADMINISTRATOR)
    count(organisation, done=198, failed=1)
    with acting(administrator) as scope:
        assert error_budget(scope).spent
        with pytest.raises(Conflict, match="1 of 199"):
            services.advance_flag(scope=scope, key="probe")
    count(organisation, done=1)
    with acting(administrator) as scope:
        assert not error_budget(scope).spent
        services.advance_flag(scope=scope, key="probe")
    count(organisation, failed=1)
    with acting(administrator) as scope:
        assert services.switch_off_flag(scope=scope, key="probe", reason="Probe").step == "OFF"


def test_what_needs_another_waits_for_it(db, organisation, people, probe, second):
    administrator = people(Role.ADMINISTRATOR)
    with acting(administrator) as scope:
        with pytest.raises(Conflict, match="probe"):
            services.advance_flag(scope=scope, key="probe.second")
        put(organisation, "probe", Step.ALL)
        assert services.advance_flag(scope=scope, key="probe.second").step == "ADMINISTRATORS"


def test_refusals(db, organisation, other_organisation, people, probe):
    foreign = make_team(other_organisation)
    for role in set(Role) - {Role.ADMINISTRATOR}:
        with acting(people(role)) as scope:
            for call in (
                lambda scope: services.advance_flag(scope=scope, key="probe"),
                lambda scope: services.switch_off_flag(scope=scope, key="probe", reason="Probe"),
                lambda scope: services.choose_first(scope=scope, key="probe"),
            ):
                with pytest.raises(Forbidden):
                    call(scope)
    with acting(people(Role.ADMINISTRATOR)) as scope:
        with pytest.raises(NotFound):
            services.advance_flag(scope=scope, key="no.such")
        with pytest.raises(Invalid):
            services.switch_off_flag(scope=scope, key="probe", reason=" ")
        with pytest.raises(Invalid):
            services.choose_first(scope=scope, key="probe", teams=[foreign])
        services.advance_flag(scope=scope, key="probe")
        with pytest.raises(Conflict, match="meanwhile"):
            services.choose_first(scope=scope, key="probe", version=0)


def test_states_of_a_request_are_one_query(db, people, probe, second, django_assert_num_queries):
    with acting(people()) as scope, django_assert_num_queries(1):
        assert not any(flag_is_on(made, scope) for made in (probe, second) for _again in range(3))


@pytest.mark.wall
def test_counts_are_read_in_the_organisation_and_written_by_the_function_alone(
    db, organisation, other_organisation, people
):
    count(organisation, done=2)
    count(other_organisation, failed=1)
    with acting(people()) as scope:
        (row,) = OperationCount.objects.all()
        assert (row.done, row.failed, row.day) == (2, 0, scope.today)
        for write in (
            lambda: OperationCount.objects.filter(pk=row.pk).update(failed=9),
            lambda: OperationCount.objects.create(organisation=organisation, operation="x", day=scope.today),
        ):
            with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
                write()


def test_an_operation_counts_after_its_commit_and_a_failure_though_it_is_rolled_back(committed_db):
    organisation = make_organisation()
    administrator = make_user(organisation, Role.ADMINISTRATOR)
    operation = Operation("test.operation", "Probe")

    @operation.counted
    def work(*, scope, fault: Exception | None = None) -> None:
        assert scope.organisation_id == organisation.pk
        Team.objects.create(organisation=organisation, name=f"Team {Team.objects.count()}")
        if fault is not None:
            raise fault

    def counts() -> tuple[int, int]:
        with system_scope(organisation.pk, job="test"):
            row = OperationCount.objects.filter(operation="test.operation").first()
            return (row.done, row.failed) if row else (0, 0)

    with acting(administrator) as scope:
        work(scope=scope)
        work(scope=scope)
        assert counts() == (0, 0)
    assert counts() == (2, 0)
    with pytest.raises(RuntimeError), acting(administrator) as scope:
        work(scope=scope, fault=RuntimeError("broke"))
    assert counts() == (2, 1)
    with pytest.raises(Conflict), acting(administrator) as scope:
        work(scope=scope, fault=Conflict("a rule says no"))
    assert counts() == (2, 1)

    def page() -> None:
        with acting(administrator) as scope:
            work(scope=scope)
            raise RuntimeError("the page broke afterwards")

    with pytest.raises(RuntimeError):
        page()
    assert counts() == (2, 1)
    with system_scope(organisation.pk, job="test"):
        assert Team.objects.count() == 2


def test_the_page_is_empty_without_a_flag(db, people, as_user):
    body = as_user(people(Role.ADMINISTRATOR)).get(PAGE).content.decode()
    assert "No feature flag" in body
    assert "within the budget" in body


def test_the_page_goes_on_names_the_first_and_switches_off(db, organisation, people, as_user, probe, second):
    client, team = as_user(people(Role.ADMINISTRATOR)), make_team(organisation, "Team Nord")
    body = client.get(PAGE).content.decode()
    assert "Second probe" in body
    assert "First these are on for everybody: probe." in body
    go_on = reverse("organisation:advance_flag", args=["probe"])
    assert client.post(go_on, {"version": 0}).status_code == 302
    one = reverse("organisation:flag", args=["probe"])
    assert "Team Nord" in client.get(one).content.decode()
    assert client.post(one, {"version": 1, "teams": [team.pk]}).status_code == 302
    with system_scope(organisation.pk, job="test"):
        row = FeatureFlag.objects.get()
        assert (row.step, row.team_ids) == ("ADMINISTRATORS", [team.pk])
    body = client.get(PAGE).content.decode()
    assert "A flag stays at least one day at each step." in body
    client.post(reverse("organisation:switch_off_flag", args=["probe"]), {"reason": ""})
    with system_scope(organisation.pk, job="test"):
        assert FeatureFlag.objects.get().step == "ADMINISTRATORS"
    client.post(reverse("organisation:switch_off_flag", args=["probe"]), {"reason": "Probe"})
    with system_scope(organisation.pk, job="test"):
        assert FeatureFlag.objects.get().step == "OFF"
    assert client.get(reverse("organisation:flag", args=["no.such"])).status_code == 404


def test_only_administrators_open_the_page(db, people, as_user, probe):
    for role in set(Role) - {Role.ADMINISTRATOR}:
        client = as_user(people(role))
        assert client.get(PAGE).status_code == 403
        assert client.get(reverse("organisation:flag", args=["probe"])).status_code == 403
        assert client.post(reverse("organisation:advance_flag", args=["probe"]), {"version": 0}).status_code == 403
        answer = client.post(reverse("organisation:switch_off_flag", args=["probe"]), {"reason": "Probe"})
        assert answer.status_code == 403


def test_an_expired_flag_says_so(db, people, as_user):
    flag("probe", label="Probe", owner="sales", ends_on=date(2020, 1, 1))
    try:
        assert "expired" in as_user(people(Role.ADMINISTRATOR)).get(PAGE).content.decode()
    finally:
        forget_flag("probe")
