"""Every write to organisations, teams and users."""

from organisation.services.flags import advance_flag, choose_first, switch_off_flag
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
from organisation.services.settings import clear_value, set_value
from organisation.services.teams import change_team, create_team
from organisation.services.tokens import create_token, forget_tokens, revoke_token, tell_endings

__all__ = [
    "advance_flag",
    "change_organisation",
    "change_own_language",
    "change_own_profile",
    "change_team",
    "change_user",
    "choose_first",
    "clear_value",
    "create_organisation",
    "create_team",
    "create_token",
    "create_user",
    "deactivate_user",
    "forget_tokens",
    "leave_demo",
    "new_set_up_link",
    "reactivate_user",
    "reset_second_factor",
    "revoke_token",
    "set_password_by_link",
    "set_value",
    "switch_off_flag",
    "tell_endings",
]
