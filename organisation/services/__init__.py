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
from organisation.services.saved_views import (
    change_view,
    clear_default,
    copy_view,
    delete_view,
    move_pin,
    pin_view,
    save_view,
    set_default,
    teams_to_share_with,
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
    "change_view",
    "choose_first",
    "clear_default",
    "clear_value",
    "copy_view",
    "create_organisation",
    "create_team",
    "create_token",
    "create_user",
    "deactivate_user",
    "delete_view",
    "forget_tokens",
    "leave_demo",
    "move_pin",
    "new_set_up_link",
    "pin_view",
    "reactivate_user",
    "reset_second_factor",
    "revoke_token",
    "save_view",
    "set_default",
    "set_password_by_link",
    "set_value",
    "switch_off_flag",
    "teams_to_share_with",
    "tell_endings",
]
