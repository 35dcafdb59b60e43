"""Settings: declared in code, set by whom they are given to, read by the nearest level, effective at once everywhere."""

from __future__ import annotations

import subprocess
import sys
from datetime import time, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import ProgrammingError, connection, transaction

from crm.core.access import activate, system_scope, system_scope_for
from crm.core.errors import Conflict, Forbidden, Invalid, NotFound
from crm.core.options import (
    Level,
    Nature,
    all_options,
    forget_option,
    option,
    option_found,
    option_value,
)
from jobs.options import TRASH_DAYS
from organisation import services
from organisation.choices import Role
from organisation.models import SettingValue
from organisation.options import SESSION_IDLE_HOURS
from outbox.models import Event
from tests.conftest import make_organisation, make_user, scope_of

EVERYWHERE = (Level.USER, Level.ORGANISATION, Level.GLOBAL)
WORDS = {"label": "Probe", "help": "For a test.", "area": "Tests", "nature": Nature.PREFERENCE}


@pytest.fixture
def share():
    """A preference: a share from 0 to 1, settable everywhere."""
    yield option("test.share", Decimal("0.7"), least=Decimal(0), most=Decimal(1), levels=EVERYWHERE, **WORDS)
    forget_option("test.share")


@pytest.fixture
def operator():
    """The operator's command sets or clears a global value."""

    def command(*words: str) -> None:
        call_command("settings", *words, "--reason", "operator says so")

    return command


@pytest.mark.parametrize(
    ("key", "default", "more"),
    [
        ("trash.days", 30, {}),
        ("nodots", 30, {}),
        ("Test.key", 30, {}),
        ("test.list", [1], {}),
        ("test.float", 0.5, {}),
        ("test.text", "free", {}),
        ("test.number", 3, {"choices": [("3", "three")]}),
        ("test.choice", "c", {"choices": [("a", "A"), ("b", "B")]}),
        ("test.number", 3, {"least": 4}),
        ("test.number", 3, {"most": 2}),
        ("test.number", 3, {"levels": ()}),
        ("test.number", 3, {"security": True, "levels": (Level.USER,)}),
    ],
)
def test_a_declaration_that_does_not_hold_stops_the_start(key, default, more):
    with pytest.raises(ValueError, match=key):
        option(key, default, **{"levels": EVERYWHERE, **WORDS, **more})
    assert [one.key for one in all_options() if one.key.startswith(("test.", "nodots", "Test"))] == []


def test_every_declared_setting_says_what_it_is():
    assert {"trash.days", "session.idleHours"} <= {one.key for one in all_options()}
    for one in all_options():
        assert str(one.label), one.key
        assert str(one.help), one.key
        assert str(one.area), one.key
        assert one.clean(one.stored(one.default)) == one.default


@pytest.mark.parametrize(
    ("default", "more", "raw", "value"),
    [
        (3, {}, "5", 5),
        (3, {}, 5, 5),
        (3, {}, True, None),
        (3, {}, "5.5", None),
        (3, {"most": 4}, 5, None),
        (Decimal("0.7"), {}, "0,25", Decimal("0.25")),
        (Decimal("0.7"), {}, "NaN", None),
        (Decimal("0.7"), {}, "1e-999999", None),
        (True, {}, "false", False),
        (True, {}, "2", None),
        (time(7), {}, "18:30", time(18, 30)),
        (time(7), {}, "25:00", None),
        ("a", {"choices": [("a", "A"), ("b", "B")]}, "b", "b"),
        ("a", {"choices": [("a", "A"), ("b", "B")]}, "c", None),
    ],
)
def test_a_value_is_taken_by_its_type_and_limits(default, more, raw, value):
    made = option("test.value", default, levels=EVERYWHERE, **WORDS, **more)
    try:
        if value is None:
            with pytest.raises(Invalid):
                made.clean(raw)
        else:
            assert made.clean(raw) == value
            assert made.clean(made.stored(value)) == value
    finally:
        forget_option("test.value")


