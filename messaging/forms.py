"""Forms of notices and wordings; each submits to one service."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy

from crm.core.forms import ServiceForm
from messaging.choices import Channel
from messaging.registry import NoticeKind
from organisation.models import User


class NoticeSettingsForm(ServiceForm):
    """One choice per kind, and quiet hours."""

    begins = forms.TimeField(
        label=gettext_lazy("No mails from"),
        required=False,
        widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
    )
    ends = forms.TimeField(
        label=gettext_lazy("until"), required=False, widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M")
    )

    def __init__(self, *args: Any, kinds: list[NoticeKind], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.kinds = kinds
        for kind in kinds:
            choices = [(one.value, one.label) for one in kind.channels]
            self.fields[kind.key] = forms.ChoiceField(label=str(kind.label), choices=choices)

    def rows(self) -> list[tuple[NoticeKind, forms.BoundField]]:
        """Each kind with its field, for the page."""
        return [(kind, self[kind.key]) for kind in self.kinds]

    def clean(self) -> dict[str, Any]:
        """What the service takes: the choices as one mapping."""
        cleaned = super().clean() or self.cleaned_data
        channels = {kind.key: Channel(cleaned[kind.key]) for kind in self.kinds if kind.key in cleaned}
        return {"channels": channels, "begins": cleaned.get("begins"), "ends": cleaned.get("ends")}


class WordingForm(ServiceForm):
    """Subject and text of a mail, as the version seen last."""

    version = forms.IntegerField(widget=forms.HiddenInput)
    subject = forms.CharField(label=gettext_lazy("Subject"), max_length=200)
    body = forms.CharField(label=gettext_lazy("Text"), max_length=20_000, widget=forms.Textarea(attrs={"rows": 14}))


class RestoreForm(ServiceForm):
    """Back to the shipped wording, from the version seen last."""

    version = forms.IntegerField(widget=forms.HiddenInput)


class PreviewForm(forms.Form):
    """With whom the preview is filled."""

    person = forms.ModelChoiceField(User.objects.none(), label=gettext_lazy("Shown with"), empty_label=None)
