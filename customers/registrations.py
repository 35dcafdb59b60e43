"""What customers tells the floors below, at start-up."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from crm.core.api import callers
from crm.core.listing.saved import register_listing
from crm.core.metrics import register_figures
from crm.core.navigation import NavEntry, NewEntry, register_new
from crm.core.navigation import register as register_area
from customers import global_search, grants, handlers, hearing, long_work, metrics, nights, notices, upkeep  # noqa: F401 - jobs and handlers register themselves
from customers.account_list import CUSTOMERS
from organisation.access import register_grants


def register() -> None:
    """Grants into the scope; who may hear of a customer; the area and the trash into the navigation; the form into the "New" menu."""
    register_grants(grants.grants_of)
    register_figures(metrics.figures)
    notices.register()
    callers.register_area("customers", _("Customers"))
    callers.register_area("fields", _("Field catalogue"))
    hearing.register()
    global_search.register()
    register_listing(CUSTOMERS)
    register_area(
        NavEntry(
            key="dashboard",
            label=_("Overview"),
            url_name="dashboard:overview",
            icon="layout-dashboard",
            position=10,
            go="o",
        )
    )
    register_area(
        NavEntry(
            key="customers",
            label=_("Customers"),
            url_name="customers:list",
            icon="building-store",
            position=20,
            go="k",
        )
    )
    register_area(
        NavEntry(
            key="reviews",
            label=_("Reviews"),
            url_name="customers:reviews",
            icon="hourglass",
            position=70,
            group="manage",
            allowed=lambda scope: scope.allows("customers.status"),
        )
    )
    register_area(
        NavEntry(
            key="duplicates",
            label=_("Duplicates"),
            url_name="customers:duplicates",
            icon="copy-check",
            position=75,
            group="manage",
            allowed=lambda scope: scope.allows("customers.change"),
        )
    )
    register_area(
        NavEntry(
            key="trash",
            label=_("Trash"),
            url_name="customers:trash",
            icon="trash",
            position=90,
            group="manage",
            allowed=lambda scope: scope.allows("customers.delete"),
        )
    )
    register_new(
        NewEntry(
            key="customer",
            label=_("Customer"),
            url_name="customers:create",
            icon="building-store",
            position=10,
            allowed=lambda scope: scope.allows("customers.create"),
        )
    )