def test_the_nearest_level_wins(db, organisation, people, share, operator):
    user, colleague, manager = people(), people(), people(Role.MANAGER)

    def found(one=user):
        with transaction.atomic(), activate(scope_of(one)) as scope:
            return option_found(share, scope)

    def set_by(one, level, value):
        with transaction.atomic(), activate(scope_of(one)) as scope:
            services.set_value(scope=scope, key=share.key, level=level, value=value, reason="Probe")

    assert (found().value, found().level) == (Decimal("0.7"), None)
    operator("set", share.key, "0.6")
    assert (found().value, found().level) == (Decimal("0.6"), Level.GLOBAL)
    set_by(manager, "ORGANISATION", "0.5")
    assert (found().value, found().level) == (Decimal("0.5"), Level.ORGANISATION)
    set_by(user, "USER", "0.4")
    assert (found().value, found().level) == (Decimal("0.4"), Level.USER)
    assert found(colleague).value == Decimal("0.5")
    with system_scope(organisation.pk, job="test") as job:
        assert option_value(share, job) == Decimal("0.5")
        assert option_value(share, job, user_id=user.pk) == Decimal("0.4")
    with transaction.atomic(), activate(scope_of(user)) as scope:
        services.clear_value(scope=scope, key=share.key, level="USER")
        assert option_value(share, scope) == Decimal("0.5")
    elsewhere = make_user(make_organisation(), Role.REP)
    assert found(elsewhere).value == Decimal("0.6")
    operator("clear", share.key)
    assert found(elsewhere).value == Decimal("0.7")


def test_who_may_set_what(db, organisation, people, share):
    for role, allowed in {
        Role.REP: set(),
        Role.TEAM_LEAD: set(),
        Role.DPO: set(),
        Role.MANAGER: {"trash.days"},
        Role.ADMINISTRATOR: {"trash.days", "session.idleHours"},
    }.items():
        done = set()
        for key, value in (("trash.days", 40), ("session.idleHours", 2)):
            with transaction.atomic(), activate(scope_of(people(role))) as scope:
                try:
                    services.set_value(scope=scope, key=key, level="ORGANISATION", value=value, reason="Probe")
                    done.add(key)
                except Forbidden:
                    pass
                with pytest.raises(Forbidden):
                    services.set_value(scope=scope, key=key, level="GLOBAL", value=value, reason="Probe")
                with pytest.raises(Invalid):
                    services.set_value(scope=scope, key=key, level="USER", value=value, reason="Probe")
                services.set_value(scope=scope, key=share.key, level="USER", value="0.1")
                transaction.set_rollback(True)
        assert done == allowed, role


def test_refusals(db, people):
    manager = people(Role.MANAGER)
    with transaction.atomic(), activate(scope_of(manager)) as scope:
        rule = {"scope": scope, "key": "trash.days", "level": "ORGANISATION"}
        with pytest.raises(NotFound):
            services.set_value(**rule | {"key": "no.such"}, value=1, reason="Probe")
        with pytest.raises(Invalid) as refused:
            services.set_value(**rule, value=40, reason="  ")
        assert refused.value.field == "reason"
        for value in (6, 91, "many", None):
            with pytest.raises(Invalid) as refused:
                services.set_value(**rule, value=value, reason="Probe")
            assert refused.value.field == "value"
        first = services.set_value(**rule, value=40, reason="Probe", version=0)
        with pytest.raises(Conflict):
            services.set_value(**rule, value=50, reason="Probe", version=0)
        second = services.set_value(**rule, value=50, reason="Probe", version=first.version)
        with pytest.raises(Conflict):
            services.clear_value(**rule, reason="Probe", version=first.version)
        services.clear_value(**rule, reason="Probe", version=second.version)
        services.clear_value(**rule, reason="Probe")  # nothing is set: nothing happens
        assert option_value(TRASH_DAYS, scope) == 30


