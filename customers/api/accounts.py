"""The account: list, one, its life, many at once."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from crm.core.access import Scope
from crm.core.api.bulk import each_row
from crm.core.api.lists import CURSORS, LISTING, page_body, read_state, refuse_faults, state_body
from crm.core.api.serializers import example, read_body
from crm.core.api.versions import etag, require_match, require_version
from crm.core.api.views import ApiView
from crm.core.errors import Invalid, NotFound
from crm.core.paging import Sort
from customers import services
from customers.account_list import CUSTOMERS, find
from customers.api.serializers import (
    ActivatedSerializer,
    ActivateSerializer,
    BulkResultsSerializer,
    BulkSerializer,
    CustomerListSerializer,
    CustomerPageSerializer,
    CustomerSerializer,
    NewCustomerSerializer,
    ReviewSerializer,
    StatusSerializer,
)
from customers.chains import locations_of
from customers.models import Customer
from customers.services.merging import kept_instead_of

AREA = "customers"
_BODY_NAMES = {"chain": "chain_id", "owner": "owner_id"}
FILTERS = [
    OpenApiParameter("status", str, many=True, description="A status; several times: one of these."),
    OpenApiParameter("owner", str, description="An id, or `me`; `owner__empty=1` for customers of nobody."),
    OpenApiParameter("renewal_date", str, description="A day, `2026-01-01..2026-03-31`, or `next_90_days`."),
]
"""The commonest ones; every other filter field goes by its name too, those of the catalogue as `fields.<key>`."""


def shown(scope: Scope, customer: Customer, status: int = 200) -> Response:
    """A customer as the answer, with his version as ETag."""
    return Response(
        CustomerSerializer(customer, scope=scope).data, status=status, headers={"ETag": etag(customer.version)}
    )


def visible(scope: Scope, pk: int) -> Customer:
    """The customer, where the scope sees him; NotFound else."""
    return Customer.objects.visible_to(scope).get_or_not_found(pk=pk)


class CustomersView(ApiView):
    """All customers that the caller sees."""

    area = AREA

    @extend_schema(
        operation_id="customers_list",
        summary="List customers",
        parameters=[*FILTERS, *LISTING],
        responses=CustomerListSerializer,
    )
    def get(self, request: Request) -> Response:
        """Filtered, searched, in order. Every filter field goes by its name, as in the address of the list's page."""
        state = read_state(request, CUSTOMERS)
        _rows, page, similar = find(state, whole=True)
        refuse_faults(state)
        found = CustomerSerializer([row.customer for row in page.rows], many=True, scope=self.scope)
        return Response({**state_body(state, list(found.data)), "similar": list(similar)})

    @extend_schema(
        operation_id="customers_create",
        summary="Create a customer",
        request=NewCustomerSerializer,
        responses={201: CustomerSerializer},
        examples=example({"company_name": "Gasthof Lindenhof", "business_type": "RESTAURANT"}),
    )
    def post(self, request: Request) -> Response:
        """A new PROSPECT with the next number; without `owner_id` it is the caller's own."""
        customer = create(self.scope, request.data)
        response = shown(self.scope, customer, status=201)
        response.headers["Location"] = f"{request.path}{customer.pk}/"
        return response


def create(scope: Scope, body: Any) -> Customer:
    """Make a customer of a body. Raises what the service raises, at the body's own names."""
    values = read_body(NewCustomerSerializer(data=body, scope=scope))
    decided = {name: values.pop(name, None) for name in ("account_type", "chain_id", "owner_id")}
    try:
        with faults_by_body_names():
            customer = services.create_customer(scope=scope, values=values, **decided)
    except NotFound:
        raise Invalid(_("There is no such chain."), field="chain_id") from None
    return visible(scope, customer.pk)


@contextlib.contextmanager
def faults_by_body_names() -> Iterator[None]:
    """A service's faults at the names that the body has for what is wrong."""
    try:
        yield
    except Invalid as error:
        errors = {_BODY_NAMES.get(name, name): text for name, text in error.errors.items()}
        raise Invalid(error.message, errors=errors) from None


class CustomerView(ApiView):
    """One customer."""

    area = AREA
    versioned = frozenset({"PATCH", "DELETE"})

    @extend_schema(operation_id="customers_read", summary="Read a customer", responses=CustomerSerializer)
    def get(self, request: Request, pk: int) -> Response:
        """The customer; the ETag is his version. The id of one that was merged into another leads there (307)."""
        try:
            return shown(self.scope, visible(self.scope, pk))
        except NotFound:
            kept_id = kept_instead_of(self.scope, pk)
            if kept_id is None:
                raise
            return Response(status=307, headers={"Location": reverse("customers_api:customer", args=[kept_id])})

    @extend_schema(
        operation_id="customers_change",
        summary="Change a customer",
        request=CustomerSerializer(partial=True),
        responses=CustomerSerializer,
        examples=example({"employee_count": 12, "kitchen_size": "MEDIUM"}),
    )
    def patch(self, request: Request, pk: int) -> Response:
        """Change the named columns; others stay."""
        changes = read_body(CustomerSerializer(data=request.data, partial=True, scope=self.scope))
        require_match(request, Customer.objects.visible_to(self.scope), pk=pk)
        return shown(self.scope, services.update_customer(scope=self.scope, customer_id=pk, changes=changes))

    @extend_schema(operation_id="customers_delete", summary="Move a customer to the trash", responses={204: None})
    def delete(self, request: Request, pk: int) -> Response:
        """He can be restored from there for some days."""
        require_match(request, Customer.objects.visible_to(self.scope), pk=pk)
        services.delete_customer(scope=self.scope, customer_id=pk)
        return Response(status=204)


