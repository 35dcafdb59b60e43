"""Settings: what holds, what is set where, and setting it."""

from __future__ import annotations

from typing import Any, Final

from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from crm.core.access import Scope
from crm.core.api.problems import InvalidQuery
from crm.core.api.serializers import example, read_body
from crm.core.api.versions import asks_for_match, etag, require_tag
from crm.core.api.views import ApiView
from crm.core.errors import NotFound
from crm.core.options import Level, Option, all_options, option_at, option_found, option_named
from organisation import services
from organisation.api.serializers import SCOPES, NewValueSerializer, SettingListSerializer, SettingSerializer
from organisation.option_list import version_at

AREA: Final = "settings"
WHERE: Final = OpenApiParameter("scope", OpenApiTypes.STR, enum=SCOPES, description="What is set there alone.")
SET_WHERE: Final = OpenApiParameter(
    "scope", OpenApiTypes.STR, enum=SCOPES, required=True, description="Where to set it."
)
# No list tells an id that a collection of requests could go on with.
BY_KEY: Final = {"x-needs-data": True}


class SettingsView(ApiView):
    """All settings."""

    area = AREA

    @extend_schema(operation_id="settings_list", summary="List settings", responses=SettingListSerializer)
    def get(self, request: Request) -> Response:
        """Every setting with the value that holds for the caller."""
        _level(request, known=())
        found = [_shown(self.scope, option, None) for option in all_options()]
        return Response(SettingListSerializer({"results": found}).data)


class SettingView(ApiView):
    """One setting."""

    area = AREA
    versioned = frozenset({"PUT"})

    @extend_schema(
        operation_id="settings_read",
        summary="Read a setting",
        parameters=[WHERE],
        responses=SettingSerializer,
        extensions=BY_KEY,
    )
    def get(self, request: Request, key: str) -> Response:
        """The value that holds for the caller and where it comes from; with `?scope=` what is set there."""
        return self._answer(_known(key), _level(request))

    @extend_schema(
        operation_id="settings_change",
        summary="Set a setting",
        parameters=[SET_WHERE],
        request=NewValueSerializer,
        responses=SettingSerializer,
        examples=example({"value": 40, "reason": "The works council asks for it."}),
        extensions=BY_KEY,
    )
    def put(self, request: Request, key: str) -> Response:
        """Holds at once, in all processes. One's own preferences need no right, security settings an administrator."""
        option, level = _known(key), _level(request)
        if level is None:
            raise InvalidQuery(_("The filter has faults."), errors={"scope": _("Say where the value is to be set.")})
        body = read_body(NewValueSerializer(data=request.data))
        version = None
        if asks_for_match(request):
            version = version_at(self.scope, option, level)
            require_tag(request, etag(version))
        place = {"key": key, "level": level, "reason": body.get("reason", ""), "version": version}
        if body["value"] is None:
            services.clear_value(scope=self.scope, **place)
        else:
            services.set_value(scope=self.scope, value=body["value"], **place)
        return self._answer(option, level)

    def _answer(self, option: Option[Any], level: Level | None) -> Response:
        tag = {} if level is None else {"ETag": etag(version_at(self.scope, option, level))}
        return Response(SettingSerializer(_shown(self.scope, option, level)).data, headers=tag)


def _known(key: str) -> Option[Any]:
    option = option_named(key)
    if option is None:
        raise NotFound(_("There is no such setting."))
    return option


def _level(request: Request, known: tuple[str, ...] = ("scope",)) -> Level | None:
    """The level asked for. Raises InvalidQuery for another parameter or value, also where it stands twice."""
    faults = {name: _("There is no such parameter.") for name in request.query_params if name not in known}
    wanted = request.query_params.getlist("scope") if known else []
    if wanted and (len(wanted) > 1 or wanted[0] not in SCOPES):
        faults["scope"] = _("This is none of the choices.")
    if faults:
        raise InvalidQuery(_("The filter has faults."), errors=faults)
    return Level(wanted[0].upper()) if wanted else None


def _shown(scope: Scope, option: Option[Any], level: Level | None) -> dict[str, Any]:
    source: str | None
    if level is None:
        found = option_found(option, scope)
        value, source = found.value, found.level.lower() if found.level else "default"
    else:
        value = option_at(option, scope, level)
        source = None if value is None else level.lower()
    return {
        "key": option.key,
        "label": option.label,
        "help": option.help,
        "area": option.area,
        "nature": option.nature,
        "security": option.security,
        "unit": option.unit,
        "least": None if option.least is None else option.stored(option.least),
        "most": None if option.most is None else option.stored(option.most),
        "choices": [name for name, _label in option.choices],
        "scopes": [one.lower() for one in Level if one in option.levels],
        "default": option.stored(option.default),
        "value": None if value is None else option.stored(value),
        "source": source,
    }