def test_changes_are_audited_with_reason_and_told(db, organisation, people):
    manager = people(Role.MANAGER)
    with transaction.atomic(), activate(scope_of(manager)) as scope:
        services.set_value(scope=scope, key="trash.days", level="ORGANISATION", value=40, reason="legal asks")
        services.set_value(scope=scope, key="trash.days", level="ORGANISATION", value=40, reason="again")
        services.clear_value(scope=scope, key="trash.days", level="ORGANISATION", reason="back to the rule")
    with system_scope(organisation.pk, job="test"):
        rows = SettingValue.history.order_by("history_id").values_list(
            "history_type", "value", "history_change_reason", "history_actor"
        )
        actor = f"user:{manager.pk}"
        assert list(rows) == [("+", 40, "legal asks", actor), ("-", 40, "back to the rule", actor)]
        told = Event.objects.filter(type="setting.changed").values_list("data", flat=True)
        assert (
            list(told)
            == [{"organisation_id": organisation.pk, "key": "trash.days", "level": "ORGANISATION", "user_id": None}] * 2
        )


@pytest.mark.wall
def test_python_and_sql_agree_on_values(db, organisation, other_organisation, people, share, operator):
    user, colleague = people(), people(Role.MANAGER)
    stranger = make_user(other_organisation, Role.MANAGER)
    operator("set", share.key, "0.1")
    for one, level in ((user, "USER"), (colleague, "USER"), (colleague, "ORGANISATION"), (stranger, "ORGANISATION")):
        with transaction.atomic(), activate(scope_of(one)) as scope:
            services.set_value(scope=scope, key=share.key, level=level, value="0.2", reason="Probe")
    counts = {}
    scopes = {"user": scope_of(user), "stranger": scope_of(stranger), "job": system_scope_for(organisation.pk, job="t")}
    for name, scope in scopes.items():
        with transaction.atomic(), activate(scope):
            by_sql = set(SettingValue.objects.values_list("pk", flat=True))
            assert by_sql == set(SettingValue.objects.visible_to(scope).values_list("pk", flat=True))
            assert SettingValue.history.count() == len(by_sql)
            counts[name] = len(by_sql)
    assert counts == {"user": 3, "stranger": 2, "job": 4}


@pytest.mark.wall
def test_a_global_value_is_written_by_the_operator_alone(db, organisation, people, operator):
    operator("set", "trash.days", "50")
    with transaction.atomic(), activate(scope_of(people(Role.ADMINISTRATOR))):
        row = SettingValue.objects.get(organisation=None)
        assert SettingValue.objects.filter(pk=row.pk).update(value=60) == 0
        assert SettingValue.objects.filter(pk=row.pk).delete()[0] == 0
        with pytest.raises(ProgrammingError), transaction.atomic():
            SettingValue.objects.create(key="session.idleHours", value=1)
    with system_scope(organisation.pk, job="test") as job:
        assert option_value(TRASH_DAYS, job) == 50
    with pytest.raises(CommandError):
        operator("set", "trash.days", "5")
    with pytest.raises(CommandError):
        operator("set", "no.such", "5")


def test_a_stored_value_that_no_longer_fits_counts_as_not_set(db, organisation):
    with system_scope(organisation.pk, job="test") as job:
        SettingValue.objects.create(organisation=organisation, key="trash.days", value="soon")
        assert option_value(TRASH_DAYS, job) == 30


def test_all_values_of_a_scope_are_one_query(db, people, share, django_assert_num_queries):
    with transaction.atomic(), activate(scope_of(people())) as scope:
        with django_assert_num_queries(1):
            values = [option_value(one, scope) for one in all_options() for _again in range(3)]
            values.append(option_value(TRASH_DAYS, scope.with_reason("the same request")))
        assert len(values) > 6


