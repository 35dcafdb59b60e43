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
from crm.core.api.serializers import example
from crm.core.api.versions import asks_for_match, digest_tag, require_tag
from crm.core.api.views import ApiView
from customers import services
from customers.api.accounts import AREA, visible
from customers.api.serializers import (
    FieldDefinitionListSerializer,
    FieldDefinitionSerializer,
    FieldsSerializer,
    FieldWithValueSerializer,
    WrittenSerializer,
)
from customers.choices import FieldEntity, Sensitivity
from customers.models import Customer, CustomerFieldValue, FieldDefinition
from customers.restricted import note_restricted_read


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
        """`{"key": value, …}`: all or nothing, with an error per key; null clears. The answer has the values as kept."""
        if not isinstance(request.data, Mapping):
            raise ValidationError(_("An object of keys and values is expected."))
        if asks_for_match(request):
            self._require_match(request, pk)
        written = services.write_fields(scope=self.scope, customer_id=pk, values=request.data)
        return Response({"values": written})

    def _require_match(self, request: Request, pk: int) -> None:
        # The service locks the same row: nobody writes a value between the comparison and the writing.
        Customer.objects.visible_to(self.scope).select_for_update(of=("self",)).get_or_not_found(pk=pk)
        definitions = FieldDefinition.objects.catalogue(self.scope, FieldEntity.CUSTOMER)
        require_tag(request, digest_tag(_values(self.scope, pk, definitions)))


def _values(scope: Scope, pk: int, definitions: list[FieldDefinition]) -> dict[int, Any]:
    """The customer's values of these definitions, by definition."""
    rows = CustomerFieldValue.objects.visible_to(scope).filter(customer_id=pk, definition__in=definitions)
    return dict(rows.values_list("definition_id", "value"))


class FieldDefinitionsView(ApiView):
    """The field catalogue; managers edit it in the administration."""

    area = "fields"

    @extend_schema(
        operation_id="field_definitions_list",
        summary="List the field catalogue",
        parameters=[OpenApiParameter("entity", OpenApiTypes.STR, enum=FieldEntity.values)],
        responses=FieldDefinitionListSerializer,
    )
    def get(self, request: Request) -> Response:
        """The active fields that the caller may read, of one entity or of all."""
        unknown = {name: _("There is no such parameter.") for name in request.query_params if name != "entity"}
        wanted = request.query_params.getlist("entity")
        if set(wanted) - set(FieldEntity.values):
            unknown["entity"] = _("This is none of the choices.")
        if unknown:
            raise InvalidQuery(_("The filter has faults."), errors=unknown)
        entities = wanted or FieldEntity.values
        definitions = [one for entity in entities for one in FieldDefinition.objects.catalogue(self.scope, entity)]
        return Response({"results": FieldDefinitionSerializer(definitions, many=True).data})
