"""Every write to organisations, teams and users."""

from organisation.services.organisations import change_organisation, create_organisation, leave_demo
from organisation.services.people import (
    change_own_language,
    change_own_profile,
    change_user,
    create_user,
    deactivate_user,
    new_set_up_link,
    reactivate_user,
    reset_second_factor,
    set_password_by_link,
)
from organisation.services.teams import change_team, create_team

__all__ = [
    "change_organisation",
    "change_own_language",
    "change_own_profile",
    "change_team",
    "change_user",
    "create_organisation",
    "create_team",
    "create_user",
    "deactivate_user",
    "leave_demo",
    "new_set_up_link",
    "reactivate_user",
    "reset_second_factor",
    "set_password_by_link",
]
