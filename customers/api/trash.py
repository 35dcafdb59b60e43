"""The trash, and the way back out of it."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from crm.core.api.lists import CURSORS, page_body
from crm.core.api.versions import require_match
from crm.core.api.views import ApiView
from crm.core.paging import Sort
from customers import services
from customers.api.accounts import AREA, shown, visible
from customers.api.serializers import CustomerSerializer, TrashedSerializer, TrashSerializer
from customers.models import Customer


class TrashView(ApiView):
    """The trash."""

    area = AREA

    @extend_schema(operation_id="trash_list", summary="List the trash", parameters=CURSORS, responses=TrashSerializer)
    def get(self, request: Request) -> Response:
        """What the caller deleted, for managers everybody's; the newest first."""
        rows = Customer.objects.trashed_for(self.scope)
        newest = Sort("deleted_at", descending=True)
        return Response(
            page_body(request, rows, sort=newest, shown=lambda page: TrashedSerializer(page, many=True).data)
        )


class RestoreView(ApiView):
    """The way back."""

    area = AREA
    versioned = frozenset({"POST"})

    @extend_schema(
        operation_id="customers_restore",
        summary="Restore a customer from the trash",
        request=None,
        responses=CustomerSerializer,
        extensions={"x-needs-data": True},  # a collection of requests deletes last of all
    )
    def post(self, request: Request, pk: int) -> Response:
        """With all that hangs on him. 404 once his days in the trash are over; 409 while his chain lies there."""
        require_match(request, Customer.objects.trashed_for(self.scope), pk=pk)
        services.restore_customer(scope=self.scope, customer_id=pk)
        return shown(self.scope, visible(self.scope, pk))
