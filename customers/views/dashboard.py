"""The overview of customers: what there is, who may be lost, what is due, what is missing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from crm.core.access import CrmRequest
from crm.core.listing import ListState
from customers.dashboard import (
    AGES,
    AT_RISK,
    BASE,
    GAPS,
    LOST,
    RENEWALS,
    SEASONS,
    STATUSES,
    Counted,
    Figure,
    figures_for,
    list_state,
)

SHOWN_ROWS: Final = 8
QUERY_BUDGET: Final = 26
"""Queries of the page: five to seven make the session and the scope, then catalogue, kept figures, nine counts, and two lists of two
(who has no last order comes last)."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A figure as the page shows it: its words, its number, the address of its rows."""

    key: str
    label: Any
    number: int
    url: str


@login_required
@require_safe
def dashboard(request: CrmRequest) -> HttpResponse:
    """The overview. Query budget: `QUERY_BUDGET`."""
    state = list_state(request.scope)
    counted = figures_for(state)

    def shown(*figures: Figure) -> list[Shown]:
        return [_shown(state, counted, one) for one in figures if request.scope.sees_all or not one.of_all]

    context = {
        "counted": counted,
        "statuses": shown(*STATUSES),
        "ages": shown(*AGES),
        "seasons": shown(*SEASONS),
        "gaps": shown(*GAPS),
        "lost": _shown(state, counted, LOST),
        "base": _shown(state, counted, BASE),
        "at_risk": _shown(state, counted, AT_RISK),
        "renewals": _shown(state, counted, RENEWALS),
        "may_create": request.scope.allows("customers.create"),
    }
    if counted.total:
        context["at_risk_rows"] = AT_RISK.first_rows(state, SHOWN_ROWS)
        context["renewal_rows"] = RENEWALS.first_rows(state, SHOWN_ROWS)
    return render(request, "customers/dashboard.html", context)


def _shown(state: ListState, counted: Counted, figure: Figure) -> Shown:
    return Shown(figure.key, figure.label, counted.numbers[figure.key], figure.url(state))
