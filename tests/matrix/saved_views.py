"""Saved views of a rep and of a manager, for the matrices; made as the system."""

from __future__ import annotations

from dataclasses import dataclass

from organisation.models import Organisation, SavedView, Team, User, ViewPin


@dataclass
class Views:
    """One that the rep shares with his team and has as a tab; one that everybody sees."""

    of_team: SavedView
    of_all: SavedView


def build_views(organisation: Organisation, rep: User, team: Team, manager: User) -> Views:
    """Under the system scope of `organisation`."""
    state = {"q": "", "filter": {}, "sort": "", "columns": [], "density": ""}
    own = {"organisation": organisation, "list_key": "customers", "state": state}
    of_team = SavedView.objects.create(**own, name="Team", owner=rep, audience="TEAM", team=team)
    ViewPin.objects.create(organisation=organisation, user=rep, view=of_team, position=0)
    return Views(of_team, SavedView.objects.create(**own, name="Alle", owner=manager, audience="ORGANISATION"))
