"""Catalogue fields: what there is, what a customer has, and the writing of several at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from crm.core.access import Scope
from crm.core.api.problems import InvalidQuery
from crm.core.api.serializers import example, read_body
from crm.core.api.versions import asks_for_match, digest_tag, etag, require_match, require_tag
from crm.core.api.views import ApiView
from customers import services
from customers.api.accounts import AREA, visible
from customers.api.serializers import (
    ChangedFieldSerializer,
    FieldDefinitionListSerializer,
    FieldDefinitionSerializer,
    FieldsSerializer,
    FieldWithValueSerializer,
    NewFieldSerializer,
    WrittenSerializer,
)
from customers.choices import FieldEntity, Sensitivity
from customers.models import Customer, CustomerFieldValue, FieldDefinition
from customers.querysets import FieldDefinitionQuerySet
from customers.restricted import note_restricted_read

FIELDS_AREA = "fields"
# A key is never used again: a collection of requests that makes a field works only once.
ONCE = {"x-needs-data": True}


class CustomerFieldsView(ApiView):
    """The catalogue fields of one customer."""

    area = AREA
    versioned = frozenset({"PATCH"})

    @extend_schema(operation_id="fields_read", summary="Read a customer's fields", responses=FieldsSerializer)
    def get(self, request: Request, pk: int) -> Response:
        """Every field that the caller may read, with the value or null."""
        customer = visible(self.scope, pk)
        definitions = FieldDefinition.objects.catalogue(self.scope, FieldEntity.CUSTOMER)
        values = _values(self.scope, customer.pk, definitions)
        restricted = self.scope.allows("fields.write_restricted")
        changeable = Customer.objects.visible_to(self.scope).changeable_by(self.scope).filter(pk=pk).exists()
        changeable = changeable and self.scope.allows("customers.change")
        for one in definitions:
            one.value = values.get(one.pk)  # type: ignore[attr-defined]
            one.writable = changeable and (restricted or one.sensitivity != Sensitivity.RESTRICTED)  # type: ignore[attr-defined]
        note_restricted_read(self.scope, pk)
        body = {"results": FieldWithValueSerializer(definitions, many=True).data}
        return Response(body, headers={"ETag": digest_tag(values)})

    @extend_schema(
        operation_id="fields_change",
        summary="Write a customer's fields",
        request={"application/json": {"type": "object", "additionalProperties": True}},
        responses=WrittenSerializer,
        examples=example({}),
    )
    def patch(self, request: Request, pk: int) -> Response:
        """`{"key": value, …}`: all or nothing, with an error per key; null clears. The answer has the values as kept.

        With If-Match it has the new ETag too.
        """
        if not isinstance(request.data, Mapping):
            raise ValidationError(_("An object of keys and values is expected."))
        if not asks_for_match(request):
            return Response({"values": services.write_fields(scope=self.scope, customer_id=pk, values=request.data)})
        # The service locks the same row: nobody writes a value between the comparison and the writing.
        Customer.objects.visible_to(self.scope).select_for_update(of=("self",)).get_or_not_found(pk=pk)
        definitions = FieldDefinition.objects.catalogue(self.scope, FieldEntity.CUSTOMER)
        require_tag(request, digest_tag(_values(self.scope, pk, definitions)))
        written = services.write_fields(scope=self.scope, customer_id=pk, values=request.data)
        tag = digest_tag(_values(self.scope, pk, definitions))
        return Response({"values": written}, headers={"ETag": tag})


def _values(scope: Scope, pk: int, definitions: list[FieldDefinition]) -> dict[int, Any]:
    """The customer's values of these definitions, by definition."""
    rows = CustomerFieldValue.objects.visible_to(scope).filter(customer_id=pk, definition__in=definitions)
    return dict(rows.values_list("definition_id", "value"))


