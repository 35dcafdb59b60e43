"""Forms of saved views."""

from __future__ import annotations

from typing import Any, cast

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.core.access import Scope
from crm.core.errors import Invalid
from crm.core.forms import ServiceForm
from crm.core.listing import Listing, ListState
from crm.core.listing.saved import kept
from organisation.choices import Audience, Role
from organisation.models import SavedView
from organisation.services import teams_to_share_with


class StateForm(ServiceForm):
    """The state that a list's address says, to be kept under an existing name."""

    version = forms.IntegerField(widget=forms.HiddenInput)
    query = forms.CharField(required=False, widget=forms.HiddenInput, strip=False)

    def __init__(self, *args: Any, scope: Scope, listing: Listing, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.scope, self.listing = scope, listing

    def clean(self) -> dict[str, Any]:
        """The state in place of the address."""
        cleaned = super().clean() or self.cleaned_data
        state = ListState.of(QueryDict(cleaned.pop("query", "")), self.scope, self.listing)
        try:
            state.require_sound()
        except Invalid as error:
            self.refuse(error)
        return cleaned | {"state": kept(state)}


class NewViewForm(StateForm):
    """A name for the state of a list."""

    version = None  # type: ignore[assignment]  # Django's way to leave an inherited field out
    name = forms.CharField(label=gettext_lazy("Name"), max_length=80)


class ViewForm(ServiceForm):
    """What a view is called, and who sees it; a team is a choice like the others."""

    version = forms.IntegerField(widget=forms.HiddenInput)
    name = forms.CharField(label=gettext_lazy("Name"), max_length=80)
    audience = forms.ChoiceField(label=gettext_lazy("Who sees it"))

    def __init__(self, data: Any, *, scope: Scope, view: SavedView) -> None:
        initial = {"version": view.version, "name": view.name, "audience": _place(view.audience, view.team_id)}
        super().__init__(data, initial=initial)
        teams = {_place(Audience.TEAM, team.pk): team.name for team in teams_to_share_with(scope)}
        if view.team is not None:
            teams.setdefault(_place(Audience.TEAM, view.team_id), view.team.name)
        choices: list[tuple[str, Any]] = [(Audience.PRIVATE.value, Audience.PRIVATE.label)]
        choices += [(place, _("Team %(name)s") % {"name": name}) for place, name in teams.items()]
        if scope.allows("views.share_all") or view.audience == Audience.ORGANISATION:
            choices.append((Audience.ORGANISATION.value, Audience.ORGANISATION.label))
        cast("forms.ChoiceField", self.fields["audience"]).choices = choices

    def clean(self) -> dict[str, Any]:
        """Audience and team apart, as the service takes them."""
        cleaned = super().clean() or self.cleaned_data
        audience, _colon, team = str(cleaned.get("audience", "")).partition(":")
        return cleaned | {"audience": audience, "team_id": int(team) if team else None}


class SeenForm(ServiceForm):
    """A press that acts on the view as it was seen."""

    version = forms.IntegerField(widget=forms.HiddenInput)


class PinForm(ServiceForm):
    """A tab, or none."""

    pinned = forms.BooleanField(required=False)


class MoveForm(ServiceForm):
    """A tab by one place."""

    step = forms.TypedChoiceField(choices=[("-1", "-1"), ("1", "1")], coerce=int)


class OwnDefaultForm(ServiceForm):
    """With what the list opens for oneself; without a view the whole list."""

    view_id = forms.IntegerField(required=False)


class RoleDefaultForm(ServiceForm):
    """For whom."""

    role = forms.ChoiceField(choices=Role.choices)


def first_error(form: ServiceForm) -> str:
    """Why a press did nothing, for a toast."""
    return str(next(iter(form.errors.values()))[0])


def _place(audience: str, team_id: int | None) -> str:
    return f"{audience}:{team_id}" if team_id is not None else audience
