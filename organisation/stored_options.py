"""What is stored of settings and flags, read for a scope: the kernel asks these, once for each request, job or message."""

from __future__ import annotations

from typing import Any

from django.db.models import Subquery

from crm.core.access import Scope
from crm.core.flags import State, Step
from crm.core.options import Level
from organisation.models import FeatureFlag, SettingValue, User


def read_settings(scope: Scope) -> dict[tuple[str, Level, int | None], Any]:
    """Every stored value that the scope may read, by key, level and user. One query."""
    rows = SettingValue.objects.visible_to(scope).values_list("key", "organisation_id", "user_id", "value")
    return {(key, level_of(organisation, user), user): value for key, organisation, user, value in rows}


def level_of(organisation_id: int | None, user_id: int | None) -> Level:
    """Where a stored value is set."""
    if user_id is not None:
        return Level.USER
    return Level.ORGANISATION if organisation_id is not None else Level.GLOBAL


def read_flags(scope: Scope) -> dict[str, State]:
    """The state of each flag in the scope's organisation, and whether its user is among the first. One query."""
    team = User.objects.filter(pk=scope.user_id).values("team_id")
    rows = FeatureFlag.objects.visible_to(scope).annotate(team=Subquery(team))
    return {
        key: State(Step(step), scope.user_id in users, own_team is not None and own_team in teams)
        for key, step, users, teams, own_team in rows.values_list("key", "step", "user_ids", "team_ids", "team")
    }
