"""Is this customer here already?"""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from crm.core.api.serializers import example, read_body
from crm.core.api.views import ApiView
from customers.api.accounts import AREA
from customers.api.serializers import TwinsSerializer, TypedSerializer
from customers.duplicates import Evidence, find_twins


class CheckView(ApiView):
    """The check for duplicates."""

    area = AREA

    @extend_schema(
        operation_id="duplicates_check",
        summary="Look for duplicates",
        request=TypedSerializer,
        responses=TwinsSerializer,
        examples=example({"company_name": "Gasthof Lindenhof", "postcode": "10115"}),
    )
    def post(self, request: Request) -> Response:
        """Before one is made: those that may be the same, typing errors allowed, the likeliest first. The more is given, the
        surer the answer; what is left out speaks neither for nor against."""
        self.scope.require("customers.create")
        typed = read_body(TypedSerializer(data=request.data))
        found = find_twins(self.scope, Evidence(name=typed.pop("company_name"), **typed))
        return Response(
            {
                "results": [
                    {
                        "id": twin.customer.pk,
                        "customer_number": twin.customer.customer_number,
                        "company_name": twin.customer.company_name,
                        "score": twin.score,
                        "verdict": twin.verdict,
                        "reasons": twin.reasons,
                    }
                    for twin in found.visible
                ],
                "hidden": found.hidden,
            }
        )
