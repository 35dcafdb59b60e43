"""Addresses of customers under /api/."""

from __future__ import annotations

from django.urls import path

from customers.api import accounts, belonging, bulk_actions, duplicates, fields, history, merges, people, tags, trash

app_name = "customers_api"
urlpatterns = [
    path("customers/", accounts.CustomersView.as_view(), name="customers"),
    path("customers/bulk/", accounts.BulkView.as_view(), name="bulk"),
    path("customers/trash/", trash.TrashView.as_view(), name="trash"),
    path("customers/<int:pk>/", accounts.CustomerView.as_view(), name="customer"),
    path("customers/<int:pk>/locations/", accounts.LocationsView.as_view(), name="locations"),
    path("customers/<int:pk>/activate/", accounts.ActivateView.as_view(), name="activate"),
    path("customers/<int:pk>/status/", accounts.StatusView.as_view(), name="status"),
    path("customers/<int:pk>/review/", accounts.ReviewView.as_view(), name="review"),
    path("customers/<int:pk>/restore/", trash.RestoreView.as_view(), name="restore"),
    path("customers/<int:pk>/owner/", belonging.OwnerView.as_view(), name="owner"),
    path("customers/<int:pk>/possible-owners/", belonging.PossibleOwnersView.as_view(), name="possible_owners"),
    path("customers/<int:pk>/chain/", belonging.ChainView.as_view(), name="chain"),
    path("customers/<int:pk>/grants/", belonging.GrantsView.as_view(), name="grants"),
    path("customers/<int:pk>/grants/<int:user_id>/", belonging.GrantView.as_view(), name="grant"),
    path("customers/<int:pk>/possible-readers/", belonging.PossibleReadersView.as_view(), name="possible_readers"),
    path("customers/<int:pk>/tags/", tags.TagsView.as_view(), name="tags"),
    path("customers/<int:pk>/contacts/", people.ContactsView.as_view(), name="contacts"),
    path("customers/<int:pk>/contacts/<int:contact_id>/", people.ContactView.as_view(), name="contact"),
    path("customers/<int:pk>/addresses/", people.AddressesView.as_view(), name="addresses"),
    path("customers/<int:pk>/addresses/<int:address_id>/", people.AddressView.as_view(), name="address"),
    path("customers/<int:pk>/fields/", fields.CustomerFieldsView.as_view(), name="fields"),
    path("customers/<int:pk>/history/", history.HistoryView.as_view(), name="history"),
    path("bulk-actions/", bulk_actions.BulkActionsView.as_view(), name="bulk_actions"),
    path("duplicates/check/", duplicates.CheckView.as_view(), name="duplicates_check"),
    path("merges/", merges.MergesView.as_view(), name="merges"),
    path("merges/<int:pk>/undo/", merges.MergeUndoView.as_view(), name="merge_undo"),
    path("field-definitions/", fields.FieldDefinitionsView.as_view(), name="field_definitions"),
    path("field-definitions/<int:pk>/", fields.FieldDefinitionView.as_view(), name="field_definition"),
]
