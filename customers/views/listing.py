"""The list of customers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final
from urllib.parse import urlencode

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.text import slugify
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from crm.core.access import CrmRequest
from crm.core.components.controls import button
from crm.core.components.signs import mark
from crm.core.listing import Column, ListState
from crm.core.listing.builder import build_filter
from crm.core.listing.saved import moved
from crm.core.paging import Count, capped_count
from customers.account_list import CUSTOMERS, find
from customers.cells import cell
from customers.choices import CustomerStatus, SeasonNow
from customers.models import CustomerHot
from customers.views.bulk import acts_for
from organisation.list_views import ListViews, list_views

QUERY_BUDGET: Final = 12
"""Queries of one list page: 5 to 7 make the session and the scope, then catalogue, saved views, the page's ids (and those without a
sort value), its rows, count; a search that finds nobody asks for similar words instead of the count, and once more for rows."""

SEARCH_CAP: Final = 1_000
"""Words that more than a thousand customers have want another word, not an exact number; counting further costs 0.3 s."""

PICK: Final = '<label>{}<input class="form-check-input" type="checkbox" name="ids" value="{}" form="bulk" aria-label="{}"></label>'


@login_required
@require_safe
def customer_list(request: CrmRequest) -> HttpResponse:
    """The list: search, filters, sort, columns and place all stand in the URL. Query budget: `QUERY_BUDGET`.

    As an htmx request only the list itself is rendered.
    """
    views = list_views(ListState.read(request, CUSTOMERS, reserved=("move",)))
    state = views.state
    if "move" in request.GET:
        return redirect(state.url(columns=moved(state, request.GET["move"])))
    if not request.GET and views.default:
        return redirect(views.default.url)
    # In a view that asks for what is not there for this reader, what is left of its filter would show more than it means.
    rows, page, similar = (CustomerHot.objects.none(), None, ()) if views.is_refused else find(state)
    shown = page.rows if page else []
    acts = acts_for(request.scope)
    whole, *usual = _quick(state, views)
    context = {
        "state": state,
        "views": views,
        "lines": list(_lines(state, shown, may_pick=bool(acts))),
        "total": _count(state, rows, len(shown), capped=bool(similar) or " " in state.search),
        "similar": similar,
        "tabs": [whole, *views.tabs, *usual],
        "columns": _columns(state),
        "column_button": button(
            _("Columns"), icon="columns-3", kind="ghost", size="sm", popovertarget="pop-columns", data_place="below-end"
        ),
        "may_create": request.scope.allows("customers.create"),
        "acts": acts,
        "export_url": _export_url(state),
    }
    template = "customers/customer_list.html" + ("#list" if request.htmx else "")
    response = render(request, template, context)
    patch_vary_headers(response, ["HX-Request"])
    return response


@login_required
@require_safe
def customer_filter(request: CrmRequest) -> HttpResponse:
    """The builder of the list's filter."""
    return build_filter(request, CUSTOMERS)


def _lines(state: ListState, rows: Iterable[CustomerHot], *, may_pick: bool) -> Iterator[dict[str, Any]]:
    """Each row as its name and its markup. Five hundred cells a page: the template engine is too slow for them."""
    columns = [(column, _opening(column)) for column in state.columns if not column.fixed]
    select = str(_("Select %(name)s"))
    for row in rows:
        name = row.customer.company_name
        sign = mark(row.business_type)
        html = format_html(
            '<tr data-row><td class="fp-table__pick">{}</td><td class="fp-table__name"><span class="fp-name">'
            '<a class="fp-name__text" href="{}{}/" title="{}">{}</a></span></td>{}</tr>',
            format_html(PICK, sign, row.pk, select % {"name": name})
            if may_pick
            else format_html("<span>{}</span>", sign),
            CUSTOMERS.path,
            row.pk,
            name,
            name,
            format_html_join(
                "", "{}{}</td>", ((opening, cell(column, row, state.scope)) for column, opening in columns)
            ),
        )
        yield {"name": name, "html": html}


def _opening(column: Column) -> SafeString:
    """The beginning of a cell; its label is shown where rows become cards."""
    numeric = " num" if column.numeric else ""
    return format_html('<td class="fp-table__{}{}" data-label="{}">', slugify(column.key), numeric, column.label)


def _count(state: ListState, rows: Any, shown: int, *, capped: bool) -> Count:
    """How many there are, counted no further than 10,000, of a search 1,000; a first page that holds them all is its own count.

    Rows found by similar words, or by several at once, are `capped` to the first page's: how many more there are tells
    little, and counting what has all of several frequent words takes 0.3 s.
    """
    if not state.after and not state.before and (capped or not state.next_url):
        return Count(shown, bool(state.next_url))
    return capped_count(rows, SEARCH_CAP) if state.search else capped_count(rows)


def _export_url(state: ListState) -> str:
    """Where all that the list finds goes into a file; "" for who may not."""
    if not state.scope.allows("exports.run"):
        return ""
    return f"{reverse('customers:export')}?{urlencode([*state.pairs(), ('all', '1')])}"


def _quick(state: ListState, views: ListViews) -> Iterator[dict[str, Any]]:
    """The first tabs above the list: filters that people open most often. In a saved view none of them is the current one."""
    yield {"label": _("All"), "url": views.whole_url, "current": not views.active and not state.is_narrowed}
    for label, key, value in (
        (_("Mine"), "owner", "me"),
        (_("At risk"), "status", CustomerStatus.RISIKO.value),
        (_("Prospects"), "status", CustomerStatus.PROSPECT.value),
        (_("Season pause"), "season_now", SeasonNow.PAUSED.value),
    ):
        url = f"{CUSTOMERS.path}?{key}={value}"
        current = not views.active and state.url(sort=CUSTOMERS.default_sort, columns=(), density="", view="") == url
        yield {"label": label, "url": url, "current": current}


def _columns(state: ListState) -> list[dict[str, Any]]:
    """Those that show, in their order, then the others."""
    shown = {column.key: column for column in state.columns}
    return [
        {"key": column.key, "label": column.label, "shown": column.key in shown, "fixed": column.fixed}
        for column in (shown | dict(state.available)).values()
    ]
