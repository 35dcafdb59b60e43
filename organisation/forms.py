"""Forms of the pages about oneself, people and the organisation; each submits to one service."""

from __future__ import annotations

from typing import Any, cast
from zoneinfo import available_timezones

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from crm.core.access import Scope
from crm.core.api.callers import areas
from crm.core.forms import ServiceForm
from organisation.choices import Language, Role
from organisation.models import Team, User
from organisation.rights import SINGLE_RIGHTS

RIGHT_LABELS = {
    "exports.run": gettext_lazy("Export lists"),
    "customers.import": gettext_lazy("Import customers"),
}


class PasswordForm(ServiceForm):
    """A new password, twice."""

    password1 = forms.CharField(
        label=gettext_lazy("New password"),
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password", "minlength": 12, "maxlength": 128}),
        help_text=gettext_lazy("At least 12 characters; a sentence is easy to remember."),
    )
    password2 = forms.CharField(
        label=gettext_lazy("New password again"),
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def clean_password2(self) -> str:
        """The same password."""
        second: str = self.cleaned_data["password2"]
        if second != self.cleaned_data.get("password1"):
            raise forms.ValidationError(_("The two differ."))
        return second

    def clean(self) -> dict[str, Any]:
        """What the service takes: one password."""
        cleaned = super().clean() or self.cleaned_data
        return {"password": cleaned.get("password1", "")}


class ProfileForm(ServiceForm):
    """What everybody changes about himself."""

    name = forms.CharField(
        label=gettext_lazy("Name"), max_length=120, widget=forms.TextInput(attrs={"autocomplete": "name"})
    )
    phone = forms.CharField(
        label=gettext_lazy("Phone"), max_length=40, required=False, widget=forms.TelInput(attrs={"autocomplete": "tel"})
    )
    language = forms.ChoiceField(label=gettext_lazy("Language"), choices=Language.choices)


class _PersonForm(ServiceForm):
    """What an administrator decides about a person."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=120)
    role = forms.ChoiceField(label=gettext_lazy("Role"), choices=Role.choices)
    team = forms.ModelChoiceField(Team.objects.none(), label=gettext_lazy("Team"), required=False, empty_label="–")
    phone = forms.CharField(label=gettext_lazy("Phone"), max_length=40, required=False, widget=forms.TelInput())

    def __init__(self, *args: Any, scope: Scope, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        teams = cast("forms.ModelChoiceField[Team]", self.fields["team"])
        teams.queryset = Team.objects.visible_to(scope)


class NewPersonForm(_PersonForm):
    """A new person."""

    email = forms.EmailField(label=gettext_lazy("E-mail"), max_length=254)
    language = forms.ChoiceField(label=gettext_lazy("Language"), choices=Language.choices)

    field_order = ("name", "email", "role", "team", "phone", "language")


class PersonForm(_PersonForm):
    """An existing person; rights beside the role stand as two lists."""

    version = forms.IntegerField(widget=forms.HiddenInput)
    email = forms.EmailField(label=gettext_lazy("E-mail"), max_length=254)
    added_rights = forms.MultipleChoiceField(
        label=gettext_lazy("Rights added to the role's"), required=False, widget=forms.CheckboxSelectMultiple
    )
    withdrawn_rights = forms.MultipleChoiceField(
        label=gettext_lazy("Rights taken from the role's"), required=False, widget=forms.CheckboxSelectMultiple
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("added_rights", "withdrawn_rights"):
            field = cast("forms.MultipleChoiceField", self.fields[name])
            field.choices = [(right, RIGHT_LABELS[right]) for right in sorted(SINGLE_RIGHTS)]


class VersionForm(ServiceForm):
    """A button that acts on the record as it was seen."""

    version = forms.IntegerField(widget=forms.HiddenInput)


class ReasonForm(ServiceForm):
    """An action that the history keeps a reason for."""

    reason = forms.CharField(
        label=gettext_lazy("How the person has proved who it is"), max_length=300, widget=forms.TextInput()
    )


class TeamForm(ServiceForm):
    """A team; regions are beginnings of postcodes, separated by commas."""

    version = forms.IntegerField(widget=forms.HiddenInput, required=False)
    name = forms.CharField(label=gettext_lazy("Name"), max_length=80)
    leads = forms.ModelMultipleChoiceField(
        User.objects.none(), label=gettext_lazy("Team leads"), required=False, widget=forms.CheckboxSelectMultiple
    )
    postcode_regions = forms.CharField(
        label=gettext_lazy("Postcode regions"),
        required=False,
        max_length=500,
        help_text=gettext_lazy("Beginnings of postcodes, for example 10, 12, 14."),
    )

    def __init__(self, *args: Any, scope: Scope, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        leads = cast("forms.ModelMultipleChoiceField[User]", self.fields["leads"])
        leads.queryset = User.objects.visible_to(scope).active().filter(role__in=[Role.TEAM_LEAD, Role.MANAGER])

    def clean_postcode_regions(self) -> list[str]:
        """The beginnings, one by one."""
        text: str = self.cleaned_data["postcode_regions"]
        return [part.strip() for part in text.replace(";", ",").split(",") if part.strip()]

    def clean(self) -> dict[str, Any]:
        """Without a version where the team is new."""
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("version") is None:
            cleaned.pop("version", None)
        return cleaned


class OrganisationForm(ServiceForm):
    """The organisation's own settings."""

    version = forms.IntegerField(widget=forms.HiddenInput)
    name = forms.CharField(label=gettext_lazy("Name"), max_length=120)
    zone = forms.ChoiceField(label=gettext_lazy("Time zone"))
    language = forms.ChoiceField(label=gettext_lazy("Language of new accounts"), choices=Language.choices)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        zone = cast("forms.ChoiceField", self.fields["zone"])
        zone.choices = [(name, name) for name in sorted(available_timezones()) if "/" in name]


class TokenForm(ServiceForm):
    """A token for a program: what it is called, what it reaches, how long."""

    name = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=80,
        help_text=gettext_lazy("What it is for, for example: nightly export."),
    )
    days = forms.TypedChoiceField(
        label=gettext_lazy("Valid for"),
        coerce=int,
        choices=[
            (30, gettext_lazy("30 days")),
            (90, gettext_lazy("90 days")),
            (365, gettext_lazy("a year")),
        ],
    )
    scopes = forms.MultipleChoiceField(label=pgettext_lazy("right", "May"), widget=forms.CheckboxSelectMultiple)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = cast("forms.MultipleChoiceField", self.fields["scopes"])
        field.choices = [
            choice
            for area, label in areas().items()
            for choice in (
                (f"{area}.read", _("%(area)s: read") % {"area": label}),
                (f"{area}.write", _("%(area)s: read and write") % {"area": label}),
            )
        ]
