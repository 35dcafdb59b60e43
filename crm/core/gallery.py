"""The gallery: every component in all its states, for those who build pages and those who judge them."""

from __future__ import annotations

from datetime import date
from typing import Any

from django import forms
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.core.access import Scope
from crm.core.components.signs import KINDS, STATUS
from crm.core.errors import Forbidden

TODAY = date(2026, 11, 20)
SWATCHES = {
    gettext_lazy(
        "Surfaces and ink"
    ): "canvas surface sunken raised hover press line line-strong control-line ink ink-2 ink-3",
    gettext_lazy("Accent"): "accent accent-solid accent-fill accent-line accent-soft selected",
    gettext_lazy("Tones"): " ".join(
        f"{tone} {tone}-fill {tone}-line {tone}-soft"
        for tone in ("green", "amber", "orange", "red", "blue", "violet", "slate")
    ),
}


class SampleForm(forms.Form):
    """One field of each kind."""

    name = forms.CharField(label=gettext_lazy("Company name"), max_length=120)
    kind = forms.ChoiceField(
        label=gettext_lazy("Business type"), choices=[(k, look.label) for k, look in KINDS.items()]
    )
    account = forms.ChoiceField(
        label=gettext_lazy("Kind of customer"),
        widget=forms.RadioSelect,
        choices=[("INDEPENDENT", gettext_lazy("Independent")), ("CHAIN", gettext_lazy("Chain"))],
    )
    postcode = forms.RegexField(
        r"^\d{5}$", label=gettext_lazy("Postcode"), error_messages={"invalid": gettext_lazy("5 digits")}
    )
    phone = forms.CharField(
        label=gettext_lazy("Phone"),
        required=False,
        help_text=gettext_lazy("With area code."),
        widget=forms.TextInput(attrs={"type": "tel"}),
    )
    note = forms.CharField(label=gettext_lazy("Note"), required=False, widget=forms.Textarea(attrs={"rows": 2}))
    keep = forms.BooleanField(label=gettext_lazy("Keep me informed"), required=False)
    months = forms.MultipleChoiceField(
        label=gettext_lazy("Active months"), choices=[(n, n) for n in range(1, 13)], required=False
    )


def gallery(request: HttpRequest) -> HttpResponseBase:
    """GET. For administrators, and for every user of a demo organisation; raises Forbidden for other users."""
    scope: Scope | None = request.scope  # type: ignore[attr-defined]
    if scope is None:
        return redirect_to_login(request.get_full_path())
    if scope.role != "ADMINISTRATOR" and not request.user.organisation.is_demo:  # type: ignore[union-attr]
        raise Forbidden(_("The gallery is for administrators."))
    return render(request, "core/gallery.html", context())


def context() -> dict[str, Any]:
    """What the gallery shows. All names are invented."""
    filled = SampleForm(
        {
            "name": "Gasthaus zum gruenen Huegel",
            "kind": "BEER_GARDEN",
            "account": "INDEPENDENT",
            "postcode": "1446",
            "months": [4, 5, 6, 7, 8, 9],
        }
    )
    filled.is_valid()
    return {
        "today": TODAY,
        "statuses": list(STATUS),
        "kinds": list(KINDS),
        "swatches": {title: names.split() for title, names in SWATCHES.items()},
        "form": filled,
        "seasons": [(4, 5, 6, 7, 8, 9), (12, 1, 2, 3), (11, 12), (3, 4, 5, 6, 7, 8, 9, 10), ()],
        "patterns": [
            {"label": _("Beer garden"), "months": [4, 5, 6, 7, 8, 9]},
            {"label": _("Ski"), "months": [12, 1, 2, 3]},
        ],
        "notes": {"INDEPENDENT": _("one house, one kitchen"), "CHAIN": _("has locations")},
        "views": [
            {"label": _("All"), "url": "?", "count": 48210},
            {"label": _("Mine"), "url": "?", "count": 184, "current": True, "changed": True},
            {"label": _("At risk"), "url": "?", "icon": "users"},
        ],
        "columns": [
            {"key": "name", "label": _("Name"), "shown": True, "fixed": True},
            {"key": "status", "label": _("Status"), "shown": True},
            {"key": "place", "label": _("Place"), "shown": False},
        ],
        "clash": {"value": "9 m²", "was": 4, "mine": "6", "shown": "6 m²", "who": "Jana Petersen"},
        "matches": [
            {
                "name": "Gasthaus & Biergarten Zum Grünen Hügel – Familie Obermüller-Wägenbaur",
                "url": "?",
                "kind": "BEER_GARDEN",
                "score": 96,
                "reasons": [_("same phone"), _("same address")],
                "note": "K-004217",
            },
            {"protected": _("Protected until 14 Feb 2027. Ask the team lead South.")},
        ],
        "changes": [
            {
                "when": "20.11.2026 08:31",
                "who": "Miriam Schröder",
                "field": _("Kitchen size"),
                "old": _("Small"),
                "new": _("Medium"),
                "cause": _("Page"),
            },
            {
                "when": "02.06.2026 09:44",
                "who": "Lukas Böhme",
                "field": _("Status"),
                "old": "",
                "new": _("Active"),
                "cause": _("Import"),
            },
        ],
        "stages": [_("File"), _("Mapping"), _("Trial run"), _("Result")],
        "sums": [
            {"label": _("Created"), "value": "9.214", "icon": "circle-plus", "tone": "green"},
            {"label": _("Updated"), "value": "1.873", "icon": "refresh", "tone": "blue"},
            {"label": _("Errors"), "value": "26", "icon": "alert-circle--filled", "tone": "red"},
        ],
    }
