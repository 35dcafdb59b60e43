"""Forms of settings and feature flags."""

from __future__ import annotations

from datetime import time
from decimal import Decimal
from typing import Any, cast

from django import forms
from django.utils.translation import gettext_lazy as _

from crm.core.access import Scope
from crm.core.forms import ServiceForm
from crm.core.options import Level, Option
from organisation.models import Team, User
from organisation.option_list import Place


class ResetForm(ServiceForm):
    """Taking a value away; the reason stands in the history."""

    level = forms.ChoiceField(choices=[(level.value, level.value) for level in Level], widget=forms.HiddenInput)
    version = forms.IntegerField(widget=forms.HiddenInput)
    reason = forms.CharField(label=_("Reason"), max_length=300, required=False)


class OptionForm(ResetForm):
    """A setting's value at one level; the control is that of its type."""

    field_order = ("value", "reason")

    def __init__(self, data: Any, *, option: Option[Any], place: Place, value: Any) -> None:
        initial = {"value": value, "level": place.level.value, "version": place.version}
        super().__init__(data, initial=initial, auto_id=f"{option.key}-%s")
        self.fields["value"] = _control(option)
        self.fields["reason"].required = place.level is not Level.USER
        self.order_fields(self.field_order)


def _control(option: Option[Any]) -> forms.Field:
    kind = type(option.default)
    label = f"{option.label} ({option.unit})" if option.unit else str(option.label)
    if kind is bool:
        return forms.ChoiceField(label=label, choices=[("True", _("Yes")), ("False", _("No"))])
    if option.choices:
        return forms.ChoiceField(label=label, choices=list(option.choices))
    if kind is time:
        return forms.TimeField(label=label, widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"))
    if kind is Decimal:
        return forms.DecimalField(label=label, min_value=option.least, max_value=option.most, localize=True)
    return forms.IntegerField(label=label, min_value=option.least, max_value=option.most)


class FirstForm(ServiceForm):
    """Who has a flag first."""

    version = forms.IntegerField(widget=forms.HiddenInput)
    teams = forms.ModelMultipleChoiceField(
        Team.objects.none(), label=_("Pilot teams"), required=False, widget=forms.CheckboxSelectMultiple
    )
    users = forms.ModelMultipleChoiceField(
        User.objects.none(), label=_("Named people"), required=False, widget=forms.CheckboxSelectMultiple
    )

    def __init__(self, *args: Any, scope: Scope, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        teams = cast("forms.ModelMultipleChoiceField[Team]", self.fields["teams"])
        users = cast("forms.ModelMultipleChoiceField[User]", self.fields["users"])
        teams.queryset = Team.objects.visible_to(scope)
        users.queryset = User.objects.visible_to(scope).active()


class FlagVersionForm(ServiceForm):
    """A press that acts on the flag as it was seen."""

    version = forms.IntegerField(widget=forms.HiddenInput)


class OffForm(ServiceForm):
    """Switching a flag off; the reason stands in the history."""

    reason = forms.CharField(label=_("Reason"), max_length=300)
