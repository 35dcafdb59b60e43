"""Subscribers of events: made, changed, tested, paused; their messages and attempts."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from crm.core.access import Scope
from crm.core.api.lists import CURSORS, page_body
from crm.core.api.problems import InvalidQuery
from crm.core.api.serializers import example, read_body
from crm.core.api.versions import asks_for_match, etag, require_match
from crm.core.api.views import ApiView
from crm.core.errors import Invalid
from crm.core.paging import Sort
from outbox.api.webhook_serializers import (
    ChangeSubscriptionSerializer,
    MessageListSerializer,
    MessageSerializer,
    MessageWithAttemptsSerializer,
    NewSecretSerializer,
    NewSubscriptionSerializer,
    ResumeSerializer,
    RotateSerializer,
    SubscriptionListSerializer,
    SubscriptionSerializer,
)
from outbox.choices import DispatchState
from outbox.models import Dispatch, Subscription, SubscriptionPace
from outbox.services import subscriptions

AREA: Final = "webhooks"
NEWEST: Final = Sort("position", descending=True)
MESSAGE_FILTERS: Final = ("state", "type", "subject")
# A collection of requests has nobody who listens, and so no subscription.
NEEDS_DATA: Final = {"x-needs-data": True}
EXAMPLE: Final = {"name": "Shop", "url": "https://shop.example.com/hooks/freshplan", "types": ["customer.*"]}


class SubscriptionsView(ApiView):
    """Subscribers of events."""

    area = AREA

    @extend_schema(
        operation_id="subscriptions_list",
        summary="List subscriptions",
        parameters=CURSORS,
        responses=SubscriptionListSerializer,
    )
    def get(self, request: Request) -> Response:
        """Those that the caller sees, by name."""
        return Response(
            page_body(
                request,
                Subscription.objects.visible_to(self.scope),
                sort=Sort("name"),
                shown=lambda page: SubscriptionSerializer(page, many=True).data,
            )
        )

    @extend_schema(
        operation_id="subscription_create",
        summary="Make a subscription",
        request=NewSubscriptionSerializer,
        responses={201: NewSecretSerializer},
        examples=example(EXAMPLE),
        extensions=NEEDS_DATA,
    )
    def post(self, request: Request) -> Response:
        """Paused until it has accepted a test message, which is sent at once. The secret is shown this once."""
        made = subscriptions.create_subscription(
            scope=self.scope, **read_body(NewSubscriptionSerializer(data=request.data))
        )
        self._claim = None  # an answer with a secret is kept nowhere; the repetition meets the taken name
        return _with_secret(made, 201)


class SubscriptionView(ApiView):
    """One subscriber."""

    area = AREA
    versioned = frozenset({"PATCH", "DELETE"})

    @extend_schema(
        operation_id="subscription_read",
        summary="Read a subscription",
        responses=SubscriptionSerializer,
        extensions=NEEDS_DATA,
    )
    def get(self, request: Request, pk: int) -> Response:
        """Where to, what, in which state."""
        return _shown(_visible(self.scope, pk))

    @extend_schema(
        operation_id="subscription_change",
        summary="Change a subscription",
        request=ChangeSubscriptionSerializer,
        responses=SubscriptionSerializer,
        examples=example({"max_per_second": 10}),
        extensions=NEEDS_DATA,
    )
    def patch(self, request: Request, pk: int) -> Response:
        """What is not named stays. A new address has to accept a test message first."""
        changes = read_body(ChangeSubscriptionSerializer(data=request.data, partial=True))
        _require_match(self.scope, request, pk)
        now = _visible(self.scope, pk)
        kept = {
            name: getattr(now, name)
            for name in (
                "name",
                "url",
                "types",
                "description",
                "subject_kinds",
                "where",
                "acts_as_id",
                "max_per_second",
            )
        }
        changed = subscriptions.change_subscription(
            scope=self.scope, subscription_id=pk, version=now.version, **(kept | changes)
        )
        return _shown(changed)

    @extend_schema(
        operation_id="subscription_delete",
        summary="Delete a subscription",
        responses={204: None},
        extensions=NEEDS_DATA,
    )
    def delete(self, request: Request, pk: int) -> Response:
        """With all that was kept of its messages."""
        _require_match(self.scope, request, pk)
        subscriptions.delete_subscription(scope=self.scope, subscription_id=pk)
        return Response(status=204)


class TestView(ApiView):
    """A test message."""

    area = AREA

    @extend_schema(
        operation_id="subscription_test",
        summary="Send a test message",
        request=None,
        responses={202: None},
        extensions=NEEDS_DATA,
    )
    def post(self, request: Request, pk: int) -> Response:
        """`freshplan.ping`, tried once; look at the deliveries for what came back."""
        subscriptions.send_test(scope=self.scope, subscription_id=pk)
        return Response(status=202)


class RotateView(ApiView):
    """A new secret."""

    area = AREA
    versioned = frozenset({"POST"})

    @extend_schema(
        operation_id="subscription_rotate",
        summary="Rotate the secret",
        request=RotateSerializer,
        responses=NewSecretSerializer,
        examples=example({"overlap_hours": 24}),
        extensions=NEEDS_DATA,
    )
    def post(self, request: Request, pk: int) -> Response:
        """Both sign for the overlap (a setting where it is not named); then the new one alone. It is shown this once."""
        hours = read_body(RotateSerializer(data=request.data)).get("overlap_hours")
        _require_match(self.scope, request, pk)
        overlap = None if hours is None else timedelta(hours=hours)
        made = subscriptions.rotate_secret(scope=self.scope, subscription_id=pk, overlap=overlap)
        self._claim = None  # as above; the repetition meets the old secret that still signs
        return _with_secret(made, 200)


class EndSecretView(ApiView):
    """The old secret."""

    area = AREA
    versioned = frozenset({"DELETE"})

    @extend_schema(
        operation_id="subscription_end_secret",
        summary="End the old secret",
        responses={204: None},
        extensions=NEEDS_DATA,
    )
    def delete(self, request: Request, pk: int) -> Response:
        """It signs no longer, from now."""
        _require_match(self.scope, request, pk)
        subscriptions.end_old_secret(scope=self.scope, subscription_id=pk)
        return Response(status=204)


class PauseView(ApiView):
    """Pausing."""

    area = AREA
    versioned = frozenset({"POST"})

    @extend_schema(
        operation_id="subscription_pause",
        summary="Pause",
        request=None,
        responses=SubscriptionSerializer,
        extensions=NEEDS_DATA,
    )
    def post(self, request: Request, pk: int) -> Response:
        """Events wait, up to 30 days."""
        _require_match(self.scope, request, pk)
        return _shown(subscriptions.pause_subscription(scope=self.scope, subscription_id=pk))


class ResumeView(ApiView):
    """Going on."""

    area = AREA
    versioned = frozenset({"POST"})

    @extend_schema(
        operation_id="subscription_resume",
        summary="Resume",
        request=ResumeSerializer,
        responses=SubscriptionSerializer,
        examples=example({"from": "stop"}),
        extensions=NEEDS_DATA,
    )
    def post(self, request: Request, pk: int) -> Response:
        """From where it stopped, from now, or with what happened since an instant."""
        asked = read_body(ResumeSerializer(data=request.data))["from"]
        _require_match(self.scope, request, pk)
        start = asked if asked in {"stop", "now"} else _instant(asked)
        return _shown(subscriptions.resume_subscription(scope=self.scope, subscription_id=pk, start=start))


class DeliveriesView(ApiView):
    """Messages to one subscriber."""

    area = AREA

    @extend_schema(
        operation_id="deliveries_list",
        summary="List a subscription's deliveries",
        parameters=[
            OpenApiParameter("state", OpenApiTypes.STR, enum=DispatchState.values),
            OpenApiParameter("type", OpenApiTypes.STR),
            OpenApiParameter("subject", OpenApiTypes.STR, description="As `customer/123`."),
            *CURSORS,
        ],
        responses=MessageListSerializer,
        extensions=NEEDS_DATA,
    )
    def get(self, request: Request, pk: int) -> Response:
        """The newest first."""
        subscription = _visible(self.scope, pk)
        rows = Dispatch.objects.visible_to(self.scope).filter(subscription=subscription).select_related("event")
        asked = {name: request.query_params.get(name, "") for name in MESSAGE_FILTERS}
        if asked["state"]:
            if asked["state"] not in DispatchState.values:
                raise InvalidQuery(_("The filter has faults."), errors={"state": _("This is none of the choices.")})
            rows = rows.filter(state=asked["state"])
        if asked["type"]:
            rows = rows.filter(type=asked["type"])
        if asked["subject"]:
            rows = rows.filter(**_subject(asked["subject"]))
        return Response(
            page_body(
                request,
                rows,
                sort=NEWEST,
                shown=lambda page: MessageSerializer(page, many=True).data,
                reserved=MESSAGE_FILTERS,
            )
        )


class DeliveryView(ApiView):
    """One message to one subscriber."""

    area = AREA

    @extend_schema(
        operation_id="delivery_read",
        summary="Read a delivery with its attempts",
        responses=MessageWithAttemptsSerializer,
        extensions=NEEDS_DATA,
    )
    def get(self, request: Request, pk: int, event_id: UUID) -> Response:
        """What was tried and what came back; who may only read gets no bodies of answers."""
        subscription = _visible(self.scope, pk)
        rows = Dispatch.objects.visible_to(self.scope).filter(subscription=subscription)
        dispatch = rows.select_related("event").prefetch_related("tries").get_or_not_found(event__event_id=event_id)
        whole = self.scope.allows("webhooks.manage")
        return Response(MessageWithAttemptsSerializer(dispatch, context={"whole": whole}).data)


def _require_match(scope: Scope, request: Request, pk: int) -> None:
    if asks_for_match(request):
        # Its pace first, as services and senders do: else two could wait for each other.
        SubscriptionPace.objects.visible_to(scope).select_for_update(of=("self",)).get_or_not_found(pk=pk)
    require_match(request, Subscription.objects.visible_to(scope), pk=pk)


def _visible(scope: Scope, pk: int) -> Subscription:
    return Subscription.objects.visible_to(scope).get_or_not_found(pk=pk)


def _shown(subscription: Subscription) -> Response:
    subscription.refresh_from_db()
    return Response(SubscriptionSerializer(subscription).data, headers={"ETag": etag(subscription.version)})


def _with_secret(made: subscriptions.NewSecret, status: int) -> Response:
    made.subscription.refresh_from_db()
    body = {**SubscriptionSerializer(made.subscription).data, "secret": made.secret}
    return Response(body, status=status, headers={"ETag": etag(made.subscription.version)})


def _subject(text: str) -> dict[str, Any]:
    kind, _slash, number = text.partition("/")
    if not (number.isascii() and number.isdigit() and len(number) <= 18):
        raise InvalidQuery(_("The filter has faults."), errors={"subject": _("A subject looks like customer/123.")})
    # By the event's own columns: they have an index over all subjects, messages only over those that wait or are dead.
    return {"event__subject_type": kind, "event__subject_id": int(number)}


def _instant(text: str) -> datetime:
    try:
        found = parse_datetime(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise Invalid(_("stop, now, or an instant with its offset from UTC."), field="from")
    return found
