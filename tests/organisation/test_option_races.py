"""Two people at the same moment at one setting, one flag: one is served, the other is refused, nothing is doubled."""

from __future__ import annotations

import threading
from datetime import date

import pytest
from django.db import connection, transaction

from crm.core.access import activate, system_scope
from crm.core.errors import Conflict
from crm.core.flags import Step, flag, forget_flag
from organisation import services
from organisation.choices import Role
from organisation.models import ApiToken, FeatureFlag, SettingValue
from organisation.services.tokens import MOST_TOKENS
from tests.api.conftest import give_token
from tests.conftest import make_organisation, make_user, scope_of
from tests.organisation.test_flags import put


@pytest.fixture
def admin(committed_db):
    return make_user(make_organisation("Haus"), Role.ADMINISTRATOR)


@pytest.fixture
def probe():
    """A flag on which nothing stands."""
    yield flag("probe", label="Probe", owner="sales", ends_on=date(2030, 1, 1))
    forget_flag("probe")


def at_once(user, *calls):
    """Each call in a transaction of its own, begun together; how many were refused by Conflict."""
    together, refused = threading.Barrier(len(calls)), []

    def called(call):
        try:
            with transaction.atomic(), activate(scope_of(user)) as scope:
                together.wait(10)
                call(scope)
        except Conflict:
            refused.append(call)
        finally:
            connection.close()

    threads = [threading.Thread(target=called, args=[call]) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return len(refused)


def test_a_setting_set_for_the_first_time_by_four_at_once(admin):
    def setting(days):
        return lambda scope: services.set_value(
            scope=scope, key="trash.days", level="ORGANISATION", value=days, reason="Probe", version=0
        )

    assert at_once(admin, *[setting(days) for days in (10, 20, 30, 40)]) == 3
    with system_scope(admin.organisation_id, job="test"):
        assert SettingValue.objects.count() == SettingValue.history.count() == 1


def test_a_flag_pressed_on_by_four_at_once_goes_one_step(admin, probe):
    presses = [lambda scope: services.advance_flag(scope=scope, key="probe", version=0)] * 4
    assert at_once(admin, *presses) == 3
    with system_scope(admin.organisation_id, job="test"):
        assert FeatureFlag.objects.get().step == Step.ADMINISTRATORS
    put(admin.organisation, "probe", Step.QUARTER)
    with system_scope(admin.organisation_id, job="test"):
        version = FeatureFlag.objects.get().version
    presses = [lambda scope: services.advance_flag(scope=scope, key="probe", version=version)] * 4
    assert at_once(admin, *presses) == 3
    with system_scope(admin.organisation_id, job="test"):
        assert FeatureFlag.objects.get().step == Step.ALL


def test_the_twentieth_token_is_made_once(admin):
    for _number in range(MOST_TOKENS - 1):
        give_token(admin)
    made = [lambda scope: services.create_token(scope=scope, name="x", scopes=["settings.read"], days=1)] * 4
    assert at_once(admin, *made) == 3
    with system_scope(admin.organisation_id, job="test"):
        assert ApiToken.objects.count() == MOST_TOKENS
