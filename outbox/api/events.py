"""The feed, the catalogue of types, and replays."""

from __future__ import annotations

from typing import Final

from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from crm.core.api.problems import InvalidQuery
from crm.core.api.serializers import example, read_body
from crm.core.api.views import ApiView
from crm.core.errors import Invalid, NotFound
from outbox.api.webhook_serializers import (
    EventTypeListSerializer,
    FeedQuerySerializer,
    FeedSerializer,
    NewReplaySerializer,
    ReplaySerializer,
    replay_body,
)
from outbox.catalogue import event_type, event_types
from outbox.envelope import schema_address
from outbox.models import Replay, Subscription
from outbox.services import feed, replays

AREA: Final = "events"
# A collection of requests has nobody who listens, and so no subscription.
NEEDS_DATA: Final = {"x-needs-data": True}


class FeedView(ApiView):
    """The feed of events."""

    area = AREA

    @extend_schema(
        operation_id="events_feed",
        summary="Read the feed of events",
        parameters=[FeedQuerySerializer],
        responses=FeedSerializer,
    )
    def get(self, request: Request) -> Response:
        """Oldest first, those that the caller may know of; positions follow the commits, so none appears behind a reader."""
        query = FeedQuerySerializer(data=request.query_params.dict())
        unknown = {name: _("There is no such parameter.") for name in request.query_params if name not in query.fields}
        if not query.is_valid():
            unknown |= {name: str(errors[0]) for name, errors in query.errors.items()}
        if unknown:
            raise InvalidQuery(_("The filter has faults."), errors=unknown)
        asked = query.validated_data
        page = feed.read_feed(
            scope=self.scope,
            after=asked["after"],
            types=[one.strip() for one in asked["types"].split(",") if one.strip()],
            subject=asked["subject"],
            limit=asked["limit"],
            wait=asked["wait"],
        )
        return Response({"items": page.items, "next": page.next, "more": page.more})


class TypesView(ApiView):
    """What is published."""

    area = AREA

    @extend_schema(operation_id="event_types", summary="List the types of events", responses=EventTypeListSerializer)
    def get(self, request: Request) -> Response:
        """Every type with its meaning and a sample."""
        return Response(
            {
                "results": [
                    {
                        "type": one.type,
                        "version": one.version,
                        "description": one.description,
                        "subject_type": one.subject_type,
                        "dataschema": schema_address(one.type, one.version),
                        "sample": one.sample,
                    }
                    for one in event_types()
                ]
            }
        )


class SchemaView(ApiView):
    """The schema of one type's data."""

    area = AREA

    @extend_schema(
        operation_id="event_schema",
        summary="Read the schema of an event's data",
        parameters=[
            OpenApiParameter("type", OpenApiTypes.STR, OpenApiParameter.PATH),
            OpenApiParameter("version", OpenApiTypes.INT, OpenApiParameter.PATH),
        ],
        responses={200: OpenApiTypes.OBJECT},
        extensions=NEEDS_DATA,
    )
    def get(self, request: Request, type: str, version: int) -> Response:
        """JSON Schema 2020-12."""
        found = event_type(type, version)
        if found is None:
            raise NotFound(_("Not found."))
        return Response(found.schema)


class ReplaysView(ApiView):
    """Events sent again."""

    area = "webhooks"

    @extend_schema(
        operation_id="events_replay",
        summary="Send events to a subscriber again",
        request=NewReplaySerializer,
        responses={200: ReplaySerializer, 202: ReplaySerializer},
        examples=example(
            {"subscription": 1, "from": "2026-01-01T00:00:00Z", "to": "2026-01-02T00:00:00Z", "dry_run": True}
        ),
        extensions=NEEDS_DATA,
    )
    def post(self, request: Request) -> Response:
        """In order, behind nothing live; at most 100,000. With `dry_run` they are only counted (200)."""
        asked = read_body(NewReplaySerializer(data=request.data))
        if not Subscription.objects.visible_to(self.scope).filter(pk=asked["subscription"]).exists():
            raise Invalid(_("There is no such subscription."), field="subscription")
        done = replays.replay_events(
            scope=self.scope,
            subscription_id=asked["subscription"],
            start=asked["from"],
            end=asked["to"],
            types=asked.get("types", ()),
            subject=asked.get("subject", ""),
            only=asked["only"],
            dry_run=asked["dry_run"],
        )
        return Response(replay_body(done.count, done.replay), status=202 if done.replay else 200)


class ReplayView(ApiView):
    """One replay."""

    area = "webhooks"

    @extend_schema(
        operation_id="replay_read", summary="Read a replay", responses=ReplaySerializer, extensions=NEEDS_DATA
    )
    def get(self, request: Request, pk: int) -> Response:
        """How far it is."""
        replay = Replay.objects.visible_to(self.scope).get_or_not_found(pk=pk)
        return Response(replay_body(replay.count, replay))

    @extend_schema(operation_id="replay_stop", summary="Stop a replay", responses={204: None}, extensions=NEEDS_DATA)
    def delete(self, request: Request, pk: int) -> Response:
        """What was not sent is as it was before."""
        replays.stop_replay(scope=self.scope, replay_id=pk)
        return Response(status=204)
