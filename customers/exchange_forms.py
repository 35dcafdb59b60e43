"""The forms of exports and imports."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from customers.choices import FileFormat
from customers.forms import GridForm


class ExportForm(GridForm):
    """In which form."""

    format = forms.ChoiceField(label=_("Format"), choices=FileFormat.choices)
