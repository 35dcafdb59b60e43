"""Many customers changed in one go, by a long task."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from crm.core.api.serializers import StrictSerializer, example, read_body
from crm.core.api.views import ApiView
from crm.core.errors import Invalid
from customers import services
from customers.api.accounts import AREA
from customers.choices import Bulk
from customers.services.bulk import MOST_IDS, Selection
from jobs.api.serializers import TaskSerializer

SELECTED = ("ids", "filter", "q", "count")


class BulkActionSerializer(StrictSerializer):
    """Which customers: `ids`, or all that `filter` and `q` find; what is done with them, and what that takes."""

    action = serializers.ChoiceField(choices=Bulk.choices)
    ids = serializers.ListField(
        child=serializers.IntegerField(min_value=1), required=False, min_length=1, max_length=MOST_IDS
    )
    filter = serializers.DictField(
        required=False, help_text="A filter's JSON tree, as lists take it; `{}` means everybody that the caller sees."
    )
    q = serializers.CharField(required=False, allow_blank=True, max_length=200, help_text="Words to search for.")
    count = serializers.IntegerField(
        required=False, min_value=0, help_text="Refused with 409 where more match than this; for a filter."
    )
    owner_id = serializers.IntegerField(
        required=False, allow_null=True, min_value=1, help_text="For `owner`; null releases."
    )
    tag = serializers.CharField(required=False, max_length=40, help_text="For `tag` and `untag`.")
    reason = serializers.CharField(
        required=False, allow_blank=True, max_length=500, help_text="For `archive` and `reopen`; optional for `owner`."
    )
    field = serializers.CharField(
        required=False, max_length=60, help_text="For `field`: a column, or `fields.<key>` of the catalogue."
    )
    value = serializers.JSONField(required=False, allow_null=True, help_text="For `field`; null clears.")


class BulkActionsView(ApiView):
    """What is done with many customers."""

    area = AREA

    @extend_schema(
        operation_id="bulk_actions_create",
        summary="Change many customers",
        request=BulkActionSerializer,
        responses={202: TaskSerializer},
        extensions={"x-needs-data": True},  # somebody must match
        examples=example(
            {"action": "tag", "tag": "Messe", "filter": {"field": "status", "op": "eq", "value": "AKTIV"}}
        ),
    )
    def post(self, request: Request) -> Response:
        """A worker does it as the caller: the answer is its task, whose change set undoes all of it.

        Each customer is held to the rules of a single one. Who is refused is left alone, counted by reason in the task's
        `result`, and named there up to 2,000. 403 where the caller may do it to nobody.
        """
        body: dict[str, Any] = read_body(BulkActionSerializer(data=request.data))
        if ("ids" in body) == ("filter" in body):
            raise Invalid(_("Either ids or a filter."), field="filter")
        if body["action"] == Bulk.OWNER and "owner_id" not in body:
            raise Invalid(_("This field is required."), field="owner_id")
        selection = (
            Selection.of_ids(body["ids"])
            if "ids" in body
            else Selection.of_filter(self.scope, body["filter"], body.get("q", ""))
        )
        task = services.start_bulk(
            scope=self.scope,
            action=body["action"],
            values={name: value for name, value in body.items() if name not in {"action", *SELECTED}},
            selection=selection,
            promised=body.get("count"),
        )
        return Response(TaskSerializer(task).data, status=202, headers={"Location": f"/api/tasks/{task.pk}/"})
