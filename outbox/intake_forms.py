"""Forms of the pages Connections and Inbox; each submits to one service."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.core.forms import ServiceForm
from outbox.models import Connection
from outbox.providers import Provider, options_of

OPTION: Final = "option_"


class ConnectionForm(ServiceForm):
    """Name, address and the provider's settings, each of them one line."""

    label = forms.CharField(label=gettext_lazy("Name"), max_length=80)
    base_url = forms.CharField(
        label=gettext_lazy("Address of the other side"),
        required=False,
        max_length=500,
        widget=forms.URLInput(attrs={"inputmode": "url", "placeholder": "https://"}),
        help_text=gettext_lazy("With it the other side is asked each minute whether it is there."),
    )

    def __init__(
        self, data: Mapping[str, Any] | None = None, *, provider: Provider, connection: Connection | None = None
    ) -> None:
        kept = {} if connection is None else connection.options
        initial = {} if connection is None else {"label": connection.label, "base_url": connection.base_url}
        super().__init__(data, initial=initial)
        for option in options_of(provider):
            self.fields[OPTION + option.key] = forms.CharField(
                label=str(option.label),
                help_text=str(option.help),
                max_length=2_000,
                required=bool(option.default),
                initial=option.show(kept.get(option.key, option.default)),
            )
        if connection is not None:
            self.fields["version"] = forms.IntegerField(widget=forms.HiddenInput, initial=connection.version)

    def clean(self) -> dict[str, Any]:
        """What the service takes: the settings in a mapping of their own."""
        cleaned = super().clean() or self.cleaned_data
        options = {name.removeprefix(OPTION): cleaned[name] for name in list(cleaned) if name.startswith(OPTION)}
        return {name: value for name, value in cleaned.items() if not name.startswith(OPTION)} | {"options": options}

    def refuse(self, error: Any) -> None:
        """As the base class, with the settings' names."""
        if error.field is not None and OPTION + error.field in self.fields:
            self.add_error(OPTION + error.field, error.message)
        else:
            super().refuse(error)


class SecretForm(ServiceForm):
    """A secret, written and never shown."""

    value = forms.CharField(
        label=gettext_lazy("New value"),
        max_length=500,
        widget=forms.PasswordInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )


class PauseForm(ServiceForm):
    """Why a connection rests."""

    reason = forms.CharField(label=gettext_lazy("Why it is paused"), max_length=200)


class ReasonForm(ServiceForm):
    """Why messages are applied again, or dismissed."""

    reason = forms.CharField(label=gettext_lazy("Reason"), max_length=300)


class DryRunForm(forms.Form):
    """As of which instant; receipt where none is given."""

    now = forms.DateTimeField(
        label=gettext_lazy("As of"),
        required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}),
        help_text=gettext_lazy("The time of receipt where nothing is given."),
    )


def ids_from(texts: list[str]) -> list[int]:
    """The numbers among the chosen rows. Raises forms.ValidationError for anything else."""
    if any(not (text.isascii() and text.isdigit() and len(text) < 19) for text in texts):
        raise forms.ValidationError(_("Choose from the list."))
    return [int(text) for text in texts]
