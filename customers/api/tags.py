"""The tags of a customer."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from crm.core.access import Scope
from crm.core.api.serializers import example, read_body
from crm.core.api.versions import asks_for_match, digest_tag, require_tag
from crm.core.api.views import ApiView
from customers import services
from customers.api.accounts import AREA, visible
from customers.api.serializers import TagsSerializer
from customers.models import Customer
from customers.panels import tags_of


class TagsView(ApiView):
    """The tags of one customer."""

    area = AREA
    versioned = frozenset({"PUT"})

    @extend_schema(operation_id="tags_read", summary="Read a customer's tags", responses=TagsSerializer)
    def get(self, request: Request, pk: int) -> Response:
        """In order; the ETag is of all of them."""
        return _shown(self.scope, visible(self.scope, pk))

    @extend_schema(
        operation_id="tags_change",
        summary="Give a customer exactly these tags",
        request=TagsSerializer,
        responses=TagsSerializer,
        examples=example({"tags": ["Bio", "Messe"]}),
    )
    def put(self, request: Request, pk: int) -> Response:
        """Tags that there are not yet are made; those that are not named go."""
        body = read_body(TagsSerializer(data=request.data))
        if asks_for_match(request):
            # The service locks the same row: nobody changes a tag between the comparison and the writing.
            rows = Customer.objects.visible_to(self.scope).select_for_update(of=("self",))
            require_tag(request, digest_tag(tags_of(self.scope, rows.get_or_not_found(pk=pk))))
        services.set_tags(scope=self.scope, customer_id=pk, names=body["tags"])
        return _shown(self.scope, visible(self.scope, pk))


def _shown(scope: Scope, customer: Customer) -> Response:
    tags = tags_of(scope, customer)
    return Response({"tags": tags}, headers={"ETag": digest_tag(tags)})