class FieldDefinitionsView(ApiView):
    """The field catalogue."""

    area = FIELDS_AREA

    @extend_schema(
        operation_id="field_definitions_list",
        summary="List the field catalogue",
        parameters=[
            OpenApiParameter("entity", OpenApiTypes.STR, enum=FieldEntity.values),
            OpenApiParameter("inactive", OpenApiTypes.STR, enum=["1"], description="Those out of use instead."),
        ],
        responses=FieldDefinitionListSerializer,
    )
    def get(self, request: Request) -> Response:
        """The active fields that the caller may read, of one entity or of all."""
        known = ("entity", "inactive")
        unknown = {name: _("There is no such parameter.") for name in request.query_params if name not in known}
        inactive = request.query_params.get("inactive")
        if inactive not in {None, "1"}:
            unknown["inactive"] = _("This is none of the choices.")
        wanted = request.query_params.getlist("entity")
        if set(wanted) - set(FieldEntity.values):
            unknown["entity"] = _("This is none of the choices.")
        if unknown:
            raise InvalidQuery(_("The filter has faults."), errors=unknown)
        entities = wanted or FieldEntity.values
        rows = FieldDefinition.objects.visible_to(self.scope).filter(is_active=inactive is None)
        found = [one for entity in entities for one in rows.of_entity(entity).readable_in(self.scope)]
        return Response({"results": FieldDefinitionSerializer(found, many=True).data})

    @extend_schema(
        operation_id="field_definitions_create",
        summary="Add a field to the catalogue",
        request=NewFieldSerializer,
        responses={201: FieldDefinitionSerializer},
        examples=example({"key": "parking", "type": "INTEGER", "label_de": "Parkplätze", "label_en": "Parking spaces"}),
        extensions=ONCE,
    )
    def post(self, request: Request) -> Response:
        """At once on every page. 409 where the key is taken, also by a field that is out of use."""
        body = read_body(NewFieldSerializer(data=request.data))
        hot = body.pop("is_hot")
        decided = {"entity": body.pop("entity", FieldEntity.CUSTOMER), "key": body.pop("key"), "type": body.pop("type")}
        definition = services.define_field(scope=self.scope, values=body, **decided)
        if hot:
            services.set_hot(scope=self.scope, definition_id=definition.pk, hot=True)
        response = _definition(self.scope, definition.pk, status=201)
        response.headers["Location"] = f"{request.path}{definition.pk}/"
        return response


class FieldDefinitionView(ApiView):
    """One field of the catalogue."""

    area = FIELDS_AREA
    versioned = frozenset({"PATCH"})

    @extend_schema(
        operation_id="field_definitions_read",
        summary="Read a field of the catalogue",
        responses=FieldDefinitionSerializer,
        extensions=ONCE,
    )
    def get(self, request: Request, pk: int) -> Response:
        """Also one that is out of use; the ETag is its version."""
        return _definition(self.scope, pk)

    @extend_schema(
        operation_id="field_definitions_change",
        summary="Change a field of the catalogue",
        request=ChangedFieldSerializer(partial=True),
        responses=FieldDefinitionSerializer,
        examples=example({"position": 50}),
        extensions=ONCE,
    )
    def patch(self, request: Request, pk: int) -> Response:
        """What is named; `is_active` false takes it out of use, and its values stay. A worker fills a hot field's slot."""
        changes = read_body(ChangedFieldSerializer(data=request.data, partial=True))
        require_match(request, _readable(self.scope), pk=pk)
        services.edit_field(scope=self.scope, definition_id=pk, changes=changes)
        return _definition(self.scope, pk)


def _readable(scope: Scope) -> FieldDefinitionQuerySet:
    return FieldDefinition.objects.visible_to(scope).readable_in(scope)


def _definition(scope: Scope, pk: int, status: int = 200) -> Response:
    definition = _readable(scope).get_or_not_found(pk=pk)
    body = FieldDefinitionSerializer(definition).data
    return Response(body, status=status, headers={"ETag": etag(definition.version)})
