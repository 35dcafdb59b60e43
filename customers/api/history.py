"""The history of a customer: who changed what, and what it was on a day."""

from __future__ import annotations

import dataclasses
from datetime import date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from django.utils.dateparse import parse_date, parse_datetime
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from crm.core.api.problems import InvalidQuery
from crm.core.api.views import ApiView
from customers.api.accounts import AREA, visible
from customers.api.serializers import HistorySerializer
from customers.history import AsOf, HistoryReader
from customers.restricted import note_restricted_read

NAMES = ("as_of", "before")


class HistoryView(ApiView):
    """What became of one customer."""

    area = AREA

    @extend_schema(
        operation_id="history_read",
        summary="Read a customer's history",
        parameters=[
            OpenApiParameter("as_of", str, description="A day (its end on the organisation's clock) or an instant."),
            OpenApiParameter("before", str, description="An instant: older changes than this."),
        ],
        responses=HistorySerializer,
    )
    def get(self, request: Request, pk: int) -> Response:
        """The newest changes in the caller's language; `as_of` adds the customer as he was then."""
        asked = self._asked(request)
        reader = HistoryReader(self.scope, visible(self.scope, pk))
        changes, older = reader.changes(before=asked["before"])
        state = reader.as_of(asked["as_of"]) if asked["as_of"] is not None else None
        note_restricted_read(self.scope, pk)
        body = {"changes": changes, "before": older, "as_of": _told(state) if state is not None else None}
        return Response(HistorySerializer(body).data)

    def _asked(self, request: Request) -> dict[str, datetime | None]:
        faults = {name: _("There is no such parameter.") for name in request.query_params if name not in NAMES}
        found: dict[str, datetime | None] = {}
        for name in NAMES:
            text = request.query_params.get(name, "")
            found[name] = self._instant(text)
            if text and found[name] is None:
                faults[name] = _("A day or an instant is expected, for example 2026-11-20.")
        if faults:
            raise InvalidQuery(_("The filter has faults."), errors=faults)
        return found

    def _instant(self, text: str) -> datetime | None:
        """A day's end on the organisation's wall clock, or an instant; None for what is neither."""
        zone = ZoneInfo(self.scope.zone)
        try:
            day: date | None = parse_date(text)
            if day is not None:
                return datetime.combine(day, time.max, tzinfo=zone)
            instant = parse_datetime(text.replace(" ", "+"))
            if instant is None:
                return None
            whole = instant.replace(tzinfo=zone) if instant.tzinfo is None else instant
            return whole.astimezone(ZoneInfo("UTC"))  # raises at the calendar's ends
        except (ValueError, OverflowError):
            return None


def _told(state: AsOf) -> dict[str, Any]:
    told = dataclasses.asdict(state)
    told["facts"] = [{"label": label, "then": then, "today": today} for label, then, today in state.facts]
    return told
