"""The list of customers, as page and API have it: columns, orders, and the finding of a page's rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from crm.core.filters import FilterField
from crm.core.listing import Column, Listing, ListState
from crm.core.paging import Page
from customers.choices import FIELD_GROUPS, FieldType
from customers.list_fields import CUSTOMER_FIELDS
from customers.models import CustomerHot
from customers.search import resembling, search

NUMERIC: Final = {FieldType.INTEGER, FieldType.DECIMAL, FieldType.MONEY}


def _catalogue_columns(fields: Mapping[str, FilterField]) -> Iterator[Column]:
    for key, field in fields.items():
        if key.startswith("fields."):
            yield Column(
                key,
                field.label,
                sort=str(field.extra["slot"]),
                numeric=field.extra["type"] in NUMERIC,
                shown=False,
                group=field.group,
                edit=f"value/{field.extra['key']}/",
                data=field,
            )


CUSTOMERS: Final = Listing(
    key="customers",
    label=_("Customers"),
    path="/customer-management/customers/",
    groups={
        "": _("Customer"),
        "dates": _("Dates and volumes"),
        "contacts": _("Contacts and addresses"),
        **FIELD_GROUPS,
    },
    registry=CUSTOMER_FIELDS,
    default_sort="name",
    search_sort="-created_at",
    together={
        "city": frozenset({"postcode"}),
        "postcode": frozenset({"city"}),
        "number": frozenset({"created_at"}),
        "created_at": frozenset({"number"}),
        "business_type": frozenset({"name"}),  # what calls itself a Gasthaus is of one kind
    },
    columns=(
        Column("name", _("Company"), sort="name_key", fixed=True),
        Column("status", _("Status"), sort="status"),
        Column("city", _("Town"), sort="city_key"),
        Column("season_now", _("Season"), sort="season_now"),
        Column("owner", _("Owner"), sort="owner_id"),
        Column("last_contact_at", _("Last contact"), sort="last_contact_at", numeric=True, descending_first=True),
        Column("last_order_at", _("Last order"), sort="last_order_at", numeric=True, descending_first=True),
        Column(
            "expected_volume",
            _("Expected / year"),
            sort="expected_volume_cents",
            edit="field/expected_annual_volume/",
            numeric=True,
            descending_first=True,
            right="money.read",
        ),
        Column(
            "actual_volume",
            _("Actual / year"),
            sort="actual_volume_cents",
            numeric=True,
            descending_first=True,
            right="money.read",
        ),
        Column(
            "renewal_date",
            _("Renewal date"),
            sort="renewal_date",
            numeric=True,
            shown=False,
            edit="field/renewal_date/",
        ),
        Column("number", _("Number"), sort="customer_number", shown=False),
        Column("business_type", _("Business type"), sort="business_type", shown=False, edit="field/business_type/"),
        Column("account_type", _("Account type"), sort="account_type", shown=False),
        Column("kitchen_size", _("Kitchen size"), sort="kitchen_size", shown=False, edit="field/kitchen_size/"),
        Column("postcode", _("Postcode"), sort="postcode", shown=False),
        Column("lead_source", _("Source"), sort="lead_source", shown=False, edit="field/source/"),
        Column("created_at", _("Created"), sort="created_at", numeric=True, descending_first=True, shown=False),
        Column("sample_status", _("Sample"), sort="sample_status", shown=False),
        Column("roi_bucket", _("ROI"), sort="roi_bucket", shown=False),
        Column("next_appointment_at", _("Next appointment"), sort="next_appointment_at", numeric=True, shown=False),
        Column(
            "open_opportunity",
            _("Open opportunities"),
            sort="open_opportunity_cents",
            numeric=True,
            descending_first=True,
            shown=False,
            right="money.read",
        ),
    ),
    more_columns=_catalogue_columns,
)


def find(state: ListState, *, whole: bool = False) -> tuple[QuerySet[CustomerHot], Page[CustomerHot], tuple[str, ...]]:
    """All rows of the list, the page of them, and the similar words that took the place of mistyped ones.

    The page's rows come with `whole` customers, or with what one row of the list shows of them.
    """
    visible = CustomerHot.objects.visible_to(state.scope)
    source = visible.select_related("customer") if whole else visible.for_list(state.sort.column)
    rows = state.narrow(visible)
    if not state.search:
        return rows, state.page(rows, source), ()
    exact = search(rows, state.search, state.scope)
    page = state.page(exact, source)
    # An empty page behind a place may be the end of what the words as typed find.
    if page.rows or ((state.after or state.before) and exact.exists()):
        return exact, page, ()
    found = resembling(rows, state.search, state.scope)
    return (found.customers, state.page(found.customers, source), found.similar) if found.similar else (exact, page, ())
