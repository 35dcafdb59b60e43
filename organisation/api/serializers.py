"""Bodies of settings."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from crm.core.api.serializers import StrictSerializer
from crm.core.options import Level, Nature

SCOPES = [level.value.lower() for level in Level]


class SettingSerializer(serializers.Serializer[Any]):
    """A setting. `value` is what holds, or with `?scope=` what is set there (null: nothing)."""

    key = serializers.CharField()
    label = serializers.CharField(  # type: ignore[assignment]
        help_text="In the caller's language, as area, help and unit."
    )
    help = serializers.CharField()
    area = serializers.CharField()
    nature = serializers.ChoiceField(choices=[nature.value for nature in Nature])
    security = serializers.BooleanField()
    unit = serializers.CharField(allow_blank=True)
    least = serializers.JSONField(allow_null=True)
    most = serializers.JSONField(allow_null=True)
    choices = serializers.ListField(child=serializers.CharField())
    scopes = serializers.ListField(child=serializers.ChoiceField(choices=SCOPES), help_text="Where it can be set.")
    default = serializers.JSONField()
    value = serializers.JSONField(allow_null=True)
    source = serializers.ChoiceField(  # type: ignore[assignment]
        choices=[*SCOPES, "default"], allow_null=True, help_text="Where `value` comes from; null where it is null."
    )


class SettingListSerializer(serializers.Serializer[Any]):
    """All settings."""

    results = SettingSerializer(many=True)


class NewValueSerializer(StrictSerializer):
    """A value, or null to take it away; other scopes than `user` need a reason, which stands in the history."""

    value = serializers.JSONField(
        allow_null=True, help_text="Number, truth, a choice, a decimal as text, a time of day as HH:MM."
    )
    reason = serializers.CharField(max_length=300, required=False, allow_blank=True, label=_("Reason"))