class LocationsView(ApiView):
    """The locations of a chain."""

    area = AREA

    @extend_schema(
        operation_id="locations_list",
        summary="List a chain's locations",
        parameters=CURSORS,
        responses=CustomerPageSerializer,
    )
    def get(self, request: Request, pk: int) -> Response:
        """Those that the caller sees, by name; none for a customer that is no chain."""
        rows = locations_of(self.scope, visible(self.scope, pk))
        return Response(
            page_body(
                request,
                rows,
                sort=Sort("name_key"),
                shown=lambda page: CustomerSerializer(page, many=True, scope=self.scope).data,
            )
        )


class ActivateView(ApiView):
    """The first delivered order."""

    area = AREA
    versioned = frozenset({"PUT"})

    @extend_schema(
        operation_id="customers_activate",
        summary="Record the first delivered order",
        request=ActivateSerializer,
        responses=ActivatedSerializer,
        examples=example({"order_number": "4711"}),
    )
    def put(self, request: Request, pk: int) -> Response:
        """The customer becomes AKTIV. Activating an AKTIV one changes nothing and says so; an archived one is 409."""
        body = read_body(ActivateSerializer(data=request.data))
        require_match(request, Customer.objects.visible_to(self.scope), pk=pk)
        changed = services.activate_customer(scope=self.scope, customer_id=pk, order_number=body["order_number"])
        customer = visible(self.scope, pk)
        answer = {"changed": changed, "customer": CustomerSerializer(customer, scope=self.scope).data}
        return Response(answer, headers={"ETag": etag(customer.version)})


class StatusView(ApiView):
    """Archive and reopen."""

    area = AREA
    versioned = frozenset({"POST"})

    @extend_schema(
        operation_id="customers_status",
        summary="Archive or reopen a customer",
        request=StatusSerializer,
        responses=CustomerSerializer,
        examples=example({"status": "ARCHIVIERT", "reason": "closed"}),
    )
    def post(self, request: Request, pk: int) -> Response:
        """A manager's decision with a reason; 409 names in `allowed` the steps that there are."""
        body = read_body(StatusSerializer(data=request.data))
        require_match(request, Customer.objects.visible_to(self.scope), pk=pk)
        services.change_status(scope=self.scope, customer_id=pk, **body)
        return shown(self.scope, visible(self.scope, pk))


class ReviewView(ApiView):
    """Prospects who do not order."""

    area = AREA
    versioned = frozenset({"POST"})

    @extend_schema(
        operation_id="customers_review",
        summary="Keep or archive a prospect",
        request=ReviewSerializer,
        responses=CustomerSerializer,
        examples=example({"decision": "keep", "until": "2099-04-01", "reason": "opens in spring"}),
        extensions={"x-needs-data": True},  # a prospect
    )
    def post(self, request: Request, pk: int) -> Response:
        """A manager's decision with a reason. Kept until a day, he is neither warned of nor reviewed before it."""
        body = read_body(ReviewSerializer(data=request.data))
        require_match(request, Customer.objects.visible_to(self.scope), pk=pk)
        services.decide_review(scope=self.scope, customer_id=pk, **body)
        return shown(self.scope, visible(self.scope, pk))


class BulkView(ApiView):
    """Many customers at once."""

    area = AREA

    @extend_schema(
        operation_id="customers_bulk",
        summary="Create and change up to 100 customers",
        request=BulkSerializer,
        responses=BulkResultsSerializer,
        examples=example({"rows": [{"create": {"company_name": "Kantine am Tor"}}]}),
    )
    def post(self, request: Request) -> Response:
        """Each row is done or refused by itself; the answer has a result per row, in order."""
        rows = read_body(BulkSerializer(data=request.data))["rows"]
        return Response({"results": each_row(request, rows, self._row)})

    def _row(self, row: Mapping[str, Any]) -> tuple[int, Any]:
        if "create" in row:
            if len(row) > 1:
                raise Invalid(_("A row creates or changes, not both."), field="create")
            return 201, CustomerSerializer(create(self.scope, row["create"]), scope=self.scope).data
        if "id" not in row or not {"changes", "fields"} & set(row):
            raise Invalid(_("A row has create, or id with changes or fields."), field="id")
        pk = row["id"]
        require_version(Customer.objects.visible_to(self.scope), row.get("version"), pk=pk)
        if "changes" in row:
            changes = read_body(CustomerSerializer(data=row["changes"], partial=True, scope=self.scope))
            services.update_customer(scope=self.scope, customer_id=pk, changes=changes)
        if "fields" in row:
            services.write_fields(scope=self.scope, customer_id=pk, values=row["fields"])
        return 200, CustomerSerializer(visible(self.scope, pk), scope=self.scope).data
