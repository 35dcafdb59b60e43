"""The form of a manager's word on a prospect."""

from __future__ import annotations

from typing import ClassVar

from django import forms
from django.utils.translation import gettext_lazy

from customers.choices import ReviewDecision
from customers.forms import GridForm, day_input


class ReviewForm(GridForm):
    """Keep until a day, or archive; with a reason, which the service asks for."""

    spans: ClassVar[dict[str, int]] = {"decision": 6, "until": 6}

    decision = forms.ChoiceField(label=gettext_lazy("Decision"), choices=ReviewDecision.choices)
    until = forms.DateField(label=gettext_lazy("Review again on"), required=False, widget=day_input())
    reason = forms.CharField(
        label=gettext_lazy("Reason"), max_length=500, required=False, widget=forms.Textarea({"rows": 3})
    )
