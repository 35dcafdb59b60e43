"""The forms of exports and imports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.core.forms import ServiceForm
from customers.choices import FileFormat, OnDuplicate
from customers.forms import GridForm


class ExportForm(GridForm):
    """In which form."""

    format = forms.ChoiceField(label=gettext_lazy("Format"), choices=FileFormat.choices)


class UploadForm(ServiceForm):
    """One file."""

    file = forms.FileField(
        label=gettext_lazy("File"),
        help_text=gettext_lazy("CSV or Excel (XLSX), at most 32 MB and 200,000 rows; the first row names the columns."),
        widget=forms.FileInput({"accept": ".csv,.txt,.xlsx"}),
    )


class MappingForm(ServiceForm):
    """For each column of the file the field that it fills; what happens to those who are there already."""

    on_duplicate = forms.ChoiceField(
        label=gettext_lazy("Customers that are there already"), choices=OnDuplicate.choices
    )
    dry_run = forms.BooleanField(required=False, widget=forms.HiddenInput)

    def __init__(
        self, *args: Any, headers: Sequence[str], fields: Mapping[str, str], suggested: Mapping[str, str], **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.headers = headers
        choices = [("", _("do not import")), *sorted(fields.items(), key=lambda pair: pair[1].casefold())]
        for place, header in enumerate(headers):
            self.fields[f"column_{place}"] = forms.ChoiceField(
                label=header, choices=choices, required=False, initial=suggested.get(header, "")
            )

    def controls(self) -> list[forms.BoundField]:
        """The control of each column, in the file's order."""
        return [self[f"column_{place}"] for place in range(len(self.headers))]

    def columns(self) -> dict[str, str]:
        """Header → field, of those that are imported; of doubled headers the first holds."""
        found: dict[str, str] = {}
        for place, header in enumerate(self.headers):
            if header and (name := self.cleaned_data.get(f"column_{place}")):
                found.setdefault(header, name)
        return found
