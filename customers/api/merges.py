"""Two customers become one, and the way back."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from crm.core.api.serializers import StrictSerializer, example, read_body
from crm.core.api.views import ApiView
from customers import services
from customers.api.accounts import AREA
from customers.api.serializers import CustomerSerializer
from customers.services.merging import LOSER, UNDO_DAYS, WINNER


class NewMergeSerializer(StrictSerializer):
    """Which customer is kept, which goes into it, and where what is chosen comes from."""

    winner_id = serializers.IntegerField(min_value=1, help_text="The one that is kept.")
    loser_id = serializers.IntegerField(min_value=1, help_text="The one that goes into it.")
    winner_version = serializers.IntegerField(min_value=1, help_text="As the caller has seen it.")
    loser_version = serializers.IntegerField(min_value=1, help_text="As the caller has seen it.")
    choices = serializers.DictField(
        child=serializers.ChoiceField(choices=[WINNER, LOSER]),
        required=False,
        help_text="By column or `fields.<key>`. What is not named: the filled value before the empty one, else that of"
        " the customer changed last. The season is one choice, `is_seasonal_business`.",
    )


class MergeSerializer(serializers.Serializer[Any]):
    """A merge; its id is that of its change set."""

    id = serializers.IntegerField()
    customer = CustomerSerializer()
    loser_id = serializers.IntegerField()
    undo_until = serializers.DateTimeField()


class SkippedSerializer(serializers.Serializer[Any]):
    """A row that was changed since, and kept what it has."""

    model = serializers.CharField()
    id = serializers.IntegerField(source="pk")
    reason = serializers.CharField()


class MergeUndoneSerializer(serializers.Serializer[Any]):
    """What the undo did: rows written back, created again, left alone."""

    restored = serializers.IntegerField()
    recreated = serializers.IntegerField()
    removed = serializers.IntegerField()
    skipped = SkippedSerializer(many=True)


class MergesView(ApiView):
    """Merges."""

    area = AREA

    @extend_schema(
        operation_id="merges_create",
        summary="Merge two customers",
        request=NewMergeSerializer,
        responses={201: MergeSerializer},
        extensions={"x-needs-data": True},  # two of one kind
        examples=example(
            {"winner_id": 1, "winner_version": 3, "loser_id": 2, "loser_version": 1, "choices": {"phone": "loser"}}
        ),
    )
    def post(self, request: Request) -> Response:
        """All that hangs on the second moves to the first, whose id the second's leads to from then on (307).

        404 where one is not visible, 403 where one may not be changed, 409 where one was changed since the version named.
        """
        body = read_body(NewMergeSerializer(data=request.data))
        merge = services.merge_customers(scope=self.scope, **body)
        answer = {
            "id": merge.change_set_id,
            "customer": CustomerSerializer(merge.customer, scope=self.scope).data,
            "loser_id": body["loser_id"],
            "undo_until": self.scope.now + timedelta(days=UNDO_DAYS),
        }
        return Response(answer, status=201)


class MergeUndoView(ApiView):
    """The way back."""

    area = AREA

    @extend_schema(
        operation_id="merges_undo",
        summary="Undo a merge",
        request=None,
        responses=MergeUndoneSerializer,
        extensions={"x-needs-data": True},
    )
    def post(self, request: Request, pk: int) -> Response:
        """Both customers as they were, but for rows changed since. 409 after 30 days, and where it was undone already."""
        return Response(MergeUndoneSerializer(services.undo_merge(scope=self.scope, merge_id=pk)).data)
