"""Saved views of lists: kept, renamed, copied, shared, taken away by their owner; pinned and opened first by anybody."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django.db import IntegrityError, transaction
from django.db.models import Max
from django.utils.translation import gettext as _

from crm.core.access import Scope
from crm.core.errors import Conflict, Forbidden, Invalid, NotFound
from crm.core.listing import Listing
from crm.core.listing.saved import is_refused, kept, listing_named, restored
from organisation.choices import Audience, Role
from organisation.cleaning import clean_name
from organisation.models import ListDefault, SavedView, Team, User, ViewPin

MOST_NAME: Final = 80  # characters
MOST_VIEWS: Final = 100  # of one person for one list
MOST_PINS: Final = 12  # tabs above one list


@transaction.atomic
def save_view(*, scope: Scope, list_key: str, name: str, state: Mapping[str, Any]) -> SavedView:
    """Keep a list's state under a name, for oneself. It is a tab above the list while there is room for one.

    Raises NotFound (no such list), Invalid (name, or the parts of `state`), Conflict (name taken; too many views).
    """
    listing = _listing(list_key)
    # Locked, so that two at once do not both become the last that fits.
    owner: User = User.objects.visible_to(scope).select_for_update(of=("self",)).get_or_not_found(pk=scope.user_id)
    if SavedView.objects.visible_to(scope).filter(owner=owner, list_key=list_key).count() >= MOST_VIEWS:
        raise Conflict(_("At most %(count)d views of a list; delete one first.") % {"count": MOST_VIEWS})
    view = SavedView(
        organisation_id=scope.organisation_id,
        owner=owner,
        list_key=list_key,
        name=clean_name(name, MOST_NAME),
        state=_clean_state(scope, listing, state),
    )
    _store(view)
    if _pins(scope, list_key).count() < MOST_PINS:
        _pin(scope, view)
    return view


@transaction.atomic
def change_view(
    *,
    scope: Scope,
    view_id: int,
    version: int | None = None,
    name: str | None = None,
    state: Mapping[str, Any] | None = None,
    audience: str | None = None,
    team_id: int | None = None,
) -> SavedView:
    """Rename one's own view, keep another state under its name, say who sees it; None leaves each as it is.

    `audience` TEAM goes with `team_id`. Sharing gives the filter, never a row: a team lead shares with teams that he leads,
    a manager with any and with all; taking back needs no right.
    Raises NotFound, Forbidden (another's; fields audience, team_id), Conflict (changed since `version`; name taken), Invalid.
    """
    view = _seen(scope, view_id, version)
    if view.owner_id != scope.user_id:
        raise Forbidden(_("Only its owner changes a view; a copy is one's own."))
    if team_id is not None and audience is None:
        raise Invalid(_("A team goes with the audience TEAM."), field="team_id")
    before = (view.name, view.state, view.audience, view.team_id)
    if name is not None:
        view.name = clean_name(name, MOST_NAME)
    if state is not None:
        view.state = _clean_state(scope, _listing(view.list_key), state)
    if audience is not None and (audience, team_id) != (view.audience, view.team_id):
        _share(scope, view, audience, team_id)
    if (view.name, view.state, view.audience, view.team_id) != before:
        _store(view, ["name", "state", "audience", "team"])
    return view


def _share(scope: Scope, view: SavedView, audience: str, team_id: int | None) -> None:
    if audience not in Audience.values:
        raise Invalid(_("This is none of the choices."), field="audience")
    if (audience == Audience.TEAM) != (team_id is not None):
        raise Invalid(_("A view is shared with a team where one is named."), field="team_id")
    if audience == Audience.ORGANISATION and not scope.allows("views.share_all"):
        raise Forbidden(_("Only managers share with everybody."), field="audience")
    if team_id is not None and not teams_to_share_with(scope).filter(pk=team_id).exists():
        raise Forbidden(_("Only who leads a team, or a manager, shares with it."), field="team_id")
    if audience != Audience.ORGANISATION:
        ListDefault.objects.visible_to(scope).filter(view=view, user=None).delete()
    view.audience, view.team_id = audience, team_id


@transaction.atomic
def copy_view(*, scope: Scope, view_id: int, name: str = "") -> SavedView:
    """A view of one's own with the state of one that one sees; without a name it gets a free one.

    Raises NotFound, Forbidden (it asks for what is not the scope's to ask), and what `save_view` raises.
    """
    view = SavedView.objects.visible_to(scope).get_or_not_found(pk=view_id)
    state = restored(view.state, scope, _listing(view.list_key))
    if is_refused(state):
        raise Forbidden(_("This view asks for something that is not there for this role."))
    return save_view(scope=scope, list_key=view.list_key, name=name or _free_name(scope, view), state=kept(state))


@transaction.atomic
def delete_view(*, scope: Scope, view_id: int, version: int | None = None) -> None:
    """Take a view away for everybody: one's own, or, by who shares with all, one that is shared.

    Pins and defaults go with it. Raises NotFound, Forbidden, Conflict (changed since `version`).
    """
    view = _seen(scope, view_id, version)
    if view.owner_id != scope.user_id:
        scope.require("views.share_all")
    view.delete()


@transaction.atomic
def pin_view(*, scope: Scope, view_id: int, pinned: bool) -> None:
    """Have a view as a tab above its list, as the last one, or no longer. Raises NotFound, Conflict (too many tabs)."""
    view = SavedView.objects.visible_to(scope).get_or_not_found(pk=view_id)
    pins = _pins(scope, view.list_key)
    if not pinned:
        pins.filter(view=view).delete()
    elif not pins.filter(view=view).exists():
        if pins.count() >= MOST_PINS:
            raise Conflict(_("At most %(count)d tabs; take one away first.") % {"count": MOST_PINS})
        _pin(scope, view)


@transaction.atomic
def move_pin(*, scope: Scope, view_id: int, step: int) -> None:
    """Move one's tab by one place: `step` -1 to the front, 1 to the back. Raises NotFound where it is none."""
    view = SavedView.objects.visible_to(scope).get_or_not_found(pk=view_id)
    visible = SavedView.objects.visible_to(scope)
    pins = list(_pins(scope, view.list_key).filter(view__in=visible).select_for_update(of=("self",)))
    at = next((index for index, pin in enumerate(pins) if pin.view_id == view.pk), None)
    if at is None:
        raise NotFound(_("Not found."))
    to = max(0, min(len(pins) - 1, at + (1 if step > 0 else -1)))
    pins.insert(to, pins.pop(at))
    for position, pin in enumerate(pins):
        pin.position = position
    ViewPin.objects.bulk_update(pins, ["position"])


@transaction.atomic
def set_default(*, scope: Scope, list_key: str, view_id: int | None, role: str = "") -> ListDefault:
    """Open a list with this view: for oneself, or, by who shares with all, for a role; one's own wins over a role's.

    None is the whole list, for oneself alone. A role opens with a view that everybody sees. Raises NotFound, Forbidden, Invalid.
    """
    _listing(list_key)
    if role:
        _require_role(scope, role)
    if view_id is not None:
        view = SavedView.objects.visible_to(scope).get_or_not_found(pk=view_id, list_key=list_key)
        if role and view.audience != Audience.ORGANISATION:
            raise Invalid(_("A role opens with a view that is shared with everybody."), field="role")
    elif role:
        raise Invalid(_("A role opens with a view that is shared with everybody."), field="role")
    found = ListDefault(
        organisation_id=scope.organisation_id,
        list_key=list_key,
        user_id=None if role else scope.user_id,
        role=role,
        view_id=view_id,
    )
    place = ["organisation", "list_key", "user", "role"]
    ListDefault.objects.bulk_create([found], update_conflicts=True, unique_fields=place, update_fields=["view"])
    return found


@transaction.atomic
def clear_default(*, scope: Scope, list_key: str, role: str = "") -> None:
    """Take back with what a list opens, for oneself or for a role. Raises NotFound (no such list), Forbidden, Invalid."""
    _listing(list_key)
    if role:
        _require_role(scope, role)
    rows = ListDefault.objects.visible_to(scope).filter(list_key=list_key, role=role)
    rows.filter(user=None if role else scope.user_id).delete()


def teams_to_share_with(scope: Scope) -> Any:
    """The teams that the scope may share a view with, as a queryset."""
    teams = Team.objects.visible_to(scope)
    if scope.allows("views.share_all"):
        return teams
    return teams.filter(leads=scope.user_id or 0) if scope.allows("views.share_team") else teams.none()


def _require_role(scope: Scope, role: str) -> None:
    scope.require("views.share_all")
    if role not in Role.values:
        raise Invalid(_("This is none of the choices."), field="role")


def _listing(key: str) -> Listing:
    listing = listing_named(key)
    if listing is None:
        raise NotFound(_("There is no such list."))
    return listing


def _seen(scope: Scope, view_id: int, version: int | None) -> SavedView:
    """The view, locked. Raises NotFound, Conflict (changed since `version`)."""
    rows = SavedView.objects.visible_to(scope).select_for_update(of=("self",))
    view: SavedView = rows.get_or_not_found(pk=view_id)
    if version is not None and view.version != version:
        raise Conflict(_("Someone changed this view meanwhile."), version=view.version)
    return view


def _clean_state(scope: Scope, listing: Listing, raw: Mapping[str, Any]) -> dict[str, Any]:
    """The state as it is kept. Raises Invalid with the faults of its parts, each as `state/<part>`."""
    state = restored(raw, scope, listing)
    if state.problems:
        errors = {f"state/{problem.place}": problem.message for problem in state.problems}
        raise Invalid(
            _("The state of the list has faults: %(first)s") % {"first": state.problems[0].message}, errors=errors
        )
    return kept(state)


def _store(view: SavedView, fields: list[str] | None = None) -> None:
    try:
        with transaction.atomic():
            view.save(update_fields=fields)
    except IntegrityError:
        raise Conflict(_("There is a view of this name already."), field="name") from None
    view.refresh_from_db(fields=["version", "updated_at"])


def _free_name(scope: Scope, view: SavedView) -> str:
    """The view's name, where it is taken with a number behind it."""
    rows = SavedView.objects.visible_to(scope).filter(owner_id=scope.user_id, list_key=view.list_key)
    taken = {name.casefold() for name in rows.values_list("name", flat=True)}
    names = [view.name, *(f"{view.name[: MOST_NAME - 5]} ({number})" for number in range(2, MOST_VIEWS + 2))]
    return next(name for name in names if name.casefold() not in taken)


def _pins(scope: Scope, list_key: str) -> Any:
    """One's tabs above a list, in order."""
    return ViewPin.objects.visible_to(scope).filter(user_id=scope.user_id or 0, view__list_key=list_key)


def _pin(scope: Scope, view: SavedView) -> None:
    last = _pins(scope, view.list_key).aggregate(last=Max("position"))["last"]
    pin = ViewPin(
        organisation_id=scope.organisation_id,
        user_id=scope.user_id or 0,
        view=view,
        position=0 if last is None else last + 1,
    )
    ViewPin.objects.bulk_create([pin], ignore_conflicts=True)
