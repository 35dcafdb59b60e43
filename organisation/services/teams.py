"""Teams: name, leads, regions by beginnings of postcodes."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from crm.core.access import Scope
from crm.core.errors import Conflict, Invalid
from organisation.cleaning import clean_name
from organisation.events import TeamCreated, TeamUpdated
from organisation.models import Team, User
from outbox.services import publish

MOST_NAME: Final = 80  # characters
_REGION: Final = re.compile(r"\d{1,5}")


@transaction.atomic
def create_team(*, scope: Scope, name: str, leads: Iterable[User] = (), postcode_regions: Iterable[str] = ()) -> Team:
    """A new team. Raises Forbidden without `people.manage`, Invalid, Conflict (field name) for a taken name."""
    scope.require("people.manage")
    team = Team(
        organisation_id=scope.organisation_id,
        name=clean_name(name, MOST_NAME),
        postcode_regions=_clean_regions(postcode_regions),
    )
    _save(team)
    team.leads.set(_own_people(scope, leads))
    publish(TeamCreated(team_id=team.pk))
    return team


@transaction.atomic
def change_team(
    *,
    scope: Scope,
    team_id: int,
    version: int,
    name: str,
    leads: Iterable[User] = (),
    postcode_regions: Iterable[str] = (),
) -> Team:
    """Change a team. Raises NotFound, Forbidden, Conflict (changed since `version`; name taken), Invalid."""
    team = Team.objects.visible_to(scope).select_for_update(of=("self",)).get_or_not_found(pk=team_id)
    scope.require("people.manage")
    if team.version != version:
        raise Conflict(_("Someone changed this team meanwhile."), version=team.version)
    fields = []
    if team.name != (clean := clean_name(name, MOST_NAME)):
        team.name = clean
        fields.append("name")
    if team.postcode_regions != (regions := _clean_regions(postcode_regions)):
        team.postcode_regions = regions
        fields.append("postcode_regions")
    if fields:
        _save(team, fields)
    people = _own_people(scope, leads)
    if {user.pk for user in people} != set(team.leads.values_list("pk", flat=True)):
        team.leads.set(people)
        fields.append("leads")
    if fields:
        publish(TeamUpdated(team_id=team.pk, fields=sorted(fields)))
        team.refresh_from_db()
    return team


def _save(team: Team, fields: list[str] | None = None) -> None:
    try:
        with transaction.atomic():
            team.save(update_fields=fields)
    except IntegrityError:
        raise Conflict(_("There is a team of this name already."), field="name") from None


def _own_people(scope: Scope, people: Iterable[User]) -> list[User]:
    wanted = {user.pk for user in people}
    found = list(User.objects.visible_to(scope).active().filter(pk__in=wanted))
    if len(found) != len(wanted):
        raise Invalid(_("A lead is an active user of this organisation."), field="leads")
    return found


def _clean_regions(regions: Iterable[str]) -> list[str]:
    clean = sorted({region.strip() for region in regions if region.strip()})
    if any(not _REGION.fullmatch(region) for region in clean):
        raise Invalid(_("Beginnings of postcodes: one to five digits each."), field="postcode_regions")
    return clean
