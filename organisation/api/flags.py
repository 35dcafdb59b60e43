"""Feature flags: how far each is, one step on, off, who has it first."""

from __future__ import annotations

from typing import Any, Final

from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from crm.core.api.problems import InvalidQuery
from crm.core.api.serializers import example, read_body
from crm.core.api.versions import etag, require_tag
from crm.core.api.views import ApiView
from crm.core.errors import Invalid, NotFound
from crm.core.flags import Flag, flag_named
from organisation import services
from organisation.api.serializers import (
    FlagFirstSerializer,
    FlagListSerializer,
    FlagOffSerializer,
    FlagSerializer,
)
from organisation.flag_list import FlagRow, flag_row, flag_rows, state_of
from organisation.models import FeatureFlag, Team, User

AREA: Final = "settings"
# A release may declare no flag.
BY_KEY: Final = {"x-needs-data": True}


class FlagsView(ApiView):
    """All flags."""

    area = AREA

    @extend_schema(operation_id="flags_list", summary="List feature flags", responses=FlagListSerializer)
    def get(self, request: Request) -> Response:
        """Every flag with its step and what stands in the way of the next; for administrators."""
        self.scope.require("flags.change")
        if request.query_params:
            faults = {name: _("There is no such parameter.") for name in request.query_params}
            raise InvalidQuery(_("The filter has faults."), errors=faults)
        return Response(FlagListSerializer({"results": [_shown(row) for row in flag_rows(self.scope)]}).data)


class OneFlagView(ApiView):
    """What the addresses of one flag share."""

    area = AREA

    def _known(self, key: str) -> Flag:
        """The flag, for who may change it. Raises Forbidden, NotFound."""
        self.scope.require("flags.change")
        found = flag_named(key)
        if found is None:
            raise NotFound(_("There is no such flag."))
        return found

    def _seen(self, flag: Flag) -> int:
        """The version that the caller acts on: that of If-Match, else the present one. Raises Stale."""
        version = state_of(self.scope, flag).version
        require_tag(self.request, etag(version))
        return version

    def _answer(self, flag: Flag, state: FeatureFlag | None = None) -> Response:
        row = flag_row(self.scope, flag, state or state_of(self.scope, flag))
        return Response(FlagSerializer(_shown(row)).data, headers={"ETag": etag(row.state.version)})


class FlagView(OneFlagView):
    """One flag."""

    @extend_schema(
        operation_id="flags_read", summary="Read a feature flag", responses=FlagSerializer, extensions=BY_KEY
    )
    def get(self, request: Request, key: str) -> Response:
        """How far it is, since when, and what stands in the way of the next step."""
        return self._answer(self._known(key))


class FlagAdvanceView(OneFlagView):
    """The next step."""

    versioned = frozenset({"POST"})

    @extend_schema(
        operation_id="flags_advance",
        summary="Take a feature flag to its next step",
        request=None,
        responses=FlagSerializer,
        extensions=BY_KEY,
    )
    def post(self, request: Request, key: str) -> Response:
        """409 where a day at this step, a needed flag, a pilot team or error budget is missing; `obstacle` says which."""
        flag = self._known(key)
        return self._answer(flag, services.advance_flag(scope=self.scope, key=key, version=self._seen(flag)))


class FlagOffView(OneFlagView):
    """Off."""

    @extend_schema(
        operation_id="flags_off",
        summary="Switch a feature flag off",
        request=FlagOffSerializer,
        responses=FlagSerializer,
        examples=example({"reason": "Orders are shown twice."}),
        extensions=BY_KEY,
    )
    def post(self, request: Request, key: str) -> Response:
        """For everybody and at once, whatever its state; so without If-Match."""
        body = read_body(FlagOffSerializer(data=request.data))
        flag = self._known(key)
        return self._answer(flag, services.switch_off_flag(scope=self.scope, key=key, reason=body["reason"]))


class FlagFirstView(OneFlagView):
    """Who has it first."""

    versioned = frozenset({"PUT"})

    @extend_schema(
        operation_id="flags_first",
        summary="Choose who has a feature flag first",
        request=FlagFirstSerializer,
        responses=FlagSerializer,
        examples=example({"user_ids": [], "team_ids": []}),
        extensions=BY_KEY,
    )
    def put(self, request: Request, key: str) -> Response:
        """People from its first step on, teams as its pilots; in the place of those before."""
        body = read_body(FlagFirstSerializer(data=request.data))
        flag = self._known(key)
        users = list(User.objects.visible_to(self.scope).active().filter(pk__in=body["user_ids"]))
        teams = list(Team.objects.visible_to(self.scope).filter(pk__in=body["team_ids"]))
        for field, found in (("user_ids", users), ("team_ids", teams)):
            if len(found) != len(set(body[field])):
                raise Invalid(_("Active people and teams of this organisation."), field=field)
        changed = services.choose_first(scope=self.scope, key=key, version=self._seen(flag), users=users, teams=teams)
        return self._answer(flag, changed)


def _shown(row: FlagRow) -> dict[str, Any]:
    return {
        "key": row.flag.key,
        "label": row.flag.label,
        "owner": row.flag.owner,
        "ends_on": row.flag.ends_on,
        "is_expired": row.expired,
        "needs": row.flag.needs,
        "step": row.state.step,
        "step_since": row.state.step_since if row.state.pk else None,
        "obstacle": row.obstacle,
        "user_ids": row.state.user_ids,
        "team_ids": row.state.team_ids,
        "version": row.state.version,
    }
