"""The figures of the dashboard. Each is a filter of the list of customers, so that what it counts is what it opens."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final

from django.db.models import Count, Min, QuerySet, Sum
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from crm.core import filters
from crm.core.access import Scope
from crm.core.filters import Node
from crm.core.listing import ListState
from customers.account_list import CUSTOMERS, find
from customers.choices import CustomerStatus, SeasonNow
from customers.models import CustomerFigure, CustomerHot

Rule = Mapping[str, object]
ByOwner = dict[int | None, dict[str, int]]

COUNTED_LIVE: Final = 6_000  # up to so many customers are counted for the page itself, in about 150 ms

RENEWAL_DAYS: Final = 90
PROSPECT_AGES: Final = (60, 90)


@dataclass(frozen=True, slots=True)
class Figure:
    """One count: its name, its words, the conditions of the rows it counts, and the order they are opened in.

    `joined` ones are counted in one query together; the others look into further tables, each for itself.
    """

    key: str
    label: Any
    rules: tuple[Rule, ...]
    sort: str = ""
    joined: bool = True
    of_all: bool = False  # only for who sees every customer

    def node(self, state: ListState) -> Node:
        """Its filter, for the fields of a state."""
        return filters.parse({"and": list(self.rules)}, state.fields, state.scope)

    def url(self, state: ListState) -> str:
        """The address of the list with the rows it counts."""
        return state.url(node=self.node(state), sort=self.sort or state.usual_sort)

    def first_rows(self, state: ListState, most: int) -> list[CustomerHot]:
        """The first rows that this address shows."""
        _all, page, _similar = find(replace(state, node=self.node(state), sort_key=self.sort, size=most))
        return page.rows


def _is(field: str, op: str, value: object = None) -> Rule:
    return {"field": field, "op": op} | ({} if value is None else {"value": value})


def _days(first: int | None, last: int | None) -> Rule:
    """In this status since a day from `first` to `last`, counted from today; None leaves an end open."""
    if first is None:
        return _is("status_since", "lte", {"days": last})
    if last is None:
        return _is("status_since", "gte", {"days": first})
    return _is("status_since", "between", [{"days": first}, {"days": last}])


BY_STATUS: Final = "status"  # walks the rows of one status alone, where few of them are meant
_WARN, _REVIEW = PROSPECT_AGES
_BUYS: Final = _is("status", "in", [CustomerStatus.AKTIV, CustomerStatus.RISIKO])
_PROSPECT: Final = _is("status", "eq", CustomerStatus.PROSPECT)
_OPEN: Final = _is("season_now", "ne", SeasonNow.PAUSED)
_LIVE: Final = _is("status", "ne", CustomerStatus.ARCHIVIERT)
_BOUGHT: Final = _is("status_at_month_start", "in", [CustomerStatus.AKTIV, CustomerStatus.RISIKO])
_LOST: Final = _is("status", "eq", CustomerStatus.INAKTIV)
_SINCE_MONTH: Final = _is("status_since", "within", {"this": "month"})

STATUSES: Final = tuple(
    Figure(status.value, status.label, (_is("status", "eq", status.value),)) for status in CustomerStatus
)
AGES: Final = (
    Figure("prospects_young", _("under 60 days"), (_PROSPECT, _days(1 - _WARN, None)), BY_STATUS, joined=False),
    Figure("prospects_warned", _("60 to 90 days"), (_PROSPECT, _days(-_REVIEW, -_WARN)), BY_STATUS, joined=False),
    Figure("prospects_old", _("over 90 days"), (_PROSPECT, _days(None, -1 - _REVIEW)), joined=False),
)
SEASONS: Final = (
    Figure("seasonal_active", _("in season"), (_BUYS, _is("season_now", "eq", SeasonNow.IN_SEASON))),
    Figure("seasonal_paused", _("in the pause"), (_BUYS, _is("season_now", "eq", SeasonNow.PAUSED))),
)
LOST: Final = Figure(
    "lost", _("inactive since this month"), (_LOST, _SINCE_MONTH, _BOUGHT, _OPEN), BY_STATUS, joined=False
)
BASE: Final = Figure("base", _("bought at its beginning"), (_BOUGHT, _OPEN), joined=False)
AT_RISK: Final = Figure("at_risk", _("At risk"), (_is("status", "eq", CustomerStatus.RISIKO), _OPEN), "last_order_at")
RENEWALS: Final = Figure(
    "renewals",
    _("Renewals in 90 days"),
    (_is("renewal_date", "within", {"next_days": RENEWAL_DAYS}), _LIVE),
    "renewal_date",
)
GAPS: Final = (
    Figure("no_owner", _("without an owner"), (_is("owner", "empty"), _LIVE), of_all=True),
    Figure("no_contact", _("without a contact"), (_is("contacts", "empty"), _LIVE), joined=False),
    Figure("no_email", _("without an e-mail address"), (_is("email", "empty"), _LIVE), joined=False),
)
FIGURES: Final = (*STATUSES, *AGES, *SEASONS, LOST, BASE, AT_RISK, RENEWALS, *GAPS)
KEYS: Final = tuple(one.key for one in FIGURES)


def list_state(scope: Scope) -> ListState:
    """The list of customers without a filter, for this scope; one query for the catalogue."""
    return ListState.of(QueryDict(), scope, CUSTOMERS)


def count_by_owner(state: ListState, rows: QuerySet[CustomerHot]) -> ByOwner:
    """All figures of these rows, counted now: one query for most, one for each that looks into further tables."""
    rules = {one.key: filters.compile(one.node(state), state.scope) for one in FIGURES}
    owners = rows.order_by().values_list("owner_id")
    joined = {one.key: Count("pk", filter=rules[one.key]) for one in FIGURES if one.joined}
    counted: ByOwner = {owner: dict(zip(joined, numbers, strict=True)) for owner, *numbers in owners.annotate(**joined)}
    for one in FIGURES:
        if not one.joined:
            for owner, number in owners.filter(rules[one.key]).annotate(number=Count("pk")):
                counted[owner][one.key] = number
    return counted


@dataclass(frozen=True, slots=True)
class Counted:
    """The figures by key, and the instant of their count; None where they were counted for this very page."""

    numbers: Mapping[str, int]
    at: datetime | None = None

    @property
    def total(self) -> int:
        """All customers."""
        return sum(self.numbers[one.key] for one in STATUSES)

    @property
    def churn(self) -> Decimal | None:
        """The share in percent of those who bought when the month began, without paused ones, that it lost since."""
        base = self.numbers[BASE.key]
        return (Decimal(100 * self.numbers[LOST.key]) / base).quantize(Decimal("0.1"), ROUND_HALF_UP) if base else None


def figures_for(state: ListState) -> Counted:
    """What the dashboard shows: counted now; for who sees very many as the job kept it, by owner."""
    scope = state.scope
    rows = CustomerHot.objects.visible_to(scope)
    kept, at = _kept(scope)
    if at is None or kept.total <= COUNTED_LIVE:
        return _summed(count_by_owner(state, rows))
    if scope.owner_ids is not None and scope.granted_ids:
        shared = count_by_owner(state, rows.exclude(owner_id__in=scope.owner_ids))
        more = _summed(shared).numbers
        return Counted({key: number + more[key] for key, number in kept.numbers.items()}, at)
    return Counted(kept.numbers, at)


def _kept(scope: Scope) -> tuple[Counted, datetime | None]:
    """What was kept of the owners whose customers the scope sees, and since when; one query."""
    kept = CustomerFigure.objects.visible_to(scope).values_list("key").annotate(Sum("number"), Min("counted_at"))
    found = list(kept)
    numbers = _nothing() | {key: number for key, number, _at in found if key in KEYS}
    return Counted(numbers), min((at for _key, _number, at in found), default=None)


def _summed(counted: ByOwner) -> Counted:
    numbers = _nothing()
    for figures in counted.values():
        for key, number in figures.items():
            numbers[key] += number
    return Counted(numbers)


def _nothing() -> dict[str, int]:
    return dict.fromkeys(KEYS, 0)
