"""Addresses of customers under /api/."""

from __future__ import annotations

from django.urls import path

from customers.api import accounts, fields, history, people

app_name = "customers_api"
urlpatterns = [
    path("customers/", accounts.CustomersView.as_view(), name="customers"),
    path("customers/bulk/", accounts.BulkView.as_view(), name="bulk"),
    path("customers/<int:pk>/", accounts.CustomerView.as_view(), name="customer"),
    path("customers/<int:pk>/locations/", accounts.LocationsView.as_view(), name="locations"),
    path("customers/<int:pk>/activate/", accounts.ActivateView.as_view(), name="activate"),
    path("customers/<int:pk>/status/", accounts.StatusView.as_view(), name="status"),
    path("customers/<int:pk>/contacts/", people.ContactsView.as_view(), name="contacts"),
    path("customers/<int:pk>/contacts/<int:contact_id>/", people.ContactView.as_view(), name="contact"),
    path("customers/<int:pk>/addresses/", people.AddressesView.as_view(), name="addresses"),
    path("customers/<int:pk>/addresses/<int:address_id>/", people.AddressView.as_view(), name="address"),
    path("customers/<int:pk>/fields/", fields.CustomerFieldsView.as_view(), name="fields"),
    path("customers/<int:pk>/history/", history.HistoryView.as_view(), name="history"),
    path("field-definitions/", fields.FieldDefinitionsView.as_view(), name="field_definitions"),
]
