"""Shapes of bodies: JSON types exactly as documented, and no key that is not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiExample
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ValidationError

# The JSON types of each kind of field, most special first; what is not here takes what it takes.
_TYPES: Final[tuple[tuple[type[serializers.Field[Any, Any, Any, Any]], tuple[type, ...]], ...]] = (
    (serializers.BooleanField, (bool,)),
    (serializers.IntegerField, (int,)),
    (serializers.PrimaryKeyRelatedField, (int,)),
    (serializers.FloatField, (int, float)),
    (serializers.DecimalField, (str, int, float)),
    (serializers.CharField, (str,)),
    (serializers.ChoiceField, (str,)),
    (serializers.DateTimeField, (str,)),
    (serializers.DateField, (str,)),
    (serializers.ListField, (list,)),
    (serializers.DictField, (dict,)),
)
_NAMES: Final = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array", dict: "object"}


class StrictMixin:
    """Refuses unknown and read-only keys, and values of another JSON type, each at its place. Before other serializers."""

    def to_internal_value(self, data: Any) -> Any:
        """The values as Python's. Raises ValidationError with everything that is wrong at once."""
        faults = dict(self._faults(data)) if isinstance(data, Mapping) else {}
        try:
            values = super().to_internal_value(data)  # type: ignore[misc]
        except ValidationError as error:
            if not isinstance(error.detail, dict):
                raise
            raise ValidationError({**error.detail, **faults}) from None
        if faults:
            raise ValidationError(faults)
        return values

    def _faults(self, data: Mapping[str, Any]) -> Iterator[tuple[str, list[ErrorDetail]]]:
        for key, value in data.items():
            field = self.fields.get(key)  # type: ignore[attr-defined]
            if field is None:
                yield key, [ErrorDetail(_("There is no such field."), "unknown")]
            elif field.read_only:
                yield key, [ErrorDetail(_("This field is only read."), "read_only")]
            elif wanted := _other_type(field, value):
                yield key, [ErrorDetail(_("Expected: %(type)s.") % {"type": wanted}, "type")]


def _other_type(field: serializers.Field[Any, Any, Any, Any], value: Any) -> str:
    """The JSON type that the field takes, where `value` is of another one."""
    if value is None:
        return ""
    for kind, types in _TYPES:
        if isinstance(field, kind):
            fits = isinstance(value, types) and (isinstance(value, bool) <= (bool in types))
            return "" if fits else " | ".join(_NAMES[each] for each in types)
    return ""


class StrictSerializer(StrictMixin, serializers.Serializer[Any]):
    """A body that is written out field by field."""


class StrictModelSerializer(StrictMixin, serializers.ModelSerializer[Any]):
    """A body whose fields are columns of a model."""


def read_body(serializer: serializers.BaseSerializer[Any]) -> dict[str, Any]:
    """The validated values of a serializer that was made with `data=request.data`. Raises ValidationError."""
    serializer.is_valid(raise_exception=True)
    values: dict[str, Any] = serializer.validated_data
    return values


def example(value: Any) -> list[OpenApiExample]:
    """For `@extend_schema(examples=…)`: a body that works, which document, client collection and fuzzing take."""
    return [OpenApiExample("example", value=value, request_only=True)]
