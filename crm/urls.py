"""Every address of the product. One scheme, no page with two addresses."""

from __future__ import annotations

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path
from django.views.generic import RedirectView

urlpatterns: list[URLPattern | URLResolver] = [
    path("", RedirectView.as_view(pattern_name="customers:list"), name="home"),
    path("", include("crm.core.urls")),
    path("customer-management/", include("customers.overview_urls")),
    path("customer-management/", include("customers.urls")),
    # Where customers stood in the scheme before: old bookmarks and mails find the one address.
    path(
        "customers/<path:rest>",
        RedirectView.as_view(url="/customer-management/customers/%(rest)s", permanent=True, query_string=True),
        name="old_customers",
    ),
    path(
        "customers/",
        RedirectView.as_view(pattern_name="customers:list", permanent=True, query_string=True),
        name="old_customer_list",
    ),
    path("settings/jobs/", include("jobs.urls")),
    path("settings/", include("outbox.intake_urls")),
    path("settings/webhooks/", include("outbox.webhook_urls")),
    path("settings/", include("organisation.urls")),
    path("lists/", include("organisation.list_urls")),
    path("messages/", include("messaging.urls")),
    path("accounts/", include("organisation.account_urls")),
    path("api/", include("crm.core.api.urls")),
    path("api/", include("customers.api.urls")),
    path("api/", include("organisation.api.urls")),
    path("api/", include("jobs.api.urls")),
    path("api/", include("outbox.api.webhook_urls")),
    path("admin/", admin.site.urls),
]

handler400 = "crm.core.error_pages.bad_request"
handler403 = "crm.core.error_pages.forbidden"
handler404 = "crm.core.error_pages.not_found"
handler500 = "crm.core.error_pages.server_error"
