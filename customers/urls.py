"""Addresses of customers, below /customer-management/."""

from __future__ import annotations

from django.urls import URLPattern, path, register_converter

from customers.views import (
    bulk,
    create,
    duplicates,
    exports,
    imports,
    life,
    listing,
    merging,
    people,
    record,
    reviews,
    trash,
)

app_name = "customers"


class StatusConverter:
    """The two steps of the status machine that a person takes, in the address by their wire names."""

    regex = "ARCHIVIERT|PROSPECT"

    def to_python(self, value: str) -> str:
        """As it stands."""
        return value

    def to_url(self, value: str) -> str:
        """As it stands."""
        return value


register_converter(StatusConverter, "customer_status")

urlpatterns: list[URLPattern] = [
    path("customers/", listing.customer_list, name="list"),
    path("customers/filter/", listing.customer_filter, name="filter"),
    path("customers/new/", create.create, name="create"),
    path("customers/new/twins/", create.twins, name="twins"),
    path("customers/new/chains/", create.chains, name="chains"),
    path("customers/new/check/<slug:name>/", create.check, name="check"),
    path("customers/bulk/<slug:action>/", bulk.bulk, name="bulk"),
    path("customers/export/", exports.export, name="export"),
    path("customers/exports/", exports.exports, name="exports"),
    path("customers/exports/<int:pk>/file/", exports.download, name="download"),
    path("customers/import/", imports.imports, name="import"),
    path("customers/import/<int:file_id>/", imports.mapping, name="mapping"),
    path("customers/trash/", trash.trash, name="trash"),
    path("customers/duplicates/", duplicates.duplicates, name="duplicates"),
    path("customers/duplicates/<int:pair_id>/part/", duplicates.part, name="part"),
    path("customers/merges/<int:pk>/undo/", merging.unmerge, name="unmerge"),
    path("customers/reviews/", reviews.reviews, name="reviews"),
    path("customers/<int:pk>/", record.detail, name="detail"),
    path("customers/<int:pk>/preview/", record.preview, name="preview"),
    path("customers/<int:pk>/field/<slug:name>/", record.field, name="field"),
    path("customers/<int:pk>/value/<slug:key>/", record.value, name="value"),
    path("customers/<int:pk>/activate/", life.activate, name="activate"),
    path("customers/<int:pk>/status/<customer_status:status>/", life.status, name="status"),
    path("customers/<int:pk>/lift/", life.lift, name="lift"),
    path("customers/<int:pk>/review/", reviews.review, name="review"),
    path("customers/<int:pk>/owner/", life.owner, name="owner"),
    path("customers/<int:pk>/chain/", life.chain, name="chain"),
    path("customers/<int:pk>/sharing/", life.grant, name="grant"),
    path("customers/<int:pk>/sharing/<int:user_id>/end/", life.revoke, name="revoke"),
    path("customers/<int:pk>/merge/", merging.merge, name="merge"),
    path("customers/<int:pk>/season/", people.season, name="season"),
    path("customers/<int:pk>/season/preview/", people.season_preview, name="season_preview"),
    path("customers/<int:pk>/tags/", people.tags, name="tags"),
    path("customers/<int:pk>/pains/", people.pains, name="pains"),
    path("customers/<int:pk>/contacts/new/", people.add_contact, name="contact_add"),
    path("customers/<int:pk>/contacts/<int:contact_id>/", people.contact, name="contact"),
    path("customers/<int:pk>/contacts/<int:contact_id>/remove/", people.remove_contact, name="contact_remove"),
    path("customers/<int:pk>/addresses/new/", people.add_address, name="address_add"),
    path("customers/<int:pk>/addresses/<int:address_id>/", people.address, name="address"),
    path("customers/<int:pk>/addresses/<int:address_id>/remove/", people.remove_address, name="address_remove"),
    path("customers/<int:pk>/delete/", trash.delete, name="delete"),
    path("customers/<int:pk>/restore/", trash.restore, name="restore"),
]