ANOTHER_PROCESS = """
import sys
import django
django.setup()
from crm.core.access import system_scope
from crm.core.options import option_value
from jobs.options import TRASH_DAYS
for line in sys.stdin:
    with system_scope(int(line), job="test") as scope:
        print(option_value(TRASH_DAYS, scope), flush=True)
"""


def test_a_change_is_effective_at_once_in_another_process(committed_db):
    """The other process has answered before, so that whatever it keeps would show."""
    organisation = make_organisation()
    manager = make_user(organisation, Role.MANAGER)
    other = subprocess.Popen(
        [sys.executable, "-c", ANOTHER_PROCESS],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).resolve().parents[2],
    )
    assert other.stdin is not None
    assert other.stdout is not None

    def answer() -> int:
        other.stdin.write(f"{organisation.pk}\n")
        other.stdin.flush()
        return int(other.stdout.readline())

    try:
        assert answer() == 30
        for days in (40, 50):
            with transaction.atomic(), activate(scope_of(manager)) as scope:
                services.set_value(scope=scope, key="trash.days", level="ORGANISATION", value=days, reason="Probe")
            assert answer() == days
    finally:
        other.stdin.close()
        other.wait(10)


def test_two_at_once_leave_one_value(committed_db):
    """Whoever comes second is refused, not doubled."""
    organisation = make_organisation()
    with system_scope(organisation.pk, job="test"):
        SettingValue.objects.create(organisation=organisation, key="trash.days", value=40)
    with pytest.raises(Exception, match="setting_value_once"), system_scope(organisation.pk, job="test"):
        SettingValue.objects.create(organisation=organisation, key="trash.days", value=50)
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('app.organisation', true)")
        assert cursor.fetchone() in {(None,), ("",)}


def test_idle_hours_end_a_session(db, client, as_user, people):
    administrator = people(Role.ADMINISTRATOR)
    as_user(administrator)

    def idle(hours: float) -> int:
        session = client.session
        session["seen_at"] = session.get("seen_at", 0) - int(hours * 3600)
        session.save()
        return client.get("/settings/profile/").status_code

    assert client.get("/settings/profile/").status_code == 200
    assert idle(3) == 200
    with transaction.atomic(), activate(scope_of(administrator)) as scope:
        rule = {"scope": scope, "key": SESSION_IDLE_HOURS.key, "level": "ORGANISATION"}
        services.set_value(**rule, value=2, reason="Probe")
    assert idle(1.5) == 200
    assert idle(3) == 302


def test_days_in_the_trash(db, organisation, people):
    from customers.models import Customer
    from customers.services import create_customer, delete_customer, restore_customer
    from jobs.housekeeping import erase_trash

    rep, manager = people(), people(Role.MANAGER)
    with transaction.atomic(), activate(scope_of(rep)) as scope:
        kept, lost = (
            create_customer(scope=scope, values={"company_name": name, "business_type": "HOTEL"}).pk
            for name in ("Haus Eins", "Haus Zwei")
        )
        for pk in (kept, lost):
            delete_customer(scope=scope, customer_id=pk)
    with system_scope(organisation.pk, job="test"):
        Customer.objects.filter(pk__in=(kept, lost)).update(deleted_at=scope.now - timedelta(days=20))
    with transaction.atomic(), activate(scope_of(rep)) as scope:
        restore_customer(scope=scope, customer_id=kept)
    with transaction.atomic(), activate(scope_of(manager)) as scope:
        services.set_value(scope=scope, key="trash.days", level="ORGANISATION", value=14, reason="Probe")
    with transaction.atomic(), activate(scope_of(rep)) as scope, pytest.raises(NotFound):
        restore_customer(scope=scope, customer_id=lost)
    with system_scope(organisation.pk, job="test") as scope:
        erase_trash(scope)
        assert set(Customer.objects.values_list("pk", flat=True)) == {kept}
