"""Forms of the pages about subscribers; each submits to one service."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.contrib.auth import get_user_model
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.core.access import Scope
from crm.core.forms import ServiceForm
from outbox.catalogue import event_types
from outbox.envelope import PING
from outbox.matching import EVERYTHING

BEGINNING = datetime(2020, 1, 1, tzinfo=UTC)  # before the first event of any installation


def type_choices(scope: Scope) -> list[tuple[str, str]]:
    """What can be subscribed to: whole areas, single types, and for administrators everything."""
    names = [one.type for one in event_types() if one.type != PING]
    areas = sorted({f"{name.partition('.')[0]}.*" for name in names})
    everything = [(EVERYTHING, _("everything"))] if scope.role == "ADMINISTRATOR" else []
    return everything + [(area, area) for area in areas] + [(name, name) for name in dict.fromkeys(names)]


def kind_choices() -> list[tuple[str, str]]:
    """What events can be about."""
    kinds = sorted({one.subject_type for one in event_types() if one.type != PING})
    return [(kind, kind) for kind in kinds]


class SubscriptionForm(ServiceForm):
    """Where to, what, in whose name."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=80)
    url = forms.CharField(
        label=gettext_lazy("Address"),
        max_length=2_000,
        widget=forms.URLInput(attrs={"placeholder": "https://shop.example.com/hooks/freshplan", "inputmode": "url"}),
        help_text=gettext_lazy("https, port 443 or 8443, reachable by everybody."),
    )
    acts_as_id = forms.TypedChoiceField(
        label=gettext_lazy("Acts as"),
        coerce=int,
        empty_value=None,
        required=False,
        help_text=gettext_lazy("Events about records that this person does not see are not sent."),
    )
    max_per_second = forms.IntegerField(
        label=gettext_lazy("Messages a second at most"), min_value=1, max_value=100, initial=20
    )
    description = forms.CharField(label=gettext_lazy("Description"), max_length=500, required=False)
    types = forms.MultipleChoiceField(label=gettext_lazy("Events"), widget=forms.CheckboxSelectMultiple)
    subject_kinds = forms.MultipleChoiceField(
        label=gettext_lazy("Only about these kinds of records (none: about all)"),
        widget=forms.CheckboxSelectMultiple,
        required=False,
    )
    where = forms.JSONField(
        label=gettext_lazy("Only about accounts that meet"),
        required=False,
        widget=forms.TextInput(attrs={"placeholder": '{"field": "team", "op": "in", "value": [1]}'}),
        help_text=gettext_lazy("A condition of the filter language over owner and team; empty: about all."),
    )

    def __init__(self, *args: Any, scope: Scope, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        people = get_user_model()._default_manager.visible_to(scope).active().order_by("name", "pk")
        self.fields["acts_as_id"].choices = [(one.pk, str(one)) for one in people]  # type: ignore[attr-defined]
        self.fields["types"].choices = type_choices(scope)  # type: ignore[attr-defined]
        self.fields["subject_kinds"].choices = kind_choices()  # type: ignore[attr-defined]
        self.initial.setdefault("acts_as_id", scope.user_id)


class ChangeSubscriptionForm(SubscriptionForm):
    """The same, for one that is there."""

    version = forms.IntegerField(widget=forms.HiddenInput)


class ResumeForm(ServiceForm):
    """From where to go on."""

    choice = forms.ChoiceField(
        label=gettext_lazy("Go on"),
        choices=[
            ("stop", gettext_lazy("from where it stopped")),
            ("now", gettext_lazy("from now; what waits is left out")),
            ("since", gettext_lazy("with what happened since")),
        ],
        initial="stop",
    )
    since = forms.DateTimeField(
        label=gettext_lazy("Since"), required=False, widget=forms.DateTimeInput(attrs={"type": "datetime-local"})
    )

    def __init__(self, *args: Any, scope: Scope, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.scope = scope

    def clean(self) -> dict[str, Any]:
        """What the service takes: one start."""
        cleaned = super().clean() or self.cleaned_data
        choice = cleaned.get("choice", "stop")
        if choice != "since":
            return {"start": choice}
        if cleaned.get("since") is None:
            self.add_error("since", _("Choose a day and time."))
            return cleaned
        return {"start": on_their_clock(cleaned["since"], self.scope)}


class ReplayForm(ServiceForm):
    """What to send again."""

    only = forms.ChoiceField(
        label=gettext_lazy("What"),
        choices=[("dead", gettext_lazy("what was given up")), ("all", gettext_lazy("everything"))],
        initial="dead",
    )
    types = forms.ChoiceField(label=gettext_lazy("Events"), required=False)
    subject = forms.CharField(
        label=gettext_lazy("Record"),
        required=False,
        max_length=60,
        widget=forms.TextInput(attrs={"placeholder": "customer/123"}),
    )
    start = forms.DateTimeField(
        label=gettext_lazy("From"), required=False, widget=forms.DateTimeInput(attrs={"type": "datetime-local"})
    )
    end = forms.DateTimeField(
        label=gettext_lazy("To"), required=False, widget=forms.DateTimeInput(attrs={"type": "datetime-local"})
    )
    dry_run = forms.BooleanField(label=gettext_lazy("Only count"), required=False)

    def __init__(self, *args: Any, scope: Scope, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.scope = scope
        choices = [("", _("all")), *(one for one in type_choices(scope) if one[0] != EVERYTHING)]
        self.fields["types"].choices = choices  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        """What the service takes: instants; without a beginning from the first event, without an end until now."""
        cleaned = super().clean() or self.cleaned_data
        cleaned["types"] = [one for one in [cleaned.get("types")] if one]
        start, end = cleaned.get("start"), cleaned.get("end")
        cleaned["start"] = on_their_clock(start, self.scope) if start else BEGINNING
        cleaned["end"] = on_their_clock(end, self.scope) if end else self.scope.now
        return cleaned


def on_their_clock(given: datetime, scope: Scope) -> datetime:
    """A day and time typed into a page mean the organisation's wall clock."""
    return given.replace(tzinfo=ZoneInfo(scope.zone))
