"""Contacts and addresses of a customer."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from crm.core.api.lists import CURSORS, page_body
from crm.core.api.serializers import example, read_body
from crm.core.api.versions import etag, require_match
from crm.core.api.views import ApiView
from crm.core.paging import Sort
from customers import services
from customers.api.accounts import AREA, visible
from customers.api.serializers import (
    AddressListSerializer,
    AddressSerializer,
    ContactListSerializer,
    ContactSerializer,
)
from customers.models import Address, Contact


class ContactsView(ApiView):
    """The contacts of a customer."""

    area = AREA

    @extend_schema(
        operation_id="contacts_list", summary="List contacts", parameters=CURSORS, responses=ContactListSerializer
    )
    def get(self, request: Request, pk: int) -> Response:
        """By last name."""
        rows = Contact.objects.visible_to(self.scope).filter(customer=visible(self.scope, pk))
        return Response(
            page_body(request, rows, sort=Sort("last_name"), shown=lambda page: ContactSerializer(page, many=True).data)
        )

    @extend_schema(
        operation_id="contacts_create",
        summary="Add a contact",
        request=ContactSerializer,
        responses={201: ContactSerializer},
        examples=example({"last_name": "Kornfeld", "role": "HEAD_CHEF"}),
    )
    def post(self, request: Request, pk: int) -> Response:
        """A new contact."""
        values = read_body(ContactSerializer(data=request.data))
        contact = services.add_contact(scope=self.scope, customer_id=pk, values=values)
        headers = {"ETag": etag(contact.version), "Location": f"{request.path}{contact.pk}/"}
        return Response(ContactSerializer(contact).data, status=201, headers=headers)


class ContactView(ApiView):
    """One contact."""

    area = AREA
    versioned = frozenset({"PATCH", "DELETE"})

    @extend_schema(operation_id="contacts_read", summary="Read a contact", responses=ContactSerializer)
    def get(self, request: Request, pk: int, contact_id: int) -> Response:
        """The contact; the ETag is its version."""
        contact = Contact.objects.visible_to(self.scope).get_or_not_found(pk=contact_id, customer_id=pk)
        return Response(ContactSerializer(contact).data, headers={"ETag": etag(contact.version)})

    @extend_schema(
        operation_id="contacts_change",
        summary="Change a contact",
        request=ContactSerializer(partial=True),
        responses=ContactSerializer,
        examples=example({"first_name": "Jule"}),
    )
    def patch(self, request: Request, pk: int, contact_id: int) -> Response:
        """Change the named columns; others stay."""
        changes = read_body(ContactSerializer(data=request.data, partial=True))
        rows = Contact.objects.visible_to(self.scope)
        require_match(request, rows, pk=contact_id, customer_id=pk)
        services.change_contact(scope=self.scope, customer_id=pk, contact_id=contact_id, changes=changes)
        contact = rows.get_or_not_found(pk=contact_id)
        return Response(ContactSerializer(contact).data, headers={"ETag": etag(contact.version)})

    @extend_schema(operation_id="contacts_delete", summary="Remove a contact", responses={204: None})
    def delete(self, request: Request, pk: int, contact_id: int) -> Response:
        """The history keeps what it was."""
        require_match(request, Contact.objects.visible_to(self.scope), pk=contact_id, customer_id=pk)
        services.remove_contact(scope=self.scope, customer_id=pk, contact_id=contact_id)
        return Response(status=204)


class AddressesView(ApiView):
    """The addresses of a customer."""

    area = AREA

    @extend_schema(
        operation_id="addresses_list", summary="List addresses", parameters=CURSORS, responses=AddressListSerializer
    )
    def get(self, request: Request, pk: int) -> Response:
        """In the order in which they were added."""
        rows = Address.objects.visible_to(self.scope).filter(customer=visible(self.scope, pk))
        return Response(
            page_body(request, rows, sort=Sort("id"), shown=lambda page: AddressSerializer(page, many=True).data)
        )

    @extend_schema(
        operation_id="addresses_create",
        summary="Add an address",
        request=AddressSerializer,
        responses={201: AddressSerializer},
        examples=example(
            {"kind": "DELIVERY", "street": "Markt", "house_number": "3", "postcode": "10115", "city": "Berlin"}
        ),
    )
    def post(self, request: Request, pk: int) -> Response:
        """A new address; a primary one takes the place of the primary one of its kind."""
        values = read_body(AddressSerializer(data=request.data))
        address = services.add_address(scope=self.scope, customer_id=pk, values=values)
        headers = {"ETag": etag(address.version), "Location": f"{request.path}{address.pk}/"}
        return Response(AddressSerializer(address).data, status=201, headers=headers)


class AddressView(ApiView):
    """One address."""

    area = AREA
    versioned = frozenset({"PATCH", "DELETE"})

    @extend_schema(operation_id="addresses_read", summary="Read an address", responses=AddressSerializer)
    def get(self, request: Request, pk: int, address_id: int) -> Response:
        """The address; the ETag is its version."""
        address = Address.objects.visible_to(self.scope).get_or_not_found(pk=address_id, customer_id=pk)
        return Response(AddressSerializer(address).data, headers={"ETag": etag(address.version)})

    @extend_schema(
        operation_id="addresses_change",
        summary="Change an address",
        request=AddressSerializer(partial=True),
        responses=AddressSerializer,
        examples=example({"house_number": "5"}),
    )
    def patch(self, request: Request, pk: int, address_id: int) -> Response:
        """Change the named columns; others stay."""
        changes = read_body(AddressSerializer(data=request.data, partial=True))
        rows = Address.objects.visible_to(self.scope)
        require_match(request, rows, pk=address_id, customer_id=pk)
        services.change_address(scope=self.scope, customer_id=pk, address_id=address_id, changes=changes)
        address = rows.get_or_not_found(pk=address_id)
        return Response(AddressSerializer(address).data, headers={"ETag": etag(address.version)})

    @extend_schema(operation_id="addresses_delete", summary="Remove an address", responses={204: None})
    def delete(self, request: Request, pk: int, address_id: int) -> Response:
        """The history keeps what it was."""
        require_match(request, Address.objects.visible_to(self.scope), pk=address_id, customer_id=pk)
        services.remove_address(scope=self.scope, customer_id=pk, address_id=address_id)
        return Response(status=204)
