"""The OpenAPI 3.1 document: what each endpoint takes and answers, refusals included."""

from __future__ import annotations

import functools
import json
from typing import Any, Final

from django.utils import translation
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers

from crm.core.api.callers import areas
from crm.core.api.problems import CATALOGUE, MEDIA_TYPE

BODY_METHODS: Final = frozenset({"POST", "PUT", "PATCH"})


class FaultSerializer(serializers.Serializer[Any]):
    """One faulty place of a request."""

    pointer = serializers.CharField(required=False, help_text="JSON pointer (RFC 6901) into the body.")
    parameter = serializers.CharField(required=False, help_text="Name of a parameter of the address.")
    header = serializers.CharField(required=False, help_text="Name of a header.")
    code = serializers.CharField()
    detail = serializers.CharField()


class ProblemSerializer(serializers.Serializer[Any]):
    """RFC 9457. `type` is the path of a page that explains it."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField()
    instance = serializers.CharField(help_text="Id of the request; it stands in the log.")
    errors = FaultSerializer(many=True, required=False)  # type: ignore[assignment]
    allowed = serializers.ListField(child=serializers.CharField(), required=False, help_text="Steps that are possible.")


class ApiSchema(AutoSchema):
    """Adds to every operation what `ApiView` gives it: refusals, Idempotency-Key, If-Match, the scope it needs."""

    def get_tags(self) -> list[str]:
        """The area."""
        return [self._area]

    def get_override_parameters(self) -> list[Any]:
        """The headers that the kernel reads."""
        found: list[Any] = list(super().get_override_parameters())
        if self.method == "POST":
            found.append(
                OpenApiParameter(
                    "Idempotency-Key",
                    {"type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[!-~]+$"},
                    OpenApiParameter.HEADER,
                    description="The same key and request within 24 hours gets the first answer again.",
                )
            )
        if self._is_versioned:
            found.append(
                OpenApiParameter(
                    "If-Match",
                    {"type": "string"},
                    OpenApiParameter.HEADER,
                    description="The ETag that was read; another version now is 412.",
                )
            )
        return found

    def get_operation(self, *args: Any, **kwargs: Any) -> Any:
        """With the scope that a token needs, whatever extensions the endpoint adds itself."""
        operation: dict[str, Any] | None = super().get_operation(*args, **kwargs)
        if operation is not None:
            operation["x-scope"] = f"{self._area}.{'read' if self.method == 'GET' else 'write'}"
        return operation

    @property
    def _area(self) -> str:
        return str(getattr(self.view, "area", ""))

    @property
    def _is_versioned(self) -> bool:
        return self.method in getattr(self.view, "versioned", ())

    def _get_response_bodies(self, direction: Any = "response") -> Any:
        bodies: dict[str, Any] = super()._get_response_bodies(direction)
        for status in self._refusals():
            names = ", ".join(kind.name for kind in CATALOGUE.values() if kind.status == status)
            answer = self._get_response_for_code(  # type: ignore[no-untyped-call]
                ProblemSerializer, str(status), [MEDIA_TYPE], direction
            )
            bodies.setdefault(str(status), {**answer, "description": f"Problem: {names}"})
        return bodies

    def _refusals(self) -> list[int]:
        found = {400, 401, 403, 406, 429, 500, 503}
        if "{" in self.path:
            found.add(404)
        if self.method in BODY_METHODS:  # a body may name records, which are hidden or missing too
            found |= {404, 409, 413, 415}
        if self.method == "DELETE":
            found.add(409)
        if self._is_versioned:
            found.add(412)
        return sorted(found)


class CallerScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # registers subclasses
    """Bearer token, or session cookie with CSRF token."""

    target_class = "crm.core.api.callers.CallerAuthentication"
    name = ["token", "session"]

    def get_security_requirement(self, auto_schema: AutoSchema) -> Any:
        """Either of the two."""
        return [{"token": []}, {"session": []}]

    def get_security_definition(self, auto_schema: AutoSchema) -> Any:
        """The two ways."""
        return [
            {"type": "http", "scheme": "bearer", "description": "An API token, made in the profile."},
            {
                "type": "apiKey",
                "in": "cookie",
                "name": "session",
                "description": "The session of a page; unsafe methods need its CSRF token as X-CSRFToken.",
            },
        ]


@functools.cache
def document() -> dict[str, Any]:
    """The document of this release, in English; made once a process."""
    with translation.override("en"):
        made: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
        made["tags"] = [{"name": key, "description": str(label)} for key, label in areas().items()]
        # Plain values only: labels that translate themselves would speak the reader's language later on.
        found: dict[str, Any] = _may_be_null(json.loads(json.dumps(made, default=str)))
    return found


def _may_be_null(value: Any) -> Any:
    """Either of two, where the first may let null pass as well: `oneOf` would then refuse it for fitting twice."""
    if isinstance(value, list):
        return [_may_be_null(each) for each in value]
    if not isinstance(value, dict):
        return value
    inner = {name: _may_be_null(each) for name, each in value.items()}
    if {"type": "null"} in inner.get("oneOf", ()):
        inner["anyOf"] = inner.pop("oneOf")
    return inner


def as_text() -> str:
    """The document as it lies in docs/api/openapi.json."""
    return json.dumps(document(), indent=1, sort_keys=True, ensure_ascii=False) + "\n"
