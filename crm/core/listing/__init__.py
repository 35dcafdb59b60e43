"""A list page's state in its URL: search, filter, sort, columns, place, size, saved view.

An app says once what its list is:

    CUSTOMERS = Listing(
        path="/customer-management/customers/",
        registry=CUSTOMER_FILTERS,                       # a FilterRegistry
        columns=(
            Column("name", _("Company"), sort="name_key", fixed=True),
            Column("status", _("Status"), sort="status"),
            Column("volume", _("Volume"), sort="actual_volume_cents", numeric=True, right="money.read"),
            Column("city", _("City"), shown=False),      # offered by the column picker, not shown at first
        ),
        default_sort="name",
        more_columns=catalogue_columns,                  # callable(filter fields by key) -> columns, optional
    )

and its view reads and uses the state:

    state = ListState.read(request, CUSTOMERS)
    rows = state.narrow(CustomerHot.objects.visible_to(request.scope).for_list(state.sort.column))
    page = state.page(rows)                              # paging.Page: page.rows; the cursors are in state's links
    total = capped_count(rows)

In the template: `state.problems` (place, message), `state.chips` (text, url without it), `state.headers` (label, url,
direction), `state.first_url`, `previous_url`, `next_url`, `last_url`, `clear_url`, the hidden inputs of forms, and for
any other link `state.url(sort="-name")`, `state.url(size=100)` …: it keeps all the rest and begins at the first page
again. One more condition: `state.with_filter("status", "eq", "AKTIV")`. Sort by "-key" is descending.
Its filter is built at `Listing.builder_path` (`crm.core.listing.builder`), which opens from the list by `state.builder_url`.
Faulty parts of a URL are problems, never errors: the page shows them beside what it understood. What acts on all rows
of a list must refuse while there are problems (`state.require_sound()`), since a filter that was left out widens it.
"""

from crm.core.listing.offered import Column, Listing
from crm.core.listing.state import ListState

__all__ = ["Column", "ListState", "Listing"]
