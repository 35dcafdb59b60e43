"""Whom a customer belongs to, to which chain, and with whom he is shared."""

from __future__ import annotations

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from crm.core.api.lists import CURSORS, page_body
from crm.core.api.serializers import example, read_body
from crm.core.api.versions import require_match
from crm.core.api.views import ApiView
from crm.core.paging import Sort
from customers import services
from customers.api.accounts import AREA, faults_by_body_names, shown, visible
from customers.api.belonging_serializers import (
    ChainSerializer,
    ColleagueListSerializer,
    ColleagueSerializer,
    GrantListSerializer,
    GrantSerializer,
    NewGrantSerializer,
    OwnerSerializer,
)
from customers.api.serializers import CustomerSerializer
from customers.models import Customer
from customers.why import shared_with
from organisation.models import User

# A fresh organisation has neither a chain nor a colleague that a collection of requests could name.
NEEDS_DATA = {"x-needs-data": True}


class OwnerView(ApiView):
    """The owner."""

    area = AREA
    versioned = frozenset({"PUT"})

    @extend_schema(
        operation_id="customers_hand_over",
        summary="Hand over or release a customer",
        request=OwnerSerializer,
        responses={200: CustomerSerializer, 204: None},
        examples=example({"owner_id": None, "reason": "Leaves the company"}),
    )
    def put(self, request: Request, pk: int) -> Response:
        """To one of the possible owners; null releases him. 204 where the caller does not see him any more."""
        body = read_body(OwnerSerializer(data=request.data))
        rows = Customer.objects.visible_to(self.scope)
        require_match(request, rows, pk=pk)
        with faults_by_body_names():
            services.assign_owner(scope=self.scope, customer_id=pk, **body)
        customer = rows.filter(pk=pk).first()
        return Response(status=204) if customer is None else shown(self.scope, customer)


class PossibleOwnersView(ApiView):
    """Colleagues who can become owner."""

    area = AREA

    @extend_schema(
        operation_id="possible_owners_list",
        summary="List possible owners",
        parameters=CURSORS,
        responses=ColleagueListSerializer,
    )
    def get(self, request: Request, pk: int) -> Response:
        """Whom the caller may hand this customer to, by name; nobody where he may not."""
        customer = visible(self.scope, pk)
        people = services.possible_owners(self.scope, services.chain_of(customer))
        return _colleagues(request, people if self.scope.allows("customers.assign") else people.none())


class ChainView(ApiView):
    """The chain of a location."""

    area = AREA
    versioned = frozenset({"PUT"})

    @extend_schema(
        operation_id="customers_move",
        summary="Move a location to another chain",
        request=ChainSerializer,
        responses=CustomerSerializer,
        examples=example({"chain_id": 1}),
        extensions=NEEDS_DATA,
    )
    def put(self, request: Request, pk: int) -> Response:
        """An independent customer becomes a location. The access by the chain's grants moves along, at once."""
        body = read_body(ChainSerializer(data=request.data))
        require_match(request, Customer.objects.visible_to(self.scope), pk=pk)
        return shown(self.scope, services.move_to_chain(scope=self.scope, customer_id=pk, **body))


class GrantsView(ApiView):
    """With whom a customer is shared."""

    area = AREA

    @extend_schema(operation_id="grants_list", summary="List a customer's grants", responses=GrantListSerializer)
    def get(self, request: Request, pk: int) -> Response:
        """Colleagues by name. A grant on his chain covers him too, and stands there."""
        people = shared_with(visible(self.scope, pk))
        return Response({"results": [_grant(user, may_change=may_change) for user, may_change in people]})

    @extend_schema(
        operation_id="grants_give",
        summary="Share a customer",
        request=NewGrantSerializer,
        responses=GrantSerializer,
        examples=example({"user_id": 1, "level": "view"}),
        extensions=NEEDS_DATA,
    )
    def post(self, request: Request, pk: int) -> Response:
        """With one of the possible readers; a grant there already is raised or lowered."""
        body = read_body(NewGrantSerializer(data=request.data))
        services.give_grant(scope=self.scope, customer_id=pk, **body)
        user = User.objects.visible_to(self.scope).get_or_not_found(pk=body["user_id"])
        return Response(_grant(user, may_change=body["level"] == "change"))


class GrantView(ApiView):
    """One colleague with whom a customer is shared."""

    area = AREA

    @extend_schema(
        operation_id="grants_end", summary="End the sharing of a customer", responses={204: None}, extensions=NEEDS_DATA
    )
    def delete(self, request: Request, pk: int, user_id: int) -> Response:
        """Nothing happens where there is no grant."""
        services.revoke_grant(scope=self.scope, customer_id=pk, user_id=user_id)
        return Response(status=204)


class PossibleReadersView(ApiView):
    """Colleagues with whom a customer can be shared."""

    area = AREA

    @extend_schema(
        operation_id="possible_readers_list",
        summary="List possible readers",
        parameters=CURSORS,
        responses=ColleagueListSerializer,
    )
    def get(self, request: Request, pk: int) -> Response:
        """With whom the caller may share this customer, by name; nobody where he may not."""
        visible(self.scope, pk)
        people = services.possible_readers(self.scope)
        return _colleagues(request, people if self.scope.allows("customers.grant") else people.none())


def _grant(user: User, *, may_change: bool) -> dict[str, object]:
    return {"user_id": user.pk, "name": user.name, "level": "change" if may_change else "view"}


def _colleagues(request: Request, people: QuerySet[User]) -> Response:
    return Response(
        page_body(request, people, sort=Sort("name"), shown=lambda page: ColleagueSerializer(page, many=True).data)
    )
